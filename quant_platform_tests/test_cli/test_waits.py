"""A signal ends what a process waits for a database, by whichever driver and whichever signal."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from psycopg2.errors import QueryCanceled

from quant_platform.cli import interrupts
from quant_platform.cli.interrupts import stoppable, waits_ended
from quant_platform.errors import QuantPlatformError
from quant_platform.storage.database import Database
from quant_platform_tests.support.tables import fetch

LOCK = "SELECT pg_advisory_xact_lock(20040819)"

UNENDED = "SET lock_timeout = 0"

GIVEN_UP_SECONDS = 20.0
"""After this the lock is freed, and the test fails."""

WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND objid = 20040819
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def by_psycopg2(database: Database) -> None:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"{UNENDED}; {LOCK}")


def by_arrow(database: Database) -> None:
    with database.arrow() as connection, connection.cursor() as cursor:
        cursor.execute(UNENDED)
        cursor.execute(LOCK)
        cursor.fetchall()


def by_sqlalchemy(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql(f"{UNENDED}; {LOCK}")


ENDED: list[bool] = []
"""Whether each wait ended before it was given up."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "GRACE_SECONDS", 0.05)
    ENDED.clear()


def signalled(database: Database, number: signal.Signals, wait: Callable[[Database], None]) -> None:
    """Wait for a lock that another session holds, and get the signal."""

    def send() -> None:
        while fetch(database, WAITING) == [(0,)]:
            pass
        os.kill(os.getpid(), number)

    with closing(database.connect()) as holder, holder.cursor() as cursor:
        cursor.execute(LOCK)
        sender = threading.Thread(target=send)
        given_up = threading.Timer(GIVEN_UP_SECONDS, holder.rollback)
        sender.start()
        given_up.start()
        try:
            wait(database)
        finally:
            ended_by_signal = not given_up.finished.is_set()
            given_up.cancel()
            sender.join()
            database.engine.dispose()
            ENDED.append(ended_by_signal)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("wait", [by_psycopg2, by_arrow, by_sqlalchemy])
def test_a_wait_for_a_lock(
    database: Database, number: signal.Signals, wait: Callable[[Database], None]
) -> None:
    with pytest.raises(QuantPlatformError, match="Stopped"), stoppable(lambda: "Stopped", ""):
        signalled(database, number, wait)
    assert ENDED == [True]


def test_a_command_that_says_nothing_of_its_own(database: Database) -> None:
    with pytest.raises((KeyboardInterrupt, QueryCanceled)), waits_ended():
        signalled(database, signal.SIGINT, by_psycopg2)
    assert ENDED == [True]


def test_an_error_without_a_signal_stays_itself() -> None:
    with pytest.raises(ZeroDivisionError), stoppable(lambda: "Stopped", ""):
        _ = 1 / 0
