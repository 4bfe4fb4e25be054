"""Replace the rows of whole sessions in one transaction, keeping what was superseded.

1. Take the lock of (table, scope) for each table written: two writers of the same sessions go one
   after the other. The transaction begins once the locks are held, so that its time, which becomes
   `recorded_at` and `superseded_at`, orders the writers as they wrote.
2. Nothing stored for these sessions yet: copy the rows straight into the tables; their constraints
   check them.
3. Otherwise, or if a constraint refused a row: copy into a temporary table; move rows that break a
   rule into `quarantine` (or refuse the frame); delete rows that changed or are gone, moving them
   to `_history`; insert what is new. Rows that are equal are not touched.
4. Commit. A reader, or a crash at any moment, sees the old rows or the new ones, in all tables.

Which rows are refused, and what is kept of them, belongs to `quarantine.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from quant_platform.errors import ContractError
from quant_platform.storage.bulk import (
    Scope,
    literal,
    quoted,
    scope_sql,
    translated,
)
from quant_platform.storage.database import Database
from quant_platform.storage.failures import server_reason
from quant_platform.storage.frames import JSONB_VERSION, to_arrow
from quant_platform.storage.quarantine import (
    FAULTY,
    remove_faulty_rows,
    set_aside_frame,
    set_aside_rows,
)
from quant_platform.storage.schema import Table

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

STAGE = "incoming"

BATCH_ROWS = 1000
"""Rows that are sent at a time: about what the socket's buffer holds."""

_ROW_FAULTS = {"23502", "23505", "23514"}  # not-null, unique and check violations
_DATA_FAULT = "22"  # class of values that are no value of the type: broken JSON, a zero byte


@dataclass(frozen=True)
class Replaced:
    """What one replacement did, in rows."""

    inserted: int = 0
    superseded: int = 0
    unchanged: int = 0
    quarantined: int = 0

    def __add__(self, other: "Replaced") -> "Replaced":
        return Replaced(
            self.inserted + other.inserted,
            self.superseded + other.superseded,
            self.unchanged + other.unchanged,
            self.quarantined + other.quarantined,
        )

    @property
    def stored(self) -> int:
        """Rows the sessions hold now."""
        return self.inserted + self.unchanged


@dataclass(frozen=True)
class TableRows:
    """The rows of one table in a replacement.

    Attributes
    ----------
    table : where they belong
    frame : all rows of the replaced sessions, as the asset has them or as `typed` made them
    scope : the part of the table that is replaced; None: all of it
    quarantine : true for facts from a vendor: rows that break a rule of the table are set aside,
        and the frame is not refused
    refused : rows that were refused earlier, with a column `reason`; they are set aside too
    """

    table: Table
    frame: pd.DataFrame | pa.Table
    scope: Scope | None = None
    quarantine: bool = False
    refused: pd.DataFrame | None = None


Statement = tuple[str, Sequence[str]]
"""A statement and its parameters ($1, $2, …) as text."""


def replace_sessions(
    database: Database,
    table: Table,
    frame: pd.DataFrame,
    sessions: Sequence[str],
    *,
    scope: Scope | None = None,
    quarantine: bool = False,
    run_id: str | None = None,
    also: Sequence[Statement] = (),
) -> Replaced:
    """Make `frame` the content of `sessions` in one table, by `replace_tables`."""
    part = TableRows(table, frame, scope, quarantine)
    return replace_tables(database, [part], sessions, run_id=run_id, also=also)[0]


def typed(
    database: Database, part: TableRows, sessions: Sequence[str], *, run_id: str | None = None
) -> TableRows:
    """Return the part with its rows in the table's types.

    Raises
    ------
    ContractError
        The frame does not fit its table; with `quarantine`, its rows were set aside.
    """
    if isinstance(part.frame, pa.Table):
        return part
    try:
        _check_scope(part.frame, part.table, part.scope)
        return replace(part, frame=to_arrow(part.frame, part.table, sessions))
    except ContractError as error:
        if part.quarantine:
            set_aside_frame(database, part.table, part.frame, error, run_id)
        raise


