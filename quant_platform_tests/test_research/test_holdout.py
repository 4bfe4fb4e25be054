"""The sealed hold-out: who sees what of it, by which way, and how a study opens it once."""

import logging
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pytest

from quant_platform.errors import DatabaseError, SealedError, SettingsError, UnknownNameError
from quant_platform.learning.forecaster import Forecaster
from quant_platform.market.panel import Panel
from quant_platform.research.store import Store
from quant_platform.research.study import study
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.storage.holdout import (
    keep_holdout,
    opening_of,
    openings_for,
    sealed_from,
    unseal,
)
from quant_platform_tests.support.five_sessions import CORRECTED, FIRST, FREE, LAST, store_market
from quant_platform_tests.support.readers import reading_login
from quant_platform_tests.support.tables import fetch

SEALED, BEFORE = "2024-01-05", "2024-01-04"
"""The market is of 2 to 5 and 8 January 2024."""

FORECAST_ROWS = (
    "INSERT INTO forecasts (date, model_id, symbol, security_id, forecast, trained_on)"
    " SELECT d, id, 'TEN', 'figi', 1.0, d FROM {days}",
    "INSERT INTO forecast_artefacts (digest, artefact)"
    " SELECT md5(d::text) || md5(d::text), '' FROM {days}",
    "INSERT INTO forecast_models (date, model_id, artefact, library, features, sessions, samples,"
    " data_version, recipe, code_version, seed, parameters, gain, permutation, reference, reason,"
    " skill_sessions, difference_sessions, read_at, run_id)"
    " SELECT d, id, md5(d::text) || md5(d::text), '', '[]', 0, 0, '', '', '', 0,"
    " '{{}}', '{{}}', '{{}}', '{{}}', '', 0, 0, now(), '' FROM {days}",
    "INSERT INTO forecast_drift (date, model_id, name, trained_on, values_counted)"
    " SELECT d, id, 'forecast', d, 0 FROM {days}",
)

HOW = "open them once for a study: quant-platform unseal STUDY"


@pytest.fixture
def database(new_database: Callable[[str | None], Database]) -> Database:
    return store_market(new_database(None))


@pytest.fixture
def owner(database: Database, tmp_path: Path) -> Store:
    """Return the store of a login that owns the tables, and is a superuser."""
    assert keep_holdout(database, SEALED, "somebody") == date.fromisoformat(SEALED)
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(tmp_path)}
    return Store(database, Settings.load(values, tmp_path))


@pytest.fixture
def reader(owner: Store) -> Iterator[Store]:
    """Return the store of a login that may only read."""
    with reading_login(owner.database) as database:
        yield Store(database, owner.settings)


@pytest.fixture(params=["owner", "reader"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


def half(panel: Panel) -> np.ndarray:
    """Half of the equity."""
    return np.full(panel.close.shape, 0.5)


half.features, half.lookback = (), 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.prices(FIRST, LAST),
        lambda store: store.bars(FIRST, SEALED),
        lambda store: store.universe(SEALED),
        lambda store: store.features("sma_10", FIRST, LAST),
        lambda store: store.panel(None, FIRST, LAST),
        lambda store: store.table("market_data", FIRST, LAST),
        lambda store: store.backtest(half, FIRST, LAST),
        lambda store: store.backtest("equal_weight", SEALED, SEALED),
        lambda store: store.sweep(half, [{}], FIRST, LAST, progress=False),
        lambda store: store.factor("sma_10", FIRST, LAST),
        lambda store: store.audit("equal_weight", FIRST, LAST),
        lambda store: store.walk_forward_forecast(Forecaster(("sma_10",)), FIRST, LAST),
        lambda store: store.signal_probabilities("equal_weight", FIRST, LAST),
        lambda store: store.at(CORRECTED).bars(FIRST, LAST),
        lambda store: store.at(CORRECTED).backtest(half, FIRST, LAST),
    ],
)
def test_what_ends_in_it_is_refused_in_a_sentence_that_says_how_to_open_it(
    store: Store, ask: Callable[[Store], object]
) -> None:
    with pytest.raises(SealedError, match=f"from {SEALED} on are sealed") as refused:
        ask(store)
    assert HOW in refused.value.hint


