"""What a factor foretold, session by session: correlations, slopes, and returns by quantile.

All arrays are (sessions, securities); row t of `later` is the return after session t. Each row of
a result depends on the rows of its own session, or of `lag` sessions before, and on nothing else.

What does not belong here: which prices returns are made of (`market/later_returns.py`), and what
many sessions say together (`factor_study.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.cross_pairs import (
    FIGURES,
    PAIRS,
    PEARSON,
    SLOPE,
    SPEARMAN,
    GroupArray,
    centred_ranks,
    pair_figures,
)
from quant_platform.kernels.threads import by_rows

LEAST_PAIRS = 3
"""Securities of a session, or of a group of it, below which a correlation says nothing."""

QuantileArray = NDArray[np.int8]
"""Quantile from 1 (lowest) up; 0: none."""

MOST_GROUPS = 127
"""Groups, and quantiles, that the arrays can number."""


@dataclass(frozen=True, eq=False)
class Ordered:
    """Values with the ascending order of each session, so that they are sorted once.

    Attributes
    ----------
    values : NaN where unknown; infinite values are unknown
    order : columns of each row in ascending order, unknown ones last
    """

    values: FloatArray
    order: NDArray[np.int64]

    @classmethod
    def of(
        cls, values: FloatArray, where: BoolArray | None = None, *, stable: bool = True
    ) -> "Ordered":
        """Order values, those of the cells in `where`.

        Parameters
        ----------
        stable : whether of equal values the earlier column comes first, as quantiles need it; ranks
            are the same without, in half the time
        """
        finite = np.isfinite(values)
        known = np.where(finite if where is None else finite & where, values, np.nan)
        order = np.empty(known.shape, dtype=np.int64)

        def work(rows: slice) -> None:
            order[rows] = np.argsort(known[rows], axis=1, kind="stable" if stable else "quicksort")

        by_rows(work, known.shape)
        return cls(np.ascontiguousarray(known), order)

    def __len__(self) -> int:
        return len(self.values)

    def since(self, first: int) -> "Ordered":
        """Return the sessions from number `first` on, as views."""
        return Ordered(self.values[first:], self.order[first:])

    def until(self, last: int) -> "Ordered":
        """Return the first `last` sessions, as views."""
        return Ordered(self.values[:last], self.order[:last])

    @property
    def known(self) -> NDArray[np.int64]:
        """Known values of each session."""
        count: NDArray[np.int64] = np.isfinite(self.values).sum(axis=1)
        return count


@dataclass(frozen=True, eq=False)
class PairFigures:
    """How values and later returns go together: arrays of (sessions, groups).

    Attributes
    ----------
    pairs : securities with both
    ic : Pearson's correlation, NaN with fewer than `LEAST_PAIRS` pairs and where all values, or
        all returns, are the same
    rank_ic : Spearman's; equal values share their mean rank
    slope : of the least-squares line, return per unit of the value
    """

    pairs: FloatArray
    ic: FloatArray
    rank_ic: FloatArray
    slope: FloatArray


def pair_up(
    values: Ordered, later: Ordered, groups: GroupArray | None = None, count: int = 1
) -> PairFigures:
    """Pair values with later returns, over all securities or within each of `count` groups.

    The rank correlation is the information coefficient of Grinold and Kahn, *Active Portfolio
    Management*, 2nd ed., 2000, ch. 6, the slope that of Fama and MacBeth, "Risk, Return, and
    Equilibrium", *Journal of Political Economy* 81(3), 1973.

    Parameters
    ----------
    groups : number of each security's group from 0 on, −1 for none; None: one group of all
    """
    sessions = len(values)
    nobody = np.empty((sessions, 0), dtype=np.int8)
    dealt = nobody if groups is None else np.ascontiguousarray(groups)
    found = np.empty((sessions, count, FIGURES))

    def work(rows: slice) -> None:
        pair_figures(
            values.values[rows],
            later.values[rows],
            values.order[rows],
            later.order[rows],
            dealt[rows],
            LEAST_PAIRS,
            found[rows],
        )

    by_rows(work, values.values.shape)
    return PairFigures(*(found[:, :, each] for each in (PAIRS, PEARSON, SPEARMAN, SLOPE)))


def ranks_of(values: Ordered) -> Ordered:
    """Ranks within each session less their mean, equal values sharing theirs; NaN where unknown."""
    found = np.empty(values.values.shape)
    by_rows(
        lambda rows: centred_ranks(values.values[rows], values.order[rows], found[rows]),
        found.shape,
    )
    return Ordered(found, values.order)


def rank_autocorrelation(ranks: Ordered, lag: int) -> FloatArray:
    """Correlation of the ranks of a session with those `lag` sessions before; NaN where unknown.

    Ranks are those among all securities of their own session; the correlation is over the
    securities that have one in both.
    """
    found = np.full(len(ranks), np.nan)
    if lag < len(ranks):
        found[lag:] = pair_up(ranks.until(len(ranks) - lag), ranks.since(lag)).ic[:, 0]
    return found


def quantiles_of(values: Ordered, quantiles: int | NDArray[np.int64]) -> QuantileArray:
    """Quantile of each value among those of its session, from 1 (lowest) up; 0: unknown.

    The k-th of n values is in quantile ⌈k · quantiles / n⌉: each holds as many securities as
    another, or one less. Of equal values the earlier security is the lower.

    Parameters
    ----------
    quantiles : how many there are, in all sessions or in each
    """
    count = values.known[:, None]
    of = np.broadcast_to(np.asarray(quantiles), len(values))[:, None]
    place = np.arange(1, values.values.shape[1] + 1)[None, :]
    number = -(-place * of // np.maximum(count, 1))
    number = np.where(place <= count, number, 0).astype(np.int8)
    found = np.zeros(values.values.shape, dtype=np.int8)
    np.put_along_axis(found, values.order, number, axis=1)
    return found


def quantile_returns(of: QuantileArray, later: FloatArray, quantiles: int) -> FloatArray:
    """Mean later return of the securities of each quantile: (sessions, quantiles), NaN for none."""
    known = np.isfinite(later)
    cells = _cells(np.where(known, of, 0), quantiles)
    size = len(of) * (quantiles + 1)
    total = np.bincount(cells, np.where(known, later, 0.0).ravel(), size)
    count = np.bincount(cells, minlength=size)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means.reshape(len(of), quantiles + 1)[:, 1:]


def quantile_turnover(of: QuantileArray, quantiles: int, lag: int = 1) -> FloatArray:
    """Share of each quantile's securities that were not in it `lag` sessions before.

    Returns
    -------
    (sessions, quantiles); NaN in the first `lag` sessions, and where either quantile is empty.
    """
    found = np.full((len(of), quantiles), np.nan)
    if lag < len(of):
        now, then = of[lag:], of[:-lag]
        size = len(now) * (quantiles + 1)
        shape = (len(now), quantiles + 1)
        count, before, stayed = (
            np.bincount(_cells(each, quantiles), minlength=size).reshape(shape)[:, 1:]
            for each in (now, then, np.where(now == then, now, 0))
        )
        known = (count > 0) & (before > 0)
        found[lag:] = np.where(known, 1.0 - stayed / np.maximum(count, 1), np.nan)
    return found


def _cells(of: QuantileArray, quantiles: int) -> NDArray[np.int64]:
    """Number of each cell's session and quantile together."""
    cells: NDArray[np.int64] = (np.arange(len(of))[:, None] * (quantiles + 1) + of).ravel()
    return cells
