"""From scores to probabilities: calibrators, and how well calibrated probabilities are.

1. **Isotonic**: the non-decreasing steps nearest to the outcomes (pool adjacent violators, every
   falling run at once until none is left), straight lines between scores that were seen, and the
   ends beyond them. B. Zadrozny and C. Elkan, "Transforming Classifier Scores into Accurate
   Multiclass Probability Estimates", KDD 2002.
2. **Platt**: 1 / (1 + exp(a · score + b)), by maximum likelihood on targets that are drawn in from
   0 and 1. J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with the steps of
   H.-T. Lin, C.-J. Lin and R. Weng, *Machine Learning* 68, 2007.
3. **Brier score**: mean squared difference of probability and outcome, and its parts by bins of the
   probability: reliability − resolution + uncertainty (A. Murphy, *Journal of Applied Meteorology*
   12, 1973), with what varies within the bins (D. Stephenson, C. Coelho and I. Jolliffe, *Weather
   and Forecasting* 23, 2008), so that the parts sum to the score.
4. **Expected calibration error**: mean distance of probability and frequency over bins, weighted
   by their sizes.

What does not belong here: which outcomes are known when (`probability.py`).
"""

from dataclasses import dataclass, field
from math import nan

import numpy as np

from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import BoolArray, FloatArray, IntArray

ISOTONIC, PLATT = "isotonic", "platt"

BINS = 10
"""Bins of equal width, from 0 to 1, that probabilities are looked at in."""

STEPS, TOLERANCE = 100, 1e-10
"""Newton steps of Platt's fit at most, and the gradient at which it ends."""


@dataclass(frozen=True, eq=False)
class Calibrator:
    """A function from scores to probabilities.

    Attributes
    ----------
    kind : `ISOTONIC` or `PLATT`
    scores, values : corners of the isotonic function, ascending
    slope, offset : a and b of Platt's
    """

    kind: str
    scores: FloatArray = field(default_factory=lambda: np.empty(0))
    values: FloatArray = field(default_factory=lambda: np.empty(0))
    slope: float = nan
    offset: float = nan

    def probability(self, scores: FloatArray) -> FloatArray:
        """Return probabilities; NaN where the score is."""
        if self.kind == ISOTONIC:
            found = np.interp(scores, self.scores, self.values)
            return np.where(np.isnan(scores), np.nan, found)
        return _logistic(-(self.slope * scores + self.offset))


@dataclass(frozen=True, eq=False)
class ScoredOutcomes:
    """Outcomes by the score that they had: all that a fit looks at.

    Attributes
    ----------
    scores : distinct, ascending
    counts, hits : how many outcomes there are of each, and how many of them are hits
    """

    scores: FloatArray
    counts: FloatArray
    hits: FloatArray

    @classmethod
    def of(cls, scores: FloatArray, hits: BoolArray) -> "ScoredOutcomes":
        """Count single outcomes."""
        places, inverse = np.unique(scores, return_inverse=True)
        counts = np.bincount(inverse).astype(np.float64)
        right = np.bincount(inverse, hits.astype(np.float64)).astype(np.float64)
        return cls(places, counts, right)

    @property
    def total(self) -> int:
        """Outcomes."""
        return int(self.counts.sum())

    @property
    def share(self) -> float:
        """Share of hits; NaN without an outcome."""
        return float(self.hits.sum() / self.counts.sum()) if self.total else nan

    @property
    def has_both(self) -> bool:
        """Whether there are hits and misses."""
        return bool(0 < self.hits.sum() < self.counts.sum())

    def brier(self, probabilities: FloatArray | float) -> float:
        """Return the Brier score of a probability for each score."""
        missed = self.counts - self.hits
        off = self.hits * (1.0 - probabilities) ** 2 + missed * np.square(probabilities)
        return float(off.sum() / self.counts.sum())


def isotonic(scores: FloatArray, hits: BoolArray) -> Calibrator:
    """Fit the non-decreasing function nearest to the outcomes.

    Raises
    ------
    ContractError
        There is no outcome, or outcomes of one class only.

    Examples
    --------
    >>> isotonic(np.array([1.0, 2.0, 3.0]), np.array([True, False, True])).values.tolist()
    [0.5, 0.5, 1.0]
    """
    return fit_isotonic(ScoredOutcomes.of(scores, hits))


def platt(scores: FloatArray, hits: BoolArray) -> Calibrator:
    """Fit Platt's logistic function.

    Raises
    ------
    ContractError
        There is no outcome, or outcomes of one class only.
    """
    return fit_platt(ScoredOutcomes.of(scores, hits))


def fit_isotonic(outcomes: ScoredOutcomes) -> Calibrator:
    """Fit the non-decreasing function nearest to counted outcomes; as `isotonic`."""
    _check(outcomes)
    steps = _pooled(outcomes.hits, outcomes.counts)
    # Only the corners matter: a place whose neighbours both have its value can go.
    inner = np.concatenate(
        ([False], (steps[1:-1] == steps[:-2]) & (steps[1:-1] == steps[2:]), [False])
    )
    kept = ~inner[: len(steps)]
    return Calibrator(ISOTONIC, outcomes.scores[kept], steps[kept])