def test_before_it_everything_is_as_it_was(store: Store, owner: Store) -> None:
    assert len(store.bars(FIRST, BEFORE)) == 3
    assert len(store.table("market_data")) == 3
    assert len(store.table("market_data", FIRST)) == 3
    assert len(store.at(CORRECTED).table("market_data")) == 3
    result = store.backtest(half, FIRST, BEFORE)
    assert len(result.portfolios) == 3
    assert len(store.panel(None, FIRST, BEFORE).sessions) == 3
    assert fetch(owner.database, "SELECT count(*) FROM market_data") == [(5,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM market_data WHERE date >= '2024-01-05'",
        "SELECT count(*) FROM (TABLE market_data) AS t WHERE t.date > '2024-01-04'",
        "SELECT count(*) FROM trading_universe WHERE date >= '2024-01-05'",
        'SELECT count(*) FROM "market_data" WHERE close_price = 5',
        "SELECT count(*) FROM market_data_history WHERE date >= '2024-01-05'",
        "SELECT count(*) FROM symbol_ranges WHERE first_session >= '2024-01-05'",
        "SELECT count(*) FROM feature_store WHERE date >= '2024-01-05'",
    ],
)
def test_sql_shows_none_of_it_and_says_so(
    store: Store, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    for each in (store, store.at("2030-01-01")):
        with caplog.at_level(logging.WARNING):
            assert each.sql(statement)["count"].tolist() == [0]
    assert HOW in caplog.text


def test_a_name_with_its_schema_does_not_pass_by_it(owner: Store, reader: Store) -> None:
    statement = "SELECT max(close_price) AS highest, count(*) AS n FROM public.market_data"
    assert reader.sql(statement)["n"].tolist() == [3]
    for text in (statement, 'SELECT count(*) FROM "public" . market_data'):
        with pytest.raises(SealedError, match="Name the table alone"):
            owner.sql(text)


def test_the_reader_sees_none_of_it_whatever_it_asks(reader: Store) -> None:
    """By a connection of its own, past everything that this package does."""
    tables = fetch(
        reader.database,
        "SELECT c.relname::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
        " AND attname = 'date'",
    )
    assert len(tables) > 50
    for (name,) in tables:
        newest = fetch(reader.database, f"SELECT max(date) FROM public.{name}")[0][0]  # noqa: S608
        assert newest is None or newest < date.fromisoformat(SEALED), name
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        fetch(reader.database, "SET LOCAL row_security = off; SELECT count(*) FROM market_data")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        fetch(reader.database, "SELECT seal_tables()")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        fetch(reader.database, "SET TRANSACTION READ WRITE; DELETE FROM holdouts")


def test_forecasts_versions_and_drift_of_it_are_seen_by_nobody(
    owner: Store, reader: Store, store: Store
) -> None:
    """Rows of every session are there; the reader's own connection shows those before it."""
    fetch(
        owner.database,
        "INSERT INTO models (model_name, version, description) VALUES ('m', '1', 'm')",
    )
    for statement in FORECAST_ROWS:
        fetch(
            owner.database,
            statement.format(
                days=f"generate_series({FIRST!r}::date,"
                f" {LAST!r}::date, '1 day') AS d, models WHERE model_name = 'm'"
            ),
        )
    for table in ("forecasts", "forecast_models", "forecast_drift"):
        newest = f"SELECT max(date)::text AS newest, count(*) AS n FROM {table}"  # noqa: S608
        assert fetch(owner.database, newest) == [(LAST, 7)]
        assert fetch(reader.database, newest) == [(BEFORE, 3)]
        assert store.sql(newest).to_numpy().tolist() == [[BEFORE, 3]]
        assert len(store.at("2030-01-01").table(table)) == 3
        with pytest.raises(SealedError, match="are sealed"):
            store.table(table, FIRST, LAST)
    # The bytes of a version have no session of their own.
    trained = "SELECT count(*) AS n FROM forecast_artefacts"
    assert fetch(owner.database, trained) == [(7,)]
    assert fetch(reader.database, trained) == [(3,)]


def test_a_reader_can_neither_open_it_nor_move_it(owner: Store, reader: Store) -> None:
    with study("a question", budget=3):
        reader.backtest(half, FIRST, BEFORE)
    with pytest.raises(DatabaseError, match="may not open the hold-out"):
        unseal(reader.database, "a question", None, "me")
    with pytest.raises(DatabaseError, match="may not write it"):
        keep_holdout(reader.database, "2024-01-03", "me")
    assert sealed_from(reader.database) == date.fromisoformat(SEALED)


def test_a_study_opens_it_once_for_one_configuration(owner: Store) -> None:
    database = owner.database
    with study("a question", budget=3):
        result = owner.backtest(half, FIRST, BEFORE)
        owner.backtest("buy_and_hold", FIRST, BEFORE)
    trial = fetch(database, "SELECT id FROM trials WHERE strategy = 'half'")[0][0]
    opening = unseal(database, "a question", trial[:8], "somebody")
    assert (opening.study, opening.person, opening.trial) == ("a question", "somebody", trial)
    with study("a question"):
        opened = owner.backtest(half, FIRST, LAST)
        with pytest.raises(SealedError, match="this is another configuration"):
            owner.backtest("buy_and_hold", FIRST, LAST)
        with pytest.raises(SealedError, match="this is another configuration"):
            owner.backtest(half, FIRST, LAST, capital=5.0)
        with pytest.raises(SealedError, match="are sealed"):
            owner.bars(FIRST, LAST)
    np.testing.assert_array_equal(opened.returns.iloc[:3], result.returns)
    assert len(opened.returns) == 5
    with pytest.raises(SealedError, match="are sealed"):
        owner.backtest(half, FIRST, LAST)
    with pytest.raises(SettingsError, match=r"was opened for the study 'a question' on .* by some"):
        unseal(database, "a question", None, "another")
    # For ever, by strategy and parameters.
    assert openings_for(database, "half", {}) == [opening_of(database, "a question")]
    assert openings_for(database, "half", {"share": 1}) == []
    rows = owner.sql("SELECT last_session::text AS last FROM trial_runs ORDER BY 1 DESC")
    assert rows["last"].tolist()[0] == LAST


def test_without_a_trial_it_is_the_best_of_the_study(owner: Store) -> None:
    """Half of the equity gains half of what all of it does (`test_sweep.py`, by hand)."""

    def whole(panel: Panel) -> np.ndarray:
        return np.full(panel.close.shape, 1.0)

    whole.features, whole.lookback = (), 1  # type: ignore[attr-defined]
    with study("a question", metric="total_return"):
        for strategy in (whole, half):
            owner.backtest(strategy, FIRST, BEFORE, costs=FREE, capital=1000.0)
    best = fetch(owner.database, "SELECT id FROM trials WHERE strategy = 'whole'")[0][0]
    assert unseal(owner.database, "a question", None, "me").trial == best


def test_what_cannot_be_opened(owner: Store) -> None:
    owner.backtest(half, FIRST, BEFORE)
    with study("by risk", metric="annualized_volatility"):
        owner.backtest(half, FIRST, BEFORE)
    unnamed = fetch(owner.database, "SELECT name FROM studies WHERE NOT declared")[0][0]
    for name, trial, kind, message in (
        ("nothing", None, UnknownNameError, "There is no study 'nothing'"),
        (unnamed, None, SettingsError, "Nobody declared"),
        ("by risk", None, SettingsError, "Which trial of 'by risk' is the best"),
        ("by risk", "xyz", UnknownNameError, "No trial of 'by risk' begins with xyz"),
    ):
        with pytest.raises(kind, match=message):
            unseal(owner.database, name, trial, "me")
    assert fetch(owner.database, "SELECT count(*) FROM unsealings") == [(0,)]


def test_it_is_only_ever_moved_to_an_earlier_session(database: Database) -> None:
    def keep(declared: str) -> str:
        return str(keep_holdout(database, declared, "me"))

    assert keep("") == "None"
    with pytest.raises(SettingsError, match="Nothing is sealed"):
        unseal(database, "x", None, "me")
    assert keep("5") == "None"  # there are not more
    assert keep("1") == LAST
    fetch(database, "DELETE FROM market_data WHERE date = %s", LAST)
    assert keep("1") == LAST  # counted once
    assert keep("") == LAST  # whatever the setting says later
    assert keep("2024-01-04") == "2024-01-04"
    with pytest.raises(SettingsError, match="this database is sealed from 2024-01-04 on"):
        keep("2024-01-05")
    assert keep("1") == "2024-01-04"
    assert fetch(database, "SELECT declared FROM holdouts ORDER BY id") == [
        ("1",),
        ("2024-01-04",),
    ]
    for statement in ("DELETE FROM holdouts", "UPDATE holdouts SET first_session = '2030-01-01'"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            fetch(database, statement)


@pytest.mark.parametrize("value", ["soon", "0", "-5", "2023-02-30", "10000", "5.5"])
def test_a_setting_that_is_none_is_one_line(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"QUANT_PLATFORM_HOLDOUT is '{value}'"):
        Settings.load({PREFIX + "HOLDOUT": value}, tmp_path)


def test_new_tables_are_sealed_when_the_schema_is_brought_up_to_date(owner: Store) -> None:
    fetch(owner.database, "CREATE TABLE mine (date date)")
    keep_holdout(owner.database, "", "me")
    sealed: list[Any] = fetch(
        owner.database, "SELECT polrelid::regclass::text FROM pg_policy WHERE polname = 'sealed'"
    )
    assert ("mine",) in sealed
    assert ("trial_runs",) in sealed
