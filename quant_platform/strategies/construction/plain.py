"""Rules of weights that need no package: equal, and by inverse volatility.

What does not belong here: limits (`limits.py`), and what a solver is needed for (`estimators.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray


def equal(returns: FloatArray) -> FloatArray:
    """Return equal weights that sum to 1.

    Parameters
    ----------
    returns : (sessions, securities)
    """
    count = returns.shape[1]
    return np.full(count, 1.0 / max(count, 1))


def inverse_volatility(returns: FloatArray) -> FloatArray:
    """Return weights proportional to 1/σ that sum to 1, with σ the sample deviation.

    Parameters
    ----------
    returns : (sessions, securities), no NaN; each security's vary

    Examples
    --------
    >>> calm, wild = [0.01, -0.01, 0.01], [0.03, -0.03, 0.03]
    >>> inverse_volatility(np.array([calm, wild]).T).round(4).tolist()
    [0.75, 0.25]
    """
    inverse = 1.0 / returns.std(axis=0, ddof=1)
    weights: FloatArray = inverse / inverse.sum()
    return weights
