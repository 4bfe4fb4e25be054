"""How much is usually traded of a security.

What does not belong here: which security is liquid enough (`universe.py`, `quality/`).
"""

import numpy as np

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.medians import trailing_median
from quant_platform.market.panel import Panel


def value_traded(panel: Panel) -> FloatArray:
    """Close × volume of each bar, NaN where there is none."""
    return np.where(panel.traded, panel.close * panel.volume, np.nan)


def usual_value(panel: Panel) -> FloatArray:
    """Median value traded in the last `USUAL_SESSIONS` sessions with a bar; 0 without any."""
    return np.nan_to_num(trailing_median(value_traded(panel), USUAL_SESSIONS)[0], nan=0.0)
