"""Risk figures that every signal carries, from the symbol's volatility and the signal's score.

Nothing here decides a trade. The algorithm, with σ the annualised standard deviation of the last 20
sessions' returns (feature `realized_volatility_20`):

1. expected volatility = σ;
2. expected annual excess return = IC · σ · score (Grinold's rule, "Alpha is volatility times IC
   times score", Journal of Portfolio Management 20(4), 1994), where score = direction · confidence:
   the direction is 1 from the buy signal until the position is left, −1 for a sell signal, else 0,
   and the confidence is that of the signal that opened the position;
3. value at risk over one session, 95 %, normal returns: max(0, 1.645 · σ/√252 − expected
   return/252).
"""

from dataclasses import dataclass

import numpy as np

from quant_platform.conventions import ONE_SIDED_95, SESSIONS_PER_YEAR
from quant_platform.kernels.arrays import FloatArray

INFORMATION_COEFFICIENT = 0.05
"""Assumed correlation of a signal with the return that follows: a good but ordinary forecaster."""


@dataclass(frozen=True)
class RiskFigures:
    """Expected annual excess return and volatility, one-session 95 % value at risk; fractions."""

    expected_return: FloatArray
    expected_volatility: FloatArray
    value_at_risk_95: FloatArray


def risk_figures(volatility: FloatArray, score: FloatArray) -> RiskFigures:
    """Compute the risk figures of arrays of one shape.

    Parameters
    ----------
    volatility : annualised, as a fraction; NaN where unknown, and then so are all three figures
    score : direction times confidence, −1 to 1
    """
    expected_return = INFORMATION_COEFFICIENT * volatility * score
    loss = (
        ONE_SIDED_95 * volatility / np.sqrt(SESSIONS_PER_YEAR) - expected_return / SESSIONS_PER_YEAR
    )
    return RiskFigures(expected_return, volatility, np.maximum(loss, 0.0))


def volatility_scale(volatility: FloatArray, limit: float) -> FloatArray:
    """Return the factor that holds a position's volatility at `limit`: min(1, limit/σ)."""
    return limit / np.maximum(volatility, limit)


def volatility_confidence(volatility: FloatArray, limit: float) -> FloatArray:
    """Return how volatility lowers confidence: 1 up to `limit`, ½ from twice that on.

    The formula is 1 − ½ · clip(σ/limit − 1, 0, 1).
    """
    return 1.0 - 0.5 * np.clip(volatility / limit - 1.0, 0.0, 1.0)
