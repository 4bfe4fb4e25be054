"""Rows as Arrow columns for arrays: read on several connections, or taken from the cache.

1. Small statements ask for the versions and the extent of the table, in a transaction whose
   snapshot everything below shares.
2. A year that the cache holds at its version is mapped into memory; no row of it is read.
3. The others are read in pieces, on as many connections as there are cores, and kept.

Text comes dictionary-encoded. Rows are in the order of the table's key, text by code points. Not
kept are rows of a table without the triggers of `sql/migrations/0019_versions.sql`, and a short
range. What does not belong here: files (`cache.py`), and rows as known at a moment (`bulk.py`).
"""

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_platform.errors import DatabaseError
from quant_platform.storage.bulk import among_sql, days_sql, literal, quoted, translated
from quant_platform.storage.cache import ColumnCache, Part
from quant_platform.storage.database import Database
from quant_platform.storage.schema import Table

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

MOST_CONNECTIONS = 8
"""On which one reading runs at most, however many cores there are."""

SHORT = timedelta(days=90)
"""Of a range that holds less of a year, the days alone are read; else the year is, and kept."""

LARGE = 16 * 2**20
"""Bytes of a table from which on further connections are worth their opening."""

_READABLE = "SELECT coalesce(has_table_privilege(to_regclass('table_versions'), 'SELECT'), false)"

_VERSIONS = """
SELECT i.id::text, coalesce(v.year, 0), coalesce(v.version::text, '')
FROM database_identity AS i
CROSS JOIN (SELECT c.relname::text AS name
    FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid
    WHERE g.tgname = 'versions_insert' AND g.tgenabled <> 'D'
      AND c.relnamespace = quote_ident(current_schema())::regnamespace) AS t
LEFT JOIN table_versions AS v ON v.table_name = t.name
WHERE t.name = $1
"""


@dataclass(frozen=True)
class Columns:
    """What is read of a table.

    Attributes
    ----------
    table, names : the table, and its columns; those of its key are read besides
    first, last : first and last day
    among : column of text → its allowed values
    """

    table: Table
    names: Sequence[str]
    first: date
    last: date
    among: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def read_names(self) -> list[str]:
        """Columns to read: with the key, without which rows have no order."""
        return list(dict.fromkeys([*self.table.key, "date", *self.names]))


@dataclass(frozen=True)
class _Versions:
    """Random id of the database, and the version of each year of a table."""

    database: str
    of_years: Mapping[int, str]


@dataclass
class _Year:
    """A year's rows, or the part of it that is read.

    Attributes
    ----------
    first, last : first and last day that are read
    part : what the cache calls it; None: it is not kept
    rows : None until they are read
    """

    first: date
    last: date
    part: Part | None
    rows: pa.Table | None = None


