"""Rows of tables into (sessions, securities) arrays, and back.

What belongs here: finding the cell of each row. What does not: what the arrays mean (`panel.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.kernels.placement import (
    OUTSIDE,
    Cells,
    Integers,
    find_cells,
    place,
    place_numbers,
)
from quant_platform.kernels.threads import by_rows, in_threads

Rows: TypeAlias = pd.DataFrame | pa.Table
"""Rows as pandas or Arrow has them; Arrow's text dictionary-encoded."""

AT_ONCE = 100_000
"""Rows of a part from which on its columns are placed in threads."""

NO_MEMBER = -2
"""Number of the sector of a cell that is no member's; a member without a sector has −1."""


@dataclass(frozen=True)
class Grid:
    """Sessions and securities into which rows are placed."""

    days: SessionArray
    security_ids: tuple[str, ...]

    def _array(self, value: float = np.nan) -> FloatArray:
        array = np.empty((len(self.days), len(self.security_ids)))
        by_rows(lambda part: array[part].fill(value), array.shape)
        return array

    def _nothing(self) -> FloatArray:
        """An array of 0, which takes memory where something is written."""
        return np.zeros((len(self.days), len(self.security_ids)))

    def columns(self, rows: Rows, named: Mapping[str, str]) -> dict[str, FloatArray]:
        """Arrays of columns, found once for all of them; NaN where there is no row."""
        parts = list(_parts(rows))
        arrays = {name: self._array() for name in named}

        def fill(name: str) -> None:
            place(part.values(named[name]), cells, arrays[name].reshape(-1))

        # A part after the other, so that the cells of one alone take memory.
        for part in parts:
            cells = self._cells(part)
            for _ in in_threads(fill, named, _threads(part)):
                pass
        return arrays

    def _cells(self, part: "_RowsOfPart") -> Cells:
        """Number of each row's cell, counted along the sessions; `OUTSIDE` without one."""
        days, width = self.days.astype("datetime64[D]").astype(np.int64), len(self.security_ids)
        if not (len(part.days) and len(days) and width and len(part.names)):
            return np.full(len(part.days), OUTSIDE, dtype=np.int64)
        first = int(days[0])
        row_of = np.full(int(days[-1]) - first + 1, -1, dtype=np.int64)
        row_of[days - first] = np.arange(len(days))
        column_of = pd.Index(self.security_ids).get_indexer(pd.Index(part.names)).astype(np.int64)
        return find_cells(part.days, first, row_of, part.codes, column_of, width)

    def _cells_inside(self, part: "_RowsOfPart") -> tuple[Cells, BoolArray]:
        """Cells of the rows that have one, and which these are."""
        cells = self._cells(part)
        inside = cells != OUTSIDE
        return cells[inside], inside

    def actions(self, rows: Rows) -> dict[str, FloatArray]:
        """Split ratios and dividends; several of one session are multiplied, or added."""
        split, dividend = self._array(1.0), self._nothing()
        for part in _parts(rows):
            cells, inside = self._cells_inside(part)
            ratios, amounts = part.values("split_ratio")[inside], part.values("cash_amount")[inside]
            np.multiply.at(split.reshape(-1), cells, np.where(np.isnan(ratios), 1.0, ratios))
            np.add.at(dividend.reshape(-1), cells, np.where(np.isnan(amounts), 0.0, amounts))
        return {"split": split, "dividend": dividend}

    def news(self, rows: Rows) -> dict[str, FloatArray]:
        """Sum and number of the sentiments of each cell."""
        total, count = self._nothing(), self._nothing()
        for part in _parts(rows):
            cells, inside = self._cells_inside(part)
            sentiment = part.values("sentiment")[inside]
            judged = ~np.isnan(sentiment)
            np.add.at(total.reshape(-1), cells[judged], sentiment[judged])
            np.add.at(count.reshape(-1), cells[judged], 1.0)
        return {"sentiment": total, "articles": count}

    def members(self, universe: Rows) -> dict[str, Any]:
        """Membership, and the sector of each member where the rows have one."""
        parts = list(_parts(universe))
        numbers, names = _sectors(parts, "sector" in column_names(universe))
        sectors = np.full((len(self.days), len(self.security_ids)), NO_MEMBER, dtype=np.int32)
        # A part after the other, so that the numbers and cells of one alone take memory.
        for part, of_part in zip(parts, numbers, strict=True):
            place_numbers(of_part, self._cells(part), sectors.reshape(-1))
        member = sectors != NO_MEMBER
        if "sector" not in column_names(universe):
            return {"member": member}
        np.maximum(sectors, -1, out=sectors)
        return {"member": member, "sectors": sectors, "sector_names": names}


def _sectors(
    parts: "Sequence[_RowsOfPart]", have_sectors: bool
) -> tuple[Iterable[Integers], tuple[str, ...]]:
    """Number of each row's sector among the sorted names, −1 without one; and the names."""
    if not have_sectors:
        return (np.full(len(part.days), -1, dtype=np.int32) for part in parts), ()
    # Text is looked at once per distinct sector, not once per row.
    texts = [part.texts("sector") for part in parts]
    used: set[str] = set()
    for codes, words in texts:
        counts = np.bincount(codes + 1, minlength=len(words) + 1)[1:]
        used.update(words[code] for code in np.flatnonzero(counts))
    number = {word: at for at, word in enumerate(sorted(used))}
    ranks = (
        np.array([*(number.get(word, -1) for word in words), -1], dtype=np.int32)[codes]
        for codes, words in texts
    )
    return ranks, tuple(sorted(used))


