import pandas as pd
import pytest

from quant_platform.errors import DatabaseError, UnknownNameError
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import Table, read_table
from quant_platform_tests.support.tables import SESSIONS, TWO_DAYS, WRITES, content, fetch


@pytest.fixture
def table(database: Database) -> Table:
    """`market_data` with four rows, stored in another order than its key's."""
    table = read_table(database, "market_data")
    for row in (3, 0, 2, 1):
        fetch(
            database,
            "INSERT INTO market_data (date, symbol, security_id, open_price, high_price, low_price,"
            " close_price, volume, source) VALUES (%s, %s, %s, 1, 2, 1, %s, 5, 'x')",
            *TWO_DAYS.loc[row, ["date", "symbol", "security_id"]],
            float(row + 1) / 4 + 1,
        )
    return table


def test_reads_by_the_order_of_the_key(database: Database, table: Table) -> None:
    rows = bulk.read(database, table, *SESSIONS)
    got = list(zip(rows["date"].dt.strftime("%Y-%m-%d"), rows["symbol"], strict=True))
    assert got == [
        ("2004-08-19", "A"),
        ("2004-08-19", "B"),
        ("2004-08-20", "A"),
        ("2004-08-20", "B"),
    ]
    assert list(rows.columns) == [column.name for column in table.data_columns]
    assert "recorded_at" not in rows.columns
    assert rows["date"].dtype.kind == "M"


def test_reads_what_it_wrote(database: Database) -> None:
    table = read_table(database, "market_data")
    replace_sessions(database, table, TWO_DAYS, SESSIONS)
    pd.testing.assert_frame_equal(
        bulk.read(database, table, *SESSIONS), TWO_DAYS, check_dtype=False
    )
    # And what it read may be written as it is.
    again = bulk.read(database, table, *SESSIONS)
    assert replace_sessions(database, table, again, SESSIONS).unchanged == 4


def test_columns_in_the_order_asked_for(database: Database, table: Table) -> None:
    rows = bulk.read(database, table, *SESSIONS, columns=["symbol", "date", "close_price"])
    assert list(rows.columns) == ["symbol", "date", "close_price"]
    assert rows["close_price"].tolist() == [1.25, 1.5, 1.75, 2.0]


def test_an_unknown_column_is_named(database: Database, table: Table) -> None:
    with pytest.raises(UnknownNameError, match="no column 'colour'"):
        bulk.read(database, table, *SESSIONS, columns=["colour"])


def test_both_ends_are_included_and_nothing_else(database: Database, table: Table) -> None:
    assert len(bulk.read(database, table, "2004-08-19", "2004-08-19")) == 2
    assert len(bulk.read(database, table, "2004-08-20", "2005-01-03")) == 2
    assert bulk.read(database, table, "2004-08-20", "2004-08-19").empty


def test_an_empty_result_has_columns_and_types(database: Database, table: Table) -> None:
    none = bulk.read(database, table, "2001-01-02", "2001-01-03")
    assert list(none.columns) == [column.name for column in table.data_columns]
    assert none["close_price"].dtype == "float64"
    assert none["date"].dtype.kind == "M"


def test_scope(database: Database, table: Table) -> None:
    rows = bulk.read(database, table, *SESSIONS, scope={"symbol": "B", "source": "x"})
    assert rows["symbol"].tolist() == ["B", "B"]
    assert bulk.read(database, table, *SESSIONS, scope={"symbol": "' OR true --"}).empty


@pytest.mark.parametrize("text", ["today", "2004-08-19' OR true --", "", "2004-02-30"])
def test_what_is_no_date_never_reaches_the_server(
    database: Database, table: Table, text: str
) -> None:
    with pytest.raises(ValueError, match=r"isoformat|day"):
        bulk.read(database, table, text, "2004-08-20")


def test_query_with_parameters(database: Database, table: Table) -> None:
    rows = bulk.query(
        database, "SELECT symbol FROM market_data WHERE date = $1::text::date", ("2004-08-19",)
    )
    assert sorted(rows["symbol"]) == ["A", "B"]


