"""The store of a notebook: what it reads, as of when, and what it says to nonsense."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import (
    DatabaseError,
    QuantPlatformError,
    SessionError,
    SettingsError,
    UnknownNameError,
)
from quant_platform.research.store import Store, open_store
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
        assert open_store(settings).table("market_data", *DAYS).empty

    def test_by_the_environment(
        self, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", database.url)
        assert open_store().sql("SELECT count(*) AS n FROM market_data")["n"].tolist() == [0]

    def test_by_a_folder(
        self, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project = tmp_path / "project"
        project.mkdir()
        (project / ".env").write_text(f"DATABASE_URL={database.url}\nQUANT_PLATFORM_CAPITAL=7\n")
        monkeypatch.chdir(tmp_path)
        for folder in (project, "project"):
            store = open_store(folder)
            assert store.database.url == database.url
            assert store.settings.capital == 7.0
            assert store.settings.home == project / ".quant-platform"

    def test_without_the_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"no folder .*nowhere"):
            open_store(tmp_path / "nowhere")

    def test_where_there_is_no_database_none_is_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("DATABASE_URL", raising=False)
        for source in (None, tmp_path, Settings.load({}, tmp_path)):
            with pytest.raises(SettingsError, match=r"no database in .*quant-platform"):
                open_store(source)
        assert list(tmp_path.iterdir()) == []

    def test_without_a_server(self, tmp_path: Path) -> None:
        url = "postgresql://me:secret@127.0.0.1:9/x"
        with pytest.raises(DatabaseError, match="No PostgreSQL server") as caught:
            open_store(Settings.load({"DATABASE_URL": url}, tmp_path))
        assert "secret" not in str(caught.value)

    def test_with_a_wrong_setting(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", "mysql://x")
        with pytest.raises(SettingsError):
            open_store()

    def test_shows_no_password(self) -> None:
        assert "secret" not in repr(Store(Database("postgresql://me:secret@host/x")))


class TestAt:
    def test_leaves_the_store_itself_as_it_is(self, store: Store) -> None:
        then = store.at(LEARNED)
        assert (store.moment, then.moment) == (None, LEARNED)
        assert then.at(CORRECTED) == store.at(CORRECTED)
        assert then.database is store.database

    @pytest.mark.parametrize(
        ("moment", "text"),
        [("2024-01-01T12:00", "no time zone"), ("then", "is not a moment")],
    )
    def test_nonsense(self, store: Store, moment: str, text: str) -> None:
        with pytest.raises(SessionError, match=text) as caught:
            store.at(moment)
        assert "\n" not in str(caught.value)


class TestTable:
    def test_open_ranges(self, store: Store) -> None:
        rows = {
            "since": store.table("market_data", "2014-06-09"),
            "until": store.table("market_data", end="2014-06-05"),
            "all": store.table("market_data", symbols="META"),
        }
        days = {name: sorted({f"{day:%d}" for day in each["date"]}) for name, each in rows.items()}
        assert days == {"since": ["09", "10"], "until": ["05"], "all": ["09", "10"]}
        assert len(rows["since"]) == 4

    def test_without_a_date(self, store: Store) -> None:
        rows = store.table("models", columns=["id", "model_name"])
        assert "buy_and_hold" in rows["model_name"].tolist()
        assert rows["id"].is_monotonic_increasing

    def test_by_the_order_of_the_key(self, store: Store) -> None:
        rows = store.table("market_data", *DAYS)
        assert rows["symbol"].tolist() == ["AAPL", "FB"] * 2 + ["AAPL", "META"] * 2
        assert rows["date"].is_monotonic_increasing
        assert rows["date"].dtype.kind == "M"
        assert "recorded_at" not in rows.columns

    @pytest.mark.parametrize(
        "day",
        [
            "2014-06-06",
            date(2014, 6, 6),
            pd.Timestamp("2014-06-06 15:30"),
            np.datetime64("2014-06-06"),
            np.datetime64("2014-06-06T15:30"),
        ],
    )
    def test_days(self, store: Store, day: Any) -> None:
        assert store.table("market_data", day, day)["close_price"].tolist() == [644.0, 62.0]

    def test_columns_and_symbols(self, store: Store) -> None:
        rows = store.table("market_data", *DAYS, columns=["recorded_at", "symbol"], symbols="META")
        assert list(rows.columns) == ["recorded_at", "symbol"]
        assert rows["symbol"].tolist() == ["META", "META"]
        assert rows["recorded_at"].tolist() == [pd.Timestamp(LEARNED)] * 2
        both = store.table("market_data", *DAYS, symbols=["FB", "META"])
        assert both["symbol"].tolist() == ["FB", "FB", "META", "META"]
        assert store.table("market_data", *DAYS, symbols=[]).empty

    def test_known_at(self, store: Store) -> None:
        actions = ("corporate_actions", "2014-06-09", "2014-06-09")
        then = store.at(LEARNED).table(*actions)
        assert then["symbol"].tolist() == ["META"]
        assert store.table(*actions)["symbol"].tolist() == ["AAPL", "META"]
        assert store.at("2024-01-01").table("market_data", *DAYS).empty

    def test_a_view(self, store: Store, database: Database) -> None:
        fetch(
            database,
            "INSERT INTO features (date, symbol, security_id) VALUES"
            " ('2014-06-06', 'B', 'b'), ('2014-06-06', 'A', 'a'), ('2014-06-05', 'C', 'c')",
        )
        rows = store.at("9999-01-01").table("feature_store", *DAYS)
        assert rows["symbol"].tolist() == ["C", "A", "B"]
        assert rows["features"][0].startswith("{")

    @pytest.mark.parametrize(
        ("arguments", "options", "kind", "text"),
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
        ],
    )
    def test_nonsense(
        self, store: Store, arguments: Any, options: Any, kind: type[Exception], text: str
    ) -> None:
        with pytest.raises(kind, match=text) as caught:
            store.table(*arguments, **options)
        assert "\n" not in str(caught.value)

    def test_of_an_empty_database(self, empty_database: Database) -> None:
        with pytest.raises(UnknownNameError, match="db upgrade"):
            Store(empty_database).table("market_data", *DAYS)


class TestSql:
    def test_known_at(self, store: Store) -> None:
        sql = " SELECT count(*) AS n FROM corporate_actions ; "
        assert store.sql(sql)["n"].tolist() == [4]
        assert store.at(LEARNED).sql(sql)["n"].tolist() == [3]

    @pytest.mark.parametrize("text", ["", " ; "])
    def test_nothing(self, store: Store, text: str) -> None:
        with pytest.raises(QuantPlatformError, match="The statement is empty"):
            store.sql(text)

    def test_reads_only(self, store: Store) -> None:
        with pytest.raises(DatabaseError):
            store.sql("DELETE FROM market_data")
        assert len(store.table("market_data", *DAYS)) == 8


class TestRawBars:
    def test_as_stored(self, store: Store) -> None:
        whole = store.bars(*DAYS)
        pd.testing.assert_frame_equal(whole, store.table("market_data", *DAYS))
        columns = ["symbol", "close_price"]
        rows = store.bars(*DAYS, symbols="META", columns=columns)
        assert list(rows.columns) == columns
        # The whole series of the security, under its earlier ticker too.
        assert rows["symbol"].tolist() == ["FB", "FB", "META", "META"]
        assert rows["close_price"].tolist() == [60.0, 62.0, 63.0, 64.0]
        # The ticker META did not exist yet in these sessions.
        assert store.bars(DAYS[0], "2014-06-06", symbols="META").empty


class TestAdjustedBars:
    """By hand: AAPL 7:1 on the 9th; meta pays 1 on the 10th at 64 and splits 2:1 on the 12th."""

    def test_splits(self, store: Store) -> None:
        rows = store.bars(*DAYS, adjust="split", symbols="AAPL")
        assert prices(rows, "apple") == pytest.approx([640 / 7, 92.0, 94.0, 95.0])
        assert rows["volume"].tolist() == [70.0] * 4
        assert list(rows.columns) == list(store.table("market_data", *DAYS).columns)

    def test_as_of(self, store: Store) -> None:
        before = store.bars(*DAYS, adjust="split", as_of="2014-06-06")
        assert prices(before, "apple") == [640.0, 644.0]
        # The split of the 12th is known then, and no bar of that day is asked for.
        later = store.bars(*DAYS, adjust="split", as_of="2014-06-12")
        assert prices(later, "meta") == [30.0, 31.0, 31.5, 32.0]
        assert prices(store.bars(*DAYS, adjust="split"), "meta") == [60.0, 62.0, 63.0, 64.0]

    def test_a_dividend_is_reinvested_at_a_bar_after_those_asked_for(self, store: Store) -> None:
        rows = store.bars("2014-06-05", "2014-06-09", as_of="2014-06-10", adjust="total_return")
        factor = 64 / 65
        assert prices(rows, "meta") == pytest.approx([60 * factor, 62 * factor, 63 * factor])
        whole = store.bars(*DAYS, adjust="total_return")
        assert prices(whole, "meta")[:3] == prices(rows, "meta")
        assert prices(whole, "meta")[3] == 64.0

    @pytest.mark.parametrize("symbols", ["META", "FB", ["FB", "META"]])
    def test_a_renamed_security_is_one_series(self, store: Store, symbols: Any) -> None:
        rows = store.bars(*DAYS, adjust="split", as_of="2014-06-12", symbols=symbols)
        assert rows["symbol"].tolist() == ["FB", "FB", "META", "META"]
        assert prices(rows, "meta") == [30.0, 31.0, 31.5, 32.0]

    def test_known_at(self, store: Store) -> None:
        then = store.at(LEARNED).bars(*DAYS, adjust="split", symbols="AAPL")
        assert prices(then, "apple") == [640.0, 644.0, 94.0, 95.0]
        now = store.at(CORRECTED).bars(*DAYS, adjust="split", symbols="AAPL")
        assert prices(now, "apple") == pytest.approx([640 / 7, 92.0, 94.0, 95.0])
        assert store.at("2023-01-01").bars(*DAYS, adjust="split").empty

    def test_of_nobody(self, store: Store) -> None:
        for kind in ("split", "total_return"):
            none = store.bars(*DAYS, symbols="XYZ", adjust=kind)
            assert none.empty
            assert "close_price" in none.columns

    @pytest.mark.parametrize(
        ("arguments", "options", "kind", "text"),
        [
            (DAYS, {"adjust": "half"}, UnknownNameError, "'half'.*total_return, splits"),
            (DAYS[::-1], {}, SessionError, "reversed"),
            (
                DAYS,
                {"adjust": "split", "as_of": "2014-06-04"},
                SessionError,
                "2014-06-05 to 2014-06-04 is reversed",
            ),
            (DAYS, {"adjust": "split", "as_of": "soon"}, SessionError, "is not a date"),
            (DAYS, {"as_of": "2014-06-10"}, SessionError, "Raw bars are as of no session"),
            (DAYS, {"columns": ["colour"]}, UnknownNameError, "no column 'colour'"),
        ],
    )
    def test_nonsense(
        self, store: Store, arguments: Any, options: Any, kind: type[Exception], text: str
    ) -> None:
        with pytest.raises(kind, match=text) as caught:
            store.bars(*arguments, **options)
        assert "\n" not in str(caught.value)

    def test_columns(self, store: Store) -> None:
        rows = store.bars(*DAYS, adjust="split", symbols="AAPL", columns=["symbol", "open_price"])
        assert list(rows.columns) == ["symbol", "open_price"]
        assert rows["open_price"].tolist() == pytest.approx([640 / 7, 92.0, 94.0, 95.0])


class TestPrices:
    """The same market by hand; 64/65 is what META's dividend takes from the prices before."""

    def test_total_return_by_default(self, store: Store) -> None:
        frame = store.prices(*DAYS)
        assert (frame.index.name, frame.columns.name) == ("date", "symbol")
        assert frame.index.tolist() == [pd.Timestamp(f"2014-06-{day}") for day in (5, 6, 9, 10)]
        assert frame.columns.tolist() == ["AAPL", "META"]
        assert frame["AAPL"].tolist() == pytest.approx([640 / 7, 92.0, 94.0, 95.0])
        before = [value * 64 / 65 for value in (60.0, 62.0, 63.0)]
        assert frame["META"].tolist() == pytest.approx([*before, 64.0])

    def test_split_and_raw(self, store: Store) -> None:
        split = store.prices(*DAYS, adjust="split", as_of="2014-06-12", symbols="META")
        assert split["META"].tolist() == [30.0, 31.0, 31.5, 32.0]
        raw = store.prices(*DAYS, adjust="none")
        pd.testing.assert_frame_equal(raw, store.prices(*DAYS, adjust=None))
        pd.testing.assert_frame_equal(
            split, store.prices(*DAYS, adjust="splits", as_of="2014-06-12", symbols="META")
        )
        assert raw["AAPL"].tolist() == [640.0, 644.0, 94.0, 95.0]

    def test_fields(self, store: Store, database: Database) -> None:
        fetch(database, "UPDATE market_data SET open_price = low_price - 1, low_price = 1")
        assert store.prices(*DAYS, field="open", adjust=None)["META"].tolist()[:2] == [59.0, 61.0]
        assert store.prices(*DAYS, field="volume")["AAPL"].tolist() == [70.0] * 4
        assert store.prices(*DAYS, field="vwap")["AAPL"].isna().all()

    def test_columns_are_called_by_the_last_ticker_of_the_frame(self, store: Store) -> None:
        assert list(store.prices(DAYS[0], "2014-06-06")) == ["AAPL", "FB"]
        assert list(store.prices(*DAYS, as_of="2014-06-06")) == ["AAPL", "FB"]

    def test_a_ticker_of_two_securities_names_neither(
        self, store: Store, database: Database
    ) -> None:
        """FB went to another security after Meta had given it up, and Meta's bars end before."""
        fetch(database, "DELETE FROM market_data WHERE symbol = 'META'")
        fetch(database, BAR.format("('2014-06-10', 'FB', 'other', 7.0, 1.0)"), LEARNED)
        frame = store.prices(*DAYS, adjust=None)
        assert list(frame) == ["AAPL", "meta", "other"]
        assert frame["meta"].tolist()[:2] == [60.0, 62.0]
        assert frame["other"].tolist()[3:] == [7.0]
        assert frame["meta"].isna().tolist() == [False, False, True, True]

    def test_a_session_without_any_bar_is_a_row_of_nothing(
        self, store: Store, database: Database
    ) -> None:
        fetch(database, "DELETE FROM market_data WHERE date = '2014-06-06'")
        frame = store.prices(*DAYS, adjust=None)
        assert frame.isna().all(axis="columns").tolist() == [False, True, False, False]

    def test_of_nobody(self, store: Store) -> None:
        assert store.prices(*DAYS, symbols="XYZ").shape == (0, 0)

    def test_known_at(self, store: Store) -> None:
        then = store.at(LEARNED).prices(*DAYS, symbols="AAPL")
        assert then["AAPL"].tolist() == [640.0, 644.0, 94.0, 95.0]

    @pytest.mark.parametrize(
        ("options", "kind", "text"),
        [
            ({"field": "price"}, UnknownNameError, "no field 'price'.*open, high"),
            ({"adjust": "half"}, UnknownNameError, "no adjustment 'half'.*splits, none"),
            ({"adjust": None, "as_of": "2014-06-10"}, SessionError, "Raw bars"),
        ],
    )
    def test_nonsense(self, store: Store, options: Any, kind: type[Exception], text: str) -> None:
        with pytest.raises(kind, match=text):
            store.prices(*DAYS, **options)


