"""Tables as they were known at a moment."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from quant_platform.errors import DatabaseError, SessionError
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.known_at import parse_moment
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.known_bars import (
    BAR,
    closes,
)
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import WRITES, content, fetch


def insert(
    database: Database, symbol: str, close: float, recorded: str, superseded: str | None = None
) -> None:
    """Store a bar of 2004-08-19 with its clocks, in the history where it was superseded."""
    table, columns, last = "market_data", BAR, ""
    if superseded is not None:
        table, columns, last = "market_data_history", f"{BAR}, superseded_at", f", '{superseded}'"
    fetch(
        database,
        f"INSERT INTO {table} {columns}, recorded_at) SELECT '2004-08-19', s, c, c, c, c, 1, 'x',"  # noqa: S608 — our own names
        f" s{last}, '{recorded}' FROM (VALUES (%s, %s::float8)) AS given (s, c)",
        symbol,
        close,
    )


@pytest.fixture
def corrected(database: Database) -> Database:
    """A stayed, B was corrected on the 2nd, C was removed on the 3rd, D came on the 4th."""
    first, second, third, fourth = (f"2024-01-0{day} 12:00Z" for day in (1, 2, 3, 4))
    insert(database, "A", 1.0, first)
    insert(database, "B", 2.0, first, second)
    insert(database, "B", 2.5, second)
    insert(database, "C", 3.0, first, third)
    insert(database, "D", 4.0, fourth)
    return database


class TestMoment:
    @pytest.mark.parametrize(
        "value",
        [
            "2024-03-01T22:00Z",
            "2024-03-01 22:00+00:00",
            " 2024-03-01T22:00:00.000000+00:00 ",
            "2024-03-01T17:00-05:00",
            "20240301T220000Z",
            datetime(2024, 3, 1, 22, tzinfo=UTC),
            datetime(2024, 3, 2, 7, tzinfo=timezone(timedelta(hours=9))),
            pd.Timestamp("2024-03-01 17:00", tz="America/New_York"),
        ],
    )
    def test_with_its_zone(self, value: Any) -> None:
        assert parse_moment(value) == datetime(2024, 3, 1, 22, tzinfo=UTC)
        assert parse_moment(value).utcoffset() == timedelta(0)

    @pytest.mark.parametrize("value", ["2024-03-01", date(2024, 3, 1)])
    def test_a_date_is_its_first_moment(self, value: Any) -> None:
        assert parse_moment(value) == datetime(2024, 3, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        "value",
        [
            "2024-03-01T22:00",
            "2024-03-01 22:00:00",
            datetime(2024, 3, 1, 22),
            pd.Timestamp("2024-03-01"),
            pd.NaT,
        ],
    )
    def test_a_time_of_day_without_a_zone(self, value: Any) -> None:
        with pytest.raises(SessionError, match="has no time zone") as caught:
            parse_moment(value)
        assert "2024-03-01T22:00Z" in caught.value.hint

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "now",
            "yesterday",
            "2024-02-30",
            "2024-03-01T25:00Z",
            "2024-03-01T22:00 UTC",
            "2024-03-01T22:00Z' OR true --",
            "0001-01-01T00:00+14:00",
            7,
            None,
        ],
    )
    def test_no_moment(self, value: Any) -> None:
        with pytest.raises(SessionError, match="is not a moment") as caught:
            parse_moment(value)
        assert "\n" not in str(caught.value)


class TestTables:
    @pytest.mark.parametrize(
        ("moment", "expected"),
        [
            ("2023-12-31", {}),
            ("2024-01-01T11:59:59.999999Z", {}),
            ("2024-01-01T12:00Z", {"A": 1.0, "B": 2.0, "C": 3.0}),
            ("2024-01-02", {"A": 1.0, "B": 2.0, "C": 3.0}),
            ("2024-01-02T11:59:59.999999Z", {"A": 1.0, "B": 2.0, "C": 3.0}),
            ("2024-01-02T12:00Z", {"A": 1.0, "B": 2.5, "C": 3.0}),
            ("2024-01-03T12:00Z", {"A": 1.0, "B": 2.5}),
            ("2024-01-04T07:00-05:00", {"A": 1.0, "B": 2.5, "D": 4.0}),
            ("9999-12-31", {"A": 1.0, "B": 2.5, "D": 4.0}),
        ],
    )
    def test_corrections(
        self, corrected: Database, moment: str, expected: dict[str, float]
    ) -> None:
        assert closes(corrected, moment) == expected

    def test_today_is_as_it_was(self, corrected: Database) -> None:
        for _ in range(3):
            assert closes(corrected, "2024-01-01T12:00Z")["B"] == 2.0
            # The same connection, lent again.
            assert closes(corrected, None) == {"A": 1.0, "B": 2.5, "D": 4.0}
        left = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
        assert fetch(corrected, left) == [(0,)]

    def test_a_name_with_its_schema_means_today(self, corrected: Database) -> None:
        assert closes(corrected, "2023-12-31", "public.market_data")["B"] == 2.5

    def test_a_history_holds_what_was_superseded_by_then(self, corrected: Database) -> None:
        def then(moment: str) -> dict[str, float]:
            return closes(corrected, moment, "market_data_history")

        assert then("2024-01-02T11:59Z") == {}
        assert then("2024-01-02T12:00Z") == {"B": 2.0}
        assert then("2024-01-03T12:00Z") == {"B": 2.0, "C": 3.0}

    def test_tables_without_a_history_leave_out_what_came_later(self, database: Database) -> None:
        fetch(
            database,
            "INSERT INTO quarantine (table_name, reason, row, recorded_at) VALUES"
            " ('t', 'early', '{}', '2024-01-01Z'), ('t', 'late', '{}', '2024-01-03Z')",
        )
        rows = bulk.query(database, "SELECT reason FROM quarantine", known_at="2024-01-02")
        assert rows["reason"].tolist() == ["early"]
        # The models of the template were registered by now, not by then.
        count = "SELECT count(*) AS n FROM models"
        assert bulk.query(database, count, known_at="2024-01-02")["n"].tolist() == [0]
        assert bulk.query(database, count, known_at="9999-01-01")["n"][0] > 0

    def test_the_clock_of_signals(self, database: Database) -> None:
        for table, clocks, values in (
            ("signals", "created_at", "'2024-01-02Z'"),
            ("signals_history", "created_at, superseded_at", "'2024-01-01Z', '2024-01-02Z'"),
        ):
            fetch(
                database,
                f"INSERT INTO {table} (date, model_id, symbol, security_id, signal_type, strength,"  # noqa: S608 — our own names
                f" confidence, target_weight, asked_weight, reference_price, metadata, {clocks})"
                " SELECT '2004-08-19', id, 'A', 'A', 1, %s, 1, 0, 0, 1, '{}', "
                f"{values} FROM models WHERE is_benchmark",
                0.25 if table == "signals" else 0.75,
            )
        strength = {
            moment: bulk.query(database, "SELECT strength FROM signals", known_at=moment)
            for moment in ("2023-12-31", "2024-01-01", "2024-01-02")
        }
        assert [rows["strength"].tolist() for rows in strength.values()] == [[], [0.75], [0.25]]

    def test_a_column_that_the_history_lacks_is_null(
        self, new_database: Callable[[str | None], Database]
    ) -> None:
        database = new_database(None)
        insert(database, "A", 1.0, "2024-01-01Z", "2024-01-02Z")
        insert(database, "A", 2.0, "2024-01-02Z")
        fetch(database, "ALTER TABLE market_data ADD COLUMN bid numeric(9, 2) DEFAULT 7")
        sql = "SELECT bid::float8, close_price FROM market_data"
        then = bulk.query(database, sql, known_at="2024-01-01")
        assert then["bid"].isna().tolist() == [True]
        assert then["close_price"].tolist() == [1.0]
        assert bulk.query(database, sql, known_at="2024-01-02")["bid"].tolist() == [7.0]

    def test_awkward_names(self, new_database: Callable[[str | None], Database]) -> None:
        database = new_database(None)
        for name, last in (('O"x y', ""), ('O"x y_history', ", superseded_at timestamptz")):
            quoted = bulk.quoted(name)
            fetch(database, f'CREATE TABLE {quoted} ("user" int, recorded_at timestamptz{last})')
        fetch(database, """INSERT INTO "O""x y" VALUES (2, '2024-01-02Z')""")
        fetch(
            database,
            """INSERT INTO "O""x y_history" VALUES (1, '2024-01-01Z', '2024-01-02Z')""",
        )
        fetch(database, """CREATE VIEW "it's; a view" AS SELECT "user" FROM "O""x y\"""")
        for moment, expected in (("2024-01-01", [1]), ("2024-01-02", [2])):
            for name in ('"O""x y"', '"it\'s; a view"'):
                rows = bulk.query(database, f'SELECT "user" FROM {name}', known_at=moment)  # noqa: S608 — our own names
                assert rows["user"].tolist() == expected

    def test_a_table_without_a_clock_is_that_of_today(
        self, new_database: Callable[[str | None], Database]
    ) -> None:
        database = new_database(None)
        fetch(database, "CREATE TABLE mine AS SELECT 1 AS x; CREATE VIEW ours AS TABLE mine")
        for name in ("mine", "ours"):
            assert len(bulk.query(database, f"TABLE {name}", known_at="2024-01-01")) == 1


