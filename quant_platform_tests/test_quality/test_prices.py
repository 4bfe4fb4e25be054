"""Doubtful prices: the sample's own, whose causes are on record, and bars made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from quant_platform.market.panel import Panel
from quant_platform.quality.prices import (
    bars_before,
    stale_prices,
    total_returns,
    unexplained_jumps,
)
from quant_platform_tests.support.panels import where


def test_the_one_jump_of_the_sample(sample_panel: Panel) -> None:
    # Apple fell by half after its profit warning of 28 September 2000: real, with no action behind.
    found = where(sample_panel, unexplained_jumps(sample_panel))
    assert found == [("AAPL", "2000-09-29")]


@pytest.mark.parametrize(
    ("symbol", "day"), [("AAPL", "2000-06-21"), ("MSFT", "2003-02-18"), ("AAPL", "2005-02-28")]
)
def test_a_split_explains_its_jump(sample_panel: Panel, symbol: str, day: str) -> None:
    row = int(np.flatnonzero(sample_panel.sessions == np.datetime64(day))[0])
    column = sample_panel.security_ids.index(symbol)
    raw = sample_panel.close[row, column] / sample_panel.close[row - 1, column] - 1
    assert raw < -0.4
    assert abs(total_returns(sample_panel)[row, column]) < 0.1
    blind = replace(sample_panel, split=np.ones_like(sample_panel.split))
    assert (symbol, day) in where(blind, unexplained_jumps(blind))


def test_a_dividend_is_part_of_the_return(sample_panel: Panel) -> None:
    """MSFT fell by the special dividend: 29.97 to 27.39 with 3.08 paid is a gain of 1.7 %."""
    row = int(np.flatnonzero(sample_panel.sessions == np.datetime64("2004-11-15"))[0])
    column = sample_panel.security_ids.index("MSFT")
    before, after = sample_panel.close[row - 1, column], sample_panel.close[row, column]
    assert total_returns(sample_panel)[row, column] == pytest.approx((after + 3.08) / before - 1)


def test_the_first_row_has_no_return(sample_panel: Panel) -> None:
    assert np.isnan(total_returns(sample_panel)[0]).all()


def test_the_sample_has_no_stale_price(sample_panel: Panel) -> None:
    assert not stale_prices(sample_panel).any()


def flat(rows: int, columns: int = 3) -> Panel:
    """Panel whose bars move a little, every one differently."""
    steps = np.arange(rows * columns, dtype=float).reshape(rows, columns)
    close = 100.0 + np.sin(steps)
    return Panel(
        sessions=np.busday_offset("2004-01-05", np.arange(rows), roll="forward"),
        security_ids=tuple("ABCDEFG"[:columns]),
        open=close,
        high=close + 1.0,
        low=close - 1.0,
        close=close,
        volume=np.full_like(close, 100.0),
        split=np.ones_like(close),
        dividend=np.zeros_like(close),
        traded=np.ones(close.shape, dtype=bool),
    )


def test_five_equal_bars_are_stale() -> None:
    panel = flat(12)
    for field in (panel.open, panel.high, panel.low, panel.close):
        field[3:9, 0] = 50.0
    # Rows 3 to 8 are equal: the fifth of them, row 7, is the first stale one.
    assert where(panel, stale_prices(panel)) == [
        ("A", str(panel.sessions[7])),
        ("A", str(panel.sessions[8])),
    ]


def test_the_same_close_with_a_range_is_not_stale() -> None:
    panel = flat(12)
    panel.close[:, 0] = 50.0
    assert not stale_prices(panel).any()


def test_a_filled_bar_is_never_judged() -> None:
    panel = flat(12)
    for field in (panel.open, panel.high, panel.low, panel.close):
        field[3:12, 0] = 50.0
    panel.volume[3:12, 0] = 0.0
    panel.traded[4:12, 0] = False
    assert not stale_prices(panel).any()


@pytest.mark.parametrize(
    ("sessions", "counts"),
    [(1, [0, 1, 0, 1, 1]), (2, [0, 1, 1, 1, 2]), (4, [0, 1, 1, 2, 3]), (9, [0, 1, 1, 2, 3])],
)
def test_bars_before_a_session(sample_panel: Panel, sessions: int, counts: list[int]) -> None:
    traded = np.array([[True], [False], [True], [True], [True]])
    panel = replace(sample_panel, traded=traded)
    assert bars_before(panel, sessions)[:, 0].tolist() == counts
