"""mean_reversion on panels of known figures; every expected value is worked out beside it."""

import json

import pytest

from quant_platform.strategies.library.mean_reversion import MeanReversion
from quant_platform_tests.support.builders import one_symbol

# Bands 90, 100, 110 (a quarter of the width is 5); no extreme on a calm day; trend up.
CALM_DAY = {
    "bollinger_lower": 90.0,
    "bollinger_middle": 100.0,
    "bollinger_upper": 110.0,
    "rsi_14": 50.0,
    "sma_50": 100.0,
    "sma_200": 95.0,
    "momentum_1": 0.0,
    "realized_volatility_20": 0.20,
    "atr_14": 2.0,
}
LOW_RSI = {1: 24.0}


def run(close, changes=None, **parameters):
    moves = {row: close[row] / close[row - 1] - 1 for row in range(1, len(close))}
    panel = one_symbol(len(close), CALM_DAY, {"momentum_1": moves, **(changes or {})}, close=close)
    return MeanReversion(**parameters).run(panel)


def test_an_extreme_fall_in_an_upward_trend_buys():
    # 88 is 2 below the band, 2/5 of a quarter; RSI 24 is 6/30 = 0.2 beyond, 0.4 of one half.
    # strength = (0.4 + 0.4)/2 = 0.4; confidence = ½ + ½·0.4 = 0.7; weight = 3.5 %; stop = 88 − 6.
    frame = run([95, 88], {"rsi_14": LOW_RSI})
    assert frame["signal_type"].tolist() == [0, 1]
    assert frame["strength"][1] == pytest.approx(0.4)
    assert frame["confidence"][1] == pytest.approx(0.7)
    assert frame["target_weight"][1] == pytest.approx(0.035)
    assert frame["stop_price"][1] == pytest.approx(82.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"rsi_14": {1: 30.0}},
        {"rsi_14": LOW_RSI, "bollinger_lower": {1: 88.0}},
        {"rsi_14": LOW_RSI, "sma_50": {1: 94.0}},
        {"rsi_14": LOW_RSI, "sma_50": {1: 95.0}},
    ],
    ids=["rsi not low", "close at the band", "trend down", "no trend"],
)
def test_one_missing_condition_is_no_signal(changes):
    frame = run([95, 88], changes)
    assert frame["signal_type"].tolist() == [0, 0]
    assert frame["target_weight"].tolist() == [0.0, 0.0]


def test_a_lasting_extreme_is_one_signal():
    frame = run([95, 88, 87, 86], {"rsi_14": {1: 24.0, 2: 20.0, 3: 18.0}})
    assert frame["signal_type"].tolist() == [0, 1, 0, 0]
    assert frame["target_weight"][3] == frame["target_weight"][1]


def test_the_middle_band_ends_the_position():
    frame = run([95, 88, 99.9, 100, 101], {"rsi_14": LOW_RSI})
    assert (frame["target_weight"] > 0).tolist() == [False, True, True, False, False]
    assert frame["signal_type"].tolist() == [0, 1, 0, 0, 0]
    assert json.loads(frame["metadata"][3])["reason"] == "exit"


def test_three_atr_below_the_entry_stops_the_position_out():
    frame = run([95, 88, 82.5, 81.9, 95], {"rsi_14": LOW_RSI})
    assert (frame["target_weight"] > 0).tolist() == [False, True, True, False, False]
    assert json.loads(frame["metadata"][3])["reason"] == "stop"


def test_a_position_ends_after_the_longest_holding_time():
    frame = run([95, 88, 90, 91, 92, 93], {"rsi_14": LOW_RSI}, max_holding=2)
    assert (frame["target_weight"] > 0).tolist() == [False, True, True, False, False, False]
    assert json.loads(frame["metadata"][3])["reason"] == "time"


def test_volatility_lowers_confidence_and_size():
    # σ = 45 %: confidence 0.7 · ¾ = 0.525; weight = 5 % · 0.525 · 30/45 = 1.75 %.
    frame = run([95, 88], {"rsi_14": LOW_RSI, "realized_volatility_20": {1: 0.45}})
    assert frame["confidence"][1] == pytest.approx(0.525)
    assert frame["target_weight"][1] == pytest.approx(0.0175)
    changes = {"rsi_14": LOW_RSI, "realized_volatility_20": {1: 0.45}}
    assert run([95, 88], changes, min_confidence=0.53)["signal_type"][1] == 0


def test_the_opposite_extreme_in_a_downward_trend_sells():
    # 112 is 2 above the band; RSI 76 is 6/30 beyond: the mirror image of the buy, confidence 0.7.
    frame = run([105, 112], {"rsi_14": {1: 76.0}, "sma_50": {1: 90.0}})
    assert frame["signal_type"].tolist() == [0, -1]
    assert frame["target_weight"][1] == 0.0
    assert frame["confidence"][1] == pytest.approx(0.7)
    assert frame["expected_return"][1] == pytest.approx(-0.05 * 0.2 * 0.7)
