"""The deepest drawdowns and calendar returns, by hand."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.reports.calendar_returns import monthly_returns, period_returns
from quant_platform.reports.drawdowns import Drawdown, worst_drawdowns
from quant_platform.reports.histories import Histories
from quant_platform.reports.sections.hits import wilson
from quant_platform_tests.support.report_frames import PORTFOLIOS

EQUITY = np.array([100.0, 110.0, 99.0, 104.5, 110.0, 121.0, 60.5, 90.0, 130.0, 117.0])
DATES = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")


def test_each_fall_has_its_sessions() -> None:
    """110 → 99 (−10 %), 121 → 60.5 (−50 %), and 130 → 117 (−10 %), which is not over."""
    assert worst_drawdowns(DATES, EQUITY, 5) == [
        Drawdown(DATES[5], DATES[6], DATES[8], -0.5, 1, 2),
        Drawdown(DATES[1], DATES[2], DATES[4], pytest.approx(-0.1), 1, 2),  # type: ignore[arg-type]
        Drawdown(DATES[8], DATES[9], None, pytest.approx(-0.1), 1, 0),  # type: ignore[arg-type]
    ]


def test_no_more_than_asked_for() -> None:
    assert [each.depth for each in worst_drawdowns(DATES, EQUITY, 1)] == [-0.5]


@pytest.mark.parametrize("equity", [[], [100.0], [100.0, 100.0, 101.0]])
def test_without_a_fall_there_is_none(equity: list[float]) -> None:
    assert worst_drawdowns(DATES[: len(equity)], np.array(equity), 5) == []


def test_a_ruined_account_falls_below_all_of_it() -> None:
    (fall,) = worst_drawdowns(DATES[:3], np.array([100.0, -20.0, -20.0]), 5)
    assert fall == Drawdown(DATES[0], DATES[1], None, -1.2, 1, 1)


def test_monthly_returns() -> None:
    table = monthly_returns(Histories.of(PORTFOLIOS))[2]
    rows = PORTFOLIOS[PORTFOLIOS["model_id"] == 2].set_index("date")["daily_return"]
    assert table.index.tolist() == [2011, 2010]
    assert table.loc[2010, 3] == pytest.approx((1 + rows.loc["2010-03"]).prod() - 1)
    assert table.loc[2010, "year"] == pytest.approx((1 + rows.loc["2010"]).prod() - 1)
    assert table[4].isna()[2011]


def test_nothing_is_a_share_of_an_equity_that_is_not_positive() -> None:
    dates = np.array(
        ["2024-01-31", "2024-02-29", "2024-03-29", "2024-04-30"], dtype="datetime64[D]"
    )
    equity = np.array([100.0, 110.0, -5.0, -5.0])
    returns = np.array([0.0, 0.1, -115 / 110, np.nan])
    found = period_returns(dates, equity, returns, "M")
    assert found.index.tolist() == [pd.Timestamp(f"2024-0{month}-01") for month in range(1, 5)]
    assert found.to_numpy() == pytest.approx([0.0, 0.1, -115 / 110, np.nan], nan_ok=True)


def test_no_session_has_no_return() -> None:
    nothing = np.zeros(0)
    assert period_returns(np.zeros(0, dtype="datetime64[D]"), nothing, nothing, "Y").empty


def test_interval_of_a_share() -> None:
    """81 of 263: 0.2553 to 0.3662 (R. G. Newcombe, *Statistics in Medicine* 17, 1998, table I)."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
