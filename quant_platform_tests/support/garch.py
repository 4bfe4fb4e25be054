"""Returns with heavy tails and clustered volatility, for simulations with known answers."""

import numpy as np

from quant_platform.kernels.arrays import FloatArray

DEVIATION = 0.01
"""Of a session's return in the long run, were volatility squares not cut off."""

SHOCK, MEMORY = 0.08, 0.90
"""GARCH(1, 1) weights of the last squared return and of the last variance (T. Bollerslev,
"Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics 31, 1986)."""

DEGREES = 3.0
"""Of Student's t distribution: a variance, and no third or fourth moment."""


def student_garch(paths: int, sessions: int, seed: int) -> FloatArray:
    """Return (paths, sessions) returns of mean 0."""
    generator = np.random.default_rng(seed)
    innovations = generator.standard_t(DEGREES, (sessions, paths)) / np.sqrt(
        DEGREES / (DEGREES - 2.0)
    )
    variance = np.ones(paths)
    returns = np.empty((sessions, paths))
    for session, shocks in enumerate(innovations):
        returns[session] = np.sqrt(variance) * shocks
        variance = 1.0 - SHOCK - MEMORY + SHOCK * returns[session] ** 2 + MEMORY * variance
    return np.ascontiguousarray(returns.T) * DEVIATION
