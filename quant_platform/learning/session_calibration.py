"""How well calibrated probabilities were, session by session, over the outcomes known by then.

An outcome counts from the session after whose close it is known for `MEASURED_SESSIONS` sessions.
Sums of a window are grown by doubling (`kernels/windows.py`), so that their bits do not depend on
where a panel begins (law 2). What does not belong here: the probabilities (`probability.py`), and
the figures of one set of outcomes (`calibration.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.windows import window_sum
from quant_platform.learning.calibration import BINS

MEASURED_SESSIONS = 252
"""Sessions in which an outcome became known that counts."""


@dataclass(frozen=True, eq=False)
class SessionCalibration:
    """Figures after each session, (sessions,), and curves, (sessions, `BINS`); NaN without any.

    Attributes
    ----------
    outcomes : how many count
    base_rate, brier, reliability, resolution, uncertainty, within, expected_error : as those of
        `Calibration`
    counts, probabilities, frequencies : as those of `ReliabilityCurve`
    """

    outcomes: FloatArray
    base_rate: FloatArray
    brier: FloatArray
    reliability: FloatArray
    resolution: FloatArray
    uncertainty: FloatArray
    within: FloatArray
    expected_error: FloatArray
    counts: FloatArray
    probabilities: FloatArray
    frequencies: FloatArray


def session_calibration(
    probabilities: FloatArray,
    hits: BoolArray,
    ends: NDArray[np.integer[Any]],
    sessions: int = MEASURED_SESSIONS,
) -> SessionCalibration:
    """Measure probabilities against outcomes after every session.

    Parameters
    ----------
    probabilities, hits : (sessions, securities), as `SignalProbabilities` has them
    ends : position of the session after whose close each outcome is known; below 0: it is not
    sessions : in which an outcome became known that counts
    """
    said = np.isfinite(probabilities) & (ends >= 0)
    value, hit, end = probabilities[said], hits[said].astype(np.float64), ends[said]
    size = len(probabilities)
    cell = end.astype(np.int64) * BINS + np.minimum((value * BINS).astype(np.int64), BINS - 1)

    def summed(weights: FloatArray | None = None) -> FloatArray:
        rows = np.bincount(cell, weights, minlength=size * BINS).reshape(size, BINS)
        before = np.zeros((sessions - 1, BINS))
        return window_sum(np.vstack((before, rows)), sessions)[sessions - 1 :]

    counts, total, right = summed(), summed(value), summed(hit)
    off = summed((value - hit) ** 2).sum(axis=1)
    outcomes = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, share = total / counts, right / counts
        base = right.sum(axis=1) / outcomes
        weight = counts / outcomes[:, None]
        brier = off / outcomes
    apart = np.where(counts > 0, mean - share, 0.0)
    resolved = np.where(counts > 0, share - base[:, None], 0.0)
    reliability = (weight * apart**2).sum(axis=1)
    resolution = (weight * resolved**2).sum(axis=1)
    uncertainty = base * (1.0 - base)
    return SessionCalibration(
        outcomes=outcomes,
        base_rate=base,
        brier=brier,
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        within=brier - reliability + resolution - uncertainty,
        expected_error=(weight * np.abs(apart)).sum(axis=1),
        counts=counts,
        probabilities=mean,
        frequencies=share,
    )
