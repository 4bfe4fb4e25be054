"""What an asset hands to the IO manager when its rows do not fit, or do not belong, in one frame.

`Chunks` are stored one after the other, each in a transaction of its own and possibly into several
tables, so that a run over years needs the memory of a session and loses at most one when it is
killed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

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
