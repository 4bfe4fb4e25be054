"""Where the database is and how to reach it: URLs, engines, connections, errors in plain words.

Everything else is given a `Database`. Two databases live on one server: the platform's tables, and
Dagster's own instance storage. SQLAlchemy serves small statements. What does not belong here: whole
tables, which move through Arrow (`bulk.py`, `replace.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from quant_platform.errors import DatabaseError, SettingsError
from quant_platform.settings import Settings, without_password
from quant_platform.storage import session
from quant_platform.storage.addresses import (
    beside,
    database_name,
    in_schema,
    sqlalchemy_url,
)
from quant_platform.storage.embedded import has_database, start_embedded
from quant_platform.storage.failures import connection_error, server_error
from quant_platform.storage.idle import IdleConnections
from quant_platform.storage.pooler import refuse_transaction_pooling
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


class Database:
    """A PostgreSQL database by its libpq URL, with the three ways into it.

    Parameters
    ----------
    url : postgresql://… URL as libpq reads it
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._idle = IdleConnections()

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
            max_overflow=2,
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

    def has_tables(self) -> bool:
        """Whether the platform's tables are there, of whichever release."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass('market_data') IS NOT NULL")
                return bool(cursor.fetchall()[0][0])
        finally:
            connection.close()

    @contextmanager
    def arrow(self) -> Iterator["ArrowConnection"]:
        """Lend an ADBC connection with autocommit off; what was not committed is rolled back.

        Opening one is dear (the driver reads the server's catalogue of types), so this process
        keeps a few. One that broke is not lent again.
        """
        connection = self._idle.take() or self._open_arrow()
        try:
            yield connection
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle.give_back(connection)

    def close(self) -> None:
        """Close every connection that waits for its next use; the object stays usable."""
        self.close_idle()
        if "engine" in self.__dict__:
            self.engine.dispose()

    def close_idle(self) -> None:
        """Close the bulk connections that wait for their next use; it is done at exit."""
        self._idle.close()

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
        session.remember(connection)
        return connection


def platform_url(settings: Settings) -> str:
    """URL of the platform's own database, created if it is missing on the embedded server.

    The embedded server is started if `settings` name no other.
    """
    if settings.database_url is not None:
        _check_server(settings.database_url)
        return in_schema(settings.database_url, settings.schema_name)
    return in_schema(_embedded_url(settings, EMBEDDED_DATABASE), settings.schema_name)


def dagster_url(settings: Settings) -> str:
    """URL of the database of Dagster's instance, as SQLAlchemy reads it.

    The database is created if it is missing.
    """
    return sqlalchemy_url(dagster_libpq_url(settings))


def dagster_libpq_url(settings: Settings) -> str:
    """URL of the database of Dagster's instance as libpq reads it, made as `dagster_url` does."""
    if settings.dagster_database_url is not None:
        _check_server(settings.dagster_database_url, "DAGSTER_DATABASE_URL")
        return settings.dagster_database_url
    if settings.database_url is None:
        return _embedded_url(settings, EMBEDDED_DATABASE + DAGSTER_SUFFIX)
    _check_server(settings.database_url)
    name = database_name(settings.database_url) + DAGSTER_SUFFIX
    _create_database(settings.database_url, name, ANY_CHARACTER)
    url = beside(settings.database_url, name)
    _ensure_schema(url)
    return url


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


def existing_dagster_database(settings: Settings) -> Database | None:
    """Return Dagster's database if it is there; the server must be reachable."""
    if settings.dagster_database_url is not None:
        return Database(dagster_libpq_url(settings))
    platform = existing_database(settings)
    name = database_name(platform.url) + DAGSTER_SUFFIX
    connection = platform.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
            if not cursor.fetchall():
                return None
    finally:
        connection.close()
    return Database(dagster_libpq_url(settings))


def filled_database(settings: Settings) -> Database:
    """Return the platform's database as `existing_database` does, for who reads its tables.

    Raises
    ------
    DatabaseError
        It has no tables.
    """
    database = existing_database(settings)
    if not database.has_tables():
        raise DatabaseError("The database is empty", "Run: quant-platform demo")
    return database


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
        schema = prepare_reader(connection)
    finally:
        connection.close()
    url = start_embedded(settings.home).url(EMBEDDED_DATABASE, READER)
    return Database(in_schema(url, schema))


@lru_cache(maxsize=8)
def _check_server(url: str, variable: str = "DATABASE_URL") -> None:
    """Connect once per process, and refuse what the platform cannot rely on."""
    connection = Database(url).connect()
    try:
        version = connection.server_version // 10_000
        encoding = connection.get_parameter_status("server_encoding")
    finally:
        connection.close()
    if version < OLDEST_SERVER:
        raise DatabaseError(
            f"The server of {without_password(url)} is PostgreSQL {version}",
            f"Use version {OLDEST_SERVER} or newer",
        )
    if encoding not in (None, session.ENCODING):
        name = database_name(url)
        raise DatabaseError(
            f"The database {name!r} of {without_password(url)} keeps its text as {encoding},"
            " which lacks characters that the platform stores",
            f"Create another one: createdb -T template0 -E UTF8 {name}_utf8",
        )
    refuse_transaction_pooling(url, variable)


def _embedded_url(settings: Settings, name: str) -> str:
    server = start_embedded(settings.home)
    _create_database(server.url("postgres"), name, CODE_POINT_ORDER)
    return server.url(name)


CODE_POINT_ORDER = "TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
"""Text in the order of its characters' codes, whatever the machine's language, and compared by
bytes: a key costs a tenth less to insert."""


ANY_CHARACTER = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
"""Beside a database of another encoding, too."""


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
        what = f"The database {name!r} cannot be created on {without_password(url)}"
        failure = server_error(url, error, what)
        if isinstance(error, errors.InsufficientPrivilege):
            hint = f"Create it yourself (createdb {name}), or set DAGSTER_DATABASE_URL"
            failure = DatabaseError(failure.message, hint)
        raise failure from None
    finally:
        connection.close()


@lru_cache(maxsize=8)
def _ensure_schema(url: str) -> None:
    """Make the schema that a URL's search path names, in a database made just now."""
    import psycopg2

    connection = Database(url).connect()
    try:
        with connection, connection.cursor() as cursor:
            session.ensure_schema(cursor)
    except psycopg2.Error as error:
        raise server_error(url, error) from None
    finally:
        connection.close()


def forget() -> None:
    """Forget which databases are there: some were dropped."""
    _create_database.cache_clear()
    _ensure_schema.cache_clear()
