"""How many independent trials a number of similar ones amount to, by two methods, as a stream.

1. **Effective rank**: exp(−Σ p·log p), where p are the eigenvalues of the trials' correlation
   matrix over their sum (O. Roy and M. Vetterli, "The Effective Rank: A Measure of Effective
   Dimensionality", European Signal Processing Conference, 2007). It is at most the number of
   sessions, however many trials there are.
2. **Clusters**: a trial joins a leader that it is correlated with by at least `SAME_IDEA`; without
   one it becomes a leader itself (J. Hartigan, "Clustering Algorithms", 1975, chapter 3). Each
   cluster counts as one trial, as proposed by M. López de Prado and M. Lewis, "Detection of False
   Investment Strategies Using Unsupervised Learning Methods", Quantitative Finance 19, 2019, with
   another way to find clusters. Returns are first summed over equal stretches, so that at most
   `MOST_STRETCHES` are compared.

Trials come in batches, in the order in which they were made. A later one changes nothing of what an
earlier one was found to be, and memory grows with the sessions and the leaders only. What does not
belong here: what the number is used for (`sharpe_inference.py`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.evaluation.metrics import ROOT_YEAR
from quant_platform.kernels.arrays import FloatArray

SAME_IDEA = 0.5
"""Correlation from which on two trials are taken for one idea."""

MOST_STRETCHES = 256
"""Stretches of sessions by which trials are clustered."""

BATCH = 1_000
"""Trials worked on at a time."""


class Tried(NamedTuple):
    """What was tried beside the models that are compared.

    Attributes
    ----------
    ratios : (N,) annualised Sharpe ratios of these trials
    sessions : (N,) sessions that each was run over
    effective : number of independent trials that they amount to, at most N
    """

    ratios: FloatArray
    sessions: FloatArray
    effective: float

    def over(self, count: int) -> FloatArray:
        """Ratios, those of fewer than `count` sessions scaled to as many, (N,).

        Without skill the deviation of a ratio over n sessions is √(252 ÷ n) a year (A. Lo, "The
        Statistics of Sharpe Ratios", Financial Analysts Journal 58(4), 2002): what a few sessions
        show by chance says nothing of how far ratios over years spread.

        Examples
        --------
        >>> Tried(np.array([8.0, 1.0]), np.array([63.0, 2520.0]), 2.0).over(252).tolist()
        [4.0, 1.0]
        """
        return self.ratios * np.sqrt(np.minimum(self.sessions / max(count, 1), 1.0))


class Trials(NamedTuple):
    """What the models were chosen from.

    Attributes
    ----------
    raw, effective : number of trials; effective may be a fraction
    deviation : standard deviation of their annualised Sharpe ratios
    """

    raw: int
    effective: float
    deviation: float


class EffectiveTrials:
    """Counts trials as they come.

    Parameters
    ----------
    sessions : returns of each trial
    clustered : whether clusters are counted, too, which takes longer the more of them there are

    Examples
    --------
    >>> returns = np.random.default_rng(1).normal(size=(3, 500))
    >>> counted = EffectiveTrials(500)
    >>> counted.add(np.repeat(returns, 10, axis=0))
    >>> counted.raw, counted.clusters, round(counted.effective_rank)
    (30, 3, 3)
    """

    def __init__(self, sessions: int, *, clustered: bool = True) -> None:
        self.sessions = sessions
        self._clustered = clustered
        self.raw = 0
        self.usable = 0
        self._products = np.zeros((sessions, sessions), dtype=np.float32)
        self._leaders: list[NDArray[np.float32]] = []

    def add(self, returns: FloatArray) -> None:
        """Add trials, (K, T). One with a gap or without deviation counts as a raw trial only.

        Raises
        ------
        ContractError
            The trials have another number of sessions.
        """
        values = np.atleast_2d(np.asarray(returns, dtype=np.float64))
        if values.shape[1] != self.sessions:
            raise ContractError(
                f"The trials have {values.shape[1]} sessions, those before had {self.sessions}",
                "Give the returns of the sessions that all trials have",
            )
        for start in range(0, len(values), BATCH):
            self._add(values[start : start + BATCH])

    def _add(self, values: FloatArray) -> None:
        self.raw += len(values)
        unit = _standardised(values[np.isfinite(values).all(axis=1)])
        if not len(unit):
            return
        self.usable += len(unit)
        single = unit.astype(np.float32)
        self._products += single.T @ single
        if self._clustered:
            self._join(_standardised(_stretches(unit)).astype(np.float32))

    def _join(self, summed: NDArray[np.float32]) -> None:
        """Give each trial to a leader, or make it one."""
        if self._leaders:
            known = np.stack(self._leaders)
            summed = summed[(summed @ known.T).max(axis=1) < SAME_IDEA]
        alike = summed @ summed.T >= SAME_IDEA
        joined = np.zeros(len(summed), dtype=bool)
        for place, values in enumerate(summed):
            if not joined[place]:
                self._leaders.append(values)
                joined |= alike[place]

    @property
    def clusters(self) -> int:
        """Number of clusters; 0 where they are not counted."""
        return len(self._leaders)

    @property
    def effective_rank(self) -> float:
        """Effective rank of the correlation matrix; NaN without a usable trial."""
        if not self.usable:
            return math.nan
        # The products over sessions have the eigenvalues of the trials' correlation matrix.
        eigenvalues = np.linalg.eigvalsh(self._products).astype(np.float64)
        share = np.maximum(eigenvalues, 0.0) / np.maximum(eigenvalues, 0.0).sum()
        share = share[share > np.finfo(np.float32).eps]
        return float(np.exp(-(share * np.log(share)).sum()))


def effective_rank(correlation: FloatArray) -> float:
    """Effective rank of a correlation matrix, (N, N); NaN if it is empty or has a gap."""
    if not len(correlation) or not np.isfinite(correlation).all():
        return math.nan
    share = np.maximum(np.linalg.eigvalsh(correlation), 0.0) / len(correlation)
    share = share[share > 0.0]
    return float(np.exp(-(share * np.log(share)).sum()))


def _stretches(values: FloatArray) -> FloatArray:
    """Sums over equal stretches of the last sessions, at most `MOST_STRETCHES` of them."""
    sessions = values.shape[1]
    length = -(-sessions // MOST_STRETCHES)
    count = sessions // length
    cut = values[:, sessions - count * length :].reshape(len(values), count, length)
    return np.asarray(cut.sum(axis=2))


def _standardised(values: FloatArray) -> FloatArray:
    """Rows with mean 0 and sum of squares 1, so that products are correlations.

    Those that do not vary are left out.
    """
    if not values.shape[1]:
        return values[:0]
    deviation = values - values.mean(axis=1, keepdims=True)
    size = np.sqrt((deviation * deviation).sum(axis=1, keepdims=True))
    varies = size[:, 0] > 1e-9 * np.abs(values).max(axis=1)
    return np.asarray(deviation[varies] / size[varies])


def count_trials(
    covariance: FloatArray, ratios: FloatArray, count: int, tried: Tried | None = None
) -> Trials:
    """Count models that are compared, and what was tried beside them.

    Parameters
    ----------
    covariance : (M, M) of the models' returns
    ratios : (M,) their Sharpe ratios per session; NaN: the model does not vary, and is no trial
    count : sessions that they were run over
    """
    varies = np.isfinite(ratios)
    effective = float(varies.sum())
    if effective > 1.0:
        covariance = covariance[np.ix_(varies, varies)]
        size = np.sqrt(np.diagonal(covariance))
        effective = effective_rank(covariance / np.outer(size, size))
    known = ratios[varies] * ROOT_YEAR
    if tried is not None:
        known = np.concatenate([known, tried.over(count)])
        effective += tried.effective
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return Trials(len(known), effective, spread)
