"""Rows of the user's own data from the table of a file, each by the session from which it is known.

1. A row counts in the first session that closes at or after its `known_at`, by the exchange's own
   closes, early ones included.
2. A row is refused, with its place and the reason, where it has no day, no moment with a zone, no
   symbol though the file has a column of them, or no number; where it became known before its day
   or in the future; and where another row of the same day, symbol and moment came before it.
3. A refused row is of the session in which it would count; without a moment, of the day that its
   clock or else its `date` tells, and without any of that of the row before it.

An empty value is no value, and no fault. What does not belong here: where files are, and which
security a symbol means (`pipeline/own_data.py`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_platform.errors import VendorError
from quant_platform.kernels.arrays import BoolArray
from quant_platform.market.admission import normal_symbols
from quant_platform.market.calendar import Calendar
from quant_platform.vendors.files import values
from quant_platform.vendors.files.tables import FileTable

DAY, MOMENT, SYMBOL = "date", "known_at", "symbol"

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Of datasets and their fields."""

WIDTH = "another number of columns than the first line"

INFINITE = "a number without end"

AGAIN = "a row of the same date, symbol and known_at came before"


@dataclass(frozen=True)
class Dataset:
    """A file whose days, moments and symbols are read.

    Attributes
    ----------
    name : of the dataset
    table : the file
    fields : its columns of values
    observed : day of each row, NaT where it has none
    known : moment of each row in UTC (datetime64[us]), NaT where it has none that has come
    symbols : of each row, empty where the file has none
    days : the day of each row that has no such moment
    faults : row to what is wrong with it
    """

    name: str
    table: FileTable
    fields: tuple[str, ...]
    observed: np.ndarray
    known: np.ndarray
    symbols: np.ndarray
    days: np.ndarray
    faults: Mapping[int, str]

    def refused(self, faults: Sequence[tuple[int, object, str]]) -> pd.DataFrame:
        """Return rows for the quarantine: of each its number, its day and what is wrong with it."""
        places = self.table.places if faults else []
        return _aside(
            [
                (
                    day,
                    str(self.symbols[row]),
                    self.name,
                    places[row],
                    str(self.table.rows.slice(row, 1).to_pylist()[0]),
                    fault,
                )
                for row, day, fault in faults
            ]
        )


def read_dataset(name: str, table: FileTable, calendar: Calendar, now: datetime) -> Dataset:
    """Read the days, moments and symbols of a file.

    Raises
    ------
    VendorError
        It lacks a column, a name is none, or no row can be used.
    """
    table = _plain(table)
    fields = _fields(name, table)
    observed, no_days = values.days(table.rows[DAY], calendar.zone)
    known, no_moments = values.moments(table.rows[MOMENT])
    count = len(table.rows)
    faults: dict[int, str] = {}

    def refuse(where: BoolArray, reason: str) -> None:
        for row in np.flatnonzero(where).tolist():
            faults.setdefault(row, reason)

    for column, read, strange in ((DAY, observed, no_days), (MOMENT, known, no_moments)):
        for row, fault in strange.items():
            faults.setdefault(row, f"{column}: {fault}")
        refuse(np.isnat(read), f"{column} is missing")
    symbols = np.full(count, "", dtype=object)
    if SYMBOL in table.rows.column_names:
        texts, _ = values.texts(table.rows[SYMBOL])
        normal = normal_symbols(pd.Series(texts, dtype="str"))
        refuse(normal.isna().to_numpy(), f"{SYMBOL} is missing")
        symbols = normal.fillna("").to_numpy(dtype=object)
    clock = pd.DatetimeIndex(known).tz_localize("UTC").tz_convert(calendar.zone)
    known_on = clock.tz_localize(None).to_numpy().astype("datetime64[D]")
    refuse(known_on < observed, f"{MOMENT} lies before {DAY}")
    at = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")
    refuse(known > at, f"{MOMENT} lies in the future")
    keys = pd.DataFrame({"day": observed, "symbol": symbols, "known": known})
    refuse(keys.duplicated().to_numpy(), AGAIN)
    if count and len(faults) == count:
        raise VendorError(
            f"No row of {table.path} can be used. {table.places[0]}, {faults[0]}",
            f"{DAY} is written 2024-02-29, and {MOMENT} 2024-03-01T16:30:00-05:00",
        )
    told, _ = values.days(table.rows[MOMENT], calendar.zone)
    days = _first_that_came([told, observed], at.astype("datetime64[D]"))
    come = np.where(known > at, np.datetime64("NaT"), known)
    return Dataset(name, table, fields, observed, come, symbols, days, faults)


