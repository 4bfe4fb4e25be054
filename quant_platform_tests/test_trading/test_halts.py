"""Accounts that are halted from outside of their limits, worked out by hand."""

import pytest

from quant_platform.trading.conditions import Conditions
from quant_platform.trading.limits import NO_LIMITS, Limits
from quant_platform_tests.support.books import shares
from quant_platform_tests.support.by_hand import run
from quant_platform_tests.support.small_markets import market


@pytest.mark.parametrize("limits", [NO_LIMITS, Limits.read("gross=2:scale")])
def test_an_account_is_closed_out_until_it_is_released(limits: Limits) -> None:
    """Halted before the third open: 10 shares are sold at 90, until the fifth takes 9 at 100.

    With limits the engine takes the steps one by one, without them in fewer passes.
    """
    panel = market({"A": [(100, 100), (100, 90), (90, 80), (80, 100), (100, 100)]})
    given = Conditions(halted=panel.sessions[2:4], released=panel.sessions[4:])
    done = run(panel, {"A": [1.0] * 5}, limits=limits, conditions=given)
    assert done.portfolios["halted"].tolist() == [False, False, True, True, False]
    assert [each["reason"] for each in done.fills.to_dict("records")] == [
        *("target", "halt", "target")
    ]
    assert done.portfolios["equity"].tolist() == [1000.0, 900.0, 900.0, 900.0, 900.0]
    held = [shares(done, t) for t in range(5)]
    assert held == [{"A": 10.0}, {"A": 10.0}, {}, {}, {"A": 9.0}]
