"""How a database is reached, and what is said when it is not."""

import gc
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote

import psycopg2
import pytest
from sqlalchemy import create_engine

from quant_platform.errors import DatabaseError
from quant_platform.pipeline.provision import provision
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage import bulk
from quant_platform.storage.addresses import database_name, sqlalchemy_url
from quant_platform.storage.database import (
    Database,
    dagster_url,
    platform_database,
    platform_url,
)
from quant_platform.storage.embedded import client_program, start_embedded
from quant_platform.storage.reset import drop_everything
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.services import free_port
from quant_platform_tests.support.tables import fetch

SECRET = "h0rse battery/staple@?#%"
QUOTED = "h0rse%20battery%2Fstaple%40%3F%23%25"


def settings_for(url: str, tmp_path: Path, **more: str) -> Settings:
    return Settings.load({"DATABASE_URL": url, PREFIX + "HOME": str(tmp_path), **more}, tmp_path)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_sqlalchemy_is_told_the_driver(scheme: str) -> None:
    assert sqlalchemy_url(f"{scheme}://me@db/x") == "postgresql+psycopg2://me@db/x"


def test_only_the_scheme_is_rewritten() -> None:
    url = "postgresql://me:postgres://x@db/postgresql"
    assert sqlalchemy_url(url) == "postgresql+psycopg2://me:postgres://x@db/postgresql"


def test_the_three_ways_in(database: Database) -> None:
    assert fetch(database, "SELECT 1") == [(1,)]
    with database.engine.connect() as connection:
        assert connection.dialect.driver == "psycopg2"
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    with database.arrow() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]


def test_what_is_not_committed_is_rolled_back(database: Database) -> None:
    with database.arrow() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO alerts VALUES ('2004-08-19', 'run', 'r', 's', 'info', 'm')")
    assert fetch(database, "SELECT count(*) FROM alerts") == [(0,)]


SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@pytest.mark.parametrize("end", ["close", "forget"])
def test_what_was_opened_is_closed(server: Server, template: str, end: str) -> None:
    name = server.create(template)
    database = Database(server.url(name))
    bulk.query(database, "SELECT 1 AS x")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    beside = Database(server.url("postgres"))
    assert fetch(beside, SESSIONS, name) == [(2,)]
    if end == "close":
        database.close()
    else:
        database.engine.dispose()
        # As where nobody holds it any more but itself.
        database.itself = database  # type: ignore[attr-defined]
        del database, connection
        gc.collect()
    # Without FORCE: a session that is still there would be an error.
    server.execute("DROP DATABASE {}", name)


def test_the_instance_s_database_stands_beside_the_platform_s(
    new_database: Callable[[str | None], Database], server: Server, tmp_path: Path
) -> None:
    database = new_database("template1")
    settings = settings_for(database.url, tmp_path)
    name = fetch(database, "SELECT current_database()::text")[0][0]
    try:
        url = dagster_url(settings)
        assert url.startswith("postgresql+psycopg2://")
        assert f"/{name}_dagster?" in url
        assert dagster_url(settings) == url
        beside = Database(server.url(f"{name}_dagster"))
        assert fetch(beside, "SELECT 1") == [(1,)]
    finally:
        server.drop(f"{name}_dagster")


def test_drop_everything(
    new_database: Callable[[str | None], Database], server: Server, tmp_path: Path
) -> None:
    database = new_database(None)
    settings = settings_for(database.url, tmp_path)
    name = fetch(database, "SELECT current_database()::text")[0][0]
    dagster_url(settings)
    deleted = drop_everything(settings)
    assert len(deleted) == 2
    assert fetch(database, "SELECT to_regclass('public.market_data')") == [(None,)]
    left = fetch(database, "SELECT datname FROM pg_database WHERE datname LIKE %s", f"{name}%")
    assert left == [(name,)]
    # And the instance's database can be made again in the same process.
    dagster_url(settings)
    server.drop(f"{name}_dagster")


