"""Where the database is and how to reach it: URLs, engines, connections, errors in plain words.

Everything else is given a `Database`. Two databases live on one server: the platform's tables, and
Dagster's own instance storage. SQLAlchemy serves small statements. What does not belong here: whole
tables, which move through Arrow (`bulk.py`, `replace.py`).
"""

import atexit
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import WeakSet

from quant_platform.errors import DatabaseError, SettingsError
from quant_platform.settings import Settings, without_password
from quant_platform.storage import session
from quant_platform.storage.addresses import beside, database_name, on_one_server, sqlalchemy_url
from quant_platform.storage.embedded import has_database, start_embedded
from quant_platform.storage.reader_login import prepare_reader
from quant_platform.storage.server_access import READER

if TYPE_CHECKING:
    import psycopg2.extensions
    from adbc_driver_postgresql.dbapi import Connection as ArrowConnection
    from sqlalchemy import Engine

EMBEDDED_DATABASE = "quant_platform"
DAGSTER_SUFFIX = "_dagster"
OLDEST_SERVER = 13
CONNECT_TIMEOUT_SECONDS = 10

IDLE_CONNECTIONS = 2
"""Bulk connections that a process keeps open for the next use."""

_open_databases: "WeakSet[Database]" = WeakSet()
"""Databases of this process that may keep connections."""

_of_parents: list[object] = []
"""Connections inherited over a fork: kept, unused, so that nothing closes them."""