class TestFeatures:
    @pytest.fixture(autouse=True)
    def _rows(self, store: Store, database: Database) -> None:
        fetch(
            database,
            "INSERT INTO features (date, symbol, security_id, sma_50, rsi_14) VALUES"
            " ('2014-06-06', 'FB', 'meta', 2, 50), ('2014-06-09', 'META', 'meta', 3, NULL),"
            " ('2014-06-06', 'AAPL', 'apple', 1, 60)",
        )

    def test_names(self, store: Store) -> None:
        rows = store.features(["rsi_14", "sma_50"], *DAYS)
        assert list(rows) == ["rsi_14", "sma_50"]
        assert rows.index.names == ["date", "symbol"]
        assert rows.index.get_level_values("symbol").tolist() == ["AAPL", "FB", "META"]
        assert rows["sma_50"].tolist() == [1.0, 2.0, 3.0]
        assert rows["rsi_14"].isna().tolist() == [False, False, True]
        assert list(store.features("sma_50", *DAYS)) == ["sma_50"]

    def test_all(self, store: Store) -> None:
        columns = list(store.features(None, *DAYS))
        assert {"sma_50", "rsi_14"} < set(columns)
        assert {"recorded_at", "security_id"}.isdisjoint(columns)

    def test_symbols(self, store: Store) -> None:
        rows = store.features("sma_50", *DAYS, symbols="META")
        assert rows["sma_50"].tolist() == [2.0, 3.0]

    def test_known_at(self, store: Store) -> None:
        assert store.at(LEARNED).features(None, *DAYS).empty

    def test_an_unknown_one(self, store: Store) -> None:
        with pytest.raises(UnknownNameError, match="No feature is called colour"):
            store.features("colour", *DAYS)


class TestUniverse:
    def test_of_a_session_and_of_several(self, store: Store, database: Database) -> None:
        member = (
            "INSERT INTO trading_universe (date, symbol, security_id, dollar_volume,"
            " dollar_volume_rank, listing_date, recorded_at) VALUES (%s, %s, %s, 1, 1, %s, %s)"
        )
        for day, symbol, security in (
            ("2014-06-05", "FB", "meta"),
            ("2014-06-06", "FB", "meta"),
            ("2014-06-06", "AAPL", "apple"),
            ("2014-06-09", "META", "meta"),
        ):
            fetch(database, member, day, symbol, security, "2014-06-05", CORRECTED)
        assert store.universe("2014-06-06")["symbol"].tolist() == ["AAPL", "FB"]
        assert store.universe("2014-06-06", "2014-06-09")["symbol"].tolist() == [
            "AAPL",
            "FB",
            "META",
        ]
        assert store.at(LEARNED).universe("2014-06-06").empty
