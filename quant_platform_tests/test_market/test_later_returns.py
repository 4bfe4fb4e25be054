"""Later returns by hand, and the same bits wherever a panel begins or ends."""

import numpy as np
import pytest

from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.later_returns import forward_returns, realised_returns
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import bits, by_hand, random_market

NAN = np.nan


def test_returns_begin_with_the_next_open_and_hold_splits_and_dividends() -> None:
    """One security in six sessions; a 2:1 split before the third, 0.5 paid in the fifth.

    From the first session, two on: bought at 10 in the second, sold at 5.5 in the fourth, two for
    one: 1.1 / 1 − 1 = 10 %. From the third: bought at 5.5 in the fourth, sold at 6.6 in the sixth;
    the 0.5 of the fifth is reinvested at its close of 5.5: 1.2 · 12/11 − 1 = 30.9 %. With its open
    in the last session unknown it leaves at the close of the session before.
    """
    days = np.array(XNYS.sessions(parse_date("2024-01-02"), parse_date("2024-01-09")), "M8[D]")
    opens = np.array([9.0, 10.0, 5.0, 5.5, 6.0, 6.6])[:, None]
    closes = np.array([9.5, 10.5, 5.2, 5.6, 5.5, 6.8])[:, None]
    panel = Panel(
        days,
        ("A",),
        open=opens,
        close=closes,
        split=np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0])[:, None],
        dividend=np.array([0.0, 0.0, 0.0, 0.0, 0.5, 0.0])[:, None],
    )
    found = forward_returns(panel, [2])[2][:, 0]
    assert found[0] == pytest.approx(0.1)
    assert found[2] == pytest.approx(1.2 * 12.0 / 11.0 - 1.0)
    assert np.isnan(found[3:]).all()
    opens[5], closes[5] = NAN, NAN
    gone = Panel(days, ("A",), open=opens, close=closes, split=panel.split, dividend=panel.dividend)
    assert forward_returns(gone, [2])[2][2, 0] == pytest.approx(5.5 / 5.5 * 12.0 / 11.0 - 1.0)


def test_a_dividend_without_a_bar_is_reinvested_at_the_next_close() -> None:
    """Bought at 10; 1 paid where nothing traded, then a 2:1 split and a close of 4 in new shares.

    In shares before the split that close is 8, so one share became 1 + 1/8, and 2.25 after the
    split, worth 5 each at the open two sessions later: 11.25 / 10 − 1.
    """
    market = by_hand(
        [10.0, 10.0, NAN, 4.0, 5.0, 5.0],
        opened=[10.0, 10.0, NAN, 4.0, 5.0, 5.0],
        split={3: 2.0},
        dividend={2: 1.0},
    )
    assert forward_returns(market.panel(), [3])[3][0, 0] == pytest.approx(0.125)


def test_a_horizon_longer_than_the_data_has_no_return() -> None:
    panel = by_hand([1.0, 2.0, 3.0]).panel()
    for horizon in (2, 3, 4, 50):
        assert np.isnan(forward_returns(panel, [horizon])[horizon]).all()
    assert realised_returns(panel, [2])[2][2, 0] == pytest.approx(2.0)


def test_returns_are_the_same_bits_on_every_panel_that_holds_them() -> None:
    market, horizons = random_market(5, 160), (1, 5, 21)
    whole = market.panel()
    known = realised_returns(whole, horizons)
    for start, stop in ((0, 90), (37, 120), (60, 160), (100, 125)):
        part = market.panel(start, stop)
        columns = [whole.security_ids.index(each) for each in part.security_ids]
        for horizon, returns in realised_returns(part, horizons).items():
            rows = slice(start + horizon, stop)
            expected = known[horizon][rows][:, columns]
            assert np.isfinite(expected).sum() > 20
            np.testing.assert_array_equal(bits(returns[horizon:]), bits(expected))