def column_names(rows: Rows) -> list[str]:
    """Names of the columns of rows."""
    return list(rows.columns if isinstance(rows, pd.DataFrame) else rows.column_names)


def long_frame(
    sessions: SessionArray,
    security_ids: Sequence[str],
    values: Mapping[str, NDArray[np.generic]],
    where: BoolArray,
    *,
    last: int | None = None,
) -> pd.DataFrame:
    """Unpivot (sessions, securities) arrays into rows of date and security_id, in `where`."""
    start = 0 if last is None else max(len(sessions) - last, 0)
    rows, columns = np.nonzero(where[start:])
    frame: dict[str, object] = {
        "date": sessions[start:][rows].astype("datetime64[s]"),
        # Taking from an Arrow array is several times faster than converting one object per row.
        "security_id": pd.array(list(security_ids), dtype="str").take(columns),
    }
    frame.update({name: array[start:][rows, columns] for name, array in values.items()})
    return pd.DataFrame(frame)


def pivot(
    frame: pd.DataFrame, column: str, sessions: SessionArray, security_ids: Sequence[str]
) -> FloatArray:
    """Arrange a column of rows as (sessions, securities) array, NaN where absent."""
    return Grid(sessions, tuple(security_ids)).columns(frame, {column: column})[column]


def securities_in(rows: Rows) -> NDArray[np.object_]:
    """Distinct securities of rows; a ticker that means no security has none."""
    if isinstance(rows, pd.DataFrame):
        return np.asarray(rows["security_id"].dropna().unique(), dtype=object)
    found: set[str] = set()
    words, used = None, np.empty(0, dtype=bool)
    for chunk in rows.column("security_id").chunks:
        # Consecutive years often have the same dictionary: its text is looked at once.
        if words is None or not chunk.dictionary.equals(words):
            found.update(_words(words, used))
            words, used = chunk.dictionary, np.zeros(len(chunk.dictionary) + 1, dtype=bool)
        used[chunk.indices.fill_null(-1).to_numpy()] = True
    found.update(_words(words, used))
    return np.array(sorted(found), dtype=object)


def _words(words: Any, used: BoolArray) -> list[str]:
    """Texts of a dictionary that are used; the last place of `used` is of no text."""
    return [] if words is None else words.to_numpy(zero_copy_only=False)[used[:-1]].tolist()


def days_of(rows: Rows) -> SessionArray:
    """Distinct dates of rows."""
    if isinstance(rows, pd.DataFrame):
        return np.unique(rows["date"].to_numpy().astype("datetime64[D]"))
    chunks = [chunk.unique().cast(pa.int32()).to_numpy() for chunk in rows.column("date").chunks]
    none = np.empty(0, dtype=np.int32)
    return np.unique(np.concatenate([none, *chunks])).astype(np.int64).astype("datetime64[D]")


def securities_on(rows: Rows, days: SessionArray) -> set[str]:
    """Distinct securities of the rows whose date is one of the days."""
    found: set[str] = set()
    for part in _parts(rows):
        on = np.isin(part.days, days.astype(np.int64)) & (part.codes >= 0)
        found.update(part.names[np.unique(part.codes[on])])
    return found


@dataclass(frozen=True)
class _RowsOfPart:
    """Rows with what finds their cells: days since 1970, and numbers of securities in `names`.

    `values` returns a column of numbers, and `texts` one of text as codes (−1: none) and words.
    """

    days: Integers
    codes: Integers
    names: NDArray[np.object_]
    values: Callable[[str], FloatArray]
    texts: "Callable[[str], tuple[Integers, list[str]]]"


def _threads(part: _RowsOfPart) -> int | None:
    """One thread where there is little to do, else one per core."""
    return None if len(part.days) >= AT_ONCE else 1


def _parts(rows: Rows) -> Iterator[_RowsOfPart]:
    """Cut rows into parts whose columns are plain arrays; of Arrow, nothing is copied."""
    if isinstance(rows, pd.DataFrame):
        frame = rows
        # Text is hashed once per distinct security, not once per row.
        codes, names = pd.factorize(frame["security_id"])
        yield _RowsOfPart(
            frame["date"].to_numpy().astype("datetime64[D]").astype(np.int32),
            codes.astype(np.int32),
            np.asarray(names, dtype=object),
            lambda name: np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)),
            lambda name: _factorized(frame[name]),
        )
        return
    for batch in rows.to_batches():
        securities = batch.column("security_id")
        codes = securities.indices.fill_null(-1).to_numpy()
        yield _RowsOfPart(
            batch.column("date").view("int32").to_numpy(),
            codes.astype(np.int32, copy=False),
            securities.dictionary.to_numpy(zero_copy_only=False),
            lambda name, batch=batch: np.asarray(  # type: ignore[misc]
                batch.column(name).to_numpy(zero_copy_only=False), dtype=np.float64
            ),
            lambda name, batch=batch: _dictionary_of(batch.column(name)),  # type: ignore[misc]
        )


def _factorized(texts: "pd.Series[str]") -> tuple[Integers, list[str]]:
    codes, words = pd.factorize(texts)
    return codes.astype(np.int32), list(map(str, words))


def _dictionary_of(texts: Any) -> tuple[Integers, list[str]]:
    codes = texts.indices.fill_null(-1).to_numpy()
    return codes.astype(np.int32, copy=False), texts.dictionary.to_pylist()
