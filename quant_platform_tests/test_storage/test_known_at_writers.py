"""Reading as known at a moment while others write, and after any sequence of writes."""

import itertools
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_platform.errors import DatabaseError
from quant_platform.storage import bulk, known_at
from quant_platform.storage.database import Database
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.known_bars import (
    BAR,
    closes,
)
from quant_platform_tests.support.tables import bars, fetch

Prices = Mapping[tuple[str, str], float]
LOCK = "SELECT pg_advisory_lock(hashtext('quant_platform'), hashtext('market_data[]'))"


def replace(database: Database, closes: Prices, sessions: list[str]) -> None:
    """Make `closes` the bars of `sessions`."""
    frame = bars(*((day, symbol, close) for (day, symbol), close in closes.items()))
    frame = frame.assign(security_id=frame["symbol"], vwap=float("nan"), trade_count=float("nan"))
    replace_sessions(database, read_table(database, "market_data"), frame, sessions)


class Writer:
    """A transaction under the lock of a writer of `market_data`, ended by hand."""

    def __init__(self, database: Database) -> None:
        self.connection = database.connect()
        self.cursor = self.connection.cursor()
        self.cursor.execute(LOCK)
        self.connection.commit()
        self.cursor.execute("SELECT now()")
        (self.began,) = self.cursor.fetchone() or (None,)

    def insert(self, symbol: str) -> None:
        self.cursor.execute(
            f"INSERT INTO market_data {BAR}) VALUES ('2004-08-19', %s, 1, 1, 1, 1, 1, 'x', 'A')",  # noqa: S608 — our own names
            (symbol,),
        )

    def end(self) -> None:
        self.connection.commit()
        self.connection.close()


def moment_of(database: Database) -> datetime:
    """The server's clock."""
    moment: datetime = fetch(database, "SELECT clock_timestamp()")[0][0]
    return moment


def wait_for_a_waiter(database: Database) -> None:
    """Return when somebody waits for a lock of ours."""
    deadline = time.monotonic() + 20
    waiting = (
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    while not fetch(database, waiting):
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestWriters:
    def test_a_writer_that_began_by_the_moment_is_waited_for(self, database: Database) -> None:
        """Else the same moment would read otherwise once the writer has committed."""
        one = Writer(database)
        try:
            one.insert("A")
            moment = moment_of(database)
            with ThreadPoolExecutor(1) as pool:
                reading = pool.submit(closes, database, moment)
                wait_for_a_waiter(database)
                assert not reading.done()
                one.end()
                assert reading.result() == {"A": 1.0}
        finally:
            one.connection.close()
        # The lock is not kept: the next writer need not wait.
        locks = (
            "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )
        assert fetch(database, locks) == [(0,)]

    def test_a_writer_that_began_later_is_not(self, database: Database) -> None:
        moment = moment_of(database)
        one = Writer(database)
        try:
            one.insert("A")
            assert closes(database, moment) == {}
            assert closes(database, one.began - timedelta(microseconds=1)) == {}
            one.end()
        finally:
            one.connection.close()
        assert closes(database, moment) == {}

    def test_one_that_does_not_end(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(known_at, "WAIT_SECONDS", 0.05)
        one = Writer(database)
        try:
            with pytest.raises(DatabaseError, match="lock timeout") as caught:
                closes(database, moment_of(database))
        finally:
            one.connection.close()
        assert "Another process is writing" in caught.value.hint

    def test_who_waited_for_the_lock_is_the_later_one(self, database: Database) -> None:
        """Its clock is not that of the moment at which it began to wait."""
        day = ["2004-08-19"]
        one = Writer(database)
        try:
            with ThreadPoolExecutor(1) as pool:
                second = pool.submit(replace, database, {("2004-08-19", "A"): 9.0}, day)
                wait_for_a_waiter(database)
                one.insert("A")
                moment = moment_of(database)
                one.end()
                second.result()
        finally:
            one.connection.close()
        assert closes(database, one.began) == {"A": 1.0}
        assert closes(database, moment) == {"A": 1.0}
        assert closes(database, moment_of(database)) == {"A": 9.0}

    def test_a_moment_reads_the_same_while_others_write_and_ever_after(
        self, database: Database
    ) -> None:
        day = ["2004-08-19"]
        cells = [(day[0], symbol) for symbol in "ABCDEFGH"]
        replace(database, dict.fromkeys(cells, 0.5), day)

        def write(number: int) -> None:
            for step in range(5):
                replace(database, dict.fromkeys(cells, 1.0 + 10 * number + step), day)

        seen: list[tuple[datetime, dict[str, float]]] = []
        with ThreadPoolExecutor(3) as pool:
            writers = [pool.submit(write, number) for number in range(3)]
            while not all(writer.done() for writer in writers):
                moment = moment_of(database)
                seen.append((moment, closes(database, moment)))
            for writer in writers:
                writer.result()
        for moment, then in seen:
            assert len(set(then.values())) == 1
            assert closes(database, moment) == then
        assert len({then["A"] for _, then in seen}) > 1


SESSIONS = ["2004-08-19", "2004-08-20", "2004-08-23"]
CELLS = list(itertools.product(SESSIONS, "ABC"))

Step = tuple[set[str], dict[tuple[str, str], float]]

steps = st.lists(
    st.tuples(
        st.sets(st.sampled_from(SESSIONS), min_size=1),
        st.dictionaries(st.sampled_from(CELLS), st.sampled_from([1.0, 2.0])),
    ),
    min_size=1,
    max_size=5,
)


@given(steps)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_each_moment_reads_as_it_was(database: Database, sequence: list[Step]) -> None:
    """A sequence of replacements against what was read at the time."""
    fetch(database, "DELETE FROM market_data; DELETE FROM market_data_history")
    model: dict[tuple[str, str], float] = {}
    remembered = [_state(database)]
    for sessions, given_closes in sequence:
        chosen = {cell: close for cell, close in given_closes.items() if cell[0] in sessions}
        replace(database, chosen, sorted(sessions))
        model = {cell: close for cell, close in model.items() if cell[0] not in sessions} | chosen
        remembered.append(_state(database))
        assert _cells(remembered[-1]) == model
    for moment, expected in remembered:
        assert _read(database, moment) == expected
    # At the very moment of a change it is known, a microsecond before it is not.
    changes = fetch(
        database,
        "SELECT recorded_at FROM market_data UNION SELECT recorded_at FROM market_data_history"
        " UNION SELECT superseded_at FROM market_data_history",
    )
    for (change,) in changes:
        after = next(index for index, state in enumerate(remembered) if state[0] >= change)
        assert _read(database, change) == remembered[after][1]
        before = change - timedelta(microseconds=1)
        assert _read(database, before) == remembered[after - 1][1]


TEXT = "SELECT t::text AS row FROM {} AS t ORDER BY 1"
TABLES = ("market_data", "market_data_history")


def _state(database: Database) -> tuple[datetime, list[list[str]]]:
    rows = [[row for (row,) in fetch(database, TEXT.format(name))] for name in TABLES]
    return moment_of(database), rows


def _read(database: Database, moment: datetime) -> list[list[str]]:
    return [
        bulk.query(database, TEXT.format(name), known_at=moment)["row"].tolist() for name in TABLES
    ]


def _cells(state: tuple[datetime, list[list[str]]]) -> dict[tuple[str, str], float]:
    rows = [row.strip("()").split(",") for row in state[1][0]]
    return {(row[0], row[1]): float(row[5]) for row in rows}