def test_query_of_every_common_type(database: Database) -> None:
    rows = bulk.query(
        database,
        "SELECT 1::smallint AS s, 2::bigint AS b, 0.5::float8 AS f, 1.25::numeric AS n, true AS t,"
        " DATE '2004-08-19' AS d, TIMESTAMPTZ '2004-08-19 10:00+00' AS z, 'x' AS c, NULL AS e,"
        " '{\"a\": 1}'::jsonb AS j, '{\"a\": 1}'::json AS k, ARRAY[1, 2] AS a,"
        " INTERVAL '1 day' AS i, gen_random_uuid() AS u",
    )
    row = rows.iloc[0]
    assert (row["s"], row["b"], row["f"], row["t"], row["c"]) == (1, 2, 0.5, True, "x")
    assert float(row["n"]) == 1.25
    assert row["d"] == pd.Timestamp("2004-08-19")
    assert row["z"] == pd.Timestamp("2004-08-19 10:00", tz="UTC")
    assert pd.isna(row["e"])
    assert row["j"].replace(" ", "") == '{"a":1}'
    assert list(row["a"]) == [1, 2]


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW server_version",
        "EXPLAIN SELECT 1",
        "EXPLAIN\nSELECT 1",
        "explain(costs off) SELECT 1",
        "-- why\n/* is it\nslow */ EXPLAIN SELECT 1",
        "/* a */SHOW\tserver_version",
        "VALUES (1)",
        "TABLE models",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "SELECT 1;",
        "SELECT 1 -- the end",
        "SELECT 1; -- the end",
        "SELECT 1 /* the end */",
        "-- words\nSELECT 1",
    ],
)
def test_statements_that_read(database: Database, statement: str) -> None:
    assert len(bulk.query(database, statement)) >= 1


@pytest.mark.parametrize("statement", WRITES)
def test_nothing_that_writes_gets_through(database: Database, table: Table, statement: str) -> None:
    before = content(database, "market_data")
    with pytest.raises(DatabaseError) as caught:
        bulk.query(database, statement)
    assert "\n" not in caught.value.message
    assert content(database, "market_data") == before
    assert fetch(database, "SELECT to_regclass('mine')") == [(None,)]


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK", "SET TRANSACTION READ WRITE", ""])
def test_a_statement_about_the_transaction_leaves_nothing_behind(
    database: Database, table: Table, statement: str
) -> None:
    try:
        bulk.query(database, statement)
    except DatabaseError as error:
        assert "\n" not in error.message
    with pytest.raises(DatabaseError):
        bulk.query(database, "DELETE FROM market_data")
    assert len(content(database, "market_data")) == 4


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT * FROM no_such_table", "no_such_table"),
        ("SELEC 1", "SELEC"),
        ("SELECT 1/0", "division by zero"),
        ("SELECT no_such_column FROM market_data", "no_such_column"),
    ],
)
def test_a_mistake_is_one_line_with_the_server_s_own_words(
    database: Database, statement: str, words: str
) -> None:
    with pytest.raises(DatabaseError, match=words) as caught:
        bulk.query(database, statement)
    assert "\n" not in caught.value.message
    assert "COPY" not in caught.value.message


def test_quoting() -> None:
    assert bulk.quoted('a"b') == '"a""b"'
    assert bulk.literal("O'Neill") == "'O''Neill'"
    assert bulk.literal(-3) == "-3"
    assert bulk.scope_sql({"a": 1, "b": "x'"}, "t") == " AND t.\"a\" = 1 AND t.\"b\" = 'x'''"
    assert bulk.scope_sql(None) == ""


def test_a_backslash_in_a_scope_means_itself(database: Database) -> None:
    assert bulk.query(database, f"SELECT {bulk.literal(chr(92) + 'n')} AS x")["x"][0] == r"\n"
