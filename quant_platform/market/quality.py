"""Judgements about a session's facts: pure functions of a panel, each a grid of verdicts.

What belongs here: what makes a bar or a session suspicious. What does not: where verdicts are
stored, whether they stop a run (`defs/checks`), and what can be refused row by row when it is
written (the tables' own constraints).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

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

VOLUME_MULTIPLE = 50.0
"""Value traded, as a multiple of the median of the sessions before, beyond which it is doubtful."""

VOLUME_SESSIONS = 20
"""Sessions that the median is taken of; all of them must have a bar."""


def total_returns(panel: Panel) -> FloatArray:
    """One-session holding return, splits and dividends explained away; NaN in the first row."""
    change = np.full(panel.close.shape, np.nan)
    held = (panel.close[1:] + panel.dividend[1:]) * panel.split[1:]
    change[1:] = held / panel.close[:-1] - 1.0
    return change


def unexplained_jumps(panel: Panel, limit: float = JUMP_LIMIT) -> BoolArray:
    """Closes that moved more than `limit` without a split or dividend that explains it."""
    return panel.traded & (np.abs(total_returns(panel)) > limit)


def bad_prints(panel: Panel, limit: float = WICK_LIMIT) -> BoolArray:
    """Bars whose high or low lies far from open and close.

    Far is out of line with the symbol's past and with the market's day.
    """
    top = np.maximum(panel.open, panel.close)
    bottom = np.minimum(panel.open, panel.close)
    wick = np.maximum(panel.high - top, bottom - panel.low) / panel.close
    wick[~panel.traded] = np.nan
    usual = np.full(wick.shape, np.nan)
    usual[1:] = trailing_median(wick, WICK_SESSIONS)[0][:-1]
    market = known_median(wick)
    doubtful = (wick > limit) & (wick > WICK_MULTIPLE * usual)
    return doubtful & (market < MARKET_WICK_LIMIT)[:, None]


def volume_outliers(panel: Panel, multiple: float = VOLUME_MULTIPLE) -> BoolArray:
    """Bars whose value traded is `multiple` times what the symbol's last sessions had.

    Value and not shares, so that a split is no outlier.
    """
    value = value_traded(panel)
    median, known = trailing_median(value, VOLUME_SESSIONS)
    usual = np.full(value.shape, np.nan)
    usual[1:] = np.where(known == VOLUME_SESSIONS, median, np.nan)[:-1]
    return panel.traded & (usual > 0.0) & (value > multiple * usual)


def value_traded(panel: Panel) -> FloatArray:
    """Close × volume of each bar, NaN where there is none."""
    return np.where(panel.traded, panel.close * panel.volume, np.nan)


def usual_value(panel: Panel) -> FloatArray:
    """Median value traded in the last `VOLUME_SESSIONS` sessions with a bar; 0 without any."""
    return np.nan_to_num(trailing_median(value_traded(panel), VOLUME_SESSIONS)[0], nan=0.0)


def stale_prices(panel: Panel) -> BoolArray:
    """Bars that end a run of `STALE_SESSIONS` or more with not a single price change."""
    flat = (panel.open == panel.high) & (panel.high == panel.low) & (panel.low == panel.close)
    same = np.zeros(panel.close.shape, dtype=bool)
    same[1:] = flat[1:] & (panel.close[1:] == panel.close[:-1])
    run = np.zeros(panel.close.shape, dtype=np.int64)
    for row in range(1, len(run)):
        run[row] = np.where(same[row], run[row - 1] + 1, 0)
    return panel.traded & (run >= STALE_SESSIONS - 1)


def bridged(known: BoolArray) -> BoolArray:
    """Cells that are unknown, with a known one before and after them in their column."""
    before: BoolArray = np.logical_or.accumulate(known, axis=0)
    after = np.logical_or.accumulate(known[::-1], axis=0)[::-1]
    return ~known & before & after


def known_median(values: FloatArray) -> FloatArray:
    """Median of the known values of the last axis, NaN where none is known.

    Sorting puts NaN last, so the middle of the known ones is found by counting them.
    """
    ordered = np.sort(values, axis=-1)
    known = np.count_nonzero(~np.isnan(ordered), axis=-1)
    last = values.shape[-1] - 1
    middle = (np.maximum(known - 1, 0) // 2, np.minimum(known // 2, last))
    low, high = (np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0] for at in middle)
    return np.where(known > 0, (low + high) / 2.0, np.nan)


NARROW = 256
"""Columns up to which sorting every window by itself is faster than keeping one sorted."""


def trailing_median(values: FloatArray, window: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """Median of the known values among the last `window` rows, column by column.

    Parameters
    ----------
    values : NaN where unknown, never infinite
    window : rows, the one judged included; the first rows have fewer

    Returns
    -------
    median : NaN where no value of the window is known
    known : number of known values in the window
    """
    if values.shape[1] > NARROW:
        return _median_of_moving_order(values, window)
    start = np.full((window - 1, values.shape[1]), np.nan)
    windows = sliding_window_view(np.vstack((start, values)), window, axis=0)
    return known_median(windows), np.count_nonzero(~np.isnan(windows), axis=-1)


def _median_of_moving_order(
    values: FloatArray, window: int
) -> tuple[FloatArray, NDArray[np.int64]]:
    """`trailing_median` of many columns.

    The window is kept sorted: a row takes the place of the one that leaves, and travels to where it
    belongs by comparing neighbours, for all columns at once.
    """
    columns = np.arange(values.shape[1])
    ordered = np.full((window, values.shape[1]), np.inf)
    known = np.zeros(values.shape[1], dtype=np.int64)
    medians, counts = np.empty(values.shape), np.empty(values.shape, dtype=np.int64)
    filled = np.where(np.isnan(values), np.inf, values)
    for row, entering in enumerate(filled):
        leaving = filled[row - window] if row >= window else np.full(len(columns), np.inf)
        known += np.isfinite(entering).astype(np.int64) - np.isfinite(leaving)
        ordered[(ordered == leaving).argmax(axis=0), columns] = entering
        for low in (*range(window - 1), *range(window - 3, -1, -1)):
            smaller = np.minimum(ordered[low], ordered[low + 1])
            np.maximum(ordered[low], ordered[low + 1], out=ordered[low + 1])
            ordered[low] = smaller
        lower = ordered[np.maximum(known - 1, 0) // 2, columns]
        upper = ordered[np.minimum(known // 2, window - 1), columns]
        medians[row] = np.where(known > 0, (lower + upper) / 2.0, np.nan)
        counts[row] = known
    return medians, counts