def connections() -> int:
    """Connections on which one reading runs: as many as cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, MOST_CONNECTIONS))


def read_columns(database: Database, wanted: Columns, cache: ColumnCache | None = None) -> pa.Table:
    """Read columns, text dictionary-encoded, ordered by the table's key.

    Parameters
    ----------
    cache : where years are kept; None: nowhere

    Returns
    -------
    pa.Table
        The columns wanted. Each year is a chunk, with its own dictionaries.

    Raises
    ------
    DatabaseError
        The server cannot be reached, or refused it.
    """
    with (
        translated(database, reading=True),
        database.arrow() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        versions = _versions(cursor, wanted.table.name) if cache is not None else None
        first, last, size = _extent(cursor, wanted.table)
        years = _years(wanted, first, last, versions)
        for each in years:
            if cache is not None and each.part is not None:
                each.rows = cache.find(each.part, wanted.read_names)
        absent = [each for each in years if each.rows is None]
        if absent:
            workers = connections() if size >= LARGE else 1
            _Reading(database, wanted, absent, cache, workers).run(cursor)
    rows = pa.concat_tables([each.rows for each in years])
    if first < wanted.first or wanted.last < last:
        rows = between(rows, wanted.first, wanted.last)
    return rows.select(list(wanted.names))


def _versions(cursor: "Cursor", table: str) -> _Versions | None:
    """Versions of a table; None where this user cannot see them, or nobody keeps them."""
    cursor.execute(_READABLE)
    if not cursor.fetchall()[0][0]:
        return None
    cursor.execute(_VERSIONS, (table,))
    rows = cursor.fetchall()
    return _Versions(rows[0][0], {year: version for _, year, version in rows}) if rows else None


def _extent(cursor: "Cursor", table: Table) -> tuple[date, date, int]:
    """First and last day of a table, and its size in bytes; without a row any one day."""
    name = quoted(table.name)
    cursor.execute(
        f"SELECT min(date), max(date), pg_relation_size({literal(name)}::regclass) FROM {name}"  # noqa: S608 — quoted
    )
    first, last, size = cursor.fetchall()[0]
    return first or date.min, last or date.min, size


def _years(wanted: Columns, first: date, last: date, versions: _Versions | None) -> list[_Year]:
    """Years of the range as far as the table has rows; one, of no rows, without any."""
    since, until = max(wanted.first, first), min(wanted.last, last)
    if since > until:
        return [_Year(wanted.first, wanted.first, None)]
    years = []
    for year in range(since.year, until.year + 1):
        of_year = date(year, 1, 1), date(year, 12, 31)
        begin, end = max(since, of_year[0]), min(until, of_year[1])
        whole = (max(first, of_year[0]), min(last, of_year[1])) == (begin, end)
        if versions is not None and (whole or end - begin >= SHORT):
            years.append(_Year(*of_year, _part(wanted, year, versions)))
        else:
            years.append(_Year(begin, end, None))
    return years


def _part(wanted: Columns, year: int, versions: _Versions) -> Part:
    """Name of a year's rows; a year that has no version was never changed since there are any."""
    condition = sha256(among_sql(wanted.among).encode()).hexdigest()[:12]
    name = f"{wanted.table.name}.{year}.{condition}"
    return Part(versions.database, name, versions.of_years.get(year) or "first")