class Database:
    """A PostgreSQL database by its libpq URL, with the three ways into it.

    Parameters
    ----------
    url : postgresql://… URL as libpq reads it
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._idle: list[ArrowConnection] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()
        _open_databases.add(self)

    def __repr__(self) -> str:
        return f"Database({without_password(self.url)!r})"

    @cached_property
    def engine(self) -> "Engine":
        """SQLAlchemy engine on psycopg2, pooled, for small statements."""
        from sqlalchemy import create_engine, event

        engine = create_engine(
            sqlalchemy_url(self.url),
            pool_pre_ping=True,
            pool_size=2,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS},
        )
        event.listen(engine, "connect", lambda connection, _: session.prepare(connection))
        return engine

    def connect(self, **options: Any) -> "psycopg2.extensions.connection":
        """Open a psycopg2 connection.

        Raises
        ------
        DatabaseError
            In one line: why the connection failed and what to do.
        """
        import psycopg2

        try:
            connection: psycopg2.extensions.connection = psycopg2.connect(
                self.url, connect_timeout=CONNECT_TIMEOUT_SECONDS, **options
            )
            session.prepare(connection)
        except psycopg2.Error as error:  # a URL that cannot be read is a ProgrammingError
            raise connection_error(self.url, error) from None
        return connection

    @contextmanager
    def arrow(self) -> Iterator["ArrowConnection"]:
        """Lend an ADBC connection with autocommit off; what was not committed is rolled back.

        Opening one is dear (the driver reads the server's catalogue of types), so this process
        keeps a few. One that broke is not lent again.
        """
        connection = self._idle_connection() or self._open_arrow()
        try:
            yield connection
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if len(self._idle) < IDLE_CONNECTIONS and self._owner == os.getpid():
                self._idle.append(connection)
                return
        connection.close()

    def close_idle(self) -> None:
        """Close the bulk connections that wait for their next use; it is done at exit."""
        with self._lock:
            idle, self._idle = self._idle, []
        if self._owner == os.getpid():
            for connection in idle:
                connection.close()

    def unlock(self) -> None:
        """Begin anew with a lock that nobody holds."""
        self._lock = threading.Lock()

    def _idle_connection(self) -> "ArrowConnection | None":
        """Take an idle connection that still answers."""
        from adbc_driver_manager import Error

        with self._lock:
            if self._owner != os.getpid():
                # After a fork these are the parent's connections, which closing would end.
                _of_parents.extend(self._idle)
                self._idle, self._owner = [], os.getpid()
            idle = self._idle
            while idle:
                connection = idle.pop()
                try:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT 1")
                        cursor.fetchall()
                    connection.rollback()
                except Error:
                    connection.close()
                else:
                    return connection
        return None

    def _open_arrow(self) -> "ArrowConnection":
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi

        separator = "&" if "?" in self.url else "?"
        try:
            connection = dbapi.connect(
                f"{self.url}{separator}connect_timeout={CONNECT_TIMEOUT_SECONDS}"
            )
            with connection.cursor() as cursor:
                cursor.execute(session.STATEMENT)
                cursor.fetchall()
            connection.commit()
        except Error as error:
            raise connection_error(self.url, error) from None
        return connection


def platform_url(settings: Settings) -> str:
    """URL of the platform's own database, created if it is missing on the embedded server.

    The embedded server is started if `settings` name no other.
    """
    if settings.database_url is not None:
        _check_server(settings.database_url)
        return settings.database_url
    return _embedded_url(settings, EMBEDDED_DATABASE)


def dagster_url(settings: Settings) -> str:
    """URL of the database of Dagster's instance, as SQLAlchemy reads it.

    The database is created if it is missing.
    """
    return sqlalchemy_url(_dagster_url(settings))


def _dagster_url(settings: Settings) -> str:
    if settings.dagster_database_url is not None:
        return settings.dagster_database_url
    if settings.database_url is None:
        return _embedded_url(settings, EMBEDDED_DATABASE + DAGSTER_SUFFIX)
    _check_server(settings.database_url)
    name = database_name(settings.database_url) + DAGSTER_SUFFIX
    _create_database(settings.database_url, name)
    return beside(settings.database_url, name)


def platform_database(settings: Settings) -> Database:
    """Return the platform's database; the server is reachable, its schema may be missing."""
    return Database(platform_url(settings))


def existing_database(settings: Settings) -> Database:
    """Return the platform's database as `platform_database` does, but never make one.

    Raises
    ------
    SettingsError
        The settings name no server, and there is none of our own yet.
    """
    if settings.database_url is None and not has_database(settings.home):
        raise SettingsError(
            f"There is no database in {settings.home}",
            "Open the project's folder: qp.open(folder). Or set QUANT_PLATFORM_HOME, or"
            " DATABASE_URL; or run: quant-platform demo",
        )
    return platform_database(settings)


def reader_database(settings: Settings) -> Database:
    """Return the platform's database as `existing_database` does, for who only reads.

    On a server of our own a session logs in as one that may do nothing else; on another server as
    the settings say.
    """
    database = existing_database(settings)
    if settings.database_url is not None:
        return database
    connection = database.connect()
    try:
        prepare_reader(connection)
    finally:
        connection.close()
    return Database(start_embedded(settings.home).url(EMBEDDED_DATABASE, READER))


def drop_everything(settings: Settings) -> list[str]:
    """Empty the platform's database and drop Dagster's; return what was deleted.

    Only the schema `public` of the platform's database is emptied: the database itself may belong
    to another user.
    """
    from psycopg2 import sql

    platform, dagster = platform_url(settings), _dagster_url(settings)
    connection = Database(platform).connect()
    connection.autocommit = True
    name = database_name(dagster)
    deleted = [f"the tables of {without_password(platform)}"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
            if on_one_server(dagster, platform):
                cursor.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )
                deleted.append(f"the database {name}")
    finally:
        connection.close()
    _create_database.cache_clear()
    return deleted


def connection_error(url: str, error: Exception) -> DatabaseError:
    """Translate a failed connection into one line and a remedy, without the password."""
    text = " ".join(str(error).split())
    place = without_password(url)
    if "password authentication failed" in text or "no password supplied" in text:
        return DatabaseError(
            f"The server refused the user or password of {place}", "Check DATABASE_URL"
        )
    if re.search(r'database ".*" does not exist', text):
        name = database_name(url)
        return DatabaseError(
            f"The database {name!r} does not exist on {place}", f"Create it: createdb {name}"
        )
    if "could not translate host name" in text or "Name or service not known" in text:
        return DatabaseError(
            f"The host of {place} is unknown", "Check the host name in DATABASE_URL"
        )
    if any(
        sign in text
        for sign in ("refused", "timeout", "timed out", "No route", "unreachable", "No such file")
    ):
        return DatabaseError(
            f"No PostgreSQL server answers at {place}",
            "Is it running, and are host and port right?",
        )
    reason = text.replace(url, place)
    for secret in _passwords(url):
        reason = reason.replace(secret, "***")
    return DatabaseError(f"Cannot connect to {place}: {reason}", "Check DATABASE_URL")


def _passwords(url: str) -> list[str]:
    """Return the passwords that `without_password` hides, as they stand in the URL and decoded."""
    pairs = re.findall(r"://[^:@/?#]*:(.*)@|[?&](?:ssl)?password=([^&]*)", url, re.IGNORECASE)
    plain = [secret for pair in pairs for secret in pair if secret]
    return [form for secret in plain for form in (secret, unquote(secret))]


@lru_cache(maxsize=8)
def _check_server(url: str) -> None:
    """Connect once per process and refuse servers that are too old."""
    connection = Database(url).connect()
    try:
        version = connection.server_version // 10_000
    finally:
        connection.close()
    if version < OLDEST_SERVER:
        raise DatabaseError(
            f"The server of {without_password(url)} is PostgreSQL {version}",
            f"Use version {OLDEST_SERVER} or newer",
        )


def _embedded_url(settings: Settings, name: str) -> str:
    server = start_embedded(settings.home)
    _create_database(server.url("postgres"), name, CODE_POINT_ORDER)
    return server.url(name)


CODE_POINT_ORDER = "TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
"""Text in the order of its characters' codes, whatever the machine's language, and compared by
bytes: a key costs a tenth less to insert."""


@lru_cache(maxsize=8)
def _create_database(url: str, name: str, options: str = "") -> None:
    """Create the database `name` on the server of `url` if it is not there."""
    import psycopg2
    from psycopg2 import errors, sql

    connection = Database(url).connect()
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                command = sql.SQL("CREATE DATABASE {} " + options)
                cursor.execute(command.format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        pass  # another process was a moment earlier
    except psycopg2.Error as error:
        raise DatabaseError(
            f"The database {name!r} cannot be created on {without_password(url)}:"
            f" {str(error).splitlines()[0]}",
            f"Create it yourself (createdb {name}), or set DAGSTER_DATABASE_URL",
        ) from None
    finally:
        connection.close()


def _unlock_all() -> None:
    """Open locks that another thread held when this process was forked."""
    for database in list(_open_databases):
        database.unlock()


os.register_at_fork(after_in_child=_unlock_all)


@atexit.register
def _close_all() -> None:
    """Close what is idle while the interpreter still runs; later the driver could not."""
    for database in list(_open_databases):
        database.close_idle()