class TestViews:
    def test_of_the_platform(self, database: Database) -> None:
        for table, clocks, value in (
            ("features", "'2024-01-02Z'", 2.0),
            ("features_history", "'2024-01-01Z', '2024-01-02Z'", 1.0),
        ):
            last = ", superseded_at" if "history" in table else ""
            fetch(
                database,
                f"INSERT INTO {table} (date, symbol, security_id, sma_10, recorded_at{last})"  # noqa: S608 — our own names
                f" VALUES ('2004-08-19', 'A', 'A', %s, {clocks})",
                value,
            )
        sql = "SELECT features -> 'sma_10' AS x, features FROM feature_store"
        then, now = (
            bulk.query(database, sql, known_at=day) for day in ("2024-01-01", "2024-01-02")
        )
        assert float(then["x"][0]) == 1.0
        assert float(now["x"][0]) == 2.0
        assert "superseded_at" not in then["features"][0]
        assert bulk.query(database, sql)["features"][0] == now["features"][0]

    def test_ranges_of_symbols(self, database: Database) -> None:
        fetch(
            database,
            "INSERT INTO security_symbols (date, symbol, security_id, reason, recorded_at) VALUES"
            " ('2012-05-18', 'FB', 'meta', 'listed', '2024-01-01Z'),"
            " ('2022-06-09', 'FB', NULL, 'renamed', '2024-01-02Z')",
        )
        sql = "SELECT last_day FROM symbol_ranges WHERE symbol = 'FB'"
        assert bulk.query(database, sql, known_at="2024-01-01")["last_day"].isna().tolist() == [
            True
        ]
        ended = bulk.query(database, sql, known_at="2024-01-02")["last_day"].tolist()
        assert ended == [pd.Timestamp("2022-06-08")]

    def test_on_views(self, new_database: Callable[[str | None], Database]) -> None:
        """Also where a view reads one that is younger than itself, and where rows are stored."""
        database = new_database(None)
        insert(database, "A", 1.0, "2024-01-01Z", "2024-01-02Z")
        insert(database, "A", 2.0, "2024-01-02Z")
        for statement in (
            "CREATE VIEW aa AS SELECT symbol, close_price FROM market_data",
            "CREATE VIEW zz AS SELECT symbol, close_price FROM market_data",
            "CREATE OR REPLACE VIEW aa AS SELECT symbol, close_price FROM zz",
            "CREATE MATERIALIZED VIEW kept AS SELECT a.symbol, z.close_price FROM aa a, zz z",
            "CREATE VIEW top (symbol, close_price) AS SELECT symbol, close_price / 1 FROM kept",
        ):
            fetch(database, statement)
        for name in ("aa", "zz", "kept", "top"):
            assert closes(database, "2024-01-01", name) == {"A": 1.0}, name
            assert closes(database, "2024-01-02", name) == {"A": 2.0}, name

    def test_one_that_cannot_be_made_again_is_named(
        self, new_database: Callable[[str | None], Database]
    ) -> None:
        database = new_database(None)
        fetch(
            database,
            "CREATE VIEW counts AS SELECT m.model_name, count(s.date) FROM models m"
            " LEFT JOIN signals s ON s.model_id = m.id GROUP BY m.id",
        )
        with pytest.raises(DatabaseError, match="The view counts cannot be read") as caught:
            bulk.query(database, "SELECT 1 FROM Counts", known_at="2024-01-01")
        assert "GROUP BY" in caught.value.message
        assert "\n" not in caught.value.message
        # It is in nobody else's way.
        assert closes(database, "2024-01-01") == {}


