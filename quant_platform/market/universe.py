"""Who is tradable in a session, and how much they trade.

A security is a member from its listing on. Its rank follows the median dollar volume of its last
bars, which is known after the close; nothing here looks at a later session, so a universe of the
past holds no survivor's knowledge.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quant_platform.market.panel import FloatArray, long_frame, pivot

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
    sessions : consecutive sessions, from `DOLLAR_VOLUME_SESSIONS` - 1 before the first wanted one

    Returns
    -------
    Rows of `trading_universe`; ties in rank go by symbol.
    """
    days = np.asarray(sessions, dtype="datetime64[D]")
    listed = securities.sort_values("symbol", ignore_index=True)
    symbols = list(listed["symbol"])
    dollars = pivot(bars, "close_price", days, symbols) * pivot(bars, "volume", days, symbols)
    medians = _trailing_median(dollars)[len(days) - last :]
    wanted = days[len(days) - last :]
    members = listed["listing_date"].to_numpy().astype("datetime64[D]")[None, :] <= wanted[:, None]
    # The order of the symbols breaks ties: a stable sort keeps it.
    order = np.argsort(np.where(members, -medians, np.inf), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(symbols) + 1)[None, :], axis=1)
    values: dict[str, NDArray[np.generic]] = {
        "dollar_volume": medians,
        "dollar_volume_rank": ranks.astype(np.int32),
    }
    frame = long_frame(wanted, symbols, values, members)
    return frame.merge(listed, on="symbol", how="left", validate="many_to_one")


def _trailing_median(values: FloatArray) -> FloatArray:
    """Median of what is known in the last `DOLLAR_VOLUME_SESSIONS` rows, 0 where nothing is."""
    start = np.full((DOLLAR_VOLUME_SESSIONS - 1, values.shape[1]), np.nan)
    windows = sliding_window_view(np.vstack((start, values)), DOLLAR_VOLUME_SESSIONS, axis=0)
    unknown = np.isnan(windows).all(axis=-1)
    return np.nanmedian(np.where(unknown[..., None], 0.0, windows), axis=-1)
