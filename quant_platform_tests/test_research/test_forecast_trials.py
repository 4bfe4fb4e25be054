"""What a forecast leaves in the ledger, and how its result shows itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from quant_platform.evaluation.forecast_spread import spread_returns
from quant_platform.learning.forecaster import Forecaster
from quant_platform.learning.versions import Skill
from quant_platform.market.panel import Panel
from quant_platform.research.forecast_result import NOTHING, ForecastRun
from quant_platform.research.forecast_trials import SPREAD, forecast_outcome
from quant_platform.storage.trials import Counted
from quant_platform.strategies.forecast_trials import forecast_trial
from quant_platform.strategies.trials import Terms

DAYS = np.array(
    ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], dtype="datetime64[D]"
)
GAINS = np.array([0.0, 0.01, 0.02, 0.03, 0.04, 0.05])
"""Return of each security from every open to the next."""


def panel() -> Panel:
    opened = 10.0 * (1.0 + GAINS) ** np.arange(5)[:, None]
    return Panel(
        DAYS,
        tuple("ABCDEF"),
        open=opened,
        high=opened,
        low=opened,
        close=opened,
        volume=np.ones(opened.shape),
    )


def test_a_spread_is_the_best_fifth_less_the_worst_two_sessions_later():
    """By hand: of six securities one is held and one sold. The last two forecasts earn later."""
    forecasts = np.full((5, 6), np.nan)
    forecasts[0] = [6, 5, 4, 3, 2, 1]  # holds A, sells F: 0 - 5 %
    forecasts[1] = [1, 2, 3, 4, 5, 6]  # holds F, sells A: 5 - 0 %
    forecasts[2, 1:] = [1, 3, 3, 3, 3]  # of equals the last is the higher: F less B
    forecasts[3:] = 1.0
    np.testing.assert_allclose(
        spread_returns(forecasts, panel()), [0.0, 0.0, -0.05, 0.05, 0.04], atol=1e-12
    )
    forecasts[0, 2:] = np.nan  # of two, A is held and B sold
    assert spread_returns(forecasts, panel())[2] == pytest.approx(-0.01)
    forecasts[0, 1] = np.nan
    assert spread_returns(forecasts, panel())[2] == 0.0


def test_what_comes_later_changes_no_return():
    """Law 1: the return of a session is that of the history cut there."""
    forecasts = np.random.default_rng(1).normal(size=(5, 6))
    whole = spread_returns(forecasts, panel())
    for last in range(2, 5):
        cut = spread_returns(forecasts[: last + 1], panel().cut(0, last + 1))
        np.testing.assert_array_equal(cut, whole[: last + 1])


def test_figures_of_orders_stay_empty_and_others_are_those_of_the_returns():
    """By hand: 10 % and -10 % multiply to 0.99; no rate is taken off."""
    returns = pd.Series([0.0, 0.1, -0.1], pd.DatetimeIndex(DAYS[:3].astype("datetime64[s]")))
    outcome = forecast_outcome(returns, 1.5)
    assert outcome.metrics["total_return"] == pytest.approx(-0.01)
    sharpe = returns.mean() / returns.std() * np.sqrt(252)
    assert outcome.metrics["sharpe_ratio"] == pytest.approx(sharpe, abs=1e-9)
    for name in ("turnover", "trade_count", "hit_rate", "beta"):
        assert np.isnan(outcome.metrics[name])
    assert outcome.returns.dtype == np.float32 and outcome.seconds == 1.5
    failed = forecast_outcome(returns, 1.0, NOTHING)
    assert failed.failed == NOTHING and not len(failed.returns)


def test_a_forecaster_is_the_same_trial_until_a_choice_is_another():
    assumed = SPREAD
    terms = Terms(
        assumed.costs, assumed.limits, assumed.delistings, 1.0, 0.0, {}, "all", None, None
    )
    given = Forecaster(("rsi_14",), estimator=Ridge())
    trial = forecast_trial(terms, given)
    assert trial.id == forecast_trial(terms, Forecaster(("rsi_14",), estimator=Ridge())).id
    assert trial.strategy == "forecast: Ridge" and trial.strategy_version.startswith("scikit")
    others = (
        replace(given, estimator=Ridge(alpha=2.0)),
        replace(given, seed=1),
        replace(given, window=800),
        replace(given, features=("rsi_14", "sma_50")),
    )
    assert len({trial.id, *(forecast_trial(terms, each).id for each in others)}) == 5


def run(**given) -> ForecastRun:
    cuts = pd.to_datetime(["2024-01-02", "2024-01-04"]).date
    names = ["champion", "challenger", "reason", "sessions", "samples", "features"]
    names += ["fitted_ic", "skill", "skill_lower", "skill_upper", "difference", "failed"]
    versions = pd.DataFrame(index=pd.Index(cuts, name="cut"), columns=names, dtype=object)
    versions["failed"] = ["", "it <broke>"]
    gain = pd.DataFrame({cuts[0]: {"a": 0.25, "b": 0.75}, cuts[1]: {"a": np.nan, "b": np.nan}})
    index = pd.DatetimeIndex(DAYS.astype("datetime64[s]"), name="date")
    parts = {
        "name": "Ridge",
        "forecasts": pd.DataFrame({"forecast": [1.0]}),
        "versions": versions,
        "gain": gain,
        "permutation": gain / 10,
        "skill": Skill(0),
        "rank_ic": pd.Series([0.1, 0.3, np.nan, np.nan, np.nan], index),
        "returns": pd.Series([0.0, 0.0, 0.1, 0.0, 0.0], index),
    }
    return ForecastRun(**{**parts, **given})


def test_importance_is_that_of_the_newest_version_that_has_one():
    table = run().importance
    assert table.index.tolist() == ["b", "a"]
    assert table["gain"].tolist() == [0.75, 0.25]
    assert table["permutation"].tolist() == pytest.approx([0.075, 0.025])
    assert table["versions"].tolist() == [1, 1]
    assert run(gain=pd.DataFrame(), permutation=pd.DataFrame()).importance.empty


def test_it_shows_what_failed_and_what_is_not_counted():
    shown = run(counted=Counted("x", reason="this login only reads"))._repr_html_()
    assert "can enter no ranking: this login only reads" in shown
    assert "it &lt;broke&gt;" in shown and "<broke>" not in shown
    nothing = run(forecasts=pd.DataFrame())
    assert nothing.failed == f"{NOTHING}; it <broke>"
    assert repr(nothing).startswith(NOTHING)
    drawn = run().plot()
    assert [each.name for each in drawn.data] == [
        "mean rank correlation so far",
        "spread before costs",
    ]
    assert drawn.data[1].y[-1] == pytest.approx(1.1)
