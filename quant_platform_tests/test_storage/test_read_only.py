"""A user's statement reads and does nothing else, as whatever login it runs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quant_platform.errors import DatabaseError
from quant_platform.research.store import Store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database, reader_database
from quant_platform.storage.embedded import start_embedded
from quant_platform.storage.read_only import first_word
from quant_platform.storage.reader_login import prepare_reader
from quant_platform.storage.server_access import READER
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import fetch

FILE = "/tmp/quant-platform-was-here"  # noqa: S108 — must never come to be

REFUSED = [
    f"COPY (SELECT 1) TO PROGRAM 'touch {FILE}'",
    f"COPY models TO '{FILE}'",
    "COPY models FROM '/etc/passwd'",
    "COPY models FROM PROGRAM 'id'",
    f"/* a /* b */ SELECT */ COPY models TO '{FILE}'",
    f"-- SELECT\rCOPY models TO '{FILE}'",
    f"SELECT 1) TO PROGRAM 'touch {FILE}' --",
    f"SELECT 1) TO PROGRAM 'touch {FILE}' /*",
    f"SELECT 1; COPY models TO '{FILE}'",
    "SELECT 1; DELETE FROM models",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT (pg_stat_file('/etc/passwd')).size",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_terminate_backend({pid})",
    "SELECT pg_cancel_backend({pid})",
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = {pid}",
    'SELECT "pg_terminate_backend" /* why */ ({pid})',
    'SELECT pg_catalog . "pg_terminate_backend"({pid})',
    'SELECT U&"pg\\005fterminate_backend"({pid})',
    "SELECT Pg_Terminate_Backend\n-- a comment\n({pid})",
    "WITH t AS (SELECT pg_terminate_backend({pid})) SELECT * FROM t",
    "SELECT query_to_xml('SELECT pg_terminate_backend({pid})', true, true, '')",
    "SELECT * FROM ts_stat('SELECT to_tsvector(pg_terminate_backend({pid})::text)')",
    "SELECT '$$' || pg_terminate_backend({pid}) || '$$'",
    "SELECT E'\\'' || pg_terminate_backend({pid}) || E'\\''",
    "SELECT $a$ $$ $a$ || pg_terminate_backend({pid})",
    "EXPLAIN ANALYZE SELECT pg_terminate_backend({pid})",
    "VALUES (pg_terminate_backend({pid}))",
    "SELECT 1 WHERE set_config('role', 'postgres', false) <> ''",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT pg_advisory_lock(hashtext('quant_platform'), hashtext('market_data'))",
    "SELECT pg_try_advisory_xact_lock(1)",
    "SELECT pg_sleep(1000)",
    "SELECT pg_sleep_for('1 hour')",
    "SELECT (1000::float8).pg_sleep",
    'SELECT (1000::float8) /* dot */ . /* and */ "pg_sleep"',
    "SELECT a.pg_sleep FROM (VALUES (1000::float8)) AS a (x)",
    "SELECT pg_notify('channel', 'x')",
    "SELECT nextval('{sequence}')",
    "SELECT setval('{sequence}', 1000)",
    "SELECT lo_create(0)",
    "SELECT lo_import('/etc/passwd')",
    f"SELECT lo_export(1, '{FILE}')",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_switch_wal()",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "SELECT pg_export_snapshot()",
    "SELECT pg_stat_reset()",
    "SELECT dblink('dbname=postgres', 'SELECT 1')",
    "LOCK TABLE models IN ACCESS EXCLUSIVE MODE",
    "DO $$ BEGIN DELETE FROM models; END $$",
    "SET ROLE postgres",
    "RESET ROLE",
    "RESET ALL",
    "SET SESSION AUTHORIZATION postgres",
    "SET statement_timeout = 0",
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT a",
    "DISCARD ALL",
    "CREATE TABLE t (x int)",
    "CREATE TEMPORARY TABLE t (x int)",
    "CREATE ROLE stranger SUPERUSER LOGIN",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION postgres_fdw",
    "ALTER TABLE models ADD COLUMN x int",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "ALTER ROLE postgres PASSWORD 'x'",
    "DROP TABLE models CASCADE",
    "TRUNCATE models CASCADE",
    "GRANT ALL ON models TO PUBLIC",
    "COMMENT ON TABLE models IS 'x'",
    "INSERT INTO models (model_name) VALUES ('x')",
    "UPDATE models SET model_name = 'x'",
    "DELETE FROM models",
    "MERGE INTO models USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "WITH gone AS (DELETE FROM models RETURNING *) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM models",
    "EXPLAIN (ANALYZE) UPDATE models SET model_name = 'x'",
    "SELECT * INTO copied FROM models",
    "SELECT * INTO TEMPORARY copied FROM models",
    "SELECT * FROM models FOR UPDATE",
    "SELECT * FROM models FOR SHARE",
    "REFRESH MATERIALIZED VIEW v",
    "NOTIFY channel, 'x'",
    "LISTEN channel",
    "VACUUM",
    "ANALYZE models",
    "CLUSTER",
    "REINDEX TABLE models",
    "CHECKPOINT",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "CALL p()",
    "LOAD 'auto_explain'",
    "SECURITY LABEL ON TABLE models IS 'x'",
    "",
    "   -- nothing",
    ";",
    "\0",
    "COPY",
    "*",
]

READ = [
    ("SELECT 1 AS x", 1),
    ("  (SELECT 1) UNION ALL (SELECT 2)", 2),
    ("/* one /* two */ */ -- three\nSELECT 1", 1),
    ("TABLE models LIMIT 1", 1),
    ("VALUES (1), (2)", 2),
    ("WITH a AS (SELECT 1 AS x) SELECT * FROM a", 1),
    ("SHOW server_version", 1),
    ("EXPLAIN SELECT 1", 1),
    ("EXPLAIN(COSTS off) SELECT 1", 1),
    ("SELECT 'pg_sleep(1)', $$pg_sleep(1)$$, E'\\'pg_sleep(1)' -- pg_sleep(1)", 1),
    ("SELECT count(*), max(upper(m.model_name)), now() FROM models m", 1),
    ("SELECT random(), gen_random_uuid(), clock_timestamp()", 1),
    ("SELECT pg_size_pretty(pg_total_relation_size('models'))", 1),
    ('SELECT 1 AS "set_config" WHERE (1) IN (1)', 1),
    ("SELECT * FROM generate_series(1, 3) AS n", 3),
    ("SELECT xact_start FROM pg_stat_activity WHERE pid = pg_backend_pid()", 1),
]


@pytest.fixture(params=["reader", "superuser"])
def store(request: pytest.FixtureRequest, database: Database) -> Iterator[Store]:
    """Store of a session that may only read, and of one that may do everything."""
    url = database.url
    if request.param == "reader":
        connection = database.connect()
        for _ in range(2):
            prepare_reader(connection)
        connection.close()
        url = url.replace("postgres@", f"{READER}@")
    reading = Database(url)
    yield Store(reading)
    reading.close_idle()
    if request.param == "reader":
        fetch(database, f"DROP OWNED BY {READER}")


STATE = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_roles WHERE rolsuper),
    (SELECT count(*) FROM pg_largeobject_metadata), (SELECT pg_conf_load_time()::text),
    (SELECT md5(string_agg(m::text, ',' ORDER BY m::text)) FROM models m),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())),
    (SELECT string_agg(relacl::text, ',' ORDER BY oid) FROM pg_class)
"""


