"""Value at risk and expected shortfall of one session, of a deviation.

Returns of a session are taken to be a Student t of `DEGREES` degrees of freedom around 0, scaled to
the forecast deviation: tails that are heavier than the normal ones (Zumbach, "The RiskMetrics 2006
Methodology", 2007, finds five degrees for daily returns of all kinds). With t(α) the quantile and g
the density of the t distribution of ν degrees, and s = √((ν − 2)/ν):

    value at risk = −s · t(α) · σ
    expected shortfall = s · g(t(α)) / α · (ν + t(α)²) / (ν − 1) · σ

What does not belong here: where the deviation comes from (`forecast.py`).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from quant_platform.kernels.arrays import FloatArray

DEGREES: Final = 5

VALUE_AT_RISK: Mapping[int, float] = {95: 1.5608497583442291, 99: 2.606463569384279}
EXPECTED_SHORTFALL: Mapping[int, float] = {95: 2.23868425546152, 99: 3.448836760048015}
"""Confidence in per cent → deviations; tests work them out from the formulas."""


def draws(count: int, seed: int) -> FloatArray:
    """Return draws of that distribution with a deviation of 1; the same seed, the same draws."""
    generator = np.random.default_rng(seed)
    scale = np.sqrt((DEGREES - 2.0) / DEGREES)
    result: FloatArray = generator.standard_t(DEGREES, count) * scale
    return result
