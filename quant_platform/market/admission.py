"""The door through which a vendor's rows come in: each is taken, or set aside with its reason.

1. A row that the vendor's reader could not use says why in a column `reason`; it is set aside.
2. Symbols are brought into one form (`vendors/symbols.py`), days to their midnight.
3. A row without a symbol or a day, of a day that was not asked for or, of bars, of a day without
   trading is set aside, and so is the copy of a row.

Nothing is left out without a reason. What does not belong here: which of several contradicting
actions counts (`corporate_actions.py`), and the rules of a table (`storage/quarantine.py`).
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from quant_platform.errors import VendorError
from quant_platform.kernels.arrays import BoolArray, SessionArray
from quant_platform.vendors.symbols import normal_symbol

NO_SYMBOL = "no symbol"
NO_DAY = "no day"
NOT_ASKED_FOR = "of a day that was not asked for"
NO_SESSION = "its day is no session"
CAME_TWICE = "the same row came twice"
UNCLAIMED = "no security of the session has the symbol"
"""Why an action is set aside whose security is not known."""

_DAY = "datetime64[D]"


def readable(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide a vendor's rows into those it could read and, with a column `reason`, the others."""
    if "reason" not in rows.columns:
        return rows, rows[:0].assign(reason="")
    is_refused = rows["reason"].notna() & (rows["reason"] != "")
    usable = rows[~is_refused].drop(columns=["reason", "sent"], errors="ignore")
    return usable.reset_index(drop=True), rows[is_refused]


