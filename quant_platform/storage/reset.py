"""Delete what the platform made in its databases, and nothing else.

1. Of the platform's schema: the tables, views and functions that the migrations made which it
   bears the marks of, and the marks. The schema itself stays, with its grants, and so does
   whatever others made there. A table of the same name without marks is somebody else's.
2. Dagster's database, if it is the one that the platform made beside its own. Of one that a setting
   names: Dagster's tables; nothing on another server.

Nothing is dropped that something of a user's rests on, such as a view: that is said instead.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quant_platform.errors import DatabaseError
from quant_platform.settings import Settings, without_password
from quant_platform.storage.addresses import database_name, on_one_server
from quant_platform.storage.database import Database, dagster_libpq_url, forget, platform_url
from quant_platform.storage.failures import server_error
from quant_platform.storage.migrations import (
    MARKS,
    functions_of_migrations,
    made_by_migrations,
)

if TYPE_CHECKING:
    import psycopg2.extensions

YOYO_TABLES = (MARKS, "_yoyo_log", "_yoyo_version", "yoyo_lock")
"""Marks of the migrations, and what the program kept that applied them in the first releases."""

DAGSTER_MARKS = "secondary_indexes"
"""A table by which a schema is known to hold Dagster's."""

DAGSTER_TABLES = (
    *("alembic_version", "asset_check_executions", "asset_daemon_asset_evaluations"),
    *("asset_event_tags", "asset_keys", "backfill_tags", "bulk_actions", "concurrency_limits"),
    *(
        "concurrency_slots",
        "daemon_heartbeats",
        "dynamic_partitions",
        "event_logs",
        "instance_info",
    ),
    *("instigators", "job_ticks", "jobs", "kvs", "pending_steps", "run_tags", "runs"),
    *("secondary_indexes", "snapshots"),
)

_FOUND = """
SELECT relname::text, relkind IN ('v', 'm') FROM pg_class
WHERE relnamespace = quote_ident(current_schema())::regnamespace
  AND relname = ANY (%s) AND relkind IN ('r', 'p', 'v', 'm')
ORDER BY 2 DESC, 1
"""


def drop_everything(settings: Settings) -> list[str]:
    """Delete the platform's tables and Dagster's; return what was deleted.

    Raises
    ------
    DatabaseError
        The server refuses it, or something of a user's rests on these tables; they are all there
        still.
    """
    platform, dagster = platform_url(settings), dagster_libpq_url(settings)
    _drop_tables(platform, MARKS)
    deleted = [f"the tables of {without_password(platform)}"]
    if settings.dagster_database_url is None:
        name = database_name(dagster)
        _drop_database(platform, name)
        deleted.append(f"the database {name}")
    elif on_one_server(dagster, platform):
        _drop_tables(dagster, DAGSTER_MARKS)
        deleted.append(f"Dagster's tables of {without_password(dagster)}")
    forget()
    return deleted


def _drop_tables(url: str, marks: str) -> None:
    """Drop what belongs to a table of marks, in one transaction; nothing where that is not there.

    Parameters
    ----------
    marks : MARKS or DAGSTER_MARKS
    """
    import psycopg2
    from psycopg2 import sql

    connection = Database(url).connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", (marks,))
            if cursor.fetchone() == (None,):
                return
            if marks == MARKS:
                cursor.execute("SELECT migration_id FROM _yoyo_migration")
                done = {str(name) for (name,) in cursor.fetchall()}
                made = [*made_by_migrations(done), *_tables_of_sets(cursor), *YOYO_TABLES]
                _drop(cursor, made)
                for name in functions_of_migrations(done):
                    cursor.execute(
                        sql.SQL("DROP FUNCTION IF EXISTS {}").format(sql.Identifier(name))
                    )
            else:
                _drop(cursor, DAGSTER_TABLES)
    except psycopg2.errors.DependentObjectsStillExist as error:
        lines = (error.diag.message_detail or "").splitlines() or [""]
        raise DatabaseError(
            f"Nothing was deleted, since something rests on the tables: {lines[0]}",
            "Drop it, or move it elsewhere, and run it again",
        ) from None
    except psycopg2.Error as error:
        what = f"Nothing was deleted of {without_password(url)}"
        raise server_error(url, error, what) from error
    finally:
        connection.close()


def _tables_of_sets(cursor: "psycopg2.extensions.cursor") -> list[str]:
    """Tables of stored feature sets, and their histories; no migration makes them."""
    cursor.execute("SELECT to_regclass('feature_sets')")
    if cursor.fetchone() == (None,):
        return []
    cursor.execute("SELECT table_name FROM feature_sets WHERE name <> 'technical'")
    names = [str(name) for (name,) in cursor.fetchall()]
    return [table for name in names for table in (name, f"{name}_history")]


def _drop(cursor: "psycopg2.extensions.cursor", names: Sequence[str]) -> None:
    """Drop those of the tables and views of these names that are there."""
    from psycopg2 import sql

    cursor.execute(_FOUND, (list(names),))
    found = cursor.fetchall()
    for kind, is_view in (("VIEW", True), ("TABLE", False)):
        of_kind = [sql.Identifier(name) for name, view in found if view is is_view]
        if of_kind:
            cursor.execute(sql.SQL(f"DROP {kind} {{}}").format(sql.SQL(", ").join(of_kind)))


def _drop_database(url: str, name: str) -> None:
    import psycopg2
    from psycopg2 import sql

    connection = Database(url).connect()
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
    except psycopg2.Error as error:
        raise server_error(url, error, f"The database {name!r} cannot be dropped") from error
    finally:
        connection.close()
