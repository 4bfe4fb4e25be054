"""Apply the numbered migrations, and add the columns that the registries ask for.

`sql/` is the schema's only source, with one extension: a feature or a metric is a decorated
function, and its column (name, type, comment) is created from it, in the table and in the table's
`_history`; so is the table of a feature set (`feature_tables.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from quant_platform.errors import DatabaseError
from quant_platform.settings import without_password
from quant_platform.storage.database import Database
from quant_platform.storage.failures import server_error
from quant_platform.storage.feature_tables import LOCK, FeatureTable, make_feature_tables
from quant_platform.storage.session import ensure_schema

if TYPE_CHECKING:
    import psycopg2.extensions
    from psycopg2.sql import Composable

MARKS = "_yoyo_migration"
"""Table of the migrations applied, as yoyo-migrations kept it, which applied the first ones."""

_MAKES_FUNCTION = re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)", re.MULTILINE)
_MAKES = re.compile(
    r"^CREATE (?:OR REPLACE )?(?:TABLE|VIEW)(?: IF NOT EXISTS)? (\w+)", re.MULTILINE
)


@dataclass(frozen=True)
class RegisteredColumn:
    """A column that a registry adds to a table.

    `sql_type` is double precision, real or integer; the column is always nullable.
    """

    table: str
    name: str
    sql_type: str
    comment: str


def sql_folder() -> Path:
    """Folder with the migrations: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_sql", package.parent / "sql"):
        if (folder / "migrations").is_dir():
            return folder
    raise DatabaseError("The SQL files of quant-platform are missing", "Install the package again")


def upgrade(
    database: Database,
    columns: Sequence[RegisteredColumn] = (),
    tables: Sequence[FeatureTable] = (),
) -> list[str]:
    """Bring the schema up to date; return the migrations, tables and columns applied now.

    The migrations are one transaction, the tables another, the columns a third. Safe to call from
    several processes at once, and after a process that was killed.
    """
    applied = _apply_migrations(database)
    applied += make_feature_tables(database, tables)
    added = add_columns(database, columns)
    return applied + [f"{column.table}.{column.name}" for column in added]


def is_current(database: Database, columns: Sequence[RegisteredColumn] = ()) -> bool:
    """Whether every migration and every registered column is there already, without a lock."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('_yoyo_migration')")
            if cursor.fetchone() == (None,):
                return False
            cursor.execute("SELECT migration_id FROM _yoyo_migration")
            done = {row[0] for row in cursor.fetchall()}
    finally:
        connection.close()
    return {file.stem for file in _migration_files()} <= done and not _missing(database, columns)


def add_columns(
    database: Database, columns: Sequence[RegisteredColumn]
) -> Sequence[RegisteredColumn]:
    """Add the columns that are missing, to the tables and their histories, in one transaction."""
    from psycopg2 import sql

    missing = _missing(database, columns)
    if not missing:
        return []
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            for column in missing:
                for table in (column.table, f"{column.table}_history"):
                    name = (sql.Identifier(table), sql.Identifier(column.name))
                    cursor.execute(
                        sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} ").format(*name)
                        + sql.SQL(column.sql_type)
                        + _finite(column, table)
                    )
                    cursor.execute(
                        sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                            *name, sql.Literal(column.comment)
                        )
                    )
    finally:
        connection.close()
    return missing


def _finite(column: RegisteredColumn, table: str) -> "Composable":
    """Rule that a figure is a number or null, never infinite; the history keeps whatever was."""
    from psycopg2 import sql

    if table != column.table or column.sql_type == "integer":
        return sql.SQL("")
    return sql.SQL(" CHECK (abs({}) < 'Infinity')").format(sql.Identifier(column.name))


def _missing(database: Database, columns: Sequence[RegisteredColumn]) -> Sequence[RegisteredColumn]:
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = current_schema()"
            )
            present = set(cursor.fetchall())
    finally:
        connection.close()
    return [column for column in columns if (column.table, column.name) not in present]


def _migration_files() -> list[Path]:
    """Return the migrations in the order of their numbers."""
    files = (sql_folder() / "migrations").glob("*.sql")
    return sorted(file for file in files if not file.name.endswith(".rollback.sql"))


def made_by_migrations(done: set[str]) -> list[str]:
    """Names of the tables and views that these migrations made, sorted."""
    texts = [file.read_text(encoding="utf-8") for file in _migration_files() if file.stem in done]
    return sorted({name for text in texts for name in _MAKES.findall(text)})


def functions_of_migrations(done: set[str]) -> list[str]:
    """Names of the functions that these migrations made, sorted; no two have one name."""
    texts = [file.read_text(encoding="utf-8") for file in _migration_files() if file.stem in done]
    return sorted({name for text in texts for name in _MAKES_FUNCTION.findall(text)})


def _apply_migrations(database: Database) -> list[str]:
    """Apply what is pending, and note it, in one transaction under a lock that ends with it.

    A process that dies in between leaves nothing behind.
    """
    import psycopg2

    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            for statement in _BEFORE:
                _execute(cursor, statement)
            ensure_schema(cursor)
            _execute(cursor, _MARKS)
            _execute(cursor, "SELECT migration_id FROM _yoyo_migration")
            done = {str(name) for (name,) in cursor.fetchall()}
            pending = [file for file in _migration_files() if file.stem not in done]
            for file in pending:
                _apply(cursor, file)
    except psycopg2.Error as error:
        what = f"The migrations cannot be applied to {without_password(database.url)}"
        raise server_error(database.url, error, what) from error
    finally:
        connection.close()
    return [file.stem for file in pending]


_BEFORE = (LOCK,)

_MARKS = (
    f"CREATE TABLE IF NOT EXISTS {MARKS} (migration_hash varchar(64) PRIMARY KEY,"
    " migration_id varchar(255), applied_at_utc timestamp)"
)


def _apply(cursor: "psycopg2.extensions.cursor", file: Path) -> None:
    """Execute a migration's statements and mark it as applied, in the caller's transaction."""
    import psycopg2

    try:
        _execute(cursor, file.read_text(encoding="utf-8"))
    except psycopg2.Error as error:
        # The server's message does not say which file it is about.
        raise type(error)(f"{file.name}: {error}") from error
    mark = (sha256(file.stem.encode()).hexdigest(), file.stem)
    _execute(cursor, "INSERT INTO _yoyo_migration VALUES (%s, %s, now() AT TIME ZONE 'UTC')", mark)


def _execute(
    cursor: "psycopg2.extensions.cursor", statements: str, values: tuple[str, ...] | None = None
) -> None:
    """Execute one step of a migration; tests end the process after each."""
    cursor.execute(statements, values)
