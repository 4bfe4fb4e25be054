"""Identities as rows: descriptions and meanings to frames, and stored descriptions back.

Also the identities of a market in which a symbol is a security.
"""

from collections.abc import Container, Sequence
from dataclasses import fields
from datetime import date
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

from quant_platform.vendors.answers import Listing

FIGI, REFERENCE, BARS = "figi", "reference", "bars"

TEXTS = ("figi", "share_class_figi", "cik", "company_name", "security_type", "exchange", "sector")
DATES = ("list_date", "delisted_on")


def fixed_identities(
    reference: pd.DataFrame, sessions: Sequence[date], already_described: Container[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `securities` and `security_symbols` where a symbol is a security.

    A row belongs to the session of the listing or, where history begins later, to the first one.

    Parameters
    ----------
    reference : what `Vendor.securities` returns
    sessions : ascending
    already_described : securities that have a row of an earlier session
    """
    described: dict[date, dict[str, Listing]] = {}
    for row in reference.to_dict("records"):
        symbol, listed = str(row["symbol"]), pd.Timestamp(row["listing_date"]).date()
        day = next((session for session in sessions if session >= listed), None)
        if day is None or symbol in already_described:
            continue
        name, sector = (_known(row.get(field)) for field in ("company_name", "sector"))
        described.setdefault(day, {})[symbol] = Listing(
            "", company_name=name, sector=sector, list_date=listed
        )
    days = sorted(described)
    securities = [securities_frame(day, described[day]) for day in days]
    symbols = [
        symbols_frame(day, {symbol: (symbol, "listed") for symbol in described[day]})
        for day in days
    ]
    empty = date(1970, 1, 1)
    return (
        pd.concat(securities or [securities_frame(empty, {})], ignore_index=True),
        pd.concat(symbols or [symbols_frame(empty, {})], ignore_index=True),
    )


def _known(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def securities_frame(session: date, described: dict[str, Listing]) -> pd.DataFrame:
    """Rows of the table `securities`."""
    return _securities(session, described) if described else _no_securities().copy(deep=False)


def symbols_frame(session: date, meanings: dict[str, tuple[str | None, str]]) -> pd.DataFrame:
    """Rows of the table `security_symbols`."""
    return _symbols(session, meanings) if meanings else _no_symbols().copy(deep=False)


@cache
def _no_securities() -> pd.DataFrame:
    """The empty frame of most sessions, made once."""
    return _securities(date.min, {})


@cache
def _no_symbols() -> pd.DataFrame:
    return _symbols(date.min, {})


def _securities(session: date, described: dict[str, Listing]) -> pd.DataFrame:
    ids = sorted(described)
    rows = [described[security] for security in ids]
    columns = {"date": _days([session] * len(ids)), "security_id": _texts(ids)}
    columns |= {name: _texts([getattr(row, name) for row in rows]) for name in TEXTS}
    columns |= {name: _days([getattr(row, name) for row in rows]) for name in DATES}
    columns["evidence"] = _texts([_evidence(row) for row in rows])
    return _frame(columns)


def _symbols(session: date, meanings: dict[str, tuple[str | None, str]]) -> pd.DataFrame:
    symbols = sorted(meanings)
    return _frame(
        {
            "date": _days([session] * len(symbols)),
            "symbol": _texts(symbols),
            "security_id": _texts([meanings[symbol][0] for symbol in symbols]),
            "reason": _texts([meanings[symbol][1] for symbol in symbols]),
        }
    )


def _evidence(listing: Listing) -> str:
    if listing.figi:
        return FIGI
    facts = (listing.cik, listing.company_name, listing.security_type, listing.share_class_figi)
    return REFERENCE if any(facts) else BARS


def listing_of(row: dict[str, Any]) -> Listing:
    """Read a description out of a stored row."""
    values: dict[str, Any] = {}
    for field in fields(Listing):
        value = row.get(field.name)
        if field.name != "symbol" and value is not None and not pd.isna(value):
            is_day = field.name in DATES
            values[field.name] = pd.Timestamp(str(value)).date() if is_day else str(value)
    return Listing("", **values)


def arrow_text(values: pd.Series) -> pa.Array:
    """Texts as one Arrow array."""
    texts = pa.array(values, pa.large_string())
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _frame(columns: dict[str, pa.Array]) -> pd.DataFrame:
    """Build a frame by Arrow: for a few rows pandas would spend its time on each column."""
    frame: pd.DataFrame = pa.table(columns).to_pandas()
    return frame


def _texts(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.large_string())


def _days(values: Sequence[date | None]) -> pa.Array:
    return pa.array(values, pa.date32()).cast(pa.timestamp("s"))


def securities_of(rows: pd.DataFrame, symbols: pd.DataFrame) -> pd.Series:
    """Security that each row's `symbol` meant on its `date`; missing where it meant none.

    Parameters
    ----------
    rows : date, symbol
    symbols : rows of `security_symbols` up to the last of these dates
    """
    left = rows[["date", "symbol"]].astype(KEY_TYPES).reset_index(names="place").sort_values("date")
    right = symbols[["date", "symbol", "security_id"]].astype(KEY_TYPES)
    right = right.sort_values("date", kind="stable")
    merged = pd.merge_asof(left, right, on="date", by="symbol").set_index("place")
    return merged["security_id"].reindex(rows.index).astype("str")


KEY_TYPES = {"date": "datetime64[s]", "symbol": "str"}
