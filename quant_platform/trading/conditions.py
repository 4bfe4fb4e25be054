"""How much of a security trades, and how far its price moves: what an order's impact depends on.

Both are those of the `USUAL_SESSIONS` sessions before the one that trades, so they are known when
the order is made. What does not belong here: how they are measured (`engine/liquidity.py`), and the
impact itself (`engine/fills.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.kernels.threads import in_threads
from quant_platform.market.panel import Panel, pivot
from quant_platform.trading.engine.liquidity import measure_liquidity

LIQUIDITY_LOOKBACK = USUAL_SESSIONS + 1
"""Sessions before the first one that trades, which the panel must hold for the same bits."""

SESSIONS_AT_ONCE = 128
"""Sessions whose liquidity one thread measures at a time."""


def liquidity_before(panel: Panel, last: int) -> FloatArray:
    """Return daily volatility and usual volume known before each session, shape (2, last, N).

    Volatility is the standard deviation (divisor n − 1) of the total returns between sessions with
    bars; volume is the mean of the sessions with bars, in shares of the session. NaN with fewer
    than two returns, and without a bar.

    Parameters
    ----------
    panel : the sessions wanted, with `LIQUIDITY_LOOKBACK` earlier ones; fewer at the start of
        history
    last : how many sessions are wanted
    """
    found = np.empty((2, last, len(panel.security_ids)))
    offset = len(panel.sessions) - last

    def measure(start: int) -> None:
        # A piece holds the sessions that its first one looks back on.
        stop = min(start + SESSIONS_AT_ONCE, last)
        earlier = max(offset + start - USUAL_SESSIONS, 0)
        rows = slice(earlier, offset + stop)
        with_previous = slice(max(earlier - 1, 0), offset + stop)
        close = np.where(panel.traded[with_previous], panel.close[with_previous], np.nan)
        if not earlier:
            close = np.vstack((np.full((1, close.shape[1]), np.nan), close))
        split = np.ascontiguousarray(panel.split[rows])
        returns = (close[1:] + panel.dividend[rows]) * split / close[:-1] - 1.0
        volume = np.where(panel.traded[rows], panel.volume[rows], np.nan)
        piece = np.empty((2, stop - start, close.shape[1]))
        measure_liquidity(returns, volume, split, USUAL_SESSIONS, piece)
        found[:, start:stop] = piece

    for _ in in_threads(measure, range(0, last, SESSIONS_AT_ONCE)):
        pass
    return found


@dataclass(frozen=True)
class Conditions:
    """What is known of the securities beside bars; arrays of the panel's shape, None: nothing.

    Attributes
    ----------
    borrow : annual fee of a short position, as a fraction; NaN: the one of the costs
    available : whether shares may be sold short
    recalled : whether short positions must be closed in the session
    beta : to the market, for its limit
    sectors : numbers of the sectors as known in the session before, for their limit; −1: unknown
    released : sessions (datetime64[D]) before whose open a halted account is released
    halted : sessions before whose open the account is halted, by what was known before them
    liquidity : what `liquidity_before` gives, of the sessions simulated; None: it is measured
    """

    borrow: FloatArray | None = None
    available: BoolArray | None = None
    recalled: BoolArray | None = None
    beta: FloatArray | None = None
    sectors: NDArray[np.int64] | None = None
    liquidity: FloatArray | None = None
    released: SessionArray | None = None
    halted: SessionArray | None = None


NO_CONDITIONS = Conditions()
"""Everything is lent at the same fee, and nothing has a beta or a sector."""


def known_sectors(
    universe: pd.DataFrame, panel: Panel, sessions: Sequence[object]
) -> NDArray[np.int64]:
    """Return the numbers of the sectors known in the session before, in the panel's shape.

    Parameters
    ----------
    universe : rows with date, security_id and sector
    sessions : of the panel, those that are wanted; −1 in the others, and outside of the universe
    """
    numbered = universe.assign(number=pd.factorize(universe["sector"], sort=True)[0])
    known = pivot(numbered, "number", panel.sessions, panel.security_ids)
    numbers = np.full(known.shape, -1, dtype=np.int64)
    first = max(len(panel.sessions) - len(sessions), 1)
    numbers[first:] = np.nan_to_num(known[first - 1 : -1], nan=-1.0).astype(np.int64)
    return numbers
