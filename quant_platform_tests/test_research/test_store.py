"""The store of a notebook: what it reads, as of when, and what it says to nonsense."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from quant_platform.errors import (
    DatabaseError,
    QuantPlatformError,
    SessionError,
    SettingsError,
    UnknownNameError,
)
from quant_platform.research.store import Store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.tables import fetch

LEARNED, CORRECTED = "2024-01-01T12:00Z", "2024-01-02T12:00Z"

BAR = """
INSERT INTO market_data (date, symbol, security_id, open_price, high_price, low_price, close_price,
                         volume, source, recorded_at)
SELECT day::date, symbol, security_id, close, close, close, close, volume, 'test', %s
FROM (VALUES {}) AS bars (day, symbol, security_id, close, volume)
"""

BARS = """
('2014-06-05', 'AAPL', 'apple', 640.0, 10.0), ('2014-06-06', 'AAPL', 'apple', 644.0, 10.0),
('2014-06-09', 'AAPL', 'apple', 94.0, 70.0), ('2014-06-10', 'AAPL', 'apple', 95.0, 70.0),
('2014-06-05', 'FB', 'meta', 60.0, 5.0), ('2014-06-06', 'FB', 'meta', 62.0, 5.0),
('2014-06-09', 'META', 'meta', 63.0, 5.0), ('2014-06-10', 'META', 'meta', 64.0, 5.0)
"""

ACTION = """
INSERT INTO corporate_actions (date, symbol, security_id, action_type, split_ratio, cash_amount,
                               source, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, 'test', %s)
