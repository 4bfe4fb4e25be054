"""The embedded server on a TCP port of this machine, for programs that know no sockets' folders.

Over TCP comes only the login that may read (`server_access.py`), with a password that is made for
this time and taken away at its end. What does not belong here: a server that is not ours, and who
else uses this one (`embedded.py`).
"""

import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

from quant_platform.errors import DatabaseError
from quant_platform.settings import Settings
from quant_platform.storage import cluster
from quant_platform.storage.addresses import in_schema
from quant_platform.storage.database import EMBEDDED_DATABASE, Database, platform_database
from quant_platform.storage.embedded import DATA_DIRECTORY, start_embedded
from quant_platform.storage.reader_login import prepare_reader
from quant_platform.storage.server_access import READER

HOST = "127.0.0.1"

PASSWORD_BYTES = 24


@contextmanager
def on_port(settings: Settings, port: int) -> Iterator[Database]:
    """Start the server with a port, and yield the platform's database by its socket.

    Raises
    ------
    DatabaseError
        The port is taken, or the server runs already: it can be given no port then.
    """
    data = (settings.home.expanduser() / DATA_DIRECTORY).resolve()
    if cluster.running(data) is not None:
        raise DatabaseError(
            "The server runs already, and a port is opened when it starts",
            "End the other commands and programs that use it, and run this one first",
        )
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise DatabaseError(f"Port {port} of {HOST} is taken", "Choose another: --port 5433")
    server = start_embedded(settings.home, port)
    if server.postmaster.port != port:
        raise DatabaseError(
            "Another process started the server a moment earlier, without a port", "Run it again"
        )
    yield platform_database(settings)


@contextmanager
def reader_url(settings: Settings, database: Database, port: int) -> Iterator[str]:
    """Yield the URL of the reading login by the port; its password ends with the block."""
    from psycopg2 import extensions, sql

    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with closing(database.connect()) as connection:
        schema = prepare_reader(connection)
        # The server, and its log, never see the password itself.
        verifier = extensions.encrypt_password(
            password, READER, scope=connection, algorithm="scram-sha-256"
        )
        set_password = sql.SQL("ALTER ROLE {} PASSWORD {}")
        with connection, connection.cursor() as cursor:
            name = sql.Identifier(READER)
            cursor.execute(set_password.format(name, sql.Literal(verifier)))
        plain = f"postgresql://{READER}:{password}@{HOST}:{port}/{EMBEDDED_DATABASE}"
        try:
            yield in_schema(plain, schema if settings.schema_name else None)
        finally:
            with connection, connection.cursor() as cursor:
                cursor.execute(set_password.format(name, sql.Literal(None)))