def replace_tables(
    database: Database,
    parts: Sequence[TableRows],
    sessions: Sequence[str],
    *,
    run_id: str | None = None,
    also: Sequence[Statement] = (),
) -> list[Replaced]:
    """Make the frames the content of `sessions` (ISO dates) in their tables, in one transaction.

    Parameters
    ----------
    run_id : noted beside rows in quarantine
    also : statements to execute in the same transaction

    Raises
    ------
    ContractError
        A frame does not fit its table; nothing was written (with `quarantine`, refused rows
        were set aside).
    DatabaseError
        The server failed; nothing was written.
    """
    data = [
        _binary(typed(database, part, sessions, run_id=run_id).frame, part.table) for part in parts
    ]
    with translated(database), database.arrow() as connection, connection.cursor() as cursor:
        locks = sorted(_lock_name(part) for part in parts)
        _on_locks(cursor, "pg_advisory_lock", locks)
        connection.commit()
        replaced = _copy_all(cursor, parts, data, sessions)
        if replaced is None:
            connection.rollback()
            replaced = [
                _merge(cursor, part, rows, sessions, run_id)
                for part, rows in zip(parts, data, strict=True)
            ]
        for part in parts:
            set_aside_rows(cursor, part.table, part.refused, run_id)
        for sql, parameters in also:
            cursor.execute(sql, tuple(parameters))
        connection.commit()
        # A connection that breaks before this is closed, and its locks end with it.
        _on_locks(cursor, "pg_advisory_unlock", locks)
        connection.commit()
    return replaced


def _copy_all(
    cursor: "Cursor", parts: Sequence[TableRows], data: Sequence[pa.Table], sessions: Sequence[str]
) -> list[Replaced] | None:
    """Copy everything in; None where something is stored already or a constraint refused a row."""
    if _any_exists(cursor, parts, sessions):
        return None
    for part, rows in zip(parts, data, strict=True):
        if not _copy(cursor, part.table.name, rows):
            return None
    return [Replaced(rows.num_rows, 0, 0, 0) for rows in data]


def _merge(
    cursor: "Cursor", part: TableRows, data: pa.Table, sessions: Sequence[str], run_id: str | None
) -> Replaced:
    """Bring one table to its new content through a temporary table."""
    table, where = part.table, _where(part, sessions)
    cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{STAGE}, pg_temp.{FAULTY}")
    _stage(cursor, table, data)
    refused = remove_faulty_rows(cursor, table, STAGE, quarantine=part.quarantine, run_id=run_id)
    superseded = _supersede(cursor, table, where)
    inserted = _insert_new(cursor, table, where)
    return Replaced(inserted, superseded, data.num_rows - refused - inserted, refused)


def _where(part: TableRows, sessions: Sequence[str]) -> str:
    return _sessions_sql(sessions) + scope_sql(part.scope)


def _check_scope(frame: pd.DataFrame, table: Table, scope: Scope | None) -> None:
    for name, value in (scope or {}).items():
        values = value if isinstance(value, tuple) else (value,)
        if name in frame.columns and not frame[name].isin(values).all():
            raise ContractError(
                f"The frame for {table.name} has rows whose {name} is not {value!r}",
                "An asset may only write its own part of a shared table",
            )


def _lock_name(part: TableRows) -> str:
    return f"{part.table.name}{sorted((part.scope or {}).items())}"


def _on_locks(cursor: "Cursor", function: str, names: Sequence[str]) -> None:
    """Take or free locks in the order of `names`: sorted, two writers never block each other.

    One statement does for all, since `unnest` returns the names in the order of the array.
    """
    array = "ARRAY[" + ", ".join(map(literal, names)) + "]"
    cursor.execute(
        f"SELECT {function}(hashtext('quant_platform'), hashtext(name))"  # noqa: S608 — literals
        f" FROM unnest({array}) AS locks (name)"
    )
    cursor.fetchall()


def _sessions_sql(sessions: Sequence[str]) -> str:
    dates = ",".join(str(session) for session in sessions)
    return f"date = ANY ({literal('{' + dates + '}')}::date[])"


