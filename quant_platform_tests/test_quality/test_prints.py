"""Bad prints: the sample's own, planted ones of each kind, and panics, which are none."""

from dataclasses import replace

import numpy as np
import pytest

from quant_platform.market.panel import Panel
from quant_platform.quality.prints import LOOKBACK, bad_prints
from quant_platform_tests.support.panels import where


def test_the_one_bad_print_of_the_sample(sample_panel: Panel) -> None:
    # facts.md: MSFT 2008-07-01 has a low of 23.19 under a body around 27.
    assert where(sample_panel, bad_prints(sample_panel)) == [("MSFT", "2008-07-01")]


def flat(rows: int, columns: int = 3) -> Panel:
    """Panel whose bars move a little, every one differently."""
    steps = np.arange(rows * columns, dtype=float).reshape(rows, columns)
    close = 100.0 + np.sin(steps)
    return Panel(
        sessions=np.busday_offset("2004-01-05", np.arange(rows), roll="forward"),
        security_ids=tuple("ABCDEFG"[:columns]),
        open=close.copy(),
        high=close + 1.0,
        low=close - 1.0,
        close=close,
        volume=np.full_like(close, 100.0),
        split=np.ones_like(close),
        dividend=np.zeros_like(close),
        traded=np.ones(close.shape, dtype=bool),
    )


def test_a_wick_is_doubtful_only_out_of_line() -> None:
    panel = flat(30)
    panel.low[25, 1] = 60.0
    assert where(panel, bad_prints(panel)) == [("B", str(panel.sessions[25]))]
    # On a day on which all fall so, it is the market.
    panel.low[25] = 60.0
    assert where(panel, bad_prints(panel)) == []


def test_a_high_wick_counts_as_a_low_one() -> None:
    panel = flat(30)
    panel.high[25, 1] = 140.0
    assert where(panel, bad_prints(panel)) == [("B", str(panel.sessions[25]))]


def test_a_later_bar_does_not_change_a_verdict() -> None:
    panel = flat(30)
    panel.low[20, 1] = 60.0
    cut = replace(
        panel,
        **{
            name: getattr(panel, name)[:21]
            for name in ("sessions", "open", "high", "low", "close", "volume", "traded")
        },
        split=panel.split[:21],
        dividend=panel.dividend[:21],
    )
    np.testing.assert_array_equal(bad_prints(panel)[:21], bad_prints(cut))


def test_an_open_that_stands_alone() -> None:
    panel = flat(30)
    panel.open[25, 1], panel.high[25, 1] = 130.0, 130.0
    assert where(panel, bad_prints(panel)) == [("B", str(panel.sessions[25]))]


def test_a_close_is_found_when_the_price_has_come_back() -> None:
    panel = flat(30)
    panel.close[25, 1], panel.low[25, 1] = 75.0, 75.0
    assert where(panel, bad_prints(panel)) == [("B", str(panel.sessions[26]))]


def test_a_decimal_shift_of_a_whole_bar() -> None:
    panel = flat(30)
    for values in (panel.open, panel.high, panel.low, panel.close):
        values[25, 1] /= 10.0
    assert where(panel, bad_prints(panel)) == [("B", str(panel.sessions[26]))]


def test_a_move_that_stays_is_none() -> None:
    panel = flat(30)
    for values in (panel.open, panel.high, panel.low, panel.close):
        values[25:, 1] *= 1.4
    assert where(panel, bad_prints(panel)) == []


def test_a_wick_back_to_where_the_price_came_from_is_none() -> None:
    # 20 % lower at the open, with a trade at the close before: the high is no print of its own.
    panel = flat(30)
    for values in (panel.open, panel.high, panel.low, panel.close):
        values[25:, 1] *= 0.8
    panel.high[25, 1] = panel.close[24, 1]
    assert where(panel, bad_prints(panel)) == []


def test_a_bar_that_comes_twice() -> None:
    panel = flat(30)
    for values in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        values[25, 1] = values[24, 1]
    assert where(panel, bad_prints(panel)) == [("B", str(panel.sessions[25]))]
    # The close before and nothing else.
    panel = flat(30)
    for values in (panel.open, panel.high, panel.low, panel.close):
        values[25, 1] = panel.close[24, 1]
    assert where(panel, bad_prints(panel)) == [("B", str(panel.sessions[25]))]


@pytest.mark.parametrize("depth", [0.1, 0.2, 0.3])
def test_a_panic_accuses_nobody(depth: float) -> None:
    """As in October 1987 and 2008, May 2010 and March 2020: all fall, some twice as far.

    Seven securities open from 0.6 to 1.4 times the depth below the close before, trade lower still,
    and close where they were; in the next session they open as far away again.
    """
    panel = flat(30, 7)
    fall = 1.0 - depth * np.linspace(0.6, 1.4, 7)
    panel.open[25] *= fall
    panel.low[25] = panel.open[25] * fall
    panel.close[26] *= fall
    panel.low[26] = panel.close[26] * fall
    assert where(panel, bad_prints(panel)) == []


def test_the_session_and_its_look_back_decide(sample_panel: Panel) -> None:
    row = int(np.flatnonzero(sample_panel.sessions == np.datetime64("2008-07-01"))[0])
    start = row - LOOKBACK + 1
    cut = sample_panel.cut(start, row + 1)
    assert where(cut, bad_prints(cut)) == [("MSFT", "2008-07-01")]


@pytest.mark.parametrize("factor", [0.8, 1.25, 10.0])
@pytest.mark.parametrize("name", ["open", "close"])
def test_planted_prints_of_the_sample_are_found(
    sample_panel: Panel, name: str, factor: float
) -> None:
    """Every fiftieth bar of each stock from 2002 on: at least 85 of 100 are found."""
    rows = np.arange(500, len(sample_panel.sessions) - 1, 50)
    found = []
    # One security at a time is spoilt: the market is the others.
    for column in range(len(sample_panel.security_ids)):
        prices = ("open", "high", "low", "close")
        panel = replace(sample_panel, **{key: getattr(sample_panel, key).copy() for key in prices})
        at = (rows[panel.traded[rows, column]], column)
        getattr(panel, name)[at] *= factor
        panel.high[at] = np.maximum(panel.high, getattr(panel, name))[at]
        panel.low[at] = np.minimum(panel.low, getattr(panel, name))[at]
        accused = bad_prints(panel)
        found += (accused[at] | accused[at[0] + 1, column]).tolist()
    assert np.mean(found) >= 0.85


def test_without_a_security_there_is_nothing_to_find() -> None:
    panel = flat(30, 0)
    assert bad_prints(panel).shape == (30, 0)
