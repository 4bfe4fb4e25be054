"""One schema holds the platform's tables, whatever else lies in the database; reset keeps the rest.

The colleague's tables of the same names lie in `public`, as where a role has a schema of its own
name: PostgreSQL's own search path is "$user", public.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from quant_platform.cli.status import _ESTIMATES
from quant_platform.errors import DatabaseError
from quant_platform.pipeline.provision import provision
from quant_platform.research.reader import TableReader
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage import bulk, migrations
from quant_platform.storage.addresses import in_schema
from quant_platform.storage.database import (
    Database,
    dagster_libpq_url,
    platform_database,
    reader_database,
)
from quant_platform.storage.embedded import start_embedded
from quant_platform.storage.migrations import is_current
from quant_platform.storage.reset import drop_everything
from quant_platform.storage.schema import read_table, tables_with_history
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import fetch

COLLEAGUES = """
CREATE TABLE public.market_data AS SELECT 'theirs' AS of;
CREATE TABLE public.runs AS SELECT 'theirs' AS of;
CREATE TABLE public.notes_history AS SELECT 1 AS x;
CREATE TABLE public.notes AS SELECT 1 AS x;
GRANT USAGE ON SCHEMA public TO pg_monitor
"""

IN_PUBLIC = """
SELECT string_agg(relname, ' ' ORDER BY relname),
       (SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public')
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
"""

OURS = "SELECT count(*) FROM pg_class WHERE relnamespace = {}::regnamespace AND relkind = 'r'"

Shared = tuple[Database, str]


@pytest.fixture
def shared(new_database: Callable[[str | None], Database], server: Server) -> Iterator[Shared]:
    """A database with a colleague's tables, and a role that owns it but not its `public`."""
    database = new_database("template1")
    name = fetch(database, "SELECT current_database()::text")[0][0]
    role = f"owner_{name}"
    fetch(database, f"CREATE ROLE {role} LOGIN CREATEDB; {COLLEAGUES}")
    fetch(database, f"ALTER DATABASE {name} OWNER TO {role}; ALTER SCHEMA public OWNER TO postgres")
    yield database, role
    server.drop(f"{name}_dagster")
    fetch(database, f"REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")


def settings_of(url: str, home: Path, **more: str) -> Settings:
    return Settings.load({"DATABASE_URL": url, PREFIX + "HOME": str(home), **more}, home)


def ways(url: str, role: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Return URL and settings of each way to name the schema `role`."""
    own = url.replace("postgres@", f"{role}@")
    option = quote(f"-csearch_path={role},public", safe="")
    return {
        "user": (own, {}),
        "option": (f"{url}&options={option}", {}),
        "setting": (own, {PREFIX + "SCHEMA": role}),
    }


@pytest.mark.parametrize("way", ["user", "option", "setting"])
def test_a_schema_beside_a_colleague_s(shared: Shared, tmp_path: Path, way: str) -> None:
    database, role = shared
    if way != "setting":
        fetch(database, f"CREATE SCHEMA {role} AUTHORIZATION {role}")
        fetch(database, f"GRANT USAGE ON SCHEMA {role} TO pg_monitor")
    before = fetch(database, IN_PUBLIC)
    url, more = ways(database.url, role)[way]
    settings = settings_of(url, tmp_path, **more)
    ours = platform_database(settings)
    assert not is_current(ours)
    provision(ours)
    assert is_current(ours)
    assert fetch(database, IN_PUBLIC) == before
    assert read_table(ours, "market_data").key == ("date", "symbol")
    assert "notes" not in tables_with_history(ours)
    assert bulk.query(ours, "SELECT count(*) AS n FROM market_data")["n"].tolist() == [0]
    past = bulk.query(ours, "SELECT count(*) AS n FROM market_data", known_at="2024-01-01")
    assert past["n"].tolist() == [0]
    with ours.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM market_data").scalar() == 0
    ours.engine.dispose()
    assert "notes" not in dict(fetch(ours, _ESTIMATES))
    with pytest.raises(Exception, match="market_data") as caught:
        TableReader(ours).rows("no_such", ("2004-01-01", "2004-01-02"))
    assert "notes" not in str(caught.value.__dict__)
    # Dagster's database has the schema that the URL names, too.
    beside = Database(dagster_libpq_url(settings))
    assert fetch(beside, "CREATE TABLE made (x int); SELECT count(*) FROM made") == [(0,)]
    ours.close_idle()
    acl = f"SELECT nspacl::text FROM pg_namespace WHERE nspname = '{role}'"  # noqa: S608 — our name
    grants = fetch(database, acl)
    drop_everything(settings)
    assert fetch(database, OURS.format(f"'{role}'")) == [(0,)]
    assert fetch(database, IN_PUBLIC) == before
    assert fetch(database, acl) == grants
    assert fetch(database, 'SELECT "of" FROM public.market_data') == [("theirs",)]


def test_without_marks_a_table_of_our_name_is_somebody_else_s(
    shared: Shared, tmp_path: Path
) -> None:
    database, _ = shared
    before = fetch(database, IN_PUBLIC)
    drop_everything(settings_of(database.url, tmp_path))
    drop_everything(settings_of(database.url, tmp_path, DAGSTER_DATABASE_URL=database.url))
    assert fetch(database, IN_PUBLIC) == before


def test_a_view_of_a_user_s_is_named_and_nothing_deleted(
    database: Database, tmp_path: Path, server: Server
) -> None:
    fetch(database, "CREATE VIEW mine AS SELECT close_price FROM market_data")
    settings = settings_of(database.url, tmp_path, DAGSTER_DATABASE_URL=database.url)
    try:
        with pytest.raises(DatabaseError, match="view mine depends on table market_data"):
            drop_everything(settings)
        assert is_current(database)
    finally:
        fetch(database, "DROP VIEW mine")


def test_of_a_database_that_a_setting_names_dagster_s_tables_go(
    new_database: Callable[[str | None], Database], tmp_path: Path
) -> None:
    platform, dagster = new_database("template1"), new_database("template1")
    tables = "CREATE TABLE runs (id int); CREATE TABLE secondary_indexes (id int)"
    fetch(dagster, f"{tables}; CREATE TABLE kept (id int)")
    deleted = drop_everything(settings_of(platform.url, tmp_path, DAGSTER_DATABASE_URL=dagster.url))
    assert [line.partition(" of ")[0] for line in deleted] == ["the tables", "Dagster's tables"]
    left = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384"
    assert fetch(dagster, left) == [("kept",)]


def test_a_path_without_any_schema_is_said(empty_database: Database) -> None:
    option = quote("-csearch_path=one,two", safe="")
    with pytest.raises(DatabaseError, match=r"one, ?two") as caught:
        provision(Database(f"{empty_database.url}&options={option}"))
    assert "QUANT_PLATFORM_SCHEMA" in caught.value.hint


def test_the_reader_of_the_embedded_server_reads_the_schema_of_the_setting(
    server_folders: Callable[[str], Path],
) -> None:
    home = server_folders("home")
    values = {PREFIX + "HOME": str(home), PREFIX + "SCHEMA": "market"}
    settings = Settings.load(values, home.parent)
    try:
        provision(platform_database(settings))
        reader = reader_database(settings)
        assert bulk.query(reader, "SELECT current_schema()::text AS s")["s"].tolist() == ["market"]
        assert bulk.query(reader, "SELECT count(*) AS n FROM market_data")["n"].tolist() == [0]
        reader.close_idle()
    finally:
        start_embedded(home).leave()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://a/b", "postgresql://a/b?options=-csearch_path%3D%22s%22"),
        (
            "postgresql://a/b?options=-cx%3D1&password=p+q",
            "postgresql://a/b?password=p+q&options=-cx%3D1%20-csearch_path%3D%22s%22",
        ),
    ],
)
def test_a_schema_is_added_to_an_address(url: str, expected: str) -> None:
    assert in_schema(url, "s") == expected
    assert in_schema(url, None) == url


def test_nothing_names_a_schema_by_itself() -> None:
    """Statements about the catalogue say `current_schema()`, all others no schema at all."""
    package = Path(migrations.__file__).parents[1]
    files = [*package.rglob("*.py"), *(migrations.sql_folder() / "migrations").glob("*.sql")]
    named = re.compile(r"'public'|\bpublic\.\w|SCHEMA public")
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    texts = {file: text.replace("public.market_data`", "") for file, text in texts.items()}
    assert [file.name for file, text in texts.items() if named.search(text)] == []