def rows_of(
    dataset: Dataset, sessions: Sequence[date], calendar: Calendar
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of consecutive sessions, and those that are refused.

    Returns
    -------
    rows : date (the session), dataset, field, symbol, observed_on, known_at, value, a row per
        value; and `row`, its number in the file
    refused : date, symbol, dataset, place, sent, reason
    """
    days = np.asarray([calendar.previous(sessions[0]), *sessions], dtype="datetime64[D]")
    # NaT comes after everything, as does what becomes known after the last close.
    session = np.searchsorted(calendar.closes(days.tolist()), dataset.known, side="left")
    inside = (session > 0) & (session < len(days))
    is_faulty = np.zeros(len(session), dtype=bool)
    is_faulty[list(dataset.faults)] = True
    rows = np.flatnonzero(inside & ~is_faulty)
    day = np.append(days, np.datetime64("NaT"))[session]
    parts, faults = [], []
    for field in dataset.fields:
        found, strange = values.numbers(dataset.table.rows[field].take(rows))
        infinite = np.flatnonzero(np.isinf(found)).tolist()
        for row, fault in (strange | dict.fromkeys(infinite, INFINITE)).items():
            faults.append((int(rows[row]), day[rows[row]], f"{field}: {fault}"))
        has = np.isfinite(found)
        parts.append(_values(dataset, field, rows[has], day, found[has]))
    since = np.datetime64(calendar.day_after_previous(sessions[0]), "D")
    of_run = np.isnat(dataset.known) & (dataset.days >= since) & (dataset.days <= days[-1])
    for row, fault in dataset.faults.items():
        if inside[row] or of_run[row]:
            faults.append((row, day[row] if inside[row] else dataset.days[row], fault))
    refused = dataset.refused(sorted(faults, key=lambda each: each[0]))
    if dataset.table.broken and since <= dataset.days.max() <= days[-1]:
        refused = pd.concat([refused, _broken(dataset)], ignore_index=True)
    return pd.concat(parts, ignore_index=True), refused


def _values(
    dataset: Dataset, field: str, rows: np.ndarray, day: np.ndarray, found: np.ndarray
) -> pd.DataFrame:
    names = {
        name: pd.Series([text] * len(rows), dtype="str")
        for name, text in (("dataset", dataset.name), ("field", field))
    }
    return pd.DataFrame(
        {
            "date": day[rows].astype("datetime64[s]"),
            **names,
            "symbol": pd.Series(dataset.symbols[rows], dtype="str"),
            "observed_on": dataset.observed[rows].astype("datetime64[s]"),
            "known_at": pd.DatetimeIndex(dataset.known[rows]).tz_localize("UTC"),
            "value": found,
            "row": rows,
        }
    )


def _broken(dataset: Dataset) -> pd.DataFrame:
    """Rows of another number of columns: of the file's newest day, since they have none."""
    table, day = dataset.table, dataset.days.max()
    return _aside(
        [
            (day, "", dataset.name, place, text, WIDTH)
            for place, text in zip(table.broken_places, table.broken, strict=True)
        ]
    )


def _aside(rows: Sequence[tuple[object, str, str, str, str, str]]) -> pd.DataFrame:
    names = ["date", "symbol", "dataset", "place", "sent", "reason"]
    frame = pd.DataFrame(list(rows), columns=names)
    reasons = [f"{place}, {reason}" for place, reason in frame[["place", "reason"]].to_numpy()]
    days = [f"{day:%Y-%m-%d}" for day in pd.to_datetime(frame["date"])]
    return frame.assign(date=days, reason=reasons)


def _first_that_came(candidates: Sequence[np.ndarray], today: np.datetime64) -> np.ndarray:
    """Day of each row: the first candidate that has come, else that of a row beside it."""
    days = np.full(len(candidates[0]), np.datetime64("NaT", "D"))
    for each in candidates:
        usable = np.isnat(days) & (each <= today)
        days[usable] = each[usable]
    filled: np.ndarray = pd.Series(days.astype("datetime64[s]")).ffill().bfill().to_numpy()
    return filled.astype("datetime64[D]")


def _plain(table: FileTable) -> FileTable:
    """Return the table with the values of encoded columns in place of their codes."""
    rows = table.rows
    for at, column in enumerate(rows.schema):
        if pa.types.is_dictionary(column.type):
            values_of = rows.column(at).cast(column.type.value_type)
            rows = rows.set_column(at, column.name, values_of)
    return replace(table, rows=rows)


def _is_of_numbers(kind: pa.DataType) -> bool:
    tests = ("is_floating", "is_integer", "is_decimal", "is_boolean", "is_null", "is_string")
    return any(getattr(pa.types, test)(kind) for test in (*tests, "is_large_string"))


def _fields(name: str, table: FileTable) -> tuple[str, ...]:
    """Columns of values.

    Raises
    ------
    VendorError
        A column is missing or there twice, or a name is none.
    """
    names = table.rows.column_names
    fields = tuple(each for each in names if each not in (DAY, MOMENT, SYMBOL))
    missing = [each for each in (DAY, MOMENT) if each not in names]
    strange = [each for each in fields if not NAME.fullmatch(each)]
    nested = [
        each.name
        for each in table.rows.schema
        if each.name in fields and not _is_of_numbers(each.type)
    ]
    problem = ""
    if missing:
        problem = f"lacks the column {missing[0]!r}"
    elif not fields:
        problem = "has no column of values"
    elif strange:
        problem = f"has a column {strange[0]!r}, which is no name of a field"
    elif len(set(names)) < len(names):
        problem = "has a column twice"
    elif nested:
        problem = f"has a column {nested[0]!r}, which holds no numbers"
    elif not NAME.fullmatch(name):
        problem = f"gives the dataset the name {name!r}"
    if problem:
        raise VendorError(
            f"{table.path} {problem}; its columns: {', '.join(names)}",
            f"Columns are {DAY}, {MOMENT}, {SYMBOL} where values are of securities, and one for"
            " each field; names are of small letters, digits and _",
        )
    return fields