def test_every_other_statement_is_refused(store: Store, database: Database) -> None:
    other = database.connect()
    named = "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'S' LIMIT 1"
    sequence = fetch(database, named)[0][0]
    names = {"pid": str(other.info.backend_pid), "sequence": str(sequence)}
    before = fetch(database, STATE)
    told = {}
    past = store.at("2100-01-01")
    for place, statement in enumerate(REFUSED):
        text = statement
        for name, value in names.items():
            text = text.replace("{" + name + "}", value)
        # Reading as known at a moment comes after the same gate: every fourth is tried there, too.
        for reading in (store, past) if place % 4 == 0 else (store,):
            with pytest.raises(Exception) as caught:
                reading.sql(text)
            told[statement] = str(caught.value)
            assert type(caught.value).__module__ == "quant_platform.errors", (statement, told)
            assert "\n" not in str(caught.value), statement
        assert store.sql("SELECT 1 AS x")["x"].tolist() == [1], statement
    assert fetch(database, STATE) == before
    assert not Path(FILE).exists()
    with other, other.cursor() as cursor:
        cursor.execute("SELECT 1")
    other.close()
    assert told["SELECT pg_sleep(1000)"] == (
        "pg_sleep() may do more than read."
        " `sql` only reads; use `quant-platform db psql` for anything else"
    )
    assert told["LOAD 'auto_explain'"].startswith("LOAD is no statement that reads. ")


