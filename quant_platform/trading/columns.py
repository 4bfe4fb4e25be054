"""From the rows that the engine writes to columns of frames.

What does not belong here: which columns there are (`simulation.py`, `portfolio_state.py`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray

BLOCK = 4096
"""Rows that are turned at a time: they fit into the processor's cache, which is 8 times faster."""


MOST_PLACES = 8
"""Places a key for which there is memory while keys are counted: 64 bytes a row."""


def columns_of(rows: FloatArray) -> FloatArray:
    """Return a copy of rows by column."""
    columns = np.empty(rows.shape[::-1])
    for start in range(0, len(rows), BLOCK):
        columns[:, start : start + BLOCK] = rows[start : start + BLOCK].T
    return columns


def names_of(names: Sequence[str], numbers: FloatArray | NDArray[np.int64]) -> Any:
    """Names by their numbers; taking from an Arrow array is faster than a list of objects."""
    return pd.array(list(names), dtype="str").take(numbers.astype(np.intp))


def counted(keys: FloatArray) -> NDArray[np.int64]:
    """Count the rows of each key from 1, in their order.

    Parameters
    ----------
    keys : whole numbers from 0

    Examples
    --------
    >>> counted(np.array([2.0, 1.0, 2.0, 2.0])).tolist()
    [1, 1, 2, 3]
    """
    if not len(keys):
        return np.empty(0, dtype=np.int64)
    # Nearly always every key comes once: counting needs no order.
    if keys.max() < MOST_PLACES * len(keys) and np.bincount(keys.astype(np.int64)).max() == 1:
        return np.ones(len(keys), dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    begins = np.flatnonzero(np.diff(keys[order], prepend=-1.0))
    numbers = np.empty(len(keys), dtype=np.int64)
    lengths = np.diff(begins, append=len(keys))
    numbers[order] = np.arange(1, len(keys) + 1) - np.repeat(begins, lengths)
    return numbers
