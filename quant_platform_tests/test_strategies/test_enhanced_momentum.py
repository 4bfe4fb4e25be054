"""enhanced_momentum on panels of known figures; every expected value is worked out beside it."""

import json

import numpy as np
import pytest

from quant_platform.strategies.library.enhanced_momentum import EnhancedMomentum
from quant_platform_tests.support.builders import CALM, one_symbol

# Spread −0.1 % before the crossing and after it +0.1 %; the three confirmations:
# RSI 50 in the middle of 30–70 gives 1; a volume of 1.8, half again the threshold of 1.2, gives ¾;
# +1 % over five sessions is half a standard deviation of 2 % and gives ¾.
# confidence = (1 + ¾ + ¾)/3 = 5/6; weight = 5 % · 5/6 = 1/24; stop = 100 − 2·2 = 96.
CALM_DAY = {
    "sma_10": 100.1,
    "sma_20": 100.0,
    "rsi_14": 50.0,
    "volume_ratio_20": 1.8,
    "momentum_1": 0.0,
    "momentum_5": 0.01,
    "realized_volatility_20": CALM,
    "atr_14": 2.0,
}
UP = {0: 99.9}


def run(sessions, changes=None, *, close=None, absent=(), **parameters):
    panel = one_symbol(
        sessions, CALM_DAY, {"sma_10": UP, **(changes or {})}, close=close, absent=absent
    )
    return EnhancedMomentum(**parameters).run(panel).set_axis(panel_days(panel, absent))


def panel_days(panel, absent):
    return [row for row in range(len(panel.sessions)) if row not in absent]


def test_a_confirmed_crossing_buys():
    frame = run(2)
    assert frame["signal_type"].tolist() == [0, 1]
    assert frame["target_weight"].tolist() == pytest.approx([0.0, 1 / 24])
    assert frame["confidence"][1] == pytest.approx(5 / 6)
    assert frame["stop_price"][1] == pytest.approx(96.0)
    assert frame["reference_price"][1] == 100.0
    # The spread moved 0.002; a daily σ is 0.02/√5 = 0.00894427: 0.2236068 of it.
    assert frame["strength"][1] == pytest.approx(0.1 * np.sqrt(5), rel=1e-12)
    # Grinold: 0.05 · σ · 5/6; σ = 0.02 · √50.4 = 0.141986.
    assert frame["expected_return"][1] == pytest.approx(0.05 * 0.14198591479439079 * 5 / 6)
    # 1.645 · 0.00894427 − 0.00591608/252
    assert frame["value_at_risk_95"][1] == pytest.approx(0.014713325 - 0.000023476, abs=1e-8)
    meta = json.loads(frame["metadata"][1])
    assert (meta["reason"], meta["confirmations"], meta["age"]) == ("buy", 3, 0)
    assert frame["metadata"][0] == "{}"


def test_weight_and_confidence_stay_those_of_the_entry():
    frame = run(4, {"volume_ratio_20": {2: 9.0}, "realized_volatility_20": {3: 0.9}})
    assert frame["signal_type"].tolist() == [0, 1, 0, 0]
    assert frame["target_weight"][1] == frame["target_weight"][2] == frame["target_weight"][3]
    assert frame["confidence"][3] == frame["confidence"][1]
    assert json.loads(frame["metadata"][3])["reason"] == "hold"


def test_one_confirmation_is_not_enough():
    frame = run(2, {"volume_ratio_20": {1: 1.19}, "momentum_5": {1: -0.01}})
    assert frame["signal_type"].tolist() == [0, 0]
    assert frame["target_weight"].tolist() == [0.0, 0.0]


def test_two_confirmations_are_enough():
    # RSI ½ + ½·(1 − 20/20) = ½ at the edge of the band; volume ½ at its threshold: 1/3.
    changes = {"rsi_14": {1: 70.0}, "volume_ratio_20": {1: 1.2}, "momentum_5": {1: -0.01}}
    frame = run(2, changes)
    assert frame["signal_type"][1] == 1
    assert frame["confidence"][1] == pytest.approx(1 / 3)