def _any_exists(cursor: "Cursor", parts: Sequence[TableRows], sessions: Sequence[str]) -> bool:
    # With an order the planner uses the key. Without one it would scan the table for a first match:
    # all of it where there is none.
    exists = " OR ".join(
        f"(SELECT true FROM {quoted(part.table.name)} WHERE {_where(part, sessions)}"  # noqa: S608 — quoted names, dates
        " ORDER BY date LIMIT 1) IS NOT NULL"
        for part in parts
    )
    cursor.execute(f"SELECT {exists}")
    return bool(cursor.fetchall()[0][0])


def _copy(cursor: "Cursor", target: str, data: pa.Table, *, temporary: bool = False) -> bool:
    """Copy `data` into `target`; False if a constraint refused a row: the transaction is lost."""
    from adbc_driver_manager import Error

    if data.num_rows == 0:
        return True
    try:
        cursor.adbc_ingest(target, _in_batches(data), mode="append", temporary=temporary)
    except Error as error:
        if error.sqlstate in _ROW_FAULTS:
            return False
        if (error.sqlstate or "").startswith(_DATA_FAULT):
            raise ContractError(
                f"A value for {target} cannot be stored: {server_reason(error)}",
                "Nothing was written; mend what computes it",
            ) from error
        raise
    return True


def _in_batches(data: pa.Table) -> pa.RecordBatchReader:
    """Cut rows so that the server takes in one batch while the next is encoded."""
    return pa.RecordBatchReader.from_batches(data.schema, data.to_batches(BATCH_ROWS))


def _binary(data: pa.Table, table: Table) -> pa.Table:
    """Prefix JSON text with the version byte of the binary form."""
    for index, column in enumerate(table.data_columns):
        if column.sql_type == "jsonb":
            prefixed = pc.binary_join_element_wise(pa.scalar(JSONB_VERSION), data.column(index), "")
            data = data.set_column(index, column.name, prefixed)
    return data


def _stage(cursor: "Cursor", table: Table, data: pa.Table) -> None:
    names = _names(table)
    cursor.execute(
        f"CREATE TEMPORARY TABLE {STAGE} ON COMMIT DROP AS"  # noqa: S608 — quoted names
        f" SELECT {names} FROM {quoted(table.name)} WITH NO DATA"
    )
    _copy(cursor, STAGE, data, temporary=True)
    cursor.execute(f"ANALYZE {STAGE}")


def _supersede(cursor: "Cursor", table: Table, where: str) -> int:
    """Move stored rows that are gone or differ from the stage into the history."""
    target = quoted(table.name)
    columns = ", ".join(quoted(column.name) for column in table.columns)
    same_key = _equal_keys(table, "t", "s")
    stored = ", ".join(f"t.{quoted(column.name)}" for column in table.data_columns)
    staged = ", ".join(f"s.{quoted(column.name)}" for column in table.data_columns)
    cursor.execute(
        f"WITH gone AS (DELETE FROM {target} AS t WHERE {where} AND NOT EXISTS"  # noqa: S608 — quoted names
        f" (SELECT 1 FROM {STAGE} AS s WHERE {same_key}"
        f" AND ROW({stored}) IS NOT DISTINCT FROM ROW({staged}))"
        f" RETURNING t.*), moved AS (INSERT INTO {quoted(table.name + '_history')} ({columns})"
        f" SELECT {columns} FROM gone RETURNING 1) SELECT count(*) FROM moved"
    )
    return int(cursor.fetchall()[0][0])


def _insert_new(cursor: "Cursor", table: Table, where: str) -> int:
    target, names = quoted(table.name), _names(table)
    same_key = _equal_keys(table, "t", "s")
    order = ", ".join(quoted(name) for name in table.key)
    cursor.execute(
        f"WITH new AS (INSERT INTO {target} ({names}) SELECT {names} FROM {STAGE} AS s"  # noqa: S608 — quoted names
        f" WHERE NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {where} AND {same_key})"
        f" ORDER BY {order} RETURNING 1) SELECT count(*) FROM new"
    )
    return int(cursor.fetchall()[0][0])


def _names(table: Table) -> str:
    return ", ".join(quoted(column.name) for column in table.data_columns)


def _equal_keys(table: Table, left: str, right: str) -> str:
    return " AND ".join(f"{left}.{quoted(name)} = {right}.{quoted(name)}" for name in table.key)
