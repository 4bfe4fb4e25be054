"""Sums of what rises and of what falls, over windows of several lengths in one pass.

The rows of a window are walked from the newest back (see `rolling_rows.py`), so a value is a
function of its window alone; it is NaN in the first n-1 rows and where the window holds a NaN. What
does not belong here: means and deviations (`rolling_moments.py`), and sums of single lengths
(`windows.py`).
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
    lagged,
    plain_carry,
)
from quant_platform.kernels.windows import Carry

RISES, FALLS = range(2)


def sums_by_sign(
    x: FloatArray, windows: tuple[int, ...], carry: Carry | FloatArray | None = None
) -> FloatArray:
    """Return Σ max(x, 0) and Σ max(−x, 0) over the last n rows: shape (2, windows, T, N).

    Examples
    --------
    >>> sums_by_sign(np.array([[1.0], [-3.0], [2.0]]), (2, 3))[:, :, 2, 0].tolist()
    [[2.0, 3.0], [3.0, 3.0]]
    """
    return _sums_by_sign(np.ascontiguousarray(x), plain_carry(carry), ascending(windows))


def _sums_reference(x: FloatArray, carry: FloatArray, windows: NDArray[np.int64]) -> FloatArray:
    result = np.full((2, len(windows), *x.shape), np.nan)
    rises, falls = np.zeros((2, *x.shape))
    factor, place = np.ones_like(x), 0
    for k in range(int(windows[-1])):
        grow_factor(factor, carry, k)
        older = lagged(x, factor, k)
        rises += np.maximum(older, 0.0)
        falls += np.maximum(-older, 0.0)
        if k + 1 == windows[place]:
            result[RISES, place], result[FALLS, place] = rises, falls
            place += 1
    return result


@compiled(*WINDOW_TYPES, reference=_sums_reference)
def _sums_by_sign(x: FloatArray, carry: FloatArray, windows: NDArray[np.int64]) -> FloatArray:
    rows, columns = x.shape
    cells = rows * columns
    result = np.full((2, len(windows), cells), np.nan)
    values, moves = x.reshape(cells), carry.reshape(carry.size)
    sums, factor = np.empty(2 * TILE), np.empty(TILE)
    for start in range((windows[0] - 1) * columns, cells, TILE):
        stop = min(cells, start + TILE)
        sums[:] = 0.0
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
                _add_by_sign(
                    sums[at - start :], values[at - back : stop - back], factor[at - start :]
                )
            shortest = n
            result[0, place, first:stop] = sums[first - start : stop - start]
            result[1, place, first:stop] = sums[TILE + first - start : TILE + stop - start]
    return result.reshape((2, len(windows), rows, columns))


@compiled()
def _add_by_sign(sums: FloatArray, older: FloatArray, factor: FloatArray) -> None:
    """Add each value to the sum of its sign, and NaN to both."""
    for j in range(len(older)):
        value = older[j] * factor[j]
        sums[j] += 0.0 if value <= 0.0 else value
        sums[TILE + j] += 0.0 if value >= 0.0 else -value
