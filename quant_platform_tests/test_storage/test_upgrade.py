"""A database of an earlier release is brought up to date, and nothing of it is lost or changed.

The dump is restored as it was, provisioned by the present code, and then the pipeline goes on from
it: see `support/old_dump.py` and `support/dumps/README.md`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import psycopg2
import pytest

from quant_platform.defs.runs import Runner
from quant_platform.pipeline.provision import provision
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import Table, read_table, tables_with_history
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support import old_dump
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import MIGRATIONS, fetch, shape

MOMENT, TABLES = old_dump.expected()
NOW = {table.name: (table.rows, table.digest) for table in TABLES}
THEN = {table.name: (table.rows_then, table.digest_then) for table in TABLES}

WRONG_CLOSE, RIGHT_CLOSE = 88.5, 92.41
"""IBM on 2005-03-10: what the vendor told first, and what it corrected it to."""

NOW_ROWS = ("positions", "trades")
"""Columns of portfolios that a later release made rows of their own."""

KEPT = [
    replace(table, columns=[name for name in table.columns if name not in NOW_ROWS])
    for table in TABLES
]
"""What the present release still has."""

BOUGHT = {"buy_and_hold", "enhanced_momentum"}
"""Models that had traded by the dump's last session."""


@pytest.fixture(scope="module")
def restored(server: Server) -> Iterator[str]:
    """Name of a database as the dump has it; copy it."""
    name = server.create()
    old_dump.restore(Database(server.url(name)))
    yield name
    server.drop(name)


@pytest.fixture
def old(restored: str, new_database: Callable[[str | None], Database]) -> Database:
    """Return a database of before, not yet provisioned."""
    return new_database(restored)


@pytest.fixture
def upgraded(old: Database) -> Database:
    """Return a database of before, provisioned by the present code."""
    provision(old)
    return old


def test_the_dump_is_whole(old: Database) -> None:
    assert old_dump.measured(old, TABLES) == NOW
    assert sum(rows for rows, _ in NOW.values()) > 3000


def test_only_newer_migrations_are_applied(old: Database) -> None:
    applied = provision(old)
    done = fetch(old, "SELECT migration_id FROM _yoyo_migration ORDER BY 1")
    assert [name for (name,) in done] == [path.stem for path in MIGRATIONS]
    newer = [path.stem for path in MIGRATIONS if path.stem not in old_dump.MIGRATIONS]
    assert applied[: len(newer)] == newer
    assert not set(applied) & set(old_dump.MIGRATIONS)


def test_every_row_of_before_is_still_there(old: Database) -> None:
    before = old_dump.measured(old, KEPT)
    positions, trades = fetch(
        old,
        "SELECT sum(n)::int, sum(m)::int FROM (SELECT"
        " (SELECT count(*) FROM jsonb_object_keys(positions)) AS n,"
        " jsonb_array_length(trades) AS m FROM portfolios) AS counts",
    )[0]
    value = fetch(
        old,
        "SELECT sum((held.value ->> 'value')::double precision) FROM portfolios,"
        " jsonb_each(positions) AS held (key, value)",
    )
    paid = fetch(
        old,
        "SELECT sum((fill ->> 'commission')::double precision) FROM portfolios,"
        " jsonb_array_elements(trades) AS fill",
    )
    provision(old)
    assert old_dump.measured(old, KEPT) == before
    assert {name: NOW[name] for name in NOW if "portfolios" not in name} == {
        name: before[name] for name in NOW if "portfolios" not in name
    }
    assert positions > 50
    assert trades > 3
    assert fetch(old, "SELECT count(*)::int FROM positions") == [(positions,)]
    assert fetch(old, "SELECT count(*)::int FROM fills") == [(trades,)]
    assert fetch(old, "SELECT sum(value) FROM positions")[0] == pytest.approx(value[0])
    assert fetch(old, "SELECT sum(commission) FROM fills")[0] == pytest.approx(paid[0])


def test_the_same_schema_as_a_new_database(upgraded: Database, database: Database) -> None:
    """Names, types, nullability, defaults and descriptions; not the order of the columns."""
    assert sorted(shape(upgraded), key=str) == sorted(shape(database), key=str)


def test_what_was_superseded_is_still_known(upgraded: Database) -> None:
    then = old_dump.measured(upgraded, KEPT, MOMENT)
    others = [name for name in THEN if "portfolios" not in name]
    assert {name: then[name] for name in others} == {name: THEN[name] for name in others}
    assert THEN["market_data"] != NOW["market_data"]
    sql = "SELECT close_price FROM market_data WHERE date = '2005-03-10' AND symbol = 'IBM'"
    assert bulk.query(upgraded, sql, known_at=MOMENT)["close_price"].tolist() == [WRONG_CLOSE]
    assert bulk.query(upgraded, sql)["close_price"].tolist() == [RIGHT_CLOSE]


def test_provisioning_again_changes_nothing(upgraded: Database) -> None:
    before = shape(upgraded), fetch(upgraded, "SELECT m::text FROM models AS m ORDER BY 1")
    held = old_dump.measured(upgraded, KEPT)
    assert provision(upgraded) == []
    after = shape(upgraded), fetch(upgraded, "SELECT m::text FROM models AS m ORDER BY 1")
    assert after == before
    assert old_dump.measured(upgraded, KEPT) == held