@pytest.mark.parametrize(("statement", "rows"), READ)
def test_what_reads_runs(store: Store, statement: str, rows: int) -> None:
    assert len(store.sql(statement)) == rows
    assert len(store.at("2100-01-01").sql(statement)) == rows


def test_a_statement_that_takes_too_long_is_ended(store: Store) -> None:
    hasty = Store(store.database, Settings(sql_seconds=0.2))
    with pytest.raises(DatabaseError, match="timeout") as caught:
        hasty.sql("SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 1000) b")
    assert "QUANT_PLATFORM_SQL_SECONDS" in caught.value.hint
    assert hasty.sql("SELECT 1 AS x")["x"].tolist() == [1]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT x FROM models", 'column "x" does not exist, at line 1, column 8'),
        (
            "SELECT 1\n\n  FROM models,\n nowhere",
            'relation "nowhere" does not exist, at line 4, column 2',
        ),
        ("SELECT 'ä', nix", 'column "nix" does not exist, at line 1, column 13'),
        ("SELECT 1 WHERE (", "syntax error at end of input, at line 1, column 17"),
        ("SELECT 1/0", "division by zero"),
    ],
)
def test_an_error_says_what_and_where_and_no_address(
    store: Store, statement: str, said: str
) -> None:
    with pytest.raises(DatabaseError) as caught:
        store.sql(statement)
    assert caught.value.message == said


def test_the_login_by_itself_may_only_read(database: Database, server: Server) -> None:
    """Even without a look at the statement, and after every `set_config`."""
    connection = database.connect()
    prepare_reader(connection)
    connection.close()
    reader = Database(database.url.replace("postgres@", f"{READER}@")).connect()
    reader.autocommit = True
    for statement in (
        "DELETE FROM models",
        "CREATE TABLE t (x int)",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_reload_conf()",
        "SELECT set_config('role', 'postgres', false)",
        "SET SESSION AUTHORIZATION postgres",
        "SELECT passwd FROM pg_shadow",
    ):
        with reader.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute(statement)
    reader.close()
    # A table that comes later can be read too.
    fetch(database, "CREATE TABLE later AS SELECT 7 AS x")
    later = Database(database.url.replace("postgres@", f"{READER}@"))
    assert fetch(later, "SELECT x FROM later") == [(7,)]
    fetch(database, f"DROP OWNED BY {READER}")


def test_a_store_of_the_embedded_server_logs_in_as_reader(
    server_folders: Callable[[str], Path],
) -> None:
    home = server_folders("home")
    settings = Settings(home=home)
    start_embedded(home)
    try:
        store = Store(reader_database(settings), settings)
        rows = store.sql("SELECT current_user::text AS now, session_user::text AS logged_in")
        assert rows.to_numpy().tolist() == [[READER, READER]]
        store.database.close_idle()
    finally:
        start_embedded(home).leave()


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("select 1", "SELECT"),
        (" ((select 1))", "SELECT"),
        ("/* select */ copy", "COPY"),
        ("/*/* */ select */copy", "COPY"),
        ("-- select\ncopy", "COPY"),
        ("\u00a0copy", "\u00a0COPY"),  # to PostgreSQL a part of the name
        ("'select'", ""),
        ('"select"', ""),
        ("", ""),
        ("/* select", ""),
    ],
)
def test_first_word(statement: str, word: str) -> None:
    assert first_word(statement) == word
