"""Effects of many sessions as one: Cariño's coefficients.

With R and B the returns of portfolio and benchmark over all sessions, and R_t and B_t those of one,

    k_t = (ln(1 + R_t) − ln(1 + B_t)) / (R_t − B_t),   k likewise of R and B,

the effects of a session times k_t / k add up over the sessions to R − B. Where two returns are
equal, k is its limit, 1 / (1 + R). Source: D. Cariño, "Combining Attribution Effects Over Time",
*Journal of Performance Measurement* 3(4), 1999.

What does not belong here: the effects of a session (`brinson.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray


def coefficients(returns: FloatArray, benchmark: FloatArray) -> FloatArray:
    """Return Cariño's coefficient of each pair of returns; NaN where either is −100 % or less."""
    known = (returns > -1.0) & (benchmark > -1.0)
    one, other = np.where(known, returns, 0.0), np.where(known, benchmark, 0.0)
    x = (one - other) / (1.0 + other)
    # ln(1 + R) − ln(1 + B) is ln(1 + x), without the loss of digits of a difference.
    small = np.abs(x) < 1e-12
    ratio = np.where(small, 1.0 - x / 2.0, np.log1p(x) / np.where(small, 1.0, x))
    return np.where(known, ratio / (1.0 + other), np.nan)


def compounded(returns: FloatArray) -> float:
    """Return of all sessions."""
    return float(np.prod(1.0 + returns) - 1.0)


def weights_of_sessions(returns: FloatArray, benchmark: FloatArray) -> FloatArray:
    """Return what each session's effects count by, so that they add up to the active return.

    All are NaN where a return is −100 % or less: nothing can be linked over a total loss.

    Examples
    --------
    >>> returns, benchmark = np.array([0.10, 0.05]), np.array([0.08, 0.06])
    >>> weights = weights_of_sessions(returns, benchmark)
    >>> round(float(weights @ (returns - benchmark)), 12), round(1.10 * 1.05 - 1.08 * 1.06, 12)
    (0.0102, 0.0102)
    """
    if not len(returns):
        return np.zeros(0)
    each = coefficients(returns, benchmark)
    total = np.array([compounded(returns)]), np.array([compounded(benchmark)])
    return np.asarray(each / coefficients(*total)[0])
