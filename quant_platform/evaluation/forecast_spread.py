"""`spread_returns`: what forecasts would have earned before costs, by session.

The fifth of the securities with the highest forecasts is held and the fifth with the lowest is
sold, equal weights, one unit of capital on either side, from the next session's open to the open
after. A return stands at the session of that second open, when it is known. It is no portfolio: it
knows no costs, no size and no borrowing. What does not belong here: rank correlations
(`promotion.py`), and portfolios (`trading/`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.labels import ForwardReturn
from quant_platform.market.panel import Panel

PARTS = 5
"""One in so many securities is held, and one sold; of fewer, one of each."""

DELAY = 2
"""Sessions from a forecast to the open at which its return is known."""


def spread_returns(forecasts: FloatArray, panel: Panel) -> FloatArray:
    """Return the spread's return in each session, 0 where nothing is held.

    Parameters
    ----------
    forecasts : (sessions, securities) of the panel, NaN where there is none

    Notes
    -----
    A security that cannot be bought at the next open adds nothing. Of equal forecasts the panel's
    order decides. Of two to four forecasts one is held and one sold; a single one holds nothing.
    """
    later = np.nan_to_num(ForwardReturn(1).of(panel).values)
    known = np.isfinite(forecasts)
    count = known.sum(axis=1)
    size = np.where(count > 1, np.maximum(count // PARTS, 1), 0)
    order = np.argsort(np.where(known, forecasts, np.inf), axis=1, kind="stable")
    place = np.argsort(order, axis=1, kind="stable")
    lowest = known & (place < size[:, None])
    highest = known & (place >= (count - size)[:, None]) & (size > 0)[:, None]
    many = np.maximum(size, 1)
    spread = (np.where(highest, later, 0.0) - np.where(lowest, later, 0.0)).sum(axis=1) / many
    found = np.zeros(len(spread))
    found[DELAY:] = spread[:-DELAY]
    return found