class TestStatements:
    @pytest.mark.parametrize("statement", [*WRITES, "DELETE FROM models", "DROP VIEW market_data"])
    def test_nothing_that_writes_gets_through(self, corrected: Database, statement: str) -> None:
        before = content(corrected, "market_data"), content(corrected, "models")
        with pytest.raises(DatabaseError) as caught:
            bulk.query(corrected, statement, known_at="9999-01-01")
        assert "\n" not in caught.value.message
        assert (content(corrected, "market_data"), content(corrected, "models")) == before

    @pytest.mark.parametrize(
        "statement", ["COMMIT", "END", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"]
    )
    def test_the_past_does_not_outlive_a_statement_that_ends_the_transaction(
        self, corrected: Database, statement: str
    ) -> None:
        with pytest.raises(DatabaseError, match="ended the transaction"):
            bulk.query(corrected, statement, known_at="2024-01-01T12:00Z")
        assert closes(corrected, None) == {"A": 1.0, "B": 2.5, "D": 4.0}

    @pytest.mark.parametrize(
        "statement",
        ["SHOW server_version", "EXPLAIN SELECT * FROM market_data", "TABLE models", "SELECT 1;"],
    )
    def test_statements_that_read(self, database: Database, statement: str) -> None:
        assert len(bulk.query(database, statement, known_at="9999-01-01")) >= 1

    def test_parameters(self, corrected: Database) -> None:
        sql = "SELECT close_price FROM market_data WHERE symbol = $1"
        rows = bulk.query(corrected, sql, ("B",), known_at="2024-01-01T12:00Z")
        assert rows["close_price"].tolist() == [2.0]

    @pytest.mark.parametrize(
        "name",
        [
            "MARKET_DATA",
            '"market_data"',
            'U&"market\\005fdata"',
            "(SELECT * FROM market_data) AS t",
            "told()",
            "pg_temp.market_data",
        ],
    )
    def test_however_the_table_is_named(
        self, new_database: Callable[[str | None], Database], name: str
    ) -> None:
        database = new_database(None)
        insert(database, "A", 1.0, "2024-01-01Z", "2024-01-02Z")
        insert(database, "A", 2.0, "2024-01-02Z")
        if name == "told()":
            fetch(
                database,
                "CREATE FUNCTION told() RETURNS TABLE (symbol text, close_price float8)"
                " LANGUAGE sql AS 'SELECT symbol, close_price FROM market_data'",
            )
        assert closes(database, "2024-01-01", name) == {"A": 1.0}
        assert closes(database, "2024-01-02", name) == {"A": 2.0}

    def test_a_bad_moment_never_reaches_the_server(self, database: Database) -> None:
        with pytest.raises(SessionError):
            bulk.query(database, "SELECT 1", known_at="2024-01-01' OR true --")

    def test_read(self, corrected: Database) -> None:
        table = read_table(corrected, "market_data")
        sessions = ("2004-08-19", "2004-08-20")
        rows = bulk.read(corrected, table, *sessions, known_at="2024-01-01T12:00Z")
        assert rows["symbol"].tolist() == ["A", "B", "C"]
        assert rows["close_price"].tolist() == [1.0, 2.0, 3.0]
        none = bulk.read(corrected, table, *sessions, known_at="2023-01-01")
        assert none.empty
        assert none.dtypes.equals(bulk.read(corrected, table, *sessions).dtypes)

    def test_read_of_some_values(self, corrected: Database) -> None:
        table = read_table(corrected, "market_data")
        for values, expected in (
            (["D", "A", "no'ne"], ["A", "D"]),
            ([], []),
            (["' OR true --"], []),
        ):
            rows = bulk.read(corrected, table, "2004-08-19", "2004-08-19", among={"symbol": values})
            assert rows["symbol"].tolist() == expected

    def test_both_tables_are_read_by_their_indexes(
        self, new_database: Callable[[str | None], Database]
    ) -> None:
        database = new_database(None)
        for table, last in (("market_data", ""), ("market_data_history", ", superseded_at")):
            fetch(
                database,
                f"INSERT INTO {table} {BAR}, recorded_at{last})"  # noqa: S608 — our own names
                " SELECT DATE '2004-01-01' + d, 'S' || s, 1, 1, 1, 1, 1, 'x', 'S' || s,"
                f" '2024-01-02Z'{last and ', now()'}"
                " FROM generate_series(0, 199) AS d, generate_series(1, 100) AS s",
            )
        fetch(database, "ANALYZE market_data, market_data_history")
        for where in (
            "date = '2004-03-01'",
            "date BETWEEN '2004-03-01' AND '2004-03-02' ORDER BY date, symbol",
            "date = '2004-03-01' AND symbol = 'S7'",
        ):
            sql = f"EXPLAIN SELECT * FROM market_data WHERE {where}"  # noqa: S608 — our own names
            plan = "\n".join(bulk.query(database, sql, known_at="2024-03-01")["QUERY PLAN"])
            assert "market_data_pkey" in plan
            assert "market_data_history_date" in plan
            assert "Seq Scan" not in plan


@pytest.fixture
def reader(new_database: Callable[[str | None], Database], server: Server) -> Iterator[Database]:
    """A database as a user sees it who may only read, and whose transactions say so."""
    database = new_database(None)
    insert(database, "A", 1.0, "2024-01-01Z", "2024-01-02Z")
    insert(database, "A", 2.0, "2024-01-02Z")
    name = fetch(database, "SELECT current_database()::text")[0][0]
    role = f"reader_{name}"
    fetch(
        database,
        f"CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET default_transaction_read_only = on;"
        f" GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    )
    yield Database(server.url(name).replace("postgres@", f"{role}@"))
    fetch(database, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_user_who_may_only_read(reader: Database) -> None:
    assert closes(reader, "2024-01-01") == {"A": 1.0}
    assert closes(reader, "2024-01-02") == {"A": 2.0}
    with pytest.raises(DatabaseError):
        bulk.query(reader, "DELETE FROM models", known_at="2024-01-01")


def test_a_user_without_the_right_to_temporary_views(reader: Database, server: Server) -> None:
    name = fetch(reader, "SELECT current_database()::text")[0][0]
    server.execute("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", name)
    with pytest.raises(DatabaseError, match="temporary") as caught:
        closes(reader, "2024-01-01")
    assert "rights" in caught.value.hint
