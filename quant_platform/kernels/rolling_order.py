"""Extremes with their place, ranks and quantiles of windows of several lengths.

A value is a function of its window alone; it is NaN in the first n-1 rows and where the window
holds a NaN. What does not belong here: sums (`rolling_moments.py`, `windows.py`).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled
from quant_platform.kernels.rolling_rows import (
    TILE,
    WINDOW_TYPES,
    ascending,
    grow_factor,
    grow_tile,
    known_rows,
    lagged,
    plain_carry,
)
from quant_platform.kernels.windows import Carry

VALUE, PLACE = range(2)

SIDE_BY_SIDE = 8
"""Columns whose sorted windows are kept at once: 8 float64 are one cache line."""


def maxima(
    x: FloatArray, windows: tuple[int, ...], carry: Carry | FloatArray | None = None
) -> FloatArray:
    """Return the largest value and its place, 1 (oldest) … n (newest): (2, windows, T, N).

    Of equal values the oldest counts. Minima are the negated maxima of -x.

    Examples
    --------
    >>> maxima(np.array([[5.0], [1.0], [5.0], [2.0]]), (2, 3))[:, :, 3, 0].tolist()
    [[5.0, 5.0], [1.0, 2.0]]
    """
    return _maxima(np.ascontiguousarray(x), plain_carry(carry), ascending(windows))


def ranks(
    x: FloatArray, windows: tuple[int, ...], carry: Carry | FloatArray | None = None
) -> FloatArray:
    """Return the rank of the newest value in its window / n, ties averaged: (windows, T, N).

    Examples
    --------
    >>> ranks(np.array([[1.0], [3.0], [2.0]]), (2, 3))[:, 2, 0]
    array([0.5       , 0.66666667])
    """
    return _ranks(np.ascontiguousarray(x), plain_carry(carry), ascending(windows))


def quantiles(
    x: FloatArray,
    windows: tuple[int, ...],
    shares: tuple[float, ...],
    carry: Carry | FloatArray | None = None,
) -> FloatArray:
    """Return quantiles, linear between the values: shape (shares, windows, T, N).

    Examples
    --------
    >>> quantiles(np.array([[4.0], [1.0], [2.0]]), (3,), (0.5, 0.75))[:, 0, 2, 0]
    array([2., 3.])
    """
    return _quantiles(
        np.ascontiguousarray(x), plain_carry(carry), ascending(windows), np.asarray(shares)
    )


def _maxima_reference(x: FloatArray, carry: FloatArray, windows: NDArray[np.int64]) -> FloatArray:
    result = np.full((2, len(windows), *x.shape), np.nan)
    best, lag = np.full_like(x, -np.inf), np.zeros_like(x)
    unknown = np.zeros(x.shape, dtype=bool)
    factor, place = np.ones_like(x), 0
    for k in range(int(windows[-1])):
        grow_factor(factor, carry, k)
        older = lagged(x, factor, k)
        unknown |= np.isnan(older)
        higher = older >= best
        best[higher], lag[higher] = older[higher], k
        if k + 1 == windows[place]:
            result[VALUE, place] = np.where(unknown, np.nan, best)
            result[PLACE, place] = np.where(unknown, np.nan, k + 1 - lag)
            place += 1
    return result


@compiled(*WINDOW_TYPES, reference=_maxima_reference)
def _maxima(x: FloatArray, carry: FloatArray, windows: NDArray[np.int64]) -> FloatArray:
    rows, columns = x.shape
    cells = rows * columns
    result = np.full((2, len(windows), cells), np.nan)
    values, moves, known = x.reshape(cells), carry.reshape(carry.size), known_rows(x)
    best, factor = np.empty(2 * TILE), np.empty(TILE)
    for start in range((windows[0] - 1) * columns, cells, TILE):
        stop = min(cells, start + TILE)
        best[:TILE] = -np.inf
        best[TILE:] = 0.0
        factor[:] = 1.0
        shortest = 0
        for place in range(len(windows)):
            n = windows[place]
            first = max(start, (n - 1) * columns)
            if first >= stop:
                break
            for k in range(shortest, n):
                back = k * columns
                at = max(start, back)
                if k and len(moves):
                    grow_tile(factor[at - start :], moves, at, stop, back, columns)
                _take_higher(
                    best[at - start :], values[at - back : stop - back], factor[at - start :], k
                )
            shortest = n
            for j in range(first, stop):
                if known[j] >= n:
                    result[0, place, j] = best[j - start]
                    result[1, place, j] = n - best[TILE + j - start]
    return result.reshape((2, len(windows), rows, columns))


@compiled()
def _take_higher(best: FloatArray, older: FloatArray, factor: FloatArray, k: int) -> None:
    for j in range(len(older)):
        value = older[j] * factor[j]
        higher = value >= best[j]
        best[j] = value if higher else best[j]
        best[TILE + j] = k if higher else best[TILE + j]


def _ranks_reference(x: FloatArray, carry: FloatArray, windows: NDArray[np.int64]) -> FloatArray:
    result = np.full((len(windows), *x.shape), np.nan)
    less, equal = np.zeros((2, *x.shape))
    unknown = np.zeros(x.shape, dtype=bool)
    factor, place = np.ones_like(x), 0
    for k in range(int(windows[-1])):
        grow_factor(factor, carry, k)
        older = lagged(x, factor, k)
        unknown |= np.isnan(older)
        less += older < x
        equal += older == x
        n = k + 1
        if n == windows[place]:
            result[place] = np.where(unknown, np.nan, (less + (equal + 1.0) / 2.0) / n)
            place += 1
    return result


@compiled(*WINDOW_TYPES, reference=_ranks_reference)
def _ranks(x: FloatArray, carry: FloatArray, windows: NDArray[np.int64]) -> FloatArray:
    rows, columns = x.shape
    cells = rows * columns
    result = np.full((len(windows), cells), np.nan)
    values, moves, known = x.reshape(cells), carry.reshape(carry.size), known_rows(x)
    counts, factor = np.empty(2 * TILE), np.empty(TILE)
    for start in range((windows[0] - 1) * columns, cells, TILE):
        stop = min(cells, start + TILE)
        counts[:] = 0.0
        factor[:] = 1.0
        shortest = 0
        for place in range(len(windows)):
            n = windows[place]
            first = max(start, (n - 1) * columns)
            if first >= stop:
                break
            for k in range(shortest, n):
                back = k * columns
                at = max(start, back)
                if k and len(moves):
                    grow_tile(factor[at - start :], moves, at, stop, back, columns)
                _count_lower(
                    counts[at - start :],
                    values[at - back : stop - back],
                    factor[at - start :],
                    values[at:stop],
                )
            shortest = n
            for j in range(first, stop):
                if known[j] >= n:
                    less, equal = counts[j - start], counts[TILE + j - start]
                    result[place, j] = (less + (equal + 1.0) / 2.0) / n
    return result.reshape((len(windows), rows, columns))


@compiled()
def _count_lower(
    counts: FloatArray, older: FloatArray, factor: FloatArray, last: FloatArray
) -> None:
    for j in range(len(last)):
        value = older[j] * factor[j]
        counts[j] += 1.0 if value < last[j] else 0.0
        counts[TILE + j] += 1.0 if value == last[j] else 0.0


def _quantiles_reference(
    x: FloatArray, carry: FloatArray, windows: NDArray[np.int64], shares: FloatArray
) -> FloatArray:
    result = np.full((len(shares), len(windows), *x.shape), np.nan)
    rows = np.full((int(windows[-1]), *x.shape), np.nan)
    factor, place = np.ones_like(x), 0
    for k in range(int(windows[-1])):
        grow_factor(factor, carry, k)
        rows[k] = lagged(x, factor, k)
        n = k + 1
        if n == windows[place]:
            ordered = np.sort(rows[:n], axis=0)
            known = ~np.isnan(ordered[-1])
            for index, share in enumerate(shares):
                exact = share * (n - 1)
                low = int(exact)
                value = ordered[low]
                if low + 1 < n:
                    value = value + (ordered[low + 1] - value) * (exact - low)
                result[index, place][known] = value[known]
            place += 1
    return result


@compiled(*WINDOW_TYPES, "const float64[::1]", reference=_quantiles_reference)
def _quantiles(
    x: FloatArray, carry: FloatArray, windows: NDArray[np.int64], shares: FloatArray
) -> FloatArray:
    """Each window is kept sorted, in the units of its newest row, and sorted anew when they change.

    Between two changes C[t, k + 1] is C[t-1, k] to the last bit, so no history is carried along.
    Neighbouring columns go side by side, so that their results share a line of the cache.
    """
    rows, columns = x.shape
    longest, count = windows[-1], len(windows)
    result = np.full((len(shares), count, rows, columns), np.nan)
    moved = np.empty((SIDE_BY_SIDE, rows))
    ordered = np.empty((SIDE_BY_SIDE * count, longest))
    kept = np.empty(longest + 1)
    known = np.empty(SIDE_BY_SIDE, dtype=np.int64)
    for first in range(0, columns, SIDE_BY_SIDE):
        known[:] = 0
        for t in range(rows):
            for s in range(first, min(first + SIDE_BY_SIDE, columns)):
                j = s - first
                newest = x[t, s]
                moved[j, t] = newest
                is_new_unit = carry.shape[0] > 0 and carry[t, s] != 1.0
                if is_new_unit:
                    _move_rows(moved[j], x, carry, t, s, min(longest, known[j]))
                known[j] = known[j] + 1 if newest == newest else 0
                for place in range(count):
                    n = windows[place]
                    if known[j] < n:
                        break
                    at = j * count + place
                    if known[j] == n or is_new_unit:
                        _sort_rows(ordered[at], moved[j, t - n + 1 : t + 1])
                    else:
                        _replace_in_order(ordered, at, n, moved[j, t - n], newest, kept)
                    for index in range(len(shares)):
                        exact = shares[index] * (n - 1)
                        low = int(exact)
                        value = ordered[at, low]
                        if low + 1 < n:
                            value += (ordered[at, low + 1] - value) * (exact - low)
                        result[index, place, t, s] = value
    return result


@compiled()
def _move_rows(
    moved: FloatArray, x: FloatArray, carry: FloatArray, t: int, s: int, count: int
) -> None:
    """Write the rows before t into `moved`, in the units of row t."""
    factor = 1.0
    for lag in range(1, count + 1):
        factor *= carry[t - lag + 1, s]
        moved[t - lag] = x[t - lag, s] * factor


@compiled()
def _sort_rows(values: FloatArray, rows: FloatArray) -> None:
    """Write the rows into `values` in ascending order."""
    for place in range(len(rows)):
        value = rows[place]
        at = place
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value


@compiled()
def _replace_in_order(
    ordered: FloatArray, at: int, n: int, leaving: float, entering: float, kept: FloatArray
) -> None:
    """Replace one of the n ascending values of a row, keeping them in order.

    Without a branch, so that several values are worked on at once: what is `kept` between −∞ and ∞
    closes the gap of the first value that is not below the leaving one, and then each value is the
    middle one of the entering and of two neighbours of `kept`.
    """
    kept[0] = -np.inf
    for i in range(n - 1):
        value = ordered[at, i]
        kept[i + 1] = value if value < leaving else ordered[at, i + 1]
    kept[n] = np.inf
    for i in range(n):
        larger = kept[i] if kept[i] > entering else entering
        ordered[at, i] = larger if larger < kept[i + 1] else kept[i + 1]
