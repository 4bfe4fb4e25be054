"""Functions of one session's cross-section at a time, along (sessions, securities) arrays.

A row of a result depends on that row's cells in `where` and on nothing else: sums run from the
first security to the last, so that further columns without a value change no bit. What does not
belong here: panels, and what is held from session to session.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray

Ties = Literal["average", "first"]
"""Rank of equal values: their mean rank, or the earlier column first."""


def rank(values: FloatArray, where: BoolArray, ties: Ties = "average") -> FloatArray:
    """Ascending ranks as a fraction of the cells in `where`: above 0, the largest 1; NaN elsewhere.

    Parameters
    ----------
    ties : "average", as `pandas.DataFrame.rank(pct=True)`, or "first"
    """
    order, count = _ascending(values, where)
    place = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    of_order: FloatArray = place.astype(np.float64) + 1.0
    if ties == "average":
        ordered = np.take_along_axis(np.where(where, values, np.inf), order, axis=1)
        starts = np.ones(values.shape, dtype=bool)
        starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        # Cells that are not in `where` stand at the end; they are no part of the last group.
        starts |= place == count
        ends = np.ones(values.shape, dtype=bool)
        ends[:, :-1] = starts[:, 1:]
        first = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
        last = np.where(ends, place, values.shape[1])[:, ::-1]
        last = np.minimum.accumulate(last, axis=1)[:, ::-1]
        of_order = (first + last).astype(np.float64) / 2.0 + 1.0
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, of_order, axis=1)
    return np.where(where, ranks / np.maximum(count, 1), np.nan)


def zscore(values: FloatArray, where: BoolArray) -> FloatArray:
    """(x − mean) / standard deviation (divisor n) of the cells in `where`; NaN elsewhere.

    NaN, too, in rows whose values are all the same.
    """
    count = where.sum(axis=1, keepdims=True)
    known = np.where(where, values, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where(where, values - _sums(known) / count, 0.0)
        deviation = np.sqrt(_sums(away * away) / count)
        scores = away / np.where(_differ(values, where), deviation, np.nan)
    return np.where(where, scores, np.nan)


def neutralize(values: FloatArray, groups: NDArray[np.integer], where: BoolArray) -> FloatArray:
    """Value − mean of its group, over the cells in `where`; NaN elsewhere, and without a group.

    Parameters
    ----------
    groups : number of the group, −1 for none
    """
    where = where & (groups >= 0)
    rows, columns = np.nonzero(where)
    of_cell = values[rows, columns]
    cell_groups = groups[rows, columns].astype(np.int64)
    keys = rows * (int(cell_groups.max(initial=0)) + 1) + cell_groups
    means = np.bincount(keys, of_cell) / np.maximum(np.bincount(keys), 1)
    neutral = np.full(values.shape, np.nan)
    neutral[rows, columns] = of_cell - means[keys]
    return neutral


def winsorize(
    values: FloatArray, where: BoolArray, lower: float = 0.01, upper: float = 0.99
) -> FloatArray:
    """Values moved to two quantiles of the cells in `where` if they lie outside; NaN elsewhere.

    Quantiles are interpolated linearly, as `numpy.quantile`'s default (type 7 of Hyndman and Fan,
    "Sample Quantiles in Statistical Packages", *American Statistician* 50, 1996).
    """
    order, count = _ascending(values, where)
    ordered = np.take_along_axis(values, order, axis=1)
    least, most = (_quantile(ordered, count, fraction) for fraction in (lower, upper))
    return np.where(where, np.clip(values, least, most), np.nan)


def best(values: FloatArray, where: BoolArray, n: int) -> BoolArray:
    """The n largest cells in `where` of each row; of equal ones the earlier column goes first."""
    order = np.argsort(np.where(where, -values, np.inf), axis=1, kind="stable")
    chosen = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(chosen, order[:, :n], True, axis=1)
    return chosen & where


def _ascending(values: FloatArray, where: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns of each row in ascending order, those not in `where` last; and how many are in it."""
    order = np.argsort(np.where(where, values, np.inf), axis=1, kind="stable")
    return order, where.sum(axis=1, keepdims=True)


def _quantile(ordered: FloatArray, count: NDArray[np.intp], fraction: float) -> FloatArray:
    """Quantile of the first `count` cells of each row; arbitrary where there are none."""
    if not ordered.shape[1]:
        return np.full((len(ordered), 1), np.nan)
    place = fraction * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.intp)
    above = np.ceil(place).astype(np.intp)
    low, high = (np.take_along_axis(ordered, at, axis=1) for at in (below, above))
    return low + (high - low) * (place - below)


def _sums(values: FloatArray) -> FloatArray:
    """Sum of each row from the first column to the last, in that order."""
    if not values.shape[1]:
        return np.zeros((len(values), 1))
    return np.cumsum(values, axis=1)[:, -1:]


def _differ(values: FloatArray, where: BoolArray) -> BoolArray:
    """Rows that hold two different values."""
    least = np.where(where, values, np.inf).min(axis=1, initial=np.inf, keepdims=True)
    most = np.where(where, values, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
    return np.asarray(least < most)
