"""What an asset hands to the IO manager when its rows do not fit, or do not belong, in one frame.

`Chunks` are stored in their order, possibly into several tables, so that a run over years needs the
memory of a few sessions and loses no more of them when it is killed. The next ones are made ready
while one is being stored (`store_all`); those that became ready meanwhile share a transaction, so
that a slow vendor's sessions are stored one by one and a fast one's cost fewer commits. Whoever
makes chunks and needs to read what came before hands over `SETTLED` first.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError
from quant_platform.storage.replace import Replaced, Statement


class Progress(Protocol):
    """What is told of everything that is written."""

    def asset(self, name: str) -> None:
        """An asset is complete."""
        ...

    def sessions(self, table: str, sessions: int, rows: int) -> None:
        """Rows of so many further sessions are stored."""
        ...


@dataclass(frozen=True)
class Chunk:
    """All rows of some sessions, for one transaction.

    Attributes
    ----------
    sessions : ISO dates
    frames : table → rows
    refused : table → rows for the quarantine, with a column `reason`
    also : statements to execute in the same transaction
    """

    sessions: Sequence[str]
    frames: Mapping[str, pd.DataFrame]
    refused: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    also: Sequence[Statement] = ()


SETTLED = Chunk((), {})
"""Holds nothing. When the one who makes chunks is asked for the next, all before it are stored."""


@dataclass
class Written:
    """What was written to one table: totals, rows per session, and the newest session's rows."""

    replaced: Replaced = field(default_factory=Replaced)
    rows: dict[str, int] = field(default_factory=dict)
    newest: pd.DataFrame = field(default_factory=pd.DataFrame)

    def add(self, sessions: Sequence[str], frame: pd.DataFrame, replaced: Replaced) -> None:
        """Add one chunk."""
        self.replaced += replaced
        dates = frame["date"].to_numpy().astype("datetime64[D]")
        days, counts = np.unique(dates, return_counts=True)
        self.rows.update(dict.fromkeys(sessions, 0))
        self.rows.update(zip(days.astype(str).tolist(), counts.tolist(), strict=True))
        self.newest = frame[dates == np.datetime64(sessions[-1], "D")]


class Chunks:
    """Chunks yet to be stored, and what was written of them."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = chunks
        self._written: dict[str, Written] = {}

    @classmethod
    def of(cls, table: str, frame: pd.DataFrame, sessions: Sequence[str]) -> "Chunks":
        """All rows of a run in one chunk."""
        return cls([Chunk(sessions, {table: frame})])

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._chunks)

    def note(self, chunk: Chunk, replaced: Sequence[Replaced]) -> None:
        """Take down that a chunk is stored."""
        for (table, frame), done in zip(chunk.frames.items(), replaced, strict=True):
            self._written.setdefault(table, Written()).add(chunk.sessions, frame, done)

    def written(self, table: str) -> Written:
        """What was written to `table` so far."""
        return self._written.get(table, Written())


AHEAD = 4
"""Most chunks that are ready and not yet stored."""

Store = Callable[[Chunk, bool], list[Replaced]]
"""Writes a chunk in one transaction and returns what became of each table's rows; told to be
strict, it refuses with a `ContractError` what it would set aside otherwise."""


def store_all(
    chunks: Iterable[Chunk], store: Store, stored: Callable[[Chunk, list[Replaced]], None]
) -> None:
    """Store chunks in their order, in a thread of its own, while the next ones are made ready.

    Chunks that became ready during one transaction share the next one. Whatever stops it, the
    chunks that were handed over before are stored and reported.

    Parameters
    ----------
    store : see `Store`
    stored : is told of each transaction, in the thread that stores: Ctrl-C cannot come between
    """
    writer = _Writer(store, stored)
    with ThreadPoolExecutor(1, thread_name_prefix="store") as thread:
        under_way: deque[Future[None]] = deque()

        def settle(*, all_of_them: bool) -> None:
            """Wait for chunks, and raise what kept one from being stored."""
            while under_way and (all_of_them or under_way[0].done()):
                under_way[0].result()
                under_way.popleft()

        try:
            for chunk in chunks:
                if chunk is not SETTLED:
                    writer.take(chunk)
                    under_way.append(thread.submit(writer.store_ready))
                settle(all_of_them=chunk is SETTLED)
        finally:
            settle(all_of_them=True)


class _Writer:
    """Chunks that wait to be stored, and the storing of all that wait in one transaction."""

    def __init__(self, store: Store, stored: Callable[[Chunk, list[Replaced]], None]) -> None:
        self._store, self._stored = store, stored
        self._ready: deque[Chunk] = deque()
        self._free = threading.Semaphore(AHEAD)
        self._failed = False

    def take(self, chunk: Chunk) -> None:
        """Take a chunk, once fewer than `AHEAD` wait."""
        self._free.acquire()
        self._ready.append(chunk)

    def store_ready(self) -> None:
        """Store what waits; nothing after a chunk that could not be stored."""
        taken = [self._ready.popleft() for _ in range(len(self._ready))]
        for _ in taken:
            self._free.release()
        if not taken or self._failed:
            return
        try:
            self._store_together(taken)
        except BaseException:
            self._failed = True
            raise

    def _store_together(self, chunks: list[Chunk]) -> None:
        """Store chunks in one transaction, or one by one where a row of some breaks a rule."""
        if len(chunks) > 1:
            whole = _joined(chunks)
            try:
                self._stored(whole, self._store(whole, True))
            except ContractError:
                pass
            else:
                return
        for chunk in chunks:
            self._stored(chunk, self._store(chunk, False))


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk of the sessions of several."""
    return Chunk(
        [session for chunk in chunks for session in chunk.sessions],
        _concatenated([chunk.frames for chunk in chunks]),
        _concatenated([chunk.refused for chunk in chunks]),
        [statement for chunk in chunks for statement in chunk.also],
    )


def _concatenated(frames: Sequence[Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    names = dict.fromkeys(name for each in frames for name in each)
    return {
        name: pd.concat([each[name] for each in frames if name in each], ignore_index=True)
        for name in names
    }
