"""The rows of a window in the units of its newest row: what rolling kernels of many lengths share.

With `carry` (see `windows.py`) the row of lag k enters as x[t-k] · C[t, k], where C[t, k] is
carry[t] · carry[t-1] · … · carry[t-k+1], multiplied in this order. An array without rows means that
nothing is to be moved.

The compiled kernels walk over tiles of `TILE` neighbouring cells of the flat array (rows, columns),
lag by lag over the whole tile: so the processor works on several cells at once, all sums of a tile
stay in its nearest cache, and what the shorter windows need is met on the way. A cell's own sum has
one order, whatever the tile. What does not belong here: any figure of a window.
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled
from quant_platform.kernels.windows import Carry

NOTHING_MOVED = np.empty((0, 0))
"""A carry that moves nothing."""

TILE = 512
"""Cells of a tile: 4 KB an array, so that eight of them fit into a cache of 32 KB."""

WINDOW_TYPES = ("const float64[:, ::1]", "const float64[:, ::1]", "const int64[::1]")
"""Types of an array, its carry and ascending windows."""


def plain_carry(carry: Carry | FloatArray | None) -> FloatArray:
    """Return a carry as the contiguous array that compiled kernels take."""
    if carry is None:
        return NOTHING_MOVED
    return np.ascontiguousarray(carry.x if isinstance(carry, Carry) else carry)


def ascending(windows: tuple[int, ...]) -> NDArray[np.int64]:
    """Return windows as the array that compiled kernels take.

    Raises
    ------
    ValueError : they do not ascend from at least 1
    """
    lengths = np.asarray(windows, dtype=np.int64)
    if not len(lengths) or lengths[0] < 1 or (np.diff(lengths) <= 0).any():
        raise ValueError(f"windows must ascend from at least 1, not be {windows}")
    return lengths


@compiled()
def grow_tile(
    factor: FloatArray, carry: FloatArray, first: int, stop: int, back: int, columns: int
) -> None:
    """Turn C[t, k-1] into C[t, k] for the flat cells first … stop - 1; `back` is k · columns."""
    moves = carry[first - back + columns : stop - back + columns]
    for j in range(stop - first):
        factor[j] *= moves[j]


@compiled()
def grow_sum(
    total: FloatArray, carry: FloatArray, first: int, stop: int, back: int, columns: int
) -> None:
    """Add to sums of logarithms what `grow_tile` multiplies."""
    moves = carry[first - back + columns : stop - back + columns]
    for j in range(stop - first):
        total[j] += moves[j]


@compiled()
def known_rows(x: FloatArray) -> NDArray[np.int64]:
    """Known values in a row up to each cell: 0 where it is NaN; a flat array."""
    rows, columns = x.shape
    known = np.zeros(rows * columns, dtype=np.int64)
    for t in range(rows):
        for s in range(columns):
            if x[t, s] == x[t, s]:
                known[t * columns + s] = 1 + (known[(t - 1) * columns + s] if t else 0)
    return known


def lagged(x: FloatArray, factor: FloatArray, k: int) -> FloatArray:
    """Return x[t-k] · factor[t]: NumPy's way to the same rows, NaN where there is none."""
    result = np.full_like(x, np.nan)
    if k < len(x):
        result[k:] = x[: len(x) - k] * factor[k:]
    return result


def grow_factor(factor: FloatArray, carry: FloatArray, k: int) -> None:
    """Turn C[t, k-1] into C[t, k] in place; nothing for k = 0."""
    if k and carry.shape[0] and k <= len(factor):
        factor[k:] *= carry[1 : len(carry) - k + 1]
