"""How two arrays go together in each session: correlations and slopes, whole or by group.

1. Both arrays come with the order of each row, so that one sorting serves every horizon, lag and
   grouping. A pair is a security that has both values and a group.
2. The order is dealt out to the groups; within each, equal values share their mean rank.
3. Sums run from the first security to the last: further columns without a pair change no bit.

What does not belong here: which values and returns are paired (`evaluation/factor_sessions.py`).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled

IntArray = NDArray[np.int64]
GroupArray = NDArray[np.int8]

PAIRS, PEARSON, SPEARMAN, SLOPE = range(4)
"""Places of the figures: number of pairs, both correlations, and the slope of `y` on `x`."""

FIGURES = 4


@compiled()
def rank_groups(
    values: FloatArray,
    order: IntArray,
    group: IntArray,
    bounds: IntArray,
    dealt: IntArray,
    ranks: FloatArray,
) -> None:
    """Write the rank of each pair within its group, less the group's mean rank.

    Parameters
    ----------
    values, order : (N,) the values, and their ascending order
    group : (N,) group of each pair, −1 for none
    bounds : (G + 1,) where the groups begin when they stand one after the other
    dealt : (N,) is written: the pairs, group after group, each in ascending order
    ranks : (N,) is written
    """
    groups = len(bounds) - 1
    filled = bounds[:-1].copy()
    for at in order:
        of = group[at]
        if of >= 0:
            dealt[filled[of]] = at
            filled[of] += 1
    for of in range(groups):
        begin, end = bounds[of], bounds[of + 1]
        middle = 0.5 * (begin + end - 1)
        first = begin
        while first < end:
            behind = first + 1
            while behind < end and values[dealt[behind]] == values[dealt[first]]:
                behind += 1
            rank = 0.5 * (first + behind - 1) - middle
            for place in range(first, behind):
                ranks[dealt[place]] = rank
            first = behind


@compiled()
def sum_groups(
    x: FloatArray,
    y: FloatArray,
    x_ranks: FloatArray,
    y_ranks: FloatArray,
    group: IntArray,
    sums: FloatArray,
) -> None:
    """Add up, by group, the squares and products of values and of ranks, less their means.

    Parameters
    ----------
    sums : (G, 9) number of pairs and means of x and y, and behind them the six sums, still 0
    """
    for at in range(len(x)):
        of = group[at]
        if of >= 0:
            one, other = x[at] - sums[of, 1], y[at] - sums[of, 2]
            sums[of, 3] += one * one
            sums[of, 4] += other * other
            sums[of, 5] += one * other
            sums[of, 6] += x_ranks[at] * x_ranks[at]
            sums[of, 7] += y_ranks[at] * y_ranks[at]
            sums[of, 8] += x_ranks[at] * y_ranks[at]


@compiled()
def write_figures(sums: FloatArray, least: int, found: FloatArray) -> None:
    """Turn the sums of each group into its figures; (G, 4) `found` is written."""
    for of in range(len(sums)):
        found[of, PAIRS] = sums[of, 0]
        found[of, 1:] = np.nan
        # Ranks are exact: without a difference of values their sum of squares is 0.
        if sums[of, 0] >= least and sums[of, 6] > 0.0 and sums[of, 7] > 0.0:
            scale = np.sqrt(sums[of, 3]) * np.sqrt(sums[of, 4])
            if scale > 0.0 and scale < np.inf:
                found[of, PEARSON] = min(max(sums[of, 5] / scale, -1.0), 1.0)
                found[of, SLOPE] = sums[of, 5] / sums[of, 3]
            scale = np.sqrt(sums[of, 6]) * np.sqrt(sums[of, 7])
            found[of, SPEARMAN] = min(max(sums[of, 8] / scale, -1.0), 1.0)


@compiled(
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "const int64[:, ::1]",
    "const int64[:, ::1]",
    "const int8[:, ::1]",
    "int64",
    "float64[:, :, ::1]",
)
def pair_figures(
    x: FloatArray,
    y: FloatArray,
    x_order: IntArray,
    y_order: IntArray,
    groups: GroupArray,
    least: int,
    found: FloatArray,
) -> None:
    """Write the figures of each session and group.

    Parameters
    ----------
    x, y : (T, N) values, NaN where unknown
    x_order, y_order : (T, N) the ascending order of each row
    groups : (T, N) group of each security from 0 on, −1 for none; with no columns: all are of
        group 0
    least : pairs below which, and where all `x` or all `y` are the same, a figure is NaN
    found : (T, G, 4) is written, by `PAIRS`, `PEARSON`, `SPEARMAN`, `SLOPE`
    """
    sessions, securities = x.shape
    count = found.shape[1]
    group = np.empty(securities, dtype=np.int64)
    dealt = np.empty(securities, dtype=np.int64)
    x_ranks, y_ranks = np.empty(securities), np.empty(securities)
    sums = np.empty((count, 9))
    bounds = np.zeros(count + 1, dtype=np.int64)
    for row in range(sessions):
        sums[:] = 0.0
        for at in range(securities):
            of = groups[row, at] if groups.shape[1] else 0
            if of >= 0 and x[row, at] == x[row, at] and y[row, at] == y[row, at]:
                group[at] = of
                sums[of, 0] += 1.0
                sums[of, 1] += x[row, at]
                sums[of, 2] += y[row, at]
            else:
                group[at] = -1
        for of in range(count):
            bounds[of + 1] = bounds[of] + int(sums[of, 0])
            sums[of, 1:3] /= max(sums[of, 0], 1.0)
        rank_groups(x[row], x_order[row], group, bounds, dealt, x_ranks)
        rank_groups(y[row], y_order[row], group, bounds, dealt, y_ranks)
        sum_groups(x[row], y[row], x_ranks, y_ranks, group, sums)
        write_figures(sums, least, found[row])


@compiled("const float64[:, ::1]", "const int64[:, ::1]", "float64[:, ::1]")
def centred_ranks(values: FloatArray, order: IntArray, found: FloatArray) -> None:
    """Write the ranks of each session's known values less their mean rank; NaN elsewhere.

    Parameters
    ----------
    values, order : (T, N) values, NaN where unknown, and the ascending order of each row
    found : (T, N) is written
    """
    sessions, securities = values.shape
    group = np.empty(securities, dtype=np.int64)
    dealt = np.empty(securities, dtype=np.int64)
    bounds = np.zeros(2, dtype=np.int64)
    for row in range(sessions):
        bounds[1] = 0
        for at in range(securities):
            known = values[row, at] == values[row, at]
            group[at] = 0 if known else -1
            bounds[1] += 1 if known else 0
        found[row] = np.nan
        rank_groups(values[row], order[row], group, bounds, dealt, found[row])
