"""Values of a file's columns: days, numbers and texts, and what cannot be read as such.

A faulty value is missing, and its place has a fault in words. An empty text is a missing value and
no fault.
"""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_QUOTED = 60
"""Characters of a faulty value that are quoted."""


class Values(NamedTuple):
    """Values of a column, and faults by row."""

    values: np.ndarray
    faults: dict[int, str]


def days(column: "pa.ChunkedArray", zone: ZoneInfo) -> Values:
    """Days: ISO dates as text, dates, or moments. A moment with an offset has its day in `zone`."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            moments = column.cast(pa.timestamp("us", "UTC")).to_pandas()
            found = moments.dt.tz_convert(zone).dt.tz_localize(None)
            return Values(found.to_numpy().astype("datetime64[D]"), {})
        whole = column.cast(pa.timestamp("us")).to_pandas()
        return Values(whole.to_numpy().astype("datetime64[D]"), {})
    codes, distinct = _distinct(column)
    parsed = [_day(text, zone) for text in distinct]
    return _spread(
        codes,
        distinct,
        [np.datetime64(day, "D") for day in parsed],
        "no ISO date such as 2012-01-31",
    )


def moments(column: "pa.ChunkedArray") -> Values:
    """Moments with their zone, as datetime64[us] in UTC; a clock without a zone is no moment."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return Values(
            column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).to_numpy(), {}
        )
    codes, distinct = _distinct(column)
    parsed = [_moment(text) for text in distinct]
    found = [each if isinstance(each, np.datetime64) else _NO_MOMENT for each in parsed]
    faults = {
        code: _quoted(distinct[code], rule)
        for code, rule in enumerate(parsed)
        if isinstance(rule, str)
    }
    rows = np.flatnonzero(np.isin(codes, list(faults))).tolist()
    return Values(
        np.append(np.array(found, dtype=_NO_MOMENT.dtype), _NO_MOMENT)[codes],
        {row: faults[int(codes[row])] for row in rows},
    )


def numbers(column: "pa.ChunkedArray") -> Values:
    """Numbers with a decimal point, as float64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        found = pc.cast(column, pa.float64(), safe=False)
        return Values(found.to_numpy(), {})
    trimmed = pc.utf8_trim_whitespace(column)
    known = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
    try:
        floats = pc.cast(known, pa.float64()).to_numpy()
        finite = np.isfinite(floats) | known.is_null().to_numpy()
    except pa.ArrowInvalid:
        floats = np.array([_number(text) for text in known.to_pylist()], dtype=np.float64)
        finite = np.isfinite(floats) | known.is_null().to_numpy()
    faulty = np.flatnonzero(~finite).tolist()
    return Values(
        np.where(finite, floats, np.nan),
        {row: _quoted(column[row].as_py(), "no number") for row in faulty},
    )


def texts(column: "pa.ChunkedArray") -> Values:
    """Texts as they are; an empty one is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.cast(column, pa.string())
    found = pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)
    return Values(found.to_numpy(), {})


def _distinct(column: "pa.ChunkedArray") -> tuple[np.ndarray, list[str]]:
    """Number of each value among the distinct ones, and these."""
    import pyarrow as pa

    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy()
    return codes, encoded.dictionary.to_pylist()


def _spread(codes: np.ndarray, distinct: list[str], parsed: list[Any], rule: str) -> Values:
    """Give each row what was read of its text."""
    values = np.append(np.array(parsed, dtype="datetime64[D]"), np.datetime64("NaT", "D"))[codes]
    strange = {
        code: _quoted(text, rule)
        for code, (text, day) in enumerate(zip(distinct, parsed, strict=True))
        if np.isnat(day) and text.strip()
    }
    if not strange:
        return Values(values, {})
    rows = np.flatnonzero(np.isin(codes, list(strange))).tolist()
    return Values(values, {row: strange[int(codes[row])] for row in rows})


def _day(text: str, zone: ZoneInfo) -> date | None:
    """Day of an ISO date or moment; None where it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo is None else moment.astimezone(zone)).date()


_NO_MOMENT = np.datetime64("NaT", "us")


def _moment(text: str) -> "np.datetime64 | str | None":
    """Moment of a text in UTC; what is wrong with it; or None where it is empty."""
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return "no moment such as 2024-03-01T16:30:00-05:00"
    if moment.tzinfo is None:
        return "a time without a zone: write it as 2024-03-01T16:30:00-05:00"
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _number(text: str | None) -> float:
    if text is None or "_" in text:
        return np.nan
    try:
        return float(text)
    except ValueError:
        return np.nan


def _quoted(value: object, rule: str) -> str:
    text = str(value)
    shown = text if len(text) <= LONGEST_QUOTED else text[: LONGEST_QUOTED - 1] + "…"
    return f"{shown!r} is {rule}"