def fit_platt(outcomes: ScoredOutcomes) -> Calibrator:
    """Fit Platt's logistic function to counted outcomes; as `platt`."""
    _check(outcomes)
    scores, count = outcomes.scores, outcomes.counts
    total, above = float(count.sum()), float(outcomes.hits.sum())
    below = total - above
    hit, missed = (above + 1.0) / (above + 2.0), 1.0 / (below + 2.0)
    # Sum of the targets of the outcomes of each score.
    target = outcomes.hits * hit + (count - outcomes.hits) * missed
    centre = float((count * scores).sum() / total)
    scale = float(np.sqrt((count * (scores - centre) ** 2).sum() / total)) or 1.0
    z = (scores - centre) / scale
    at = np.array([0.0, np.log((below + 1.0) / (above + 1.0))])
    loss = _loss(at, z, target, count)
    for _ in range(STEPS):
        p = _logistic(-(at[0] * z + at[1]))
        miss, weight = target - count * p, count * p * (1.0 - p)
        gradient = np.array([(miss * z).sum(), miss.sum()])
        if np.abs(gradient).max() < TOLERANCE * total:
            break
        cross = (weight * z).sum()
        curve = np.array([[(weight * z * z).sum(), cross], [cross, weight.sum()]])
        step = -np.linalg.solve(curve + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while size > TOLERANCE and (new := _loss(at + size * step, z, target, count)) > loss:
            size /= 2.0
        if size <= TOLERANCE:
            break
        at, loss = at + size * step, new
    return Calibrator(PLATT, slope=at[0] / scale, offset=at[1] - at[0] * centre / scale)


@dataclass(frozen=True)
class Calibration:
    """How well calibrated probabilities are; NaN without any.

    Attributes
    ----------
    outcomes : how many there are
    base_rate : share of hits
    brier : the score; lower is better, 0 the best
    reliability, resolution, uncertainty, within : reliability − resolution + uncertainty + within
        is the score
    expected_error : expected calibration error
    """

    outcomes: int
    base_rate: float = nan
    brier: float = nan
    reliability: float = nan
    resolution: float = nan
    uncertainty: float = nan
    within: float = nan
    expected_error: float = nan

    @classmethod
    def of(cls, probabilities: FloatArray, hits: BoolArray) -> "Calibration":
        """Measure probabilities against outcomes.

        Examples
        --------
        >>> found = Calibration.of(np.array([0.25, 0.75]), np.array([False, True]))
        >>> found.brier, found.uncertainty, found.expected_error
        (0.0625, 0.25, 0.25)
        """
        if not len(hits):
            return cls(0)
        curve = reliability_curve(probabilities, hits)
        size = curve.counts / len(hits)
        base = float(hits.mean())
        brier = float(np.mean((probabilities - hits) ** 2))
        apart = np.where(curve.counts > 0, curve.probabilities - curve.frequencies, 0.0)
        known = np.where(curve.counts > 0, curve.frequencies, base)
        reliability = float((size * apart**2).sum())
        resolution = float((size * (known - base) ** 2).sum())
        uncertainty = base * (1.0 - base)
        return cls(
            len(hits),
            base,
            brier,
            reliability,
            resolution,
            uncertainty,
            brier - reliability + resolution - uncertainty,
            float((size * np.abs(apart)).sum()),
        )


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Probabilities and outcomes by bin, the lowest first; NaN in an empty bin.

    Attributes
    ----------
    counts : outcomes
    probabilities, frequencies : mean probability, and share of hits
    """

    counts: IntArray
    probabilities: FloatArray
    frequencies: FloatArray


def reliability_curve(
    probabilities: FloatArray, hits: BoolArray, bins: int = BINS
) -> ReliabilityCurve:
    """Put probabilities into bins of equal width; the upper edge of one belongs to the next."""
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(place, probabilities, minlength=bins) / counts
        share = np.bincount(place, hits.astype(np.float64), minlength=bins) / counts
    return ReliabilityCurve(counts, mean, share)


def _pooled(hits: FloatArray, counts: FloatArray) -> FloatArray:
    """Non-decreasing shares of hits: neighbours that fall are pooled, until none do."""
    sizes = np.ones(len(hits), dtype=np.int64)
    while (rises := hits[1:] * counts[:-1] >= hits[:-1] * counts[1:]).size and not rises.all():
        begins = np.flatnonzero(np.concatenate(([True], rises)))
        hits, counts, sizes = (np.add.reduceat(each, begins) for each in (hits, counts, sizes))
    return np.repeat(hits / counts, sizes)


def _check(outcomes: ScoredOutcomes) -> None:
    if not outcomes.has_both:
        count = outcomes.total
        what = f"are {count:,} outcomes of one class" if count else "is no outcome"
        raise ContractError(f"There {what} to calibrate by")


def _logistic(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(−x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0 / (1.0 + small), small / (1.0 + small))


def _loss(at: FloatArray, z: FloatArray, target: FloatArray, count: FloatArray) -> float:
    """Negative log-likelihood of Platt's function at (a, b)."""
    f = at[0] * z + at[1]
    # log(1 + exp(f)) without overflow
    return float((target * f + count * np.logaddexp(0.0, -f)).sum())
