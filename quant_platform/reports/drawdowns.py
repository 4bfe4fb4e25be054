"""The deepest drawdowns of an equity curve, each with its sessions.

1. A drawdown begins at the last close at the highest equity so far (its peak) and ends at the first
   close that is as high again; its trough is the lowest close between them.
2. They do not overlap: an equity is below one peak at a time.

What does not belong here: the maximum drawdown of a window (`evaluation/metrics.py`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray


class Drawdown(NamedTuple):
    """One fall below a peak.

    Attributes
    ----------
    peak, trough : sessions
    recovered : session with the peak's equity again; None: not yet
    depth : at the trough, as a negative fraction of the peak
    sessions_down : sessions from peak to trough
    sessions_back : from trough to recovery, or to the last session
    """

    peak: np.datetime64
    trough: np.datetime64
    recovered: np.datetime64 | None
    depth: float
    sessions_down: int
    sessions_back: int


def worst_drawdowns(
    dates: NDArray[np.datetime64], equity: FloatArray, count: int
) -> list[Drawdown]:
    """The deepest drawdowns, deepest first; of equal ones the earlier first.

    Parameters
    ----------
    dates : (T,) sessions, oldest first
    equity : (T,) equity at their closes, of which the first is positive
    count : at most so many
    """
    if not len(equity):
        return []
    highest = np.maximum.accumulate(equity)
    below = equity < highest
    edges = np.diff(np.concatenate(([False], below, [False])).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return []
    depths = np.minimum.reduceat(equity / highest - 1.0, starts)
    # A part of `reduceat` reaches to the next start; what lies between is at its peak: 0.
    order = np.argsort(depths, kind="stable")[:count]
    found = []
    for place in order:
        start, stop = int(starts[place]), int(stops[place])
        trough = start + int(np.argmin(equity[start:stop]))
        is_over = stop < len(equity)
        found.append(
            Drawdown(
                dates[start - 1],
                dates[trough],
                dates[stop] if is_over else None,
                float(depths[place]),
                trough - (start - 1),
                (stop if is_over else len(equity) - 1) - trough,
            )
        )
    return found
