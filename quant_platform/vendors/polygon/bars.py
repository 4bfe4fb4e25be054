"""Daily bars: rows of the vendor's JSON become typed frames; unusable rows are set aside.

Built for 12,000 rows at a time. Arrow reads a session without faults straight into typed columns
and releases Python's lock, so threads read in parallel. A session with one odd field is decoded as
JSON and checked row by row. Filling and correcting do not belong here.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from operator import itemgetter
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.vendors.polygon.cells import LONGEST_TICKER, numbers, storable, tickers
from quant_platform.vendors.polygon.json_text import read_json
from quant_platform.vendors.polygon.times import bounds, days_of

SOURCE = "polygon"

PRICES = {"o": "open_price", "h": "high_price", "l": "low_price", "c": "close_price"}
"""Fields a row must have."""

OTHERS = {"v": "volume", "vw": "vwap", "n": "trade_count"}
"""Fields a row may lack; the volume is a decimal number too."""

NUMBERS = PRICES | OTHERS

RAW = ("T", *NUMBERS, "t", "otc")

COLUMNS = ("date", "symbol", *NUMBERS.values(), "source")

_FIELDS = pa.schema(
    [("T", pa.string()), ("t", pa.int64()), *((name, pa.float64()) for name in NUMBERS)]
)
"""What a row as documented consists of."""


@dataclass(frozen=True)
class OrderlyRows:
    """Rows whose fields all have the documented types: as columns, and as the vendor wrote them.

    A field that a row lacks is null.
    """

    columns: pa.Table
    text: memoryview

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def as_sent(self) -> list[Any]:
        """Return the rows as JSON has them."""
        rows: list[Any] = cast("list[Any]", read_json(self.text))
        return rows


_OPENING = b'"results":['
_BETWEEN = b"},{"


def read_grouped(body: bytes) -> object:
    """Read the grouped answer: as JSON has it, but for rows in order, which are `OrderlyRows`.

    Raises
    ------
    ValueError
        It is no JSON.
    """
    start, end = body.find(_OPENING) + len(_OPENING), body.rfind(b"]")
    if len(_OPENING) <= start < end:
        columns = _columns(body, start, end)
        if columns is not None:
            answer = read_json(body[:start] + body[end:])
            if isinstance(answer, dict) and answer.get("resultsCount") == len(columns):
                return answer | {
                    "results": OrderlyRows(columns, memoryview(body)[start - 1 : end + 1])
                }
    return read_json(body)


def _columns(body: bytes, start: int, end: int) -> pa.Table | None:
    """Read the objects of a part of `body` into columns; None where a field is of another type."""
    if not body.isascii():
        return None  # Arrow would accept broken UTF-8 as text.
    # Arrow reads one object per line. The count shows whether every separator stood between rows.
    lines = body.replace(_BETWEEN, b"}\n{")
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(pa.py_buffer(lines).slice(start, end - start)),
            pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines)),
            pyarrow.json.ParseOptions(explicit_schema=_FIELDS, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == body.count(_BETWEEN, start, end) + 1 else None


def session_bars(rows: list[Any] | OrderlyRows, session: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of one session of the whole market, and the rows that are none.

    Parameters
    ----------
    rows : `results` of the grouped answer, from `read_grouped` or any reader of JSON

    Returns
    -------
    bars : one row a symbol, in the columns of `Vendor.bars`
    refused : rows as they came, with a column `reason`
    """
    if isinstance(rows, OrderlyRows):
        bars = _bars_in_order(rows, session)
        if bars is not None:
            return bars, _none_refused()
        rows = rows.as_sent()
    table = _Rows(rows)
    symbols = tickers(table.values("T"))
    table.refuse(np.array([symbol is None for symbol in symbols], dtype=np.bool_), "no ticker")
    first, end = bounds(session)
    times = table.number("t")
    table.refuse(np.isnan(times), "no time")
    table.refuse((times < first) | (times >= end), "of another session")
    table.check_numbers()
    table.refuse_repeated(symbols)
    good_rows = table.good_rows()
    dates = np.full(len(good_rows), np.datetime64(session, "s"))
    return table.bars(
        good_rows, dates, [str(symbols[i]) for i in good_rows.tolist()]
    ), table.refused()


def _bars_in_order(rows: OrderlyRows, session: date) -> pd.DataFrame | None:
    """Bars of an answer in which no row has a fault; None where some row may have one."""
    columns = rows.columns
    if any(columns[name].null_count for name in ("T", "t", *PRICES)):
        return None
    first, end = bounds(session)
    times = columns["t"].to_numpy()
    figures = {column: columns[name].to_numpy() for name, column in NUMBERS.items()}
    if (
        ((times < first) | (times >= end)).any()
        or any(np.isinf(values).any() for values in figures.values())
        or any(np.isnan(figures[column]).any() for column in PRICES.values())
        or not _are_distinct_tickers(columns["T"])
    ):
        return None
    frame: dict[str, Any] = {
        "date": np.full(len(times), np.datetime64(session, "s")),
        "symbol": _text(columns["T"]),
    }
    frame |= figures
    frame["source"] = _text(pa.repeat(SOURCE, len(times)))
    return pd.DataFrame(frame, copy=False)


