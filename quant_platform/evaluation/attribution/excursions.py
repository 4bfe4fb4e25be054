"""Excursions: the best and the worst that a round trip was worth while it was open.

What does not belong here: which trips there are (`trips.py`, which says what counts).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class Spans:
    """Trips: of which security, on which side, and from when to when.

    Attributes
    ----------
    column, side : number of the security; 1 bought, −1 sold short
    entry, exit : numbers of the sessions; entry −1: before the first
    closed : whether the exit is one; else the last session
    price : at entry, in the units of `worth`
    gained : up to the exit by a share that is long, with dividends; read where closed
    """

    column: NDArray[np.int64]
    side: FloatArray
    entry: NDArray[np.int64]
    exit: NDArray[np.int64]
    closed: BoolArray
    price: FloatArray
    gained: FloatArray


def excursions(
    worth: FloatArray, received: FloatArray, trips: Spans
) -> tuple[FloatArray, FloatArray]:
    """Return the largest gain and the largest loss of each trip, as shares of its entry price.

    Parameters
    ----------
    worth : (T, N) closes in units of one session, NaN without a bar
    received : (T, N) dividends of a share up to each session, in the same units
    """
    start = np.maximum(trips.entry, 0)
    stop = np.where(trips.closed, trips.exit, trips.exit + 1)
    high, low = extremes(worth + received, trips.column, start, stop)
    # The closes count dividends from the first session on, a trip those after its entry.
    already = np.where(trips.entry >= 0, received[start, trips.column], 0.0)
    up, down = high - already - trips.price, low - already - trips.price
    is_long = trips.side > 0.0
    at_exit = np.where(trips.closed, trips.side * trips.gained, 0.0)
    best = np.fmax(np.where(is_long, up, -down), at_exit)
    worst = np.fmin(np.where(is_long, down, -up), at_exit)
    return np.fmax(best, 0.0) / trips.price, np.fmin(worst, 0.0) / trips.price


def extremes(
    values: FloatArray,
    column: NDArray[np.int64],
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
) -> tuple[FloatArray, FloatArray]:
    """Return the largest and the smallest of values[start:stop, column] of many ranges.

    NaN cells do not count; a range without any other has NaN. The ranges of a length between 2^k
    and 2^(k+1) are each two overlapping ones of length 2^k, of which the extremes are found once
    for all (M. Bender and M. Farach-Colton, "The LCA Problem Revisited", LATIN 2000).

    Examples
    --------
    >>> values = np.array([[1.0], [5.0], [np.nan], [2.0]])
    >>> at = np.zeros(2, dtype=np.int64)
    >>> high, low = extremes(values, at, np.array([0, 2]), np.array([3, 4]))
    >>> high.tolist(), low.tolist()
    ([5.0, 2.0], [1.0, 2.0])
    """
    high, low = np.full(len(column), np.nan), np.full(len(column), np.nan)
    length = np.maximum(stop - start, 0)
    level = np.full(len(column), -1)
    some = length > 0
    level[some] = np.floor(np.log2(length[some])).astype(np.int64)
    most, least = values, values
    for each in range(int(level.max(initial=-1)) + 1):
        if each:
            step = 1 << (each - 1)
            most = np.fmax(most[:-step], most[step:])
            least = np.fmin(least[:-step], least[step:])
        at = np.flatnonzero(level == each)
        first, second = start[at], stop[at] - (1 << each)
        high[at] = np.fmax(most[first, column[at]], most[second, column[at]])
        low[at] = np.fmin(least[first, column[at]], least[second, column[at]])
    return high, low
