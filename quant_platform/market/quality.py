"""Judgements about a session's facts: pure functions of a panel, each a grid of verdicts.

What belongs here: what makes a bar or a session suspicious. What does not: where verdicts are
stored, whether they stop a run (`defs/checks`), and what can be refused row by row when it is
written (the tables' own constraints).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from quant_platform.market.panel import BoolArray, FloatArray, Panel

JUMP_LIMIT = 0.25
"""One-session total return beyond which a price change wants an explanation."""

WICK_LIMIT = 0.08
"""Distance of high or low from the bar's body, over the close, that makes a print doubtful …"""

WICK_MULTIPLE = 5.0
"""… if it is also this many times the symbol's median wick of its last `WICK_SESSIONS` …"""

WICK_SESSIONS = 20

MARKET_WICK_LIMIT = 0.05
"""… and the median symbol did not move as much in that session (a crash moves all of them)."""

STALE_SESSIONS = 5
"""Sessions in a row with the same open, high, low and close after which a price is stale."""


def total_returns(panel: Panel) -> FloatArray:
    """One-session holding return, splits and dividends explained away; NaN in the first row."""
    change = np.full(panel.close.shape, np.nan)
    held = (panel.close[1:] + panel.dividend[1:]) * panel.split[1:]
    change[1:] = held / panel.close[:-1] - 1.0
    return change


def unexplained_jumps(panel: Panel) -> BoolArray:
    """Closes that moved more than `JUMP_LIMIT` without a split or dividend that explains it."""
    return panel.traded & (np.abs(total_returns(panel)) > JUMP_LIMIT)


def bad_prints(panel: Panel) -> BoolArray:
    """Bars whose high or low lies far from open and close.

    Far is out of line with the symbol's past and with the market's day.
    """
    top = np.maximum(panel.open, panel.close)
    bottom = np.minimum(panel.open, panel.close)
    wick = np.maximum(panel.high - top, bottom - panel.low) / panel.close
    wick[~panel.traded] = np.nan
    usual = np.full(wick.shape, np.nan)
    start = np.full((WICK_SESSIONS - 1, wick.shape[1]), np.nan)
    windows = sliding_window_view(np.vstack((start, wick)), WICK_SESSIONS, axis=0)
    usual[1:] = _median(windows[:-1])
    market = _median(wick)
    doubtful = (wick > WICK_LIMIT) & (wick > WICK_MULTIPLE * usual)
    return doubtful & (market < MARKET_WICK_LIMIT)[:, None]


def stale_prices(panel: Panel) -> BoolArray:
    """Bars that end a run of `STALE_SESSIONS` or more with not a single price change."""
    flat = (panel.open == panel.high) & (panel.high == panel.low) & (panel.low == panel.close)
    same = np.zeros(panel.close.shape, dtype=bool)
    same[1:] = flat[1:] & (panel.close[1:] == panel.close[:-1])
    run = np.zeros(panel.close.shape, dtype=np.int64)
    for row in range(1, len(run)):
        run[row] = np.where(same[row], run[row - 1] + 1, 0)
    return panel.traded & (run >= STALE_SESSIONS - 1)


def silent_volumes(panel: Panel) -> BoolArray:
    """Bars without a single share traded."""
    silent: BoolArray = panel.volume == 0.0
    return panel.traded & silent


def _median(values: FloatArray) -> FloatArray:
    """Median of the known values of the last axis, NaN where none is known."""
    unknown: BoolArray = np.asarray(np.isnan(values).all(axis=-1))
    filled = np.where(unknown[..., None], 0.0, values)
    return np.where(unknown, np.nan, np.nanmedian(filled, axis=-1))
