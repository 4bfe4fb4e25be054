"""Chunks are stored in order, the waiting ones together, and nothing after one that cannot be."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from quant_platform.errors import ContractError
from quant_platform.pipeline.chunks import AHEAD, WAIT_UNTIL_STORED, Chunk, store_all
from quant_platform.storage.replace import Replaced

DAYS = [f"2024-01-{day:02}" for day in range(2, 22)]


def chunk(day: str) -> Chunk:
    frame = pd.DataFrame({"date": [pd.Timestamp(day)], "symbol": ["A"]})
    return Chunk([day], {"market_data": frame}, also=[(day, ())])


def ready(chunk: Chunk) -> Chunk:
    """Rows in the types that the bulk writer needs."""
    frame = chunk.frames["market_data"]
    assert isinstance(frame, pd.DataFrame)
    table = pa.table({"date": frame["date"].dt.date.tolist(), "symbol": frame["symbol"]})
    return replace(chunk, frames={"market_data": table})


class Recorder:
    """Stands in for the database; the first transaction takes until it is told to go on."""

    def __init__(self, faulty: str = "", broken: str = "") -> None:
        self.transactions: list[list[str]] = []
        self.reported: list[str] = []
        self.go_on = threading.Event()
        self._faulty, self._broken = faulty, broken

    def store(self, chunk: Chunk, strict: bool) -> list[Replaced]:
        if not self.transactions:
            self.go_on.wait(10)
        if self._faulty in chunk.sessions and strict:
            raise ContractError("a row breaks a rule", "")
        if self._broken in chunk.sessions:
            raise OSError("the connection was lost")
        assert len(chunk.frames["market_data"]) == len(chunk.sessions) == len(chunk.also)
        self.transactions.append(list(chunk.sessions))
        return [Replaced(inserted=len(chunk.sessions))]

    def stored(self, chunk: Chunk, replaced: list[Replaced]) -> None:
        assert replaced[0].stored == len(chunk.sessions)
        self.reported += chunk.sessions

    def flat(self) -> list[str]:
        return [day for sessions in self.transactions for day in sessions]


def test_what_waits_is_stored_together() -> None:
    recorder = Recorder()

    def chunks() -> Iterator[Chunk]:
        for number, day in enumerate(DAYS):
            if number == AHEAD:
                recorder.go_on.set()
            yield chunk(day)

    store_all(chunks(), ready, recorder.store, recorder.stored)
    assert recorder.flat() == recorder.reported == DAYS
    assert recorder.transactions[0] == DAYS[:1]
    assert 1 < max(map(len, recorder.transactions)) <= AHEAD + 1


def test_no_more_wait_than_that() -> None:
    recorder, made = Recorder(), []

    def chunks() -> Iterator[Chunk]:
        for day in DAYS:
            made.append(day)
            yield chunk(day)

    thread = threading.Thread(
        target=store_all, args=(chunks(), ready, recorder.store, recorder.stored)
    )
    thread.start()
    thread.join(0.5)
    # One is being stored, some wait, and one more is in the hands of whoever makes them.
    assert len(made) <= AHEAD + 2
    recorder.go_on.set()
    thread.join(10)
    assert recorder.flat() == DAYS


def test_all_is_stored_when_the_next_one_is_asked_for_after_settled() -> None:
    recorder = Recorder()
    recorder.go_on.set()

    def chunks() -> Iterator[Chunk]:
        for number, day in enumerate(DAYS):
            yield chunk(day)
            if number % 3 == 0:
                yield WAIT_UNTIL_STORED
                assert recorder.flat() == recorder.reported == DAYS[: number + 1]

    store_all(chunks(), ready, recorder.store, recorder.stored)
    assert recorder.flat() == DAYS


def test_a_row_that_breaks_a_rule_costs_the_others_nothing() -> None:
    recorder = Recorder(faulty=DAYS[2])

    def chunks() -> Iterator[Chunk]:
        yield from map(chunk, DAYS[: AHEAD + 1])
        recorder.go_on.set()

    threading.Timer(0.3, recorder.go_on.set).start()
    store_all(chunks(), ready, recorder.store, recorder.stored)
    assert recorder.flat() == DAYS[: AHEAD + 1]
    assert [DAYS[2]] in recorder.transactions


def test_nothing_is_stored_after_a_chunk_that_could_not_be() -> None:
    recorder = Recorder(broken=DAYS[3])
    recorder.go_on.set()

    def chunks() -> Iterator[Chunk]:
        for day in DAYS:
            yield chunk(day)
            yield WAIT_UNTIL_STORED

    with pytest.raises(OSError, match="lost"):
        store_all(chunks(), ready, recorder.store, recorder.stored)
    assert recorder.flat() == recorder.reported == DAYS[:3]


def test_what_was_handed_over_before_a_stop_is_stored() -> None:
    recorder = Recorder()

    def chunks() -> Iterator[Chunk]:
        yield from map(chunk, DAYS[:3])
        recorder.go_on.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_all(chunks(), ready, recorder.store, recorder.stored)
    assert recorder.flat() == recorder.reported == DAYS[:3]
