"""Bars of securities: chosen by tickers, adjusted as of a session, and as wide frames.

What does not belong here: the arithmetic of adjustment (`market/adjustment.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from quant_platform.errors import UnknownNameError
from quant_platform.market.adjustment import Kind, adjust
from quant_platform.market.calendar import Calendar
from quant_platform.market.grid import pivot, securities_in
from quant_platform.research.arguments import Names, several
from quant_platform.research.reader import TableReader

Adjustment = Literal["total_return", "split", "splits", "none"]
"""How a user writes an adjustment; "split" and "splits" are the same."""

Field = Literal["open", "high", "low", "close", "volume", "vwap"]

PRICE_FIELDS: Mapping[str, str] = {
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
    "volume": "volume",
    "vwap": "vwap",
}
"""Field of a wide frame → column of `market_data`."""

_ADJUSTED_BY = ("date", "security_id", "close_price", "volume")
"""Columns that an adjustment reads, whatever else is wanted."""


def price_column(field: str) -> str:
    """Return the column of `market_data` that a field names.

    Raises
    ------
    UnknownNameError
        There is no such field.
    """
    if field not in PRICE_FIELDS:
        raise UnknownNameError(
            f"There is no field {field!r}", f"Choose from: {', '.join(PRICE_FIELDS)}"
        )
    return PRICE_FIELDS[field]


def kind_of(adjust: str | None) -> Kind | None:
    """Return the adjustment that a user wrote; None for raw.

    Raises
    ------
    UnknownNameError
        There is no such adjustment.
    """
    if adjust in (None, "none"):
        return None
    if adjust in ("split", "splits"):
        return "split"
    if adjust == "total_return":
        return "total_return"
    raise UnknownNameError(
        f"There is no adjustment {adjust!r}", "Choose from: total_return, splits, none"
    )


def securities_of(
    reader: TableReader, symbols: Names | None, first: str, last: str
) -> Mapping[str, Sequence[str]] | None:
    """Return the allowed values of `security_id`: who carried a ticker from `first` to `last`.

    None, for all, without tickers.
    """
    if symbols is None:
        return None
    among = {"symbol": several(symbols)}
    rows = reader.rows("market_data", (first, last), ["security_id"], among=among)
    return {"security_id": rows["security_id"].unique().tolist()}


def adjusted_bars(
    reader: TableReader,
    first: str,
    last: str,
    *,
    as_of: str,
    kind: Kind,
    among: Mapping[str, Sequence[str]] | None,
    columns: Sequence[str] | None,
) -> pd.DataFrame:
    """Read bars of `first` to `last` in the units of `as_of`; none after it.

    Raises
    ------
    UnknownNameError
        There is no such adjustment or column.
    """
    # A dividend after the last bar wanted is reinvested at a later one.
    until = as_of if kind == "total_return" else min(last, as_of)
    read = None if columns is None else list(dict.fromkeys([*columns, *_ADJUSTED_BY]))
    bars = reader.rows("market_data", (first, until), read, among=among)
    actions = reader.rows("corporate_actions", (first, as_of), among=among)
    adjusted = adjust(bars, actions, as_of, kind)
    wanted = adjusted[adjusted["date"] <= last]
    return wanted if columns is None else wanted[list(columns)]


def wide(rows: pd.DataFrame, column: str, calendar: Calendar) -> pd.DataFrame:
    """Turn rows into a sessions × securities frame of one column.

    Parameters
    ----------
    rows : date, symbol, security_id and `column`, in the order of their dates

    Returns
    -------
    pd.DataFrame
        A row for each session of the calendar from the first date to the last one, of NaN where no
        bar is stored. A column for each security, sorted: its last ticker, or its `security_id`
        where the last ticker of another one is the same.
    """
    days = rows["date"].to_numpy().astype("datetime64[D]")
    sessions = np.unique(days)
    if len(sessions):
        between = calendar.sessions(sessions[0].item(), sessions[-1].item())
        sessions = np.union1d(sessions, np.asarray(between, dtype="datetime64[D]"))
    securities = sorted(securities_in(rows))
    tickers = rows.groupby("security_id")["symbol"].last().reindex(securities)
    labels = tickers.mask(tickers.duplicated(keep=False), pd.Series(securities, tickers.index))
    return pd.DataFrame(
        pivot(rows, column, sessions, securities),
        index=pd.DatetimeIndex(sessions.astype("datetime64[s]"), name="date"),
        columns=pd.Index(labels.to_numpy(), name="symbol", dtype="str"),
    ).sort_index(axis="columns")
