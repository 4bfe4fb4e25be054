"""`Listed`: which security a ticker meant, from when to when; and how tables become rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

Row = dict[str, Any]

FIELD_OF = {"from": "first", "to": "last"}
"""Columns whose names Python keeps for itself."""


@dataclass(frozen=True, slots=True)
class Listed:
    """From `first` to `last` (None: still) the ticker `symbol` meant the security `security`."""

    symbol: str
    first: date
    last: date | None = None
    security: str = ""
    figi: str | None = None
    share_class_figi: str | None = None
    cik: str | None = None
    name: str = ""
    type: str | None = "CS"
    exchange: str | None = "XNYS"
    sector: str | None = None
    list_date: date | None = None
    delisted: date | None = None
    otc: bool = False

    def holds(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


def records(rows: Any) -> list[Row]:
    """Rows of a frame or a list as dictionaries; an absent value is None."""
    dictionaries = rows.to_dict("records") if hasattr(rows, "to_dict") else rows
    return [
        {name: None if _absent(value) else value for name, value in row.items()}
        for row in dictionaries
    ]


def events(rows: Any) -> list[Row]:
    """Rows of a table of events as the API words them: no absent values, days as text."""
    return [
        {
            name: str(day_of(value)) if isinstance(value, date) else value
            for name, value in row.items()
            if value is not None
        }
        for row in records(rows)
    ]


def listed(row: Mapping[str, Any]) -> Listed:
    """Listing from a row; see `ServedMarket.from_frames` for its columns."""
    values = {FIELD_OF.get(name, name): value for name, value in row.items()}
    for name in ("first", "last", "list_date", "delisted"):
        values[name] = None if values.get(name) is None else day_of(values[name])
    values["first"] = values["first"] or values["list_date"] or date(1970, 1, 1)
    values["name"] = values.get("name") or f"{values['symbol']} Inc."
    own = values.get("figi") or f"{values['symbol']}@{values['first']}"
    values["security"] = values.get("security") or own
    return Listed(**values)


def day_of(value: Any) -> date:
    """Calendar day of a date, a timestamp or an ISO text."""
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value.date() if isinstance(value, datetime) else value


def _absent(value: Any) -> bool:
    # NaN and NaT are the values that do not equal themselves; arrays and lists are values.
    return value is None or (not isinstance(value, list | tuple | dict) and value != value)
