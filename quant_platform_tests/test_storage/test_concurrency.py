"""Writers that meet, writers that are killed, and readers that look while one is at work."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from quant_platform.storage.database import Database
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.tables import SESSIONS, closes, content, fetch
from quant_platform_tests.support.writer import SYMBOLS, frame

ROWS = SYMBOLS * len(SESSIONS)


class Writer:
    """A process of `writer.py`."""

    def __init__(self, database: Database, close: float, where: str = "-") -> None:
        module = "quant_platform_tests.support.writer"
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, database.url, str(close), where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def writer(database: Database) -> Iterator[Callable[..., Writer]]:
    made: list[Writer] = []

    def start(close: float, where: str = "-") -> Writer:
        made.append(Writer(database, close, where))
        return made[-1]

    yield start
    for one in made:
        one.end()


def store(database: Database, close: float) -> None:
    replace_sessions(database, read_table(database, "market_data"), frame(close), SESSIONS)


def prices(database: Database) -> set[float]:
    found = closes(database)
    assert len(found) == ROWS
    return set(found.values())


def test_two_writers_of_the_same_sessions(
    database: Database, writer: Callable[..., Writer]
) -> None:
    writers = [writer(10.0), writer(20.0)]
    for one in writers:
        one.hear("ready")
    for one in writers:
        one.go_on()
    for one in writers:
        one.hear("done")
    now, before = prices(database), set(closes(database, "market_data_history").values())
    # One after the other: the later one's rows stand, all of the earlier one's are history.
    assert len(now) == 1
    assert now | before == {10.0, 20.0}
    assert len(closes(database, "market_data_history")) == ROWS


def test_two_writers_of_the_same_rows_store_them_once(
    database: Database, writer: Callable[..., Writer]
) -> None:
    writers = [writer(10.0), writer(10.0)]
    for one in writers:
        one.hear("ready")
        one.go_on()
    for one in writers:
        one.hear("done")
    assert prices(database) == {10.0}
    assert content(database, "market_data_history") == []


@pytest.mark.parametrize("where", ["_supersede", "_insert_new", "commit"])
def test_killed_in_the_middle(
    database: Database, writer: Callable[..., Writer], where: str
) -> None:
    store(database, 10.0)
    before = content(database, "market_data")
    one = writer(20.0, where)
    one.hear("ready")
    one.go_on()
    one.hear("paused")
    assert content(database, "market_data") == before
    one.end()
    assert content(database, "market_data") == before
    assert content(database, "market_data_history") == []
    # Nothing of the dead writer is in the way of the next.
    store(database, 30.0)
    assert prices(database) == {30.0}


def test_killed_in_the_first_load(database: Database, writer: Callable[..., Writer]) -> None:
    one = writer(20.0, "_copy")
    one.hear("ready")
    one.go_on()
    one.hear("paused")
    one.end()
    assert content(database, "market_data") == []
    store(database, 30.0)
    assert prices(database) == {30.0}


def test_a_reader_sees_the_old_rows_until_the_new_ones_are_there(
    database: Database, writer: Callable[..., Writer]
) -> None:
    store(database, 10.0)
    one = writer(20.0, "commit")
    one.hear("ready")
    one.go_on()
    one.hear("paused")
    assert prices(database) == {10.0}
    one.go_on()
    one.hear("done")
    assert prices(database) == {20.0}
    assert len(closes(database, "market_data_history")) == ROWS


def test_a_second_writer_waits_for_the_first(
    database: Database, writer: Callable[..., Writer]
) -> None:
    store(database, 10.0)
    first = writer(20.0, "commit")
    first.hear("ready")
    first.go_on()
    first.hear("paused")
    second = writer(30.0)
    second.hear("ready")
    second.go_on()
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    deadline = time.monotonic() + 10
    while fetch(database, waiting) == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert prices(database) == {10.0}
    first.go_on()
    first.hear("done")
    second.hear("done")
    assert prices(database) == {30.0}
    assert set(closes(database, "market_data_history").values()) <= {10.0, 20.0}
    assert len(content(database, "market_data_history")) == 2 * ROWS


def test_readers_of_a_busy_table_never_see_a_mixture(database: Database) -> None:
    store(database, 1.0)
    seen: list[Any] = []

    def read_on() -> None:
        while not done:
            seen.append(frozenset(prices(database)))

    done = False
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read_on) for _ in range(2)]
        try:
            for close in (2.0, 3.0, 4.0, 5.0):
                store(database, close)
        finally:
            done = True
        for reader in readers:
            reader.result()
    assert all(len(state) == 1 for state in seen)
    assert len(seen) > 1


def test_many_threads_write_sessions_of_their_own(database: Database) -> None:
    table = read_table(database, "market_data")
    rows = frame(10.0)

    def write(number: int) -> int:
        day = SESSIONS[number % 2]
        mine = rows[rows["date"] == day]
        return replace_sessions(database, table, mine, [day]).inserted

    with ThreadPoolExecutor(6) as pool:
        inserted = list(pool.map(write, range(6)))
    # Whoever came first stored the rows of a day; the others found them there.
    assert sorted(inserted) == [0, 0, 0, 0, SYMBOLS, SYMBOLS]
    assert prices(database) == {10.0}
    assert content(database, "market_data_history") == []


def test_a_server_that_drops_the_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost connection is one clear line, and nothing is half written."""
    from quant_platform.errors import DatabaseError
    from quant_platform.storage import replace

    store(database, 10.0)
    insert = replace._insert_new

    def cut_off(*args: object) -> int:
        fetch(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        return insert(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(replace, "_insert_new", cut_off)
    with pytest.raises(DatabaseError) as caught:
        store(database, 20.0)
    assert "\n" not in caught.value.message
    assert "nothing was half written" in caught.value.hint
    assert prices(database) == {10.0}
    assert content(database, "market_data_history") == []