def test_a_database_of_dagster_s_elsewhere_is_left_alone(
    new_database: Callable[[str | None], Database], server: Server, tmp_path: Path
) -> None:
    """Reset drops what the platform created; another server's database is not its to drop."""
    platform, dagster = new_database(None), new_database("template1")
    folder = dict(parse_qsl(server.place.lstrip("?")))["host"]
    (tmp_path / "other").symlink_to(folder)
    # To libpq another server, since its socket lies elsewhere.
    elsewhere = dagster.url.replace(folder, str(tmp_path / "other"))
    settings = settings_for(platform.url, tmp_path, DAGSTER_DATABASE_URL=elsewhere)
    deleted = drop_everything(settings)
    assert fetch(dagster, "SELECT 1") == [(1,)]
    assert len(deleted) == 1


@pytest.fixture(scope="module")
def tcp_server(server_folders: Callable[[str], Path]) -> Iterator[str]:
    """Server on a loopback port that asks for a password; yields host and port."""
    embedded = start_embedded(server_folders("home"))
    data = embedded.data
    connection = psycopg2.connect(embedded.url("postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE me SUPERUSER LOGIN PASSWORD %s", (SECRET,))
        cursor.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        cursor.execute("CREATE DATABASE market")
    connection.close()
    embedded.leave()
    (data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    port, owner = free_port(), data.stat()
    program = client_program("postgres")
    arguments = ["-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"]
    user = {} if os.geteuid() else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    with (data.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments],
            stdout=log,
            stderr=log,
            **user,  # type: ignore[call-overload]
        )
    ready = client_program("pg_isready")
    for _ in range(100):
        if (
            subprocess.run(
                [ready, "-q", "-h", "127.0.0.1", "-p", str(port)], check=False
            ).returncode
            == 0
        ):
            break
        threading.Event().wait(0.1)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def test_a_password_with_every_awkward_sign(tcp_server: str, tmp_path: Path) -> None:
    settings = settings_for(f"postgres://me:{QUOTED}@{tcp_server}/market", tmp_path)
    database = platform_database(settings)
    assert fetch(database, "SELECT 1") == [(1,)]
    assert bulk.query(database, "SELECT 1 AS x")["x"].tolist() == [1]
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    database.engine.dispose()
    for text in (repr(database), repr(settings), str(database.engine.url)):
        assert "h0rse" not in text
    other = Database(dagster_url(settings).replace("+psycopg2", ""))
    assert fetch(other, "SELECT current_database()::text") == [("market_dagster",)]


SPACED = "spaced db%"


@pytest.mark.parametrize(
    "form",
    [
        "postgresql://postgres@{encoded}:{port}/spaced%20db%25",
        "postgresql://postgres@/spaced%20db%25?host={plain}&port={port}",
        "postgresql://postgres@/?host={plain}&port={port}&dbname=spaced%20db%25",
        "postgres://{encoded}:{port}/spaced%20db%25?user=postgres&application_name=a%26b",
    ],
)
def test_every_form_of_address_that_libpq_reads(server: Server, tmp_path: Path, form: str) -> None:
    """The same database by every way in, and Dagster's beside it."""
    info = dict(parse_qsl(server.place.lstrip("?")))
    url = form.format(
        encoded=quote(info["host"], safe=""), plain=quote(info["host"]), port=info["port"]
    )
    server.execute("CREATE DATABASE {}", SPACED)
    try:
        settings = settings_for(url, tmp_path)
        database = platform_database(settings)
        provision(database)
        name = "SELECT current_database()::text AS name"
        assert database_name(database.url) == SPACED
        assert fetch(database, name) == [(SPACED,)]
        assert bulk.query(database, name)["name"].tolist() == [SPACED]
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql(name).scalar() == SPACED
        other = create_engine(dagster_url(settings))
        with other.connect() as connection:
            assert connection.exec_driver_sql(name).scalar() == f"{SPACED}_dagster"
        other.dispose()
        database.engine.dispose()
        database.close_idle()
        assert drop_everything(settings)[1:] == [f"the database {SPACED}_dagster"]
    finally:
        server.drop(SPACED)


def _messages(database: Database) -> Iterator[DatabaseError]:
    """Return what psycopg2's and what the bulk driver's failure become."""
    for attempt in (database.connect, lambda: bulk.query(database, "SELECT 1")):
        with pytest.raises(DatabaseError) as caught:
            attempt()
        error = caught.value
        assert "\n" not in error.message + error.hint
        assert "h0rse" not in str(error)
        assert "secret" not in str(error)
        assert error.hint
        yield error


def test_wrong_password(tcp_server: str) -> None:
    for error in _messages(Database(f"postgresql://me:secret@{tcp_server}/market")):
        assert f"refused the user or password of postgresql://me:***@{tcp_server}" in error.message
        assert "DATABASE_URL" in error.hint


def test_unknown_user(tcp_server: str) -> None:
    for error in _messages(Database(f"postgresql://nobody:secret@{tcp_server}/market")):
        assert "refused the user or password" in error.message


def test_no_password(tcp_server: str) -> None:
    for error in _messages(Database(f"postgresql://me@{tcp_server}/market")):
        assert "refused the user or password" in error.message


def test_missing_database(tcp_server: str) -> None:
    for error in _messages(Database(f"postgresql://me:{QUOTED}@{tcp_server}/no_such")):
        assert "'no_such' does not exist" in error.message
        assert error.hint == "Create it: createdb no_such"


def test_a_missing_role_is_not_called_a_missing_database(server: Server) -> None:
    """The server's words for an unknown user also say "does not exist"."""
    database = Database(server.url("postgres").replace("postgres@", "nobody@"))
    for error in _messages(database):
        assert "user" in error.message or "role" in error.message
        assert "createdb" not in error.hint


def test_unknown_host() -> None:
    for error in _messages(Database("postgresql://me:secret@no-such-host.invalid:5432/market")):
        assert "host" in error.message


def test_refused_port() -> None:
    for error in _messages(Database(f"postgresql://me:secret@127.0.0.1:{free_port()}/market")):
        assert "No PostgreSQL server answers" in error.message


def test_something_else_listens_there() -> None:
    with _listener(
        lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    ) as port:
        for error in _messages(Database(f"postgresql://me:secret@127.0.0.1:{port}/market")):
            assert str(port) in error.message


def test_a_user_who_may_not_create_databases(tcp_server: str, tmp_path: Path) -> None:
    settings = settings_for(f"postgresql://guest:guest@{tcp_server}/postgres", tmp_path)
    with pytest.raises(DatabaseError, match="permission denied") as caught:
        dagster_url(settings)
    assert "createdb postgres_dagster" in caught.value.hint


def test_a_server_that_is_too_old(tmp_path: Path) -> None:
    """A stub speaks just enough of the protocol to call itself version 12."""
    with _listener(_old_server) as port:
        settings = settings_for(f"postgresql://me:secret@127.0.0.1:{port}/market", tmp_path)
        with pytest.raises(DatabaseError, match="is PostgreSQL 12") as caught:
            platform_url(settings)
    assert "13 or newer" in caught.value.hint
    assert "secret" not in str(caught.value)


@contextmanager
def _listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer every connection to a loopback port, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _old_server(connection: socket.socket) -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    while True:
        start = connection.recv(4096)
        if len(start) >= 8 and struct.unpack("!i", start[4:8])[0] in (80877103, 80877104):
            connection.sendall(b"N")  # neither SSL nor GSS
            continue
        break
    parameters = {"server_version": "12.22", "client_encoding": "UTF8", "DateStyle": "ISO, MDY"}
    parameters |= {"standard_conforming_strings": "on", "integer_datetimes": "on"}
    said = message(b"R", struct.pack("!i", 0))
    for name, value in parameters.items():
        said += message(b"S", name.encode() + b"\0" + value.encode() + b"\0")
    said += message(b"K", struct.pack("!ii", 1, 1)) + message(b"Z", b"I")
    connection.sendall(said)
    while connection.recv(4096):  # whatever is asked next, all is well
        connection.sendall(message(b"C", b"SET\0") + message(b"Z", b"I"))