def _are_distinct_tickers(texts: pa.ChunkedArray) -> bool:
    """Whether every text can be a ticker, and no two are the same; see `cells.ticker`."""
    return bool(
        pc.all(pc.string_is_ascii(texts)).as_py()
        and pc.all(pc.ascii_is_printable(texts)).as_py()
        and not pc.any(pc.match_substring(texts, " ")).as_py()
        and pc.min(pc.binary_length(texts)).as_py() > 0
        and pc.max(pc.binary_length(texts)).as_py() <= LONGEST_TICKER
        and len(pc.unique(texts)) == len(texts)
    )


def range_bars(
    rows: list[Any], symbol: str, first: date, last: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of one symbol from the range answer, ascending, and the rows that are none."""
    table = _Rows(rows)
    times = table.number("t")
    table.refuse(np.isnan(times), "no time")
    days = days_of(pd.Series(times)).to_numpy()
    inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
    table.refuse(~inside, "of a day that was not asked for")
    table.check_numbers()
    table.refuse_repeated(list(days))
    good_rows = table.good_rows()
    bars = table.bars(good_rows, days[good_rows].astype("datetime64[s]"), [symbol] * len(good_rows))
    return bars.sort_values("date", ignore_index=True), table.refused()


def no_bars() -> pd.DataFrame:
    """Return a frame without rows in the columns and types of bars."""
    return session_bars([], date(2000, 1, 3))[0]


@cache
def _none_refused() -> pd.DataFrame:
    return _Rows([]).refused()


class _Rows:
    """Rows as they came, the columns read from them, and what speaks against each."""

    def __init__(self, rows: list[Any]) -> None:
        self._sent = rows
        self._rows = [row if type(row) is dict else {} for row in rows]
        self._good = np.ones(len(rows), dtype=bool)
        self._reasons: dict[int, str] = {}
        self._numbers: dict[str, FloatArray] = {}
        self._strange: dict[str, BoolArray] = {}

    def values(self, name: str) -> list[Any]:
        try:
            return list(map(itemgetter(name), self._rows))
        except KeyError:
            return [row.get(name) for row in self._rows]

    def number(self, name: str) -> FloatArray:
        if name not in self._numbers:
            self._numbers[name], self._strange[name] = numbers(self.values(name))
        return self._numbers[name]

    def refuse(self, faulty: BoolArray, reason: str) -> None:
        """Set rows aside; the first reason against a row is the one that is given."""
        for i in np.flatnonzero(faulty & self._good):
            self._reasons[int(i)] = reason
        self._good &= ~faulty

    def check_numbers(self) -> None:
        for name, column in NUMBERS.items():
            figures = self.number(name)
            faulty = np.isnan(figures) if name in PRICES else self._strange[name]
            if faulty.any():
                self.refuse(faulty, f"{column} is no number")

    def refuse_repeated(self, keys: list[Any]) -> None:
        """Of good rows with one key keep that of the larger volume."""
        if self._good.all() and len(set(keys)) == len(keys):
            return
        places: dict[Any, list[int]] = {}
        for i in self.good_rows().tolist():
            places.setdefault(keys[i], []).append(i)
        volumes = np.nan_to_num(self.number("v"), nan=-np.inf)
        for same in places.values():
            best = max(same, key=lambda i: volumes[i])
            for i in same:
                if i != best:
                    self._drop(i, self._is_equal(i, best))

    def good_rows(self) -> NDArray[np.intp]:
        return np.flatnonzero(self._good)

    def bars(
        self, good_rows: NDArray[np.intp], dates: NDArray[np.datetime64], symbols: list[str]
    ) -> pd.DataFrame:
        whole = len(good_rows) == len(self._rows)
        columns: dict[str, Any] = {"date": dates, "symbol": _text(pa.array(symbols, pa.string()))}
        for name, column in NUMBERS.items():
            figures = self.number(name)
            columns[column] = figures if whole else figures[good_rows]
        columns["source"] = _text(pa.repeat(SOURCE, len(good_rows)))
        return pd.DataFrame(columns, copy=False)

    def refused(self) -> pd.DataFrame:
        rows = [
            _as_sent(self._sent[i]) | {"reason": reason}
            for i, reason in sorted(self._reasons.items())
        ]
        names = dict.fromkeys([*RAW, *(name for row in rows for name in row if name != "reason")])
        table = {name: [storable(row.get(name)) for row in rows] for name in (*names, "reason")}
        return pd.DataFrame(table, dtype="object")

    def _drop(self, i: int, equal: bool) -> None:
        self._good[i] = False
        self._reasons[i] = (
            "the same row came twice"
            if equal
            else "a second row of its ticker and day; that of the larger volume was kept"
        )

    def _is_equal(self, one: int, other: int) -> bool:
        pairs = [(self.number(name)[one], self.number(name)[other]) for name in NUMBERS]
        return all(a == b or (np.isnan(a) and np.isnan(b)) for a, b in pairs)


def _as_sent(row: Any) -> dict[str, Any]:
    return row if type(row) is dict else {"row": row}


def _text(values: pa.Array | pa.ChunkedArray) -> Any:
    return pd.array(values, dtype="str")
