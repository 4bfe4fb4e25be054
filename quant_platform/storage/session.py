"""What every session of a database relies on, whatever the server, database or role would have.

Dates, moments and numbers travel as text in places: how they are written is a setting, which a
database or a role may have changed for its own programs. Names without a schema mean one schema
alone, the first of the session's path that exists: a table of the same name in a further one, such
as a colleague's in `public`, is never taken for ours. What does not belong here: where the database
is (`database.py`).
"""

import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from quant_platform.errors import DatabaseError

if TYPE_CHECKING:
    import psycopg2.extensions
    from adbc_driver_postgresql.dbapi import Connection as ArrowConnection

ENCODING = "UTF8"

LOCK_SECONDS = 60
"""How long a session waits for what another one has locked."""

RELIED_ON = {
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "standard_conforming_strings": "on",
    # The shortest text that reads back as the same number.
    "extra_float_digits": "1",
    "client_encoding": ENCODING,
    "lock_timeout": f"{LOCK_SECONDS}s",
}
"""Settings and their values."""

PLANNED_WITH = {
    # Rows of a session were stored together: an index finds them one beside the other, where the
    # default expects each in another place of a slow disk and goes through whole tables instead.
    "random_page_cost": "1.1",
    "work_mem": "32MB",
}
"""Settings that change how the server comes to its rows, and not which."""

_ONE_SCHEMA = (
    "set_config('search_path',"
    " coalesce(quote_ident(current_schema()), current_setting('search_path')), false)"
)

STATEMENT = "SELECT " + ", ".join(
    [
        *(
            f"set_config('{name}', '{value}', false)"
            for name, value in (RELIED_ON | PLANNED_WITH).items()
        ),
        _ONE_SCHEMA,
    ]
)

_open: "WeakSet[psycopg2.extensions.connection | ArrowConnection]" = WeakSet()
"""Connections of this process."""

_threads = threading.Lock()

_ONE_NAME = re.compile(r'"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*')


def prepare(connection: "psycopg2.extensions.connection") -> None:
    """Set what is relied on, outside of a transaction, which a rollback would undo."""
    if connection.encoding != ENCODING:
        # The driver, too, must know.
        connection.set_client_encoding(ENCODING)
    before = connection.autocommit
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT)
    connection.autocommit = before
    remember(connection)


def remember(connection: "psycopg2.extensions.connection | ArrowConnection") -> None:
    """Let `end_waits` know of a connection."""
    with _threads:
        _open.add(connection)


def end_waits() -> None:
    """Cancel what the sessions of this process wait for, in whichever thread.

    A driver waits for the server out of reach of a signal's handler. What is cancelled is rolled
    back.
    """
    import psycopg2
    from adbc_driver_manager import Error

    with _threads:
        connections = list(_open)
    for each in connections:
        # One that was closed meanwhile waits for nothing.
        with suppress(psycopg2.Error, Error):
            if isinstance(each, psycopg2.extensions.connection):
                each.cancel()
            else:
                each.adbc_cancel()


def _forget_the_parent_s() -> None:
    """After a fork: what the parent waits for is its own matter, and its lock may be held."""
    global _open, _threads
    _open, _threads = WeakSet(), threading.Lock()


os.register_at_fork(after_in_child=_forget_the_parent_s)


def ensure_schema(cursor: "psycopg2.extensions.cursor") -> None:
    """Make the schema that the session's path names, if there is none yet.

    Raises
    ------
    DatabaseError
        The path names several schemas, none of which exists: which one is wanted is not said.
    """
    cursor.execute("SELECT current_schema(), current_setting('search_path')")
    schema, path = cursor.fetchall()[0]
    if schema is not None:
        return
    if not _ONE_NAME.fullmatch(path):
        raise DatabaseError(
            f"None of the schemas of the search path exists: {path or 'it is empty'}",
            "Create one, or set QUANT_PLATFORM_SCHEMA",
        )
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {path}")
