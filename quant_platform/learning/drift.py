"""How far features and forecasts have moved from what a version was trained on.

1. A `Reference` keeps the deciles of a quantity in the training part, and the share of each tenth.
2. The members of the last `DRIFT_SESSIONS` sessions are counted in the same bins: whole numbers, so
   that no bit depends on where a block begins.
3. Population stability index: Σ (a − r) · ln(a / r) over the bins, shares a now and r then, either
   at least `LEAST_SHARE`. 0.1 is said to be little, 0.25 much (S. Siddiqi, *Credit Risk
   Scorecards*, 2006); there is no theory behind these limits.
4. Wasserstein distance between the two binned distributions, every bin at the middle of its
   training values, in units of the distance between the outer two bins.

What does not belong here: alerts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray

BINS = 10

DRIFT_SESSIONS = 21
"""Sessions whose members are looked at, the session itself included."""

LEAST_SHARE = 1e-4
"""Share that a bin has at least, so that an empty one gives a number."""

FORECAST = "forecast"
"""What the quantity of the forecasts themselves is called."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What a quantity was like in the training part.

    Attributes
    ----------
    edges : between the bins, ascending; equal ones make an empty bin
    shares : of each bin, (bins + 1,), the last one of unknown values
    centres : median of each bin
    """

    edges: FloatArray
    shares: FloatArray
    centres: FloatArray

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> "Reference":
        """Describe values of the training part, NaN where unknown."""
        known = values[np.isfinite(values)].astype(np.float64)
        if not len(known):
            shares = np.zeros(BINS + 1)
            shares[-1] = 1.0
            return cls(np.zeros(BINS - 1), shares, np.zeros(BINS))
        places = (np.arange(1, BINS) * len(known)) // BINS
        known = np.partition(known, np.unique(places))
        edges = known[places]
        counts = cls(edges, np.zeros(BINS + 1), np.zeros(BINS)).counts(values)
        bounds = np.concatenate(([0], np.cumsum(counts[:BINS])))
        middle = np.minimum((bounds[:-1] + bounds[1:]) // 2, len(known) - 1)
        centres = np.partition(known, np.unique(middle))[middle]
        return cls(edges, counts / len(values), np.maximum.accumulate(centres))

    def counts(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """Count values in each bin, the last one of unknown values."""
        known = values[np.isfinite(values)].astype(np.float64)
        place = np.searchsorted(self.edges, known, side="left")
        found = np.bincount(place, minlength=BINS)
        return np.append(found, len(values) - len(known)).astype(np.int64)

    def as_lists(self) -> dict[str, list[float]]:
        """Return it for a document."""
        return {name: getattr(self, name).tolist() for name in ("edges", "shares", "centres")}

    @classmethod
    def from_lists(cls, lists: dict[str, list[float]]) -> "Reference":
        """Return it from a document."""
        return cls(*(np.asarray(lists[name], float) for name in ("edges", "shares", "centres")))


def population_stability(now: FloatArray, then: FloatArray) -> FloatArray:
    """Population stability index of shares along the last axis.

    Examples
    --------
    >>> round(float(population_stability(np.array([0.6, 0.4]), np.array([0.5, 0.5]))), 6)
    0.040547
    """
    now, then = np.maximum(now, LEAST_SHARE), np.maximum(then, LEAST_SHARE)
    total: FloatArray = np.sum((now - then) * np.log(now / then), axis=-1)
    return total


def wasserstein(now: FloatArray, then: FloatArray, centres: FloatArray) -> FloatArray:
    """First Wasserstein distance of two distributions on the same places, along the last axis.

    Parameters
    ----------
    now, then : shares, each with the sum 1
    centres : the places, ascending

    Examples
    --------
    >>> float(wasserstein(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.array([1.0, 3.0])))
    2.0
    """
    apart = np.abs(np.cumsum(now - then, axis=-1))[..., :-1]
    total: FloatArray = np.sum(apart * np.diff(centres), axis=-1)
    return total


def drift_figures(counts: NDArray[np.int64], reference: Reference) -> tuple[FloatArray, FloatArray]:
    """Return stability index and Wasserstein distance of counts, (sessions, bins + 1).

    NaN where nothing was counted; the distance, too, where the training part had one value only.
    """
    total = counts.sum(axis=1, keepdims=True)
    known = counts[:, :-1]
    width = reference.centres[-1] - reference.centres[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        index = population_stability(counts / np.maximum(total, 1), reference.shares)
        now = known / np.where(known.sum(axis=1, keepdims=True) > 0, known.sum(axis=1)[:, None], 1)
        then = reference.shares[:-1] / max(float(reference.shares[:-1].sum()), LEAST_SHARE)
        away = wasserstein(now, then, reference.centres) / (width if width > 0.0 else np.nan)
    index = np.where(total[:, 0] > 0, index, np.nan)
    return index, np.where(known.sum(axis=1) > 0, away, np.nan)
