"""Splits that the price contradicts and jumps that no split explains; the sample and by hand."""

from dataclasses import replace

import numpy as np
import pytest

from quant_platform.market.panel import Panel
from quant_platform.quality.splits import (
    extreme_splits,
    jumps_without_split,
    opening_moves,
    splits_without_jump,
)
from quant_platform_tests.support.panels import by_hand, where

SPLITS = [("AAPL", "2000-06-21"), ("MSFT", "2003-02-18"), ("AAPL", "2005-02-28")]
"""All splits of the sample, each 2 for 1 (see oracles/corporate_actions.csv)."""


def test_the_sample_moved_by_its_splits(sample_panel: Panel) -> None:
    assert splits_without_jump(sample_panel).sum() == 0
    assert extreme_splits(sample_panel).sum() == 0
    moves = opening_moves(sample_panel)
    assert where(sample_panel, np.abs(moves / 2 - 1) < 0.03) == SPLITS


def test_a_crash_is_no_split(sample_panel: Panel) -> None:
    """Apple opened at half on 2000-09-29: news, in which nine times the money changed hands."""
    row = int(np.flatnonzero(sample_panel.sessions == np.datetime64("2000-09-29"))[0])
    assert opening_moves(sample_panel)[row, 0] == pytest.approx(53.50 / 28.19, rel=1e-3)
    assert where(sample_panel, jumps_without_split(sample_panel)) == []


def test_splits_that_nobody_listed(sample_panel: Panel) -> None:
    blind = replace(sample_panel, split=np.ones_like(sample_panel.split))
    assert where(blind, jumps_without_split(blind)) == SPLITS


def test_a_split_that_was_multiplied_by_its_copy(sample_panel: Panel) -> None:
    twice = replace(sample_panel, split=sample_panel.split**2)
    assert where(twice, splits_without_jump(twice)) == SPLITS
    assert jumps_without_split(twice).sum() == 0


def test_a_split_of_the_wrong_day(sample_panel: Panel) -> None:
    late = replace(sample_panel, split=np.roll(sample_panel.split, 1, axis=0))
    assert where(late, jumps_without_split(late)) == SPLITS
    days_after = [("AAPL", "2000-06-22"), ("MSFT", "2003-02-19"), ("AAPL", "2005-03-01")]
    assert where(late, splits_without_jump(late)) == days_after


def test_a_dividend_is_part_of_the_move(sample_panel: Panel) -> None:
    row = int(np.flatnonzero(sample_panel.sessions == np.datetime64("2004-11-15"))[0])
    column = sample_panel.security_ids.index("MSFT")
    opened = sample_panel.open[row, column]
    assert opening_moves(sample_panel)[row, column] == pytest.approx(29.97 / (opened + 3.08))


def test_thresholds() -> None:
    """A 2-for-1 split that opens a fifth lower, and a bit more than that."""
    for close, found in ((50 / 1.19, 0), (50 / 1.21, 1)):
        panel = by_hand([100.0, close], split={1: 2.0}).panel()
        assert splits_without_jump(panel).sum() == found
        assert splits_without_jump(panel, tolerance=0.25).sum() == 0
    for close, found in ((100 / 1.39, 0), (100 / 1.41, 1), (139.0, 0), (141.0, 1)):
        panel = by_hand([100.0, close]).panel()
        assert jumps_without_split(panel).sum() == found
        assert jumps_without_split(panel, limit=1.5).sum() == 0


def test_a_jump_that_did_not_last() -> None:
    """The open alone, or the close alone, is a bad print or the day's own move."""
    market = by_hand([100.0, 50.0, 50.0])
    for row, price, found in ((1, 100.0, 0), (1, 51.0, 1), (2, 100.0, 1)):
        opens = market.bars["open_price"].copy()
        opens[row] = price
        panel = replace(market, bars=market.bars.assign(open_price=opens)).panel()
        assert jumps_without_split(panel).sum() == found


def test_money_of_the_busiest_of_five_sessions() -> None:
    volume = [1e3, 5e3, *[1e3] * 4, 2e4]
    close = [*[100.0] * 6, 50.0]
    # 1,000,000 on the day of the jump; 500,000 five sessions before, or 100,000 at most.
    assert jumps_without_split(by_hand(close, volume=volume).panel()).sum() == 1
    quieter = [5e3, *[1e3] * 5, 2e4]
    assert jumps_without_split(by_hand(close, volume=quieter).panel()).sum() == 0


def test_a_session_without_a_bar_is_not_judged() -> None:
    panel = by_hand([100.0, np.nan, 50.0, 50.0], split={1: 2.0}).panel().filled()
    assert np.isnan(opening_moves(panel)[:2]).all()
    assert splits_without_jump(panel).sum() == jumps_without_split(panel).sum() == 0
    # The fill carried the close over the split: had it not happened, the next bar would show it.
    panel = by_hand([100.0, np.nan, 100.0, 100.0], split={1: 2.0}).panel().filled()
    assert where(panel, jumps_without_split(panel)) == [("X", "2001-01-03")]


def test_extreme_splits() -> None:
    ratios = {1: 1001.0, 2: 1000.0, 3: 1 / 1000, 4: 1 / 1001}
    panel = by_hand([1.0] * 5, split=ratios).panel()
    assert np.flatnonzero(extreme_splits(panel)).tolist() == [1, 4]
    assert extreme_splits(panel, limit=5000.0).sum() == 0
