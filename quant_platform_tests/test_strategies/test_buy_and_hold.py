"""Equal weights that change with the membership only, and those that are kept every month."""

import json

import numpy as np
import pytest

from quant_platform.market.panel import Panel
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.library.buy_and_hold import BuyAndHold
from quant_platform.strategies.library.equal_weight import EqualWeight
from quant_platform_tests.support.builders import FIRST


@pytest.mark.parametrize("strategy", [BuyAndHold(), EqualWeight()])
def test_equal_weights_follow_the_membership(strategy: Strategy):
    member = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)
    close = np.array([[10.0, 20.0, np.nan]] * 2 + [[11.0, 19.0, 30.0]] * 2)
    volatility = np.full((4, 3), 0.2)
    volatility[2, 2] = np.nan
    panel = Panel(
        FIRST + np.arange(4),
        ("A", "B", "C"),
        close=close,
        member=member,
        features={"realized_volatility_20": volatility},
    )
    frame = strategy.run(panel)
    weights = frame.pivot(index="date", columns="security_id", values="target_weight").to_numpy()
    third, half, none = 1 / 3, 1 / 2, np.nan
    np.testing.assert_array_equal(
        weights, [[half, half, none], [half, half, none], [third] * 3, [none, half, half]]
    )
    assert set(frame["signal_type"]) == {1}
    assert set(frame["confidence"]) == {1.0}
    assert frame["stop_price"].isna().all()
    # A new listing has no volatility yet: a row without risk figures.
    new = frame[(frame["security_id"] == "C")].iloc[0]
    assert np.isnan(new["expected_return"])
    assert np.isnan(new["value_at_risk_95"])
    assert json.loads(new["metadata"]) == {"members": 3}


def test_they_look_at_one_session_and_differ_in_when_they_trade():
    assert BuyAndHold().lookback == EqualWeight().lookback == 1
    assert (BuyAndHold.rebalance, EqualWeight.rebalance) == ("on_change", "monthly")