"""

DAYS = ("2014-06-05", "2014-06-10")


@pytest.fixture
def store(database: Database) -> Store:
    """Two securities, one renamed; a split learned late, a dividend and a later split."""
    fetch(database, BAR.format(BARS), LEARNED)
    for row in (
        ("2014-06-09", "AAPL", "apple", "split", 7.0, None, CORRECTED),
        ("2014-06-10", "META", "meta", "cash_dividend", None, 1.0, LEARNED),
        ("2014-06-12", "META", "meta", "split", 2.0, None, LEARNED),
        ("2014-06-09", "META", None, "split", 9.0, None, LEARNED),
    ):
        fetch(database, ACTION, *row)
    return Store(database)


def prices(frame: pd.DataFrame, security: str) -> list[float]:
    return frame.loc[frame["security_id"] == security, "close_price"].tolist()


class TestOpen:
    def test_by_settings(self, settings: Settings) -> None:
        assert Store.open(settings).read("market_data", *DAYS).empty

    def test_by_the_environment(
        self, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", database.url)
        assert Store.open().sql("SELECT count(*) AS n FROM market_data")["n"].tolist() == [0]

    def test_without_a_server(self, tmp_path: Path) -> None:
        url = "postgresql://me:secret@127.0.0.1:9/x"
        with pytest.raises(DatabaseError, match="No PostgreSQL server") as caught:
            Store.open(Settings.load({"DATABASE_URL": url}, tmp_path))
        assert "secret" not in str(caught.value)

    def test_with_a_wrong_setting(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", "mysql://x")
        with pytest.raises(SettingsError):
            Store.open()

    def test_shows_no_password(self) -> None:
        assert "secret" not in repr(Store(Database("postgresql://me:secret@host/x")))


class TestRead:
    def test_by_the_order_of_the_key(self, store: Store) -> None:
        rows = store.read("market_data", *DAYS)
        assert rows["symbol"].tolist() == ["AAPL", "FB"] * 2 + ["AAPL", "META"] * 2
        assert rows["date"].is_monotonic_increasing
        assert rows["date"].dtype.kind == "M"
        assert "recorded_at" not in rows.columns

    @pytest.mark.parametrize(
        "day", ["2014-06-06", date(2014, 6, 6), pd.Timestamp("2014-06-06 15:30")]
    )
    def test_days(self, store: Store, day: Any) -> None:
        assert store.read("market_data", day, day)["close_price"].tolist() == [644.0, 62.0]

    def test_columns_and_symbols(self, store: Store) -> None:
        rows = store.read("market_data", *DAYS, columns=["recorded_at", "symbol"], symbols="META")
        assert list(rows.columns) == ["recorded_at", "symbol"]
        assert rows["symbol"].tolist() == ["META", "META"]
        assert rows["recorded_at"].tolist() == [pd.Timestamp(LEARNED)] * 2
        both = store.read("market_data", *DAYS, symbols=["FB", "META"])
        assert both["symbol"].tolist() == ["FB", "FB", "META", "META"]
        assert store.read("market_data", *DAYS, symbols=[]).empty

    def test_known_at(self, store: Store) -> None:
        actions = ("corporate_actions", "2014-06-09", "2014-06-09")
        then = store.read(*actions, known_at=LEARNED)
        assert then["symbol"].tolist() == ["META"]
        assert store.read(*actions)["symbol"].tolist() == ["AAPL", "META"]
        assert store.read("market_data", *DAYS, known_at="2024-01-01").empty

    def test_a_view(self, store: Store, database: Database) -> None:
        fetch(
            database,
            "INSERT INTO features (date, symbol, security_id) VALUES"
            " ('2014-06-06', 'B', 'b'), ('2014-06-06', 'A', 'a'), ('2014-06-05', 'C', 'c')",
        )
        rows = store.read("feature_store", *DAYS, known_at="9999-01-01")
        assert rows["symbol"].tolist() == ["C", "A", "B"]
        assert rows["features"][0].startswith("{")

    @pytest.mark.parametrize(
        ("arguments", "options", "kind", "words"),
        [
            (("bars", *DAYS), {}, UnknownNameError, "no table 'bars'.*It has: .*market_data"),
            (("models", *DAYS), {}, UnknownNameError, "models has no column 'date'"),
            (
                ("portfolios", *DAYS),
                {"symbols": "A"},
                UnknownNameError,
                "portfolios has no column 'symbol'",
            ),
            (
                ("market_data", *DAYS),
                {"columns": ["colour"]},
                UnknownNameError,
                "no column 'colour'",
            ),
            (
                ("market_data", *DAYS[::-1]),
                {},
                SessionError,
                "2014-06-10 to 2014-06-05 is reversed",
            ),
            (("market_data", "soon", "later"), {}, SessionError, "'soon' is not a date"),
            (
                ("market_data", *DAYS),
                {"known_at": "2024-01-01T12:00"},
                SessionError,
                "no time zone",
            ),
            (("market_data", *DAYS), {"known_at": "then"}, SessionError, "is not a moment"),
        ],
    )
    def test_nonsense(
        self, store: Store, arguments: Any, options: Any, kind: type[Exception], words: str
    ) -> None:
        with pytest.raises(kind, match=words) as caught:
            store.read(*arguments, **options)
        assert "\n" not in str(caught.value)

    def test_of_an_empty_database(self, empty_database: Database) -> None:
        with pytest.raises(UnknownNameError, match="db upgrade"):
            Store(empty_database).read("market_data", *DAYS)


class TestSql:
    def test_known_at(self, store: Store) -> None:
        sql = " SELECT count(*) AS n FROM corporate_actions ; "
        assert store.sql(sql)["n"].tolist() == [4]
        assert store.sql(sql, known_at=LEARNED)["n"].tolist() == [3]

    @pytest.mark.parametrize("text", ["", " ; "])
    def test_nothing(self, store: Store, text: str) -> None:
        with pytest.raises(QuantPlatformError, match="The statement is empty"):
            store.sql(text)

    def test_reads_only(self, store: Store) -> None:
        with pytest.raises(DatabaseError):
            store.sql("DELETE FROM market_data")
        assert len(store.read("market_data", *DAYS)) == 8


class TestAdjusted:
    """By hand: AAPL 7:1 on the 9th; meta pays 1 on the 10th at 64 and splits 2:1 on the 12th."""

    def test_splits(self, store: Store) -> None:
        rows = store.adjusted(*DAYS, symbols="AAPL")
        assert prices(rows, "apple") == pytest.approx([640 / 7, 92.0, 94.0, 95.0])
        assert rows["volume"].tolist() == [70.0] * 4
        assert list(rows.columns) == list(store.read("market_data", *DAYS).columns)

    def test_as_of(self, store: Store) -> None:
        before = store.adjusted(*DAYS, as_of="2014-06-06")
        assert prices(before, "apple") == [640.0, 644.0]
        # The split of the 12th is known then, and no bar of that day is asked for.
        later = store.adjusted(*DAYS, as_of="2014-06-12")
        assert prices(later, "meta") == [30.0, 31.0, 31.5, 32.0]
        assert prices(store.adjusted(*DAYS), "meta") == [60.0, 62.0, 63.0, 64.0]

    def test_a_dividend_is_reinvested_at_a_bar_after_those_asked_for(self, store: Store) -> None:
        rows = store.adjusted("2014-06-05", "2014-06-09", as_of="2014-06-10", kind="total_return")
        factor = 64 / 65
        assert prices(rows, "meta") == pytest.approx([60 * factor, 62 * factor, 63 * factor])
        whole = store.adjusted(*DAYS, kind="total_return")
        assert prices(whole, "meta")[:3] == prices(rows, "meta")
        assert prices(whole, "meta")[3] == 64.0

    @pytest.mark.parametrize("symbols", ["META", "FB", ["FB", "META"]])
    def test_a_renamed_security_is_one_series(self, store: Store, symbols: Any) -> None:
        rows = store.adjusted(*DAYS, as_of="2014-06-12", symbols=symbols)
        assert rows["symbol"].tolist() == ["FB", "FB", "META", "META"]
        assert prices(rows, "meta") == [30.0, 31.0, 31.5, 32.0]

    def test_known_at(self, store: Store) -> None:
        then = store.adjusted(*DAYS, symbols="AAPL", known_at=LEARNED)
        assert prices(then, "apple") == [640.0, 644.0, 94.0, 95.0]
        now = store.adjusted(*DAYS, symbols="AAPL", known_at=CORRECTED)
        assert prices(now, "apple") == pytest.approx([640 / 7, 92.0, 94.0, 95.0])
        assert store.adjusted(*DAYS, known_at="2023-01-01").empty

    def test_of_nobody(self, store: Store) -> None:
        for kind in ("split", "total_return"):
            none = store.adjusted(*DAYS, symbols="XYZ", kind=kind)
            assert none.empty
            assert "close_price" in none.columns

    @pytest.mark.parametrize(
        ("arguments", "options", "kind", "words"),
        [
            (DAYS, {"kind": "half"}, UnknownNameError, "'half'.*split, total_return"),
            (DAYS[::-1], {}, SessionError, "reversed"),
            (DAYS, {"as_of": "2014-06-04"}, SessionError, "2014-06-05 to 2014-06-04 is reversed"),
            (DAYS, {"as_of": "soon"}, SessionError, "is not a date"),
            (DAYS, {"known_at": "soon"}, SessionError, "is not a moment"),
        ],
    )
    def test_nonsense(
        self, store: Store, arguments: Any, options: Any, kind: type[Exception], words: str
    ) -> None:
        with pytest.raises(kind, match=words) as caught:
            store.adjusted(*arguments, **options)
        assert "\n" not in str(caught.value)
