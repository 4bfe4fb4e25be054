"""What was computed of a block into its place in a larger array, with NaN where it is not finite.

What does not belong here: how work is cut into blocks (`features/compute.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled
from quant_platform.kernels.window_loops import is_worth_it

Place = tuple[int, int]
"""Row and column."""


def keep_finite(values: FloatArray, skipped: int, target: NDArray[Any], at: Place) -> None:
    """Write the rows of `values` after the first `skipped` ones into `target`, from `at` on.

    Parameters
    ----------
    target : float64 or float32, contiguous; what float32 cannot hold is not finite there
    """
    store = _keep_reference
    if is_worth_it(values, target):
        store = _keep_float4 if target.dtype == np.float32 else _keep_float8
    store(values, skipped, target, *at)


def _keep_reference(
    values: FloatArray, skipped: int, target: NDArray[Any], row: int, column: int
) -> None:
    rows, columns = values.shape
    place = target[row : row + rows - skipped, column : column + columns]
    with np.errstate(over="ignore"):
        place[:] = values[skipped:]
    np.copyto(place, np.nan, where=~np.isfinite(place))


@compiled(
    *("const float64[:, ::1]", "int64", "float64[:, ::1]", "int64", "int64"),
    reference=_keep_reference,
)
def _keep_float8(
    values: FloatArray, skipped: int, target: NDArray[np.float64], row: int, column: int
) -> None:
    for t in range(skipped, values.shape[0]):
        for s in range(values.shape[1]):
            value = values[t, s]
            target[row + t - skipped, column + s] = value if value - value == 0.0 else np.nan


@compiled(
    *("const float64[:, ::1]", "int64", "float32[:, ::1]", "int64", "int64"),
    reference=_keep_reference,
)
def _keep_float4(
    values: FloatArray, skipped: int, target: NDArray[np.float32], row: int, column: int
) -> None:
    for t in range(skipped, values.shape[0]):
        for s in range(values.shape[1]):
            value = np.float32(values[t, s])
            finite = value - value == np.float32(0.0)
            target[row + t - skipped, column + s] = value if finite else np.float32(np.nan)
