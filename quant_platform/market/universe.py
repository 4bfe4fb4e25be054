"""Who is tradable in a session, and how much they trade.

A security is a member from its listing on. Its rank follows the median dollar volume of its last bars, which is known
after the close; nothing here looks at a later session, so a universe of the past holds no survivor's knowledge.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from quant_platform.market.panel import pivot

DOLLAR_VOLUME_SESSIONS = 20
"""Sessions over which the median dollar volume is taken."""


def universe_members(
    securities: pd.DataFrame, bars: pd.DataFrame, sessions: Sequence[str], last: int
) -> pd.DataFrame:
    """Members of the last `last` sessions with their dollar-volume rank.

    Parameters
    ----------
    securities : symbol, company_name, sector, listing_date
    bars : rows of `market_data` of `sessions`
    sessions : consecutive sessions, reaching back `DOLLAR_VOLUME_SESSIONS` - 1 before the first wanted one

    Returns
    -------
    Rows of `trading_universe`; ties in rank go by symbol.
    """
    days = np.asarray(sessions, dtype="datetime64[D]")
    symbols = sorted(securities["symbol"])
    dollars = pivot(bars, "close_price", days, symbols) * pivot(bars, "volume", days, symbols)
    listed = securities.set_index("symbol").loc[symbols]
    frames = []
    for row in range(len(days) - last, len(days)):
        window = dollars[max(row - DOLLAR_VOLUME_SESSIONS + 1, 0) : row + 1]
        members = listed["listing_date"].to_numpy().astype("datetime64[D]") <= days[row]
        frame = listed[members].reset_index()
        frame["dollar_volume"] = _median(window[:, members])
        order = frame.sort_values(["dollar_volume", "symbol"], ascending=[False, True]).index
        frame.loc[order, "dollar_volume_rank"] = np.arange(1, len(frame) + 1)
        frame["date"] = days[row].astype("datetime64[s]")
        frames.append(frame)
    members = pd.concat(frames, ignore_index=True)
    return members.astype({"dollar_volume_rank": "int32"})


def _median(window: np.ndarray) -> np.ndarray:
    """Median of the known values of each column, 0 where none is known."""
    known = ~np.isnan(window)
    filled = np.where(known.any(axis=0), window, 0.0)
    return np.nanmedian(filled, axis=0) if window.shape[1] else np.zeros(0)
