"""`own_values`: rows of the user's own data to an array of what is known in each session.

1. A row counts from the session of its `date` on, for as many sessions as its input states.
2. Of the rows that count in a session, the one of the latest day (`observed_on`) stands, and of
   those the one that became known last. So a revision replaces what it revises, and a late figure
   of an earlier day does not replace a newer one.
3. Rows without a security are of the market: each security has them where it has none of its own.

A value thus depends on the rows of a bounded number of sessions, wherever the array begins. What
does not belong here: which session a row belongs to (`market/own_data.py`).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.features.extras import OwnInput
from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.market.panel import Panel

OF_THE_MARKET = ""
"""Security of a row that is of no security."""


def own_values(
    rows: pd.DataFrame, source: OwnInput, days: Sequence[str], panel: Panel
) -> FloatArray:
    """Return the values of one field in the panel's sessions: (sessions, securities), NaN: unknown.

    Parameters
    ----------
    rows : date, dataset, field, security_id, observed_on, known_at, value, of `days`
    days : the panel's sessions with the `source.sessions` - 1 before them, as far as there are any
    """
    is_ours = (rows["dataset"] == source.dataset) & (rows["field"] == source.field)
    ours = rows[is_ours].sort_values(["observed_on", "known_at"], kind="stable", ignore_index=True)
    every, count = np.asarray(days, dtype="datetime64[D]"), len(panel.sessions)
    values = _held(ours, every, panel.security_ids, source.sessions)[-count:]
    if (ours["security_id"] == OF_THE_MARKET).any():
        market = _held(ours, every, (OF_THE_MARKET,), source.sessions)[-count:]
        values = np.where(np.isnan(values), market, values)
    return values


def _held(
    rows: pd.DataFrame, days: SessionArray, securities: Sequence[str], sessions: int
) -> FloatArray:
    """Values of some securities in all of `days`; a later row stands before an earlier one."""
    shape = (len(days), len(securities))
    session = np.searchsorted(days, rows["date"].to_numpy().astype("datetime64[D]"))
    column = pd.Index(list(securities)).get_indexer(pd.Index(rows["security_id"]))
    here = np.flatnonzero(column >= 0)
    newest = np.full(shape, -1, dtype=np.int32)
    np.maximum.at(newest, (session[here], column[here]), here.astype(np.int32))
    number = np.arange(len(days), dtype=np.int32)[:, None]
    place = np.maximum.accumulate(np.where(newest >= 0, number, -1), axis=0)
    chosen = np.where(place >= 0, np.take_along_axis(newest, np.maximum(place, 0), axis=0), -1)
    # Where a row of an earlier day came after one of a later day, the order of days decides.
    late = (chosen < np.maximum.accumulate(newest, axis=0)).any(axis=0)
    chosen[place <= number - sessions] = -1
    for each in np.flatnonzero(late):
        chosen[:, each] = _standing(newest[:, each], sessions)
    values = np.append(rows["value"].to_numpy(dtype=np.float64), np.nan)
    return values[chosen]


def _standing(newest: NDArray[np.int32], sessions: int) -> NDArray[np.int32]:
    """Highest number of the last `sessions` places, −1 where there is none."""
    standing = np.full(len(newest), -1, dtype=np.int32)
    for place in sorted(np.flatnonzero(newest >= 0), key=lambda each: newest[each]):
        standing[place : place + sessions] = newest[place]
    return standing
