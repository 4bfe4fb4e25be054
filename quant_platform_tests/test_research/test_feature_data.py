"""Features and panels of the sample market: as stored, and computed where nothing is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import quant_platform as qp
from quant_platform.market.panel import Panel
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.tables import fetch

NAMES = ["rsi_14", "momentum_20", "macd_signal", "news_sentiment"]
DAYS = ("2007-11-01", "2008-03-31")


@pytest.fixture
def database(new_database: Callable[[str | None], Database], sample_database: str) -> Database:
    return new_database(sample_database)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> qp.Store:
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(tmp_path / "home")}
    return qp.open(Settings.load(values, tmp_path))


def equal(one: Panel, other: Panel) -> None:
    assert one.security_ids == other.security_ids
    for name in ("sessions", "open", "close", "volume", "split", "dividend", "member", "sectors"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in one.features:
        np.testing.assert_array_equal(one[name], other[name])


def test_what_is_not_stored_is_computed_to_the_same_bits(
    store: qp.Store, database: Database
) -> None:
    stored, panel = store.features(NAMES, *DAYS), store.panel(NAMES, *DAYS)
    assert stored.index.names == ["date", "symbol"]
    assert len(stored) == 4 * len(qp.sessions(*DAYS, "XNYS"))
    assert stored["rsi_14"].notna().all()
    # One session is lost: the whole range is computed.
    fetch(database, "DELETE FROM features WHERE date = '2008-01-15'")
    pd.testing.assert_frame_equal(store.features(NAMES, *DAYS), stored, check_exact=True)
    # A feature has no column yet.
    fetch(database, "ALTER TABLE features DROP COLUMN rsi_14 CASCADE")
    pd.testing.assert_frame_equal(store.features(NAMES, *DAYS), stored, check_exact=True)
    equal(store.panel(NAMES, *DAYS), panel)


def test_a_panel_is_that_of_the_tables(store: qp.Store) -> None:
    panel = store.panel("momentum_20", *DAYS)
    close = store.prices(*DAYS, adjust="none")
    assert panel.symbols == tuple(close.columns) == ("AAPL", "GOOG", "IBM", "MSFT")
    pd.testing.assert_frame_equal(panel.wide(panel["close"]), close)
    returns = panel.wide(panel.adjusted("close"))
    pd.testing.assert_frame_equal(returns, store.prices(*DAYS), rtol=1e-12)
    momentum = store.features("momentum_20", *DAYS)["momentum_20"].unstack()
    pd.testing.assert_frame_equal(panel.wide(panel["momentum_20"]), momentum)
    assert panel.member.all()
    assert store.panel(None, *DAYS).features == {}


def test_the_second_reading_is_the_first(store: qp.Store, tmp_path: Path) -> None:
    first = store.panel(NAMES, *DAYS)
    assert list((tmp_path / "home" / "cache").rglob("*.arrow"))
    equal(store.panel(NAMES, *DAYS), first)
    then = store.at("2100-01-01")  # never from the cache
    equal(then.panel(NAMES, *DAYS), first)
    pd.testing.assert_frame_equal(then.features(NAMES, *DAYS), store.features(NAMES, *DAYS))


def test_a_url_opens_a_store(database: Database, store: qp.Store) -> None:
    assert qp.open(database.url).universe("2008-01-15").equals(store.universe("2008-01-15"))


@pytest.mark.parametrize(
    ("ask", "error", "text"),
    [
        (lambda store: store.panel("rsi", *DAYS), "UnknownNameError", "No feature is called rsi"),
        (
            lambda store: store.panel("rsi_14", "1990-01-01", "1990-12-31"),
            "SessionError",
            "no data",
        ),
        (
            lambda store: store.panel("rsi_14", "2009-01-01", "2008-01-01"),
            "SessionError",
            "reversed",
        ),
        (lambda store: store.features(["rsi_14", "nope"], *DAYS), "UnknownNameError", "nope"),
        (lambda store: qp.sessions("2009-01-01", "soon"), "SessionError", "'soon' is not a date"),
        (lambda store: qp.sessions(*DAYS, "MOON"), "UnknownNameError", "MOON"),
    ],
)
def test_what_is_not_there_is_named(
    store: qp.Store, ask: Callable[[qp.Store], object], error: str, text: str
) -> None:
    with pytest.raises(getattr(qp.errors, error), match=text):
        ask(store)
