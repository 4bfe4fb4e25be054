"""Medians of moving windows, and gaps between values.

What belongs here: pure functions of (rows, columns) arrays in which NaN means absent. What does
not: sums, means and the other rolling figures (`windows.py`).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray


def bridged(is_finite: BoolArray) -> BoolArray:
    """Cells without a value that have one before and one after them in their column."""
    before: BoolArray = np.logical_or.accumulate(is_finite, axis=0)
    after = np.logical_or.accumulate(is_finite[::-1], axis=0)[::-1]
    return ~is_finite & before & after


def known_median(values: FloatArray) -> FloatArray:
    """Median of the known values of the last axis, NaN where none is known.

    Sorting puts NaN last, so the middle of the known ones is found by counting them.
    """
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)
    counts = np.count_nonzero(~np.isnan(ordered), axis=-1)
    last = values.shape[-1] - 1
    middle = (np.maximum(counts - 1, 0) // 2, np.minimum(counts // 2, last))
    low, high = (np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0] for at in middle)
    return np.where(counts > 0, (low + high) / 2.0, np.nan)


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

    The window is kept sorted. A new row takes the place of the one that leaves and is then moved to
    its place by swapping neighbours, for all columns at once.
    """
    columns = np.arange(values.shape[1])
    ordered = np.full((window, values.shape[1]), np.inf)
    finite_counts = np.zeros(values.shape[1], dtype=np.int64)
    medians, counts = np.empty(values.shape), np.empty(values.shape, dtype=np.int64)
    filled = np.where(np.isnan(values), np.inf, values)
    for row, entering in enumerate(filled):
        leaving = filled[row - window] if row >= window else np.full(len(columns), np.inf)
        finite_counts += np.isfinite(entering).astype(np.int64) - np.isfinite(leaving)
        ordered[(ordered == leaving).argmax(axis=0), columns] = entering
        for low in (*range(window - 1), *range(window - 3, -1, -1)):
            smaller = np.minimum(ordered[low], ordered[low + 1])
            np.maximum(ordered[low], ordered[low + 1], out=ordered[low + 1])
            ordered[low] = smaller
        lower = ordered[np.maximum(finite_counts - 1, 0) // 2, columns]
        upper = ordered[np.minimum(finite_counts // 2, window - 1), columns]
        medians[row] = np.where(finite_counts > 0, (lower + upper) / 2.0, np.nan)
        counts[row] = finite_counts
    return medians, counts
