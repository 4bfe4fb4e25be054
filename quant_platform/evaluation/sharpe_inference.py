"""How far a Sharpe ratio can be believed: probabilistic, deflated, and how long a record must be.

Every Sharpe ratio here is per session, not annualised, and n is its number of returns. With the
returns' skewness γ₃ and kurtosis γ₄ (3 for a normal distribution), an estimate S of a true ratio
has the standard error √((1 − γ₃·S + (γ₄ − 1)/4·S²) ÷ (n − 1)).

1. **Probabilistic Sharpe ratio**: the probability that the true ratio exceeds a threshold
   (D. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15,
   2012).
2. **Minimum track record**: the number of returns from which on it exceeds 95 % (the same).
3. **Deflated Sharpe ratio**: the probabilistic one above the highest ratio that so many trials
   without skill would be expected to show (D. Bailey and M. López de Prado, "The Deflated Sharpe
   Ratio: Correcting for Selection Bias, Backtest Overfitting and Non-Normality", Journal of
   Portfolio Management 40, 2014).

All take returns as independent of each other. What does not belong here: how many trials there
were (`effective_trials.py`).
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from quant_platform.kernels.arrays import FloatArray

CONFIDENCE = 0.95
"""Probability at which a figure counts as shown."""

EULER_MASCHERONI = 0.577_215_664_901_532_9

_NORMAL = NormalDist()
_ERROR_FUNCTION = np.frompyfunc(math.erfc, 1, 1)


def normal_probability(values: ArrayLike) -> FloatArray:
    """Probability that a standard normal figure lies below each value; NaN stays NaN."""
    scaled = np.asarray(values, dtype=np.float64) / -math.sqrt(2.0)
    return np.asarray(0.5 * np.asarray(_ERROR_FUNCTION(scaled), dtype=np.float64))


def probabilistic_sharpe(
    ratio: ArrayLike,
    count: ArrayLike,
    skewness: ArrayLike,
    kurtosis: ArrayLike,
    threshold: ArrayLike = 0.0,
) -> FloatArray:
    """Probability that the true ratio is above `threshold`; arrays broadcast, NaN where undefined.

    Examples
    --------
    >>> round(float(probabilistic_sharpe(0.458, 24, -2.448, 10.164)), 3)
    0.913
    """
    error = _relative_variance(ratio, skewness, kurtosis) / (np.asarray(count) - 1.0)
    above = np.asarray(ratio, dtype=np.float64) - np.asarray(threshold, dtype=np.float64)
    with np.errstate(all="ignore"):
        distance = above / np.sqrt(error)
    return normal_probability(np.where(error > 0.0, distance, np.nan))


def minimum_track_record(
    ratio: ArrayLike,
    skewness: ArrayLike,
    kurtosis: ArrayLike,
    threshold: ArrayLike = 0.0,
    confidence: float = CONFIDENCE,
) -> FloatArray:
    """Returns needed until the true ratio is above `threshold` with `confidence`.

    NaN where the estimate is not above the threshold: no record is long enough.
    """
    distance = np.asarray(ratio, dtype=np.float64) - np.asarray(threshold, dtype=np.float64)
    variance = _relative_variance(ratio, skewness, kurtosis)
    with np.errstate(all="ignore"):
        errors = _NORMAL.inv_cdf(confidence) / distance
        needed = 1.0 + variance * (errors * errors)
    return np.where((distance > 0.0) & (variance > 0.0), needed, np.nan)


def expected_maximum(trials: float, deviation: float) -> float:
    """Highest ratio to be expected of so many independent trials without skill.

    Parameters
    ----------
    trials : their number, also an effective one; below 1: NaN
    deviation : standard deviation of the trials' ratios

    Examples
    --------
    >>> round(expected_maximum(100, math.sqrt(0.5 / 250)), 4)
    0.1132
    """
    if not (trials >= 1.0 and deviation >= 0.0):
        return math.nan
    if trials == 1.0:
        return 0.0
    highest = (1.0 - EULER_MASCHERONI) * _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    highest += EULER_MASCHERONI * _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    # The approximation falls below 0 between one trial and two.
    return deviation * max(highest, 0.0)


def deflated_sharpe(
    ratio: ArrayLike,
    count: ArrayLike,
    skewness: ArrayLike,
    kurtosis: ArrayLike,
    *,
    trials: float,
    deviation: float,
) -> FloatArray:
    """Probability that the true ratio is above what the best of `trials` without skill would show.

    Parameters
    ----------
    trials : number of trials that the ratio was chosen from, raw or effective
    deviation : standard deviation of their ratios per session
    """
    threshold = expected_maximum(trials, deviation)
    return probabilistic_sharpe(ratio, count, skewness, kurtosis, threshold)


def _relative_variance(ratio: ArrayLike, skewness: ArrayLike, kurtosis: ArrayLike) -> FloatArray:
    """N − 1 times the variance of the estimated ratio."""
    ratio = np.asarray(ratio, dtype=np.float64)
    shape = (np.asarray(kurtosis) - 1.0) / 4.0 * ratio - np.asarray(skewness)
    return np.asarray(1.0 + shape * ratio)