def test_low_confidence_is_no_signal():
    # As above, but a volatility of 45 % takes a quarter away: 1/4 < 0.3.
    changes = {
        "rsi_14": {1: 70.0},
        "volume_ratio_20": {1: 1.2},
        "momentum_5": {1: -0.01},
        "realized_volatility_20": {1: 0.45},
    }
    assert run(2, changes)["signal_type"][1] == 0
    assert run(2, changes, min_confidence=0.25)["signal_type"][1] == 1


def test_positions_shrink_above_the_volatility_limit():
    # σ = 60 %: twice the limit. RSI 1, volume ¾, momentum ½ + ½·0.01/(0.6·√(5/252)) = 0.559161.
    # confidence = (1 + 0.75 + 0.559161)/3 · ½ = 0.384860; weight = 5 % · 0.384860 · 30/60.
    frame = run(2, {"realized_volatility_20": {1: 0.60}})
    assert frame["confidence"][1] == pytest.approx(0.384860, abs=1e-6)
    assert frame["target_weight"][1] == pytest.approx(0.05 * 0.384860 / 2, abs=1e-7)


def test_a_close_below_two_atr_stops_the_position_out():
    # 97, then 95 against a stop of 96.
    frame = run(
        5,
        {"momentum_1": {2: -0.03, 3: 95 / 97 - 1}},
        close=[100, 100, 97, 95, 95],
    )
    assert (frame["target_weight"] > 0).tolist() == [False, True, True, False, False]
    assert frame["signal_type"].tolist() == [0, 1, 0, 0, 0]
    assert frame["stop_price"][2] == pytest.approx(96.0)
    assert np.isnan(frame["stop_price"][3])
    assert json.loads(frame["metadata"][3])["reason"] == "stop"


def test_a_split_does_not_stop_the_position_out():
    # 2:1 with a close of 49, −2 % adjusted: the stop of 96 is 48 now. Averages are halved as well.
    frame = run(
        3,
        {"momentum_1": {2: -0.02}, "sma_10": {0: 99.9, 2: 50.05}, "sma_20": {2: 50.0}},
        close=[100, 100, 49],
    )
    assert frame["target_weight"][2] == frame["target_weight"][1]
    assert frame["stop_price"][2] == pytest.approx(48.0)


def test_a_split_between_two_sessions_is_no_crossing():
    # The averages are halved, the spread is not: above before, above after.
    frame = run(2, {"sma_10": {0: 200.2}, "sma_20": {0: 200.0}})
    assert frame["signal_type"].tolist() == [0, 0]


def test_a_position_ends_after_the_longest_holding_time():
    frame = run(6, max_holding=3)
    assert (frame["target_weight"] > 0).tolist() == [False, True, True, True, False, False]
    assert json.loads(frame["metadata"][4])["reason"] == "time"


def test_a_confirmed_downward_crossing_sells():
    frame = run(4, {"sma_10": {0: 99.9, 2: 99.9, 3: 99.9}, "momentum_5": {2: -0.01}})
    assert frame["signal_type"].tolist() == [0, 1, -1, 0]
    assert frame["target_weight"].tolist()[2:] == [0.0, 0.0]
    assert frame["confidence"][2] == pytest.approx(5 / 6)
    assert frame["expected_return"][2] < 0
    assert frame["value_at_risk_95"][2] > frame["value_at_risk_95"][1]


def test_an_unconfirmed_downward_crossing_changes_nothing():
    frame = run(3, {"sma_10": {0: 99.9, 2: 99.9}, "volume_ratio_20": {2: 1.0}})
    assert frame["signal_type"].tolist() == [0, 1, 0]
    assert frame["target_weight"][2] == frame["target_weight"][1]


def test_only_members_have_rows_and_leaving_ends_the_position():
    frame = run(4, absent=[2])
    assert frame.index.tolist() == [0, 1, 3]
    assert frame["target_weight"][3] == 0.0
    assert run(3, absent=[1])["target_weight"].tolist() == [0.0, 0.0]


def test_a_session_without_a_needed_feature_has_no_row():
    panel = one_symbol(3, CALM_DAY, {"sma_10": UP, "rsi_14": {1: np.nan}})
    frame = EnhancedMomentum().run(panel)
    assert frame["date"].dt.day.tolist() == [1, 3]
    # The crossing fell into the session without the figure: no position.
    assert frame["target_weight"].tolist() == [0.0, 0.0]
