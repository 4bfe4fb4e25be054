"""What an asset hands to the IO manager when its rows do not fit, or do not belong, in one frame.

`Chunks` are stored in their order, possibly into several tables, so that a run over years needs the
memory of a few sessions and loses no more of them when it is killed. The next ones are made ready
while one is being stored (`store_all`); those that became ready meanwhile share a transaction, so
that a slow vendor's sessions are stored one by one and a fast one's cost fewer commits. Whoever
makes chunks and needs to read what came before hands over `WAIT_UNTIL_STORED` first.

Rows are brought into their table's types where they are made, beside the thread that
stores.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from quant_platform.errors import ContractError
from quant_platform.isolation import reason_of
from quant_platform.storage.frames import to_pandas
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
    frames : table → rows, as they were made or, once ready, in the table's types
    refused : table → rows for the quarantine, with a column `reason`
    also : statements to execute in the same transaction
    read_at : moment of the server's clock when what the rows were made of was read; empty: when the
        transaction begins
    failures : what of it could not be computed and is null, to the reason (`failures.py`)
    counts : what the materialisation is to say beside its rows, added up over the run
    on_refusal : is told why the rows break the contract of a table, and the chunk is left out;
        None: the run ends
    """

    sessions: Sequence[str]
    frames: Mapping[str, pd.DataFrame | pa.Table]
    refused: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    also: Sequence[Statement] = ()
    read_at: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    on_refusal: Callable[[str], None] | None = None

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(len(rows) for rows in self.frames.values())


WAIT_UNTIL_STORED = Chunk((), {})
"""Holds nothing. When the one who makes chunks is asked for the next, all before it are stored."""


class Written:
    """What was written to one table.

    Attributes
    ----------
    replaced : totals
    rows : rows per session
    """

    def __init__(self) -> None:
        self.replaced = Replaced()
        self.rows: dict[str, int] = {}
        self._newest: pa.Table | None = None

    def add(self, sessions: Sequence[str], data: pa.Table, replaced: Replaced) -> None:
        """Add one chunk."""
        self.replaced += replaced
        self.rows.update(dict.fromkeys(sessions, 0))
        for each in pc.value_counts(data["date"]).to_pylist():
            self.rows[str(each["values"])] = each["counts"]
        last = pa.scalar(date.fromisoformat(sessions[-1]))
        self._newest = data.filter(pc.equal(data["date"], last)) if len(sessions) > 1 else data

    def hide_newest(self) -> None:
        """Forget the rows of the newest session: it is sealed, and the UI would show them."""
        self._newest = None

    @property
    def newest(self) -> pd.DataFrame:
        """Rows of the newest session."""
        return pd.DataFrame() if self._newest is None else to_pandas(self._newest)


class Chunks:
    """Chunks yet to be stored, and what was written of them."""

    def __init__(self, chunks: Iterable[Chunk], recipe: str = "") -> None:
        """Take the chunks, and what computes them (see `computations.py`)."""
        self._chunks = chunks
        self.recipe = recipe
        self._written: dict[str, Written] = {}
        self.counts: Counter[str] = Counter()

    @classmethod
    def of(cls, table: str, frame: pd.DataFrame, sessions: Sequence[str]) -> "Chunks":
        """All rows of a run in one chunk."""
        return cls([Chunk(sessions, {table: frame})])

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._chunks)

    def note(self, chunk: Chunk, replaced: Sequence[Replaced]) -> None:
        """Take down that a chunk is stored."""
        self.counts.update(chunk.counts)
        for (table, data), done in zip(chunk.frames.items(), replaced, strict=True):
            self._written.setdefault(table, Written()).add(chunk.sessions, data, done)

    def written(self, table: str) -> Written:
        """What was written to `table` so far."""
        return self._written.get(table, Written())


AHEAD = 8
"""Most chunks that are ready and not yet stored."""

AHEAD_ROWS = 150_000
"""Most rows of these; a chunk of more waits alone."""

Store = Callable[[Chunk, bool], list[Replaced]]
"""Writes a chunk in one transaction and returns what became of each table's rows; told to be
strict, it refuses with a `ContractError` what it would set aside otherwise."""


def store_all(
    chunks: Iterable[Chunk],
    ready: Callable[[Chunk], Chunk],
    store: Store,
    stored: Callable[[Chunk, list[Replaced]], None],
) -> None:
    """Store chunks in their order, in a thread of its own, while the next ones are made ready.

    Chunks that became ready during one transaction share the next one. Whatever stops it, the
    chunks that were handed over before are stored and reported.

    Parameters
    ----------
    ready : brings a chunk's rows into their tables' types
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
                if chunk is not WAIT_UNTIL_STORED:
                    try:
                        made = ready(chunk)
                    except ContractError as error:
                        if chunk.on_refusal is None:
                            raise
                        settle(all_of_them=True)
                        chunk.on_refusal(reason_of(error))
                        continue
                    writer.take(made)
                    under_way.append(thread.submit(writer.store_ready))
                settle(all_of_them=chunk is WAIT_UNTIL_STORED)
        finally:
            settle(all_of_them=True)


class _Writer:
    """Chunks that wait to be stored, and the storing of all that wait in one transaction."""

    def __init__(self, store: Store, stored: Callable[[Chunk, list[Replaced]], None]) -> None:
        self._store, self._stored = store, stored
        self._ready: deque[Chunk] = deque()
        self._changed = threading.Condition()
        self._failed = False

    def take(self, chunk: Chunk) -> None:
        """Take a chunk, once there is room for it among those that wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(chunk))
            self._ready.append(chunk)

    def _has_room(self, chunk: Chunk) -> bool:
        waiting = sum(ready.rows for ready in self._ready)
        fits = len(self._ready) < AHEAD and waiting + chunk.rows <= AHEAD_ROWS
        return fits or not self._ready

    def store_ready(self) -> None:
        """Store what waits; nothing after a chunk that could not be stored."""
        with self._changed:
            taken = list(self._ready)
            self._ready.clear()
            self._changed.notify()
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
            try:
                replaced = self._store(chunk, False)
            except ContractError as error:
                if chunk.on_refusal is None:
                    raise
                chunk.on_refusal(reason_of(error))
            else:
                self._stored(chunk, replaced)


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk of the sessions of several."""
    frames, refused = ([getattr(chunk, name) for chunk in chunks] for name in ("frames", "refused"))
    return Chunk(
        [session for chunk in chunks for session in chunk.sessions],
        {name: pa.concat_tables(parts) for name, parts in _by_table(frames).items()},
        {name: pd.concat(parts, ignore_index=True) for name, parts in _by_table(refused).items()},
        [statement for chunk in chunks for statement in chunk.also],
        min(chunk.read_at for chunk in chunks),
        counts=sum((Counter(chunk.counts) for chunk in chunks), Counter()),
    )


def alone(chunk: Chunk) -> Iterator[Chunk]:
    """A chunk that shares its transaction with no other if something of it failed."""
    if chunk.failures:
        yield WAIT_UNTIL_STORED
    yield chunk
    if chunk.failures:
        yield WAIT_UNTIL_STORED


def _by_table(mappings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Table → what the mappings have for it, of frames only those with rows if there are any."""
    by_name: dict[str, list[Any]] = {}
    for mapping in mappings:
        for name, rows in mapping.items():
            by_name.setdefault(name, []).append(rows)
    return {
        name: [part for part in parts if len(part)] or parts[:1] for name, parts in by_name.items()
    }
