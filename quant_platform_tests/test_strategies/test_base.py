"""Panels from frames, parameters, metadata, and what `run` refuses."""

import json

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import (
    RUN_COLUMNS,
    SIGNAL_COLUMNS,
    metadata_json,
)
from quant_platform.strategies.library.enhanced_momentum import EnhancedMomentum
from quant_platform.strategies.library.mean_reversion import MeanReversion
from quant_platform_tests.support.builders import FIRST, Constant, one_symbol


def panel(sessions=3):
    return one_symbol(sessions, {"realized_volatility_20": 0.2}, {})


def test_a_panel_from_frames_places_every_value():
    dates = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-02"])
    features = pd.DataFrame(
        {"date": dates, "security_id": ["B", "A", "B"], "f": [1.0, 2.0, None], "recorded_at": dates}
    )
    bars = pd.DataFrame(
        {"date": dates, "security_id": ["B", "A", "B"], "close_price": [10, 20, 30.0]}
    )
    universe = pd.DataFrame({"date": dates[:2], "security_id": ["B", "C"]})
    got = Panel.from_frames(bars, None, FIRST + np.arange(2), universe=universe, features=features)
    nan = np.nan
    assert got.security_ids == ("A", "B", "C")
    assert list(got.features) == ["f"]
    np.testing.assert_array_equal(got["f"], [[nan, 1, nan], [2, nan, nan]])
    np.testing.assert_array_equal(got.close, [[nan, 10, nan], [20, 30, nan]])
    np.testing.assert_array_equal(got.member, [[False, True, False], [False, False, True]])


def test_empty_frames_give_an_empty_panel():
    empty = pd.DataFrame({"date": pd.to_datetime([]), "security_id": pd.Series([], dtype="str")})
    got = Panel.from_frames(
        empty.assign(close_price=1.0),
        None,
        FIRST + np.arange(2),
        universe=empty,
        features=empty.assign(realized_volatility_20=1.0),
    )
    frame = Constant().run(got)
    assert len(frame) == 0
    assert tuple(frame.columns) == RUN_COLUMNS


def test_description_is_the_first_paragraph():
    assert Constant.description == "Says the same of every cell, whatever it sees."


def test_run_keeps_the_last_sessions():
    frame = Constant().run(panel(5), last=2)
    assert frame["date"].dt.day.tolist() == [4, 5]
    assert frame.index.tolist() == [0, 1]
    assert len(Constant().run(panel(2), last=10)) == 2


def test_a_missing_feature_is_named():
    with pytest.raises(
        UnknownNameError, match=r"enhanced_momentum needs the feature sma_10, sma_20"
    ):
        EnhancedMomentum().run(panel())


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"signal_type": 2}, "signal_type is -1, 0 or 1"),
        ({"strength": 1.1}, "strength is from 0 to 1"),
        ({"confidence": np.nan}, "confidence is from 0 to 1"),
        ({"target_weight": 0.11}, "target_weight is from -0.1 to 0.1"),
        ({"target_weight": np.nan}, "target_weight is from -0.1 to 0.1"),
        ({"stop_price": 0.0}, "stop_price is positive or unknown"),
        ({"stop_price": np.inf}, "stop_price is positive or unknown"),
    ],
)
def test_run_refuses_what_is_no_signal(cells, rule):
    faulty = Constant()
    faulty.cells = cells
    with pytest.raises(
        ContractError, match=f"constant broke the rule that {rule} for X on 2020-01"
    ):
        faulty.run(panel())


def test_run_refuses_other_columns():
    class Short(Constant):
        """Forgets a column."""

        def signals(self, panel):
            return super().signals(panel).drop(columns="confidence")

    with pytest.raises(ContractError, match="returned the columns"):
        Short().run(panel())


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (None, "a value of type NoneType"),
        ({"date": []}, "a value of type dict"),
        (pd.DataFrame(), "the columns none"),
        (pd.DataFrame({0: [1], "symbol": ["A"]}), "the columns 0, symbol"),
        (pd.DataFrame(columns=list(SIGNAL_COLUMNS)), "dates of type object"),
    ],
)
def test_run_refuses_what_is_no_frame_of_signals(returned, text):
    class Strange(Constant):
        """Returns something else."""

        def signals(self, panel):
            return returned

    # With and without a cut at the newest sessions, which looks at the dates.
    for last in (None, 1):
        with pytest.raises(ContractError, match=f"returned {text}"):
            Strange().run(panel(), last=last)


@pytest.mark.parametrize(
    ("strategy", "parameters", "words"),
    [
        (EnhancedMomentum, {"max_position": 1.5}, ["max_position is 1.5", "a number, > 0, ≤ 1"]),
        (EnhancedMomentum, {"max_holding": 0}, ["max_holding is 0", "a whole number, ≥ 1, ≤ 252"]),
        (EnhancedMomentum, {"stop_atr": float("nan")}, ["stop_atr is nan", "> 0"]),
        (EnhancedMomentum, {"stop_atr": "wide"}, ["stop_atr is 'wide'", "a number"]),
        (EnhancedMomentum, {"rsi": 1, "stop": 2}, ["no parameter rsi, stop", "rsi_low"]),
        (MeanReversion, {"rsi_low": 80.0}, ["rsi_low (80) must be below rsi_high (70)"]),
    ],
)
def test_a_bad_parameter_is_named_with_its_range(strategy, parameters, words):
    with pytest.raises(SettingsError) as caught:
        strategy(**parameters)
    for word in (strategy.name, *words):
        assert word in str(caught.value)


def test_parameters_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        EnhancedMomentum().parameters.stop_atr = 3.0


def test_lookback_follows_the_parameters():
    # The position entered max_holding sessions ago, the session before its signal, the one before
    # its crossing, and the session itself.
    assert EnhancedMomentum(max_holding=60).lookback == 63
    assert EnhancedMomentum(max_holding=5).lookback == 8
    assert MeanReversion(max_holding=20).lookback == 22


def test_metadata_is_json_whatever_the_values():
    where = np.array([[True, False, True]])
    texts = metadata_json(
        where,
        {
            "reason": np.array([["buy", "x", "hold"]]),
            "value": np.array([[1 / 3, 1.0, np.inf]]),
            "count": np.array([[2, 3, 4]]),
        },
    )
    assert [json.loads(text) for text in texts[0]] == [
        {"reason": "buy", "value": 0.333333, "count": 2},
        {},
        {"reason": "hold", "value": None, "count": 4},
    ]