class _Reading:
    """Years that are read on several connections, each of them a thread."""

    def __init__(
        self,
        database: Database,
        wanted: Columns,
        years: Sequence[_Year],
        cache: ColumnCache | None,
        workers: int,
    ) -> None:
        self.database, self.wanted, self.cache = database, wanted, cache
        per_year = max(1, -(-4 * workers // len(years))) if workers > 1 else 1
        self.pieces = [(year, cut) for year in years for cut in _cut(year, per_year)]
        self.open = {id(year): len(_cut(year, per_year)) for year in years}
        self.read: dict[int, dict[date, pa.Table]] = {id(year): {} for year in years}
        self.workers = min(workers, len(self.pieces))
        self.pieces.reverse()
        self.lock, self.failures = threading.Lock(), list[BaseException]()

    def run(self, cursor: "Cursor") -> None:
        """Read all years; the given cursor's connection takes its share."""
        helpers = []
        if self.workers > 1:
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = cursor.fetchall()[0][0]
            helpers = [
                threading.Thread(target=self._help, args=(snapshot,))
                for _ in range(self.workers - 1)
            ]
        for each in helpers:
            each.start()
        try:
            self._take(cursor)
        except BaseException:
            self.pieces.clear()
            raise
        finally:
            for each in helpers:
                each.join()
        if self.failures:
            raise self.failures[0]

    def _help(self, snapshot: str) -> None:
        # Without a further connection, the first one reads alone.
        with (
            suppress(DatabaseError),
            self.database.arrow() as connection,
            connection.cursor() as cursor,
        ):
            try:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                self._take(cursor)
            except BaseException as error:  # raised by the thread that asked
                self.pieces.clear()
                self.failures.append(error)

    def _take(self, cursor: "Cursor") -> None:
        """Read pieces until none is left."""
        while True:
            with self.lock:
                if not self.pieces:
                    return
                year, (first, last) = self.pieces.pop()
            rows = _fetch(cursor, self.wanted, first, last)
            with self.lock:
                self.read[id(year)][first] = rows
                self.open[id(year)] -= 1
                done = not self.open[id(year)]
            if done:
                pieces = self.read.pop(id(year))
                rows = _ordered(
                    _together([pieces[each] for each in sorted(pieces)]), self.wanted.table.key
                )
                keep = self.cache is not None and year.part is not None
                year.rows = self.cache.keep(year.part, rows) if keep else rows  # type: ignore[union-attr, arg-type]


def _cut(year: _Year, pieces: int) -> list[tuple[date, date]]:
    """Cut a year's days into pieces of about the same length."""
    days = (year.last - year.first).days + 1
    starts = sorted({days * number // pieces for number in range(pieces)})
    ends = [*(start - 1 for start in starts[1:]), days - 1]
    return [
        (year.first + timedelta(days=start), year.first + timedelta(days=end))
        for start, end in zip(starts, ends, strict=True)
    ]


def _fetch(cursor: "Cursor", wanted: Columns, first: date, last: date) -> pa.Table:
    """Read the rows of some days."""
    table = wanted.table
    columns = ", ".join(
        f"{quoted(name)}::text" if table.column(name).sql_type == "jsonb" else quoted(name)
        for name in wanted.read_names
    )
    cursor.execute(
        f"SELECT {columns} FROM {quoted(table.name)}"  # noqa: S608 — names come from the catalogue, quoted
        f" WHERE true{days_sql(first.isoformat(), last.isoformat())}{among_sql(wanted.among)}"
    )
    data = cursor.fetch_arrow_table().rename_columns(wanted.read_names)
    for at, each in enumerate(data.schema):
        values = data.column(at)
        if isinstance(each.type, pa.BaseExtensionType):
            storage = [chunk.storage for chunk in values.chunks]
            values = pa.chunked_array(storage, type=each.type.storage_type)
        if pa.types.is_string(values.type):
            data = data.set_column(at, each.name, pc.dictionary_encode(values))
        elif values.type != each.type:
            data = data.set_column(at, each.name, values)
    return data


def _together(pieces: Sequence[pa.Table]) -> pa.Table:
    """Join pieces to one chunk with one dictionary a column."""
    return pa.concat_tables(pieces).unify_dictionaries().combine_chunks()


def _ordered(data: pa.Table, key: Sequence[str]) -> pa.Table:
    """Order rows by their key; dictionaries of its columns become sorted."""
    if not data.num_rows:
        return data
    place = np.zeros(data.num_rows, dtype=np.int64)
    for name in key:
        column = data.column(name).chunk(0)
        if pa.types.is_dictionary(column.type):
            column = _sorted_dictionary(column)
            data = data.set_column(data.column_names.index(name), name, column)
            values = column.indices.to_numpy()
        elif pa.types.is_date32(column.type):
            values = column.cast(pa.int32()).to_numpy()
        else:
            values = column.to_numpy(zero_copy_only=False)
        least = int(values.min())
        place = place * (int(values.max()) - least + 1) + (values.astype(np.int64) - least)
    if (place[1:] >= place[:-1]).all():
        return data
    return data.take(pa.array(np.argsort(place, kind="stable"))).combine_chunks()


def _sorted_dictionary(column: Any) -> Any:
    order = pc.sort_indices(column.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    codes = pa.array(rank[column.indices.to_numpy()])
    return pa.DictionaryArray.from_arrays(codes, column.dictionary.take(pa.array(order)))


def release_memory() -> None:
    """Give back to the system what columns took that nobody holds any longer."""
    pa.default_memory_pool().release_unused()


def between(data: pa.Table, first: date, last: date) -> pa.Table:
    """Keep the rows of some days of a table as `read_columns` returns it, with `date`: views."""
    kept = []
    for batch in data.to_batches():
        days = batch.column("date").cast(pa.int32()).to_numpy()
        epoch = date(1970, 1, 1)
        start = int(np.searchsorted(days, (first - epoch).days, side="left"))
        stop = int(np.searchsorted(days, (last - epoch).days, side="right"))
        kept.append(batch.slice(start, stop - start))
    return pa.Table.from_batches(kept, schema=data.schema)
