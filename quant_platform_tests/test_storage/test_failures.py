"""The true cause and its remedy, in one line, whatever the server or the files' system refuses."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from quant_platform.errors import DatabaseError
from quant_platform.pipeline.provision import provision
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage import bulk, cluster
from quant_platform.storage.database import Database, dagster_url, platform_url
from quant_platform.storage.embedded import DATA_DIRECTORY, start_embedded
from quant_platform.storage.failures import file_remedy, server_failure
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import SESSIONS, TWO_DAYS, fetch

FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE 'could not extend file "base/5": No space left on device' USING ERRCODE = '53100'; END
$$; CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {} EXECUTE FUNCTION full_disk()
"""
"""What a server says whose disk is full."""


@pytest.fixture
def made(server: Server) -> Iterator[list[str]]:
    """Names of databases to drop."""
    names: list[str] = []
    yield names
    for name in names:
        server.drop(name)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_refused(
    server: Server, made: list[str], tmp_path: Path, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    made.append(name)
    server.execute(
        f"CREATE DATABASE {{}} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
        " LOCALE_PROVIDER libc",
        name,
    )
    values = {"DATABASE_URL": server.url(name), PREFIX + "HOME": str(tmp_path)}
    with pytest.raises(DatabaseError, match=f"keeps its text as {encoding}") as caught:
        platform_url(Settings.load(values, tmp_path))
    assert caught.value.hint == f"Create another one: createdb -T template0 -E UTF8 {name}_utf8"


def test_dagster_s_database_takes_every_character_whatever_the_template_s_encoding(
    database: Database, server: Server, made: list[str], tmp_path: Path
) -> None:
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(tmp_path)}
    name = fetch(database, "SELECT current_database() || '_dagster'")[0][0]
    made.append(name)
    dagster_url(Settings.load(values, tmp_path))
    kept = "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = %s"
    assert fetch(database, kept, name) == [("UTF8", "C")]


def test_a_role_without_a_connection_left(database: Database) -> None:
    role = f"few_{fetch(database, 'SELECT current_database()::text')[0][0]}"
    fetch(database, f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
    few = Database(database.url.replace("postgres@", f"{role}@"))
    try:
        with closing(few.connect()):
            for attempt in (few.connect, lambda: bulk.query(few, "SELECT 1"), few.engine.connect):
                with pytest.raises((DatabaseError, OperationalError)) as caught:
                    attempt()
                error = caught.value
                failure = error if isinstance(error, DatabaseError) else server_failure(error)
                assert failure is not None
                assert "too many connections for role" in failure.message
                assert "CONNECTION LIMIT" in failure.hint
    finally:
        fetch(database, f"DROP ROLE {role}")


def test_a_server_that_only_reads(new_database: Callable[[str | None], Database]) -> None:
    empty, database = new_database("template1"), new_database(None)
    for each in (empty, database):
        name = fetch(each, "SELECT current_database()::text")[0][0]
        fetch(each, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    for attempt in (lambda: provision(empty), lambda: store(database)):
        with pytest.raises(DatabaseError, match="read-only transaction") as caught:
            attempt()
        assert "primary" in caught.value.hint


def store(database: Database) -> None:
    replace_sessions(database, read_table(database, "market_data"), TWO_DAYS, SESSIONS)


def test_a_statement_of_a_user_that_writes_is_not_blamed_on_the_server(database: Database) -> None:
    with pytest.raises(DatabaseError) as caught:
        bulk.query(database, "WITH x AS (DELETE FROM models) SELECT 1", limit=10)
    assert caught.value.hint == "Only statements that read are allowed here"


def test_a_full_disk_by_each_way_in(new_database: Callable[[str | None], Database]) -> None:
    database = new_database(None)
    fetch(database, FULL.format("market_data"))
    with pytest.raises(DatabaseError, match="No space left") as caught:
        store(database)
    assert "disk is full" in caught.value.hint
    row = "INSERT INTO market_data DEFAULT VALUES"
    for attempt in (lambda: fetch(database, row), lambda: small(database, row)):
        try:
            attempt()
        except Exception as error:
            failure = server_failure(error)
            assert failure is not None
            assert "No space left" in failure.message
            assert "disk is full" in failure.hint
        else:
            pytest.fail("it was stored")
    database.engine.dispose()


def small(database: Database, statement: str) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql(statement)


def test_a_migration_s_error_keeps_its_cause(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is named, and what the server said of it is still known by its code."""
    file = tmp_path / "9999_full.sql"
    file.write_text("DO $$ BEGIN RAISE 'No space left' USING ERRCODE = '53100'; END $$")
    monkeypatch.setattr("quant_platform.storage.migrations._migration_files", lambda: [file])
    with pytest.raises(DatabaseError, match=r"9999_full\.sql: No space left") as caught:
        provision(empty_database)
    assert "disk is full" in caught.value.hint


def test_a_connection_that_failed_below_sqlalchemy(server: Server) -> None:
    """As Dagster's storage meets it: such an error has no SQLSTATE."""
    with pytest.raises(OperationalError) as caught:
        Database(server.url("no_such")).engine.connect()
    failure = server_failure(caught.value)
    assert failure is not None
    assert failure.message == "The database 'no_such' does not exist on the server"
    assert failure.hint == "Create it: createdb no_such"


def test_what_no_server_said_has_no_cause_of_one() -> None:
    assert server_failure(ValueError("no prices")) is None
    assert server_failure(OSError(errno.ENOSPC, "No space left on device")) is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EROFS, "another disk"),
        (errno.EACCES, "another user"),
        (errno.EPERM, "another user"),
        (errno.ENOTDIR, "Something else has that name"),
        (errno.EEXIST, "Something else has that name"),
        (errno.ENOMEM, "memory"),
    ],
)
def test_a_home_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr(cluster, "ensure_running", fail)
    with pytest.raises(DatabaseError, match="does not start") as caught:
        start_embedded(tmp_path / "home")
    assert words in caught.value.hint
    assert "\n" not in caught.value.message


def test_what_tells_nothing_is_not_guessed_at() -> None:
    assert file_remedy("something else") == ""


@pytest.mark.parametrize("link", ["home", f"home/{DATA_DIRECTORY}"])
def test_a_link_to_a_disk_that_is_not_there_is_not_filled_anew(tmp_path: Path, link: str) -> None:
    place = tmp_path / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatabaseError, match="is a link to") as caught:
        start_embedded(tmp_path / "home")
    assert "mounted" in caught.value.hint
    assert not (tmp_path / "elsewhere").exists()


def test_a_home_and_data_behind_links_are_one_server(
    server_folders: Callable[[str], Path],
) -> None:
    """By whichever path it is found again, the server is not started twice."""
    disk = server_folders("disk")
    disk.mkdir()
    (disk / "data").mkdir(mode=0o700)
    home = disk.parent / "home"
    home.mkdir()
    (home / DATA_DIRECTORY).symlink_to(disk / "data")
    (disk.parent / "named").symlink_to(home)
    first = start_embedded(home)
    try:
        again = start_embedded(disk.parent / "named")
        assert again.postmaster == first.postmaster
        assert fetch(Database(again.url("postgres")), "SELECT 1") == [(1,)]
    finally:
        first.leave()
    assert cluster.running(disk / "data") is None