EXTREMES: dict[str, dict[str, float]] = {
    "null": {},
    "lowest": {"double precision": -1.7976931348623157e308, "integer": -(2**31)},
    "smallest": {"double precision": 5e-324, "integer": 1},
    "greatest": {"double precision": 1.7976931348623157e308, "integer": 2**31 - 1},
}
"""Values of a type; null is one of any type."""


@pytest.mark.parametrize("extreme", EXTREMES)
def test_a_row_with_every_column_at_an_extreme_can_be_replaced(
    upgraded: Database, extreme: str
) -> None:
    """A correction of whatever a table may hold moves it to the history, and is not refused."""
    replaced = set()
    for name in tables_with_history(upgraded):
        table = read_table(upgraded, name)
        newest = fetch(upgraded, f"SELECT max(date)::text FROM {name}")[0][0]  # noqa: S608 — the catalogue's
        if newest is None:
            continue
        rows = bulk.read(upgraded, table, newest, newest)
        if not _set_columns(upgraded, table, rows.iloc[0], extreme):
            continue
        counting = f"SELECT count(*) FROM {name}_history WHERE date = %s"  # noqa: S608 — the catalogue's
        before = fetch(upgraded, counting, newest)[0][0]
        replace_sessions(upgraded, table, rows, [newest])
        assert fetch(upgraded, counting, newest)[0][0] == before + 1, name
        replaced.add(name)
    assert {"features", "model_performance"} <= replaced


def _set_columns(database: Database, table: Table, row: pd.Series, extreme: str) -> bool:
    """Set each column of a row whose type and rules allow it; return whether one was."""
    key = " AND ".join(f"{name} = %s" for name in table.key)
    where = [row[name] if isinstance(row[name], str) else str(row[name]) for name in table.key]
    values = EXTREMES[extreme]
    changed = False
    connection = database.connect()
    with closing(connection), connection, connection.cursor() as cursor:
        for column in table.data_columns:
            if column.name in table.key or (values and column.sql_type not in values):
                continue
            value = values.get(column.sql_type)
            cursor.execute("SAVEPOINT before")
            try:
                cursor.execute(
                    f'UPDATE {table.name} SET "{column.name}" = %s WHERE {key}'  # noqa: S608 — the catalogue's
                    f' AND "{column.name}" IS DISTINCT FROM %s',
                    (value, *where, value),
                )
                changed |= cursor.rowcount == 1
            except psycopg2.IntegrityError:
                cursor.execute("ROLLBACK TO SAVEPOINT before")
    return changed


def test_the_pipeline_goes_on(
    old: Database, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session after the last one: portfolios continue, and nothing of before is touched."""
    states = _states(old, old_dump.LAST)
    held = json.loads(_positions(old))
    kept = old_dump.measured(old, KEPT)
    events = server.create()
    monkeypatch.setenv("DATABASE_URL", old.url)
    monkeypatch.setenv("DAGSTER_DATABASE_URL", server.url(events))
    monkeypatch.setenv("QUANT_PLATFORM_HOME", str(tmp_path / "home"))
    session = date.fromisoformat(old_dump.NEXT)
    runner = Runner.open(Settings.load(start=tmp_path))
    try:
        with runner.instance() as instance:
            runner.run_assets(instance, runner.selected("*"), session, session, {})
    finally:
        runner.platform.database.engine.dispose()
        server.drop(events)
    assert old_dump.measured(old, KEPT) == kept
    continued = _states(old, old_dump.NEXT)
    # A model that came later begins with its capital.
    assert set(continued) == {*states, "equal_weight"}
    for name, (equity, daily_return, _, _) in continued.items():
        before = states[name][0] if name in states else 1e6
        assert equity / (1.0 + daily_return) == pytest.approx(before, rel=1e-12)
    assert {name for name, (equity, *_) in states.items() if equity != 1e6} == BOUGHT
    # By hand: buy and hold neither traded nor received anything that day.
    equity, _, cash, trades = continued["buy_and_hold"]
    closes = SampleVendor().bars(session, session).set_index("symbol")["close_price"]
    value = sum(entry["shares"] * closes[symbol] for symbol, entry in held.items())
    assert (trades, cash) == (0, states["buy_and_hold"][2])
    assert equity == pytest.approx(cash + value, rel=1e-12)
    windows = fetch(
        old,
        "SELECT DISTINCT window_sessions FROM model_performance"
        " WHERE date = %s AND window_name = 'inception' ORDER BY 1",
        session,
    )
    assert windows == [(1,), (_sessions(old),)]


def _states(database: Database, session: str) -> dict[str, tuple[float, float, float, int]]:
    """Model → equity, return, cash and number of trades in a session."""
    rows = fetch(
        database,
        "SELECT model_name, equity, daily_return, cash, trade_count FROM portfolios"
        " JOIN models ON models.id = model_id WHERE date = %s",
        session,
    )
    return {name: tuple(figures) for name, *figures in rows}


def _positions(database: Database) -> str:
    """JSON of buy and hold's positions in the dump's last session, as it was written."""
    ((positions,),) = fetch(
        database,
        "SELECT positions::text FROM portfolios JOIN models ON models.id = model_id"
        " WHERE date = %s AND model_name = 'buy_and_hold'",
        old_dump.LAST,
    )
    return str(positions)


def _sessions(database: Database) -> int:
    ((sessions,),) = fetch(database, "SELECT count(DISTINCT date)::integer FROM portfolios")
    return int(sessions)
