"""Poolers that lend for a transaction are refused at the start, whatever order they lend in."""

import itertools
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from quant_platform.errors import DatabaseError
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage import pooler
from quant_platform.storage.database import Database, dagster_url, platform_database
from quant_platform.storage.pooler import lends_transactions, refuse_transaction_pooling
from quant_platform_tests.support.pooler import transaction_pooler


def last_given_back(processes: list[int]) -> Callable[[], int]:
    return lambda: processes[-1]


def in_turn(processes: list[int]) -> Callable[[], int]:
    """Return each process in its turn, as with PgBouncer's server_round_robin."""
    waiting = deque(processes)

    def lend() -> int:
        waiting.rotate(-1)
        return waiting[-1]

    return lend


@pytest.mark.parametrize("order", [last_given_back, in_turn])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 20])
def test_a_pooler_is_known_by_the_processes_it_lends(
    order: Callable[[list[int]], Callable[[], int]], size: int
) -> None:
    lend = order(list(range(100, 100 + size)))
    assert lends_transactions(lend, lend)


def test_two_sessions_of_their_own_are_let_through() -> None:
    assert not lends_transactions(lambda: 7, lambda: 8)


def test_others_take_processes_in_between() -> None:
    """The pool is busy: the first session is now served by this process, now by that one."""
    first, second = itertools.cycle([7, 7, 9]), itertools.repeat(8)
    assert lends_transactions(lambda: next(first), lambda: next(second))


@pytest.mark.parametrize("connections", [1, 2, 3])
def test_the_platform_says_so_at_its_start(
    database: Database, tmp_path: Path, connections: int
) -> None:
    with transaction_pooler(database.url, connections) as url:
        for name in ("DATABASE_URL", "DAGSTER_DATABASE_URL"):
            values = {"DATABASE_URL": database.url, name: url, PREFIX + "HOME": str(tmp_path)}
            settings = Settings.load(values, tmp_path)
            with pytest.raises(DatabaseError, match="one transaction each") as caught:
                platform_database(settings)
                dagster_url(settings)
            assert "session mode" in caught.value.hint
            assert name in caught.value.hint


def test_a_pooler_without_a_second_connection_is_not_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooler, "WAIT_SECONDS", 0.05)
    with transaction_pooler(database.url, 1) as url:
        holder = Database(url).connect()
        with holder, holder.cursor() as cursor:
            cursor.execute("SELECT 1")
            with pytest.raises(DatabaseError, match="lends no"):
                refuse_transaction_pooling(url)
        holder.close()
