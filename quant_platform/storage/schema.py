"""What a table is, read from the database's own catalogue: columns, types, key, descriptions.

`sql/` defines the schema and this module reads it back. Frame validation, bulk writing and the
column descriptions in the UI all follow from it, so nothing is written down twice. Changing the
schema does not belong here: see `migrations.py`.
"""

from dataclasses import dataclass

from quant_platform.errors import UnknownNameError
from quant_platform.storage.database import Database

CLOCK_COLUMNS = ("recorded_at", "created_at")
"""Filled by the database with the transaction's time; never part of a frame or of a comparison."""

COPIED_COLUMNS = {"signals": {"probability": "signal_probabilities"}}
"""Table → its columns that triggers copy from another, of the same key; no part of a frame or of a
comparison."""


@dataclass(frozen=True)
class Column:
    """One column: SQL type as PostgreSQL prints it, whether null is allowed, and its comment."""

    name: str
    sql_type: str
    nullable: bool
    description: str


@dataclass(frozen=True)
class Table:
    """A table or view: its columns in order, its primary key, and its comment."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    description: str

    @property
    def data_columns(self) -> tuple[Column, ...]:
        """Columns a frame must bring: all but the clock and copies."""
        left_out = (*CLOCK_COLUMNS, *COPIED_COLUMNS.get(self.name, {}))
        return tuple(column for column in self.columns if column.name not in left_out)

    @property
    def shown_columns(self) -> tuple[Column, ...]:
        """Columns that a reader sees unless they name some: all but the clock."""
        return tuple(column for column in self.columns if column.name not in CLOCK_COLUMNS)

    def column(self, name: str) -> Column:
        """Return one column by its name."""
        for column in self.columns:
            if column.name == name:
                return column
        names = ", ".join(column.name for column in self.columns)
        raise UnknownNameError(f"{self.name} has no column {name!r}", f"It has: {names}")


_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       coalesce(col_description(c.oid, a.attnum), ''),
       coalesce(obj_description(c.oid, 'pg_class'), ''),
       coalesce(a.attnum = ANY (k.conkey), false)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
WHERE c.relnamespace = quote_ident(current_schema())::regnamespace
  AND c.relname = %s AND c.relkind IN ('r', 'p', 'v')
ORDER BY a.attnum
"""


def read_table(database: Database, name: str) -> Table:
    """Read the definition of table or view `name`.

    Raises
    ------
    UnknownNameError
        There is no such table; the schema may not have been created yet.
    """
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_COLUMNS, (name,))
            rows = cursor.fetchall()
    finally:
        connection.close()
    if not rows:
        raise UnknownNameError(
            f"The database has no table {name!r}", "Run: quant-platform db upgrade"
        )
    return Table(
        name=name,
        columns=tuple(Column(row[0], row[1], row[2], row[3]) for row in rows),
        key=tuple(row[0] for row in rows if row[5]),
        description=rows[0][4],
    )


_WITH_HISTORY = """
SELECT t.relname::text FROM pg_class t
JOIN pg_class h ON h.relnamespace = t.relnamespace AND h.relname = t.relname || '_history'
WHERE t.relnamespace = quote_ident(current_schema())::regnamespace AND t.relkind IN ('r', 'p')
ORDER BY 1
"""


def tables_with_history(database: Database) -> list[str]:
    """Names of the tables that keep what they replace, sorted: those of assets, and verdicts."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_WITH_HISTORY)
            return [name for (name,) in cursor.fetchall()]
    finally:
        connection.close()