def admitted_bars(
    rows: pd.DataFrame, first: date, sessions: Sequence[date], last: date | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide bars that were asked for from `first` on into those of sessions and the others.

    Parameters
    ----------
    rows : as `Vendor.bars` returns them
    first : first day that was asked for
    sessions : the sessions among the days asked for, ascending
    last : last day that was asked for; None: the last session

    Raises
    ------
    VendorError
        The rows have no column of symbols or days.
    """
    last = last or sessions[-1]
    days = np.asarray(sessions, dtype=_DAY)
    rows, refused = admitted(rows, first, last, sessions=days, what="bars")
    # Bars of years have few rows of one key; only these are compared column by column.
    if not rows.duplicated(["date", "symbol"]).any():
        return rows, refused
    is_copy = rows.duplicated().to_numpy()
    copies = _dated(rows[is_copy].assign(reason=CAME_TWICE), last)
    return rows[~is_copy].reset_index(drop=True), _joined(refused, copies)


def admitted(
    rows: pd.DataFrame,
    first: date,
    last: date,
    *,
    sessions: SessionArray | None = None,
    what: str = "rows",
    has_symbols: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide rows that were asked for from `first` to `last` into those to use and the others.

    Parameters
    ----------
    rows : with columns date and symbol
    sessions : the only days they may be of; None: any day of the range
    what : what the rows are, for a message
    has_symbols : whether they are of symbols; figures of the economy are not

    Returns
    -------
    usable : symbols in their one form, days as datetime64[s]
    refused : as they came, with a column `reason`; one without a readable day has that of `last`

    Raises
    ------
    VendorError
        The rows have no column of symbols or days.
    """
    for column in ("date", "symbol") if has_symbols else ("date",):
        if column not in rows.columns:
            raise VendorError(
                f"The vendor's {what} have no column {column!r}",
                f"They have: {', '.join(map(str, rows.columns)) or 'none'}",
            )
    rows, refused = readable(rows)
    refused = _dated(refused, last)
    days = _days(rows["date"])
    outside = (days < np.datetime64(first)) | (days > np.datetime64(last))
    tests: list[tuple[str, BoolArray]] = [
        (NO_DAY, np.isnat(days)),
        (NOT_ASKED_FOR, outside),
    ]
    usable = rows.assign(date=days.astype("datetime64[s]"))
    if has_symbols:
        symbols = normal_symbols(rows["symbol"])
        usable["symbol"] = symbols
        tests.insert(1, (NO_SYMBOL, symbols.isna().to_numpy()))
    if sessions is not None:
        tests.append((NO_SESSION, ~np.isin(days, sessions)))
    reasons = np.full(len(rows), "", dtype=object)
    for reason, holds in reversed(tests):
        reasons[holds] = reason
    lost = reasons != ""
    losers = rows[lost].assign(reason=reasons[lost])
    if lost.any():
        usable = usable[~lost].reset_index(drop=True)
    return usable, _joined(refused, _dated(losers, last))


def admitted_reference(rows: pd.DataFrame, last: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide the reference of a fixed list into one row a symbol and, with reasons, the others.

    Parameters
    ----------
    rows : as `Vendor.securities` returns them
    last : day that a row without a day of listing is set aside under
    """
    rows, refused = readable(rows)
    symbols = normal_symbols(rows["symbol"])
    reasons = np.where(symbols.isna(), NO_SYMBOL, "").astype(object)
    reasons[(reasons == "") & rows["listing_date"].isna().to_numpy()] = "no day of listing"
    again = symbols.where(reasons == "").duplicated().to_numpy() & (reasons == "")
    reasons[again] = "the symbol is listed twice"
    lost = reasons != ""
    losers = rows[lost].assign(reason=reasons[lost], date=rows["listing_date"][lost])
    usable = rows.assign(symbol=symbols)[~lost].reset_index(drop=True)
    return usable, _joined(_dated(refused, last), _dated(losers, last))


def admitted_news(rows: pd.DataFrame, last: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide articles, one row a ticker, into those with a ticker and a time and the others.

    Parameters
    ----------
    rows : as `InformationVendor.news` returns them
    last : day that a row without a time is set aside under
    """
    rows, refused = readable(rows)
    symbols = normal_symbols(rows["symbol"])
    reasons = np.where(symbols.isna(), NO_SYMBOL, "").astype(object)
    reasons[rows["published_at"].isna().to_numpy()] = "no time of publication"
    lost = reasons != ""
    losers = rows[lost].assign(reason=reasons[lost], date=rows["published_at"][lost])
    usable = rows.assign(symbol=symbols)[~lost].reset_index(drop=True)
    return usable, _joined(_dated(refused, last), _dated(losers, last))


def _days(values: pd.Series) -> SessionArray:
    """Days of dates, of moments, of moments with an offset (their own clock's day), or of texts."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    days: SessionArray = pd.to_datetime(values, errors="coerce").to_numpy().astype(_DAY)
    return days


def _dated(refused: pd.DataFrame, day: date) -> pd.DataFrame:
    """Give refused rows their days as ISO dates; one without a day that can be read gets `day`."""
    if refused.empty:
        return refused
    own = refused["date"] if "date" in refused.columns else pd.Series(pd.NaT, refused.index)
    days = _days(own)
    days[np.isnat(days)] = np.datetime64(day)
    return refused.assign(date=days.astype(str))


def _joined(*parts: pd.DataFrame) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled or parts[:1], ignore_index=True)


def normal_symbols(symbols: pd.Series) -> pd.Series:
    """Symbols in their one form, as text; missing where there is none or nothing is left of it."""
    texts = symbols.astype("str")
    values = pa.array(texts, pa.large_string())
    if not values.null_count and _is_plain(values):
        return texts
    # Few of a vendor's symbols are distinct, and fewer are strange.
    forms = {text: normal_symbol(text) for text in texts[~texts.isna()].unique()}
    texts = texts.map(forms).astype("str")
    return texts.mask(texts == "")


def _is_plain(values: pa.Array) -> bool:
    """Whether all are printable ASCII without a blank, which the rule leaves as it is."""
    return bool(
        pc.all(pc.ascii_is_printable(values)).as_py()
        and not pc.any(pc.match_substring(values, " ")).as_py()
        and (pc.min(pc.binary_length(values)).as_py() or 0) > 0
    )
