"""Total returns of securities from close to close, of raw bars and corporate actions.

What does not belong here: adjusted price series (`adjustment.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel


def total_returns(panel: Panel) -> FloatArray:
    """Return (close + dividend) × split over the close before, minus 1.

    Returns
    -------
    Shape (sessions, securities), as fractions: NaN where either session has no bar, 0 in the first
    session, as a portfolio's own first row.
    """
    close = np.where(panel.traded, panel.close, np.nan)
    returns = np.zeros(close.shape)
    returns[1:] = (close[1:] + panel.dividend[1:]) * panel.split[1:] / close[:-1] - 1.0
    return returns
