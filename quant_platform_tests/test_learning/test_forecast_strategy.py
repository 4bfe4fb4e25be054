"""Strategies that trade by forecasts: ml_ranker, and the one of the page of how to add things."""

import re
from pathlib import Path

import numpy as np
import pytest

import quant_platform
from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.learning.forecaster import Forecaster, GradientRanker
from quant_platform.learning.labels import VolatilityScaled
from quant_platform.strategies.library.ml_ranker import MlRanker
from quant_platform_tests.support.builders import random_market

PAGE = Path(quant_platform.__file__).parents[1] / "docs" / "how-to-add.md"
FEATURES = ("realized_volatility_20", "forecast")


@pytest.fixture(scope="module")
def market():
    return random_market(FEATURES, sessions=80, symbols=12, seed=3)


def test_the_ranker_holds_the_highest_forecasts_of_the_week(market):
    weights = MlRanker(fraction=0.25).weights(market)
    begins = np.flatnonzero(market.calendar.begins(market.sessions, "week"))
    for at in begins[1:]:
        known = np.where(market.member[at], market["forecast"][at], np.nan)
        count = max(int(0.25 * np.isfinite(known).sum()), 1)
        best = set(np.argsort(-np.nan_to_num(known, nan=-np.inf))[:count].tolist())
        assert set(np.flatnonzero(weights[at]).tolist()) == best
    for at in set(range(int(begins[1]), 80)) - set(begins.tolist()):
        np.testing.assert_array_equal(weights[at], weights[at - 1])


def test_its_parameters_are_those_of_its_forecaster():
    forecaster = MlRanker(
        features="technical + rsi_14", window=100, trees=7, retrain="month"
    ).forecaster
    assert forecaster.features == ("technical", "rsi_14")
    assert (forecaster.window, forecaster.minimum, forecaster.retrain) == (100, 100, "month")
    assert forecaster.estimator == GradientRanker(trees=7)
    assert forecaster.recipe != MlRanker().forecaster.recipe
    assert MlRanker().forecaster.recipe == MlRanker(fraction=0.3).forecaster.recipe


def test_without_forecasts_it_says_what_to_do(market):
    bare = random_market(FEATURES[:1], sessions=20, symbols=3, seed=1)
    with pytest.raises(UnknownNameError, match="Backfill forecasts/ml_ranker first"):
        MlRanker().run(bare)


def test_the_example_of_the_page_is_a_strategy(market):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict = {"__name__": "example"}
    exec(next(each for each in blocks if "ForecastStrategy" in each), names)  # noqa: S102
    strategy = names["LinearForecast"]()
    assert isinstance(strategy.forecaster.label, VolatilityScaled)
    assert (strategy.run(market)["target_weight"] > 0.0).any()


@pytest.mark.parametrize(
    "given",
    [
        {"features": ()},
        {"label": 5},
        {"estimator": "ridge"},
        {"window": 10},
        {"window": 100, "minimum": 200},
        {"select": 0},
        {"promotion": "sometimes"},
        {"retrain": "week"},
    ],
    ids=str,
)
def test_a_forecaster_that_cannot_be_is_refused_in_one_line(given):
    with pytest.raises(SettingsError):
        Forecaster(**given)
    with pytest.raises(SettingsError, match="The ranker's"):
        GradientRanker(rate=0.0)
