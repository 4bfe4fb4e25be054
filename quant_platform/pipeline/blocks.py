"""Blocks of sessions: how a run over years is computed in the memory of a few months.

1. The sessions that are to be computed are cut into blocks (`blocks`). A block and the sessions
   looked back on hold about `BLOCK_CELLS` cells (sessions × securities), so memory does not grow
   with the length of a run. Each block computes its look-back again, so where that is long, a block
   of as many sessions is cut, as far as these alone hold no more cells.
2. What a block looks back on was mostly read for the block before it, and is kept (`SlidingRows`):
   every row is read once.
3. Each block becomes a `Chunk` that is stored while the next one is computed (`chunks.py`).

No value depends on where a block begins (law 2). What does not belong here: what is computed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from quant_platform.pipeline.platform import Platform
from quant_platform.storage.bulk import Members
from quant_platform.storage.members import securities_of
from quant_platform.storage.stored import Stored

BLOCK_CELLS = 250_000
"""Sessions × securities of a block with what it looks back on: some 100 MB of rows."""

FEWEST_SESSIONS = 20
"""Sessions that a block has at least, however many securities there are."""


@dataclass(frozen=True)
class Block:
    """Consecutive sessions that are computed at once; ISO dates, ascending.

    Attributes
    ----------
    sessions : the sessions computed
    window : the sessions read: those looked back on, then `sessions`
    """

    sessions: Sequence[str]
    window: Sequence[str]


def blocks(
    platform: Platform, sessions: Sequence[str], lookback: int, securities: int
) -> Iterator[Block]:
    """Cut sessions into blocks, and where the exchange had others between them.

    Parameters
    ----------
    sessions : ISO dates, ascending
    lookback : sessions that a value of one session depends on, that session included
    securities : securities of a session
    """
    room = BLOCK_CELLS // max(securities, 1)
    size = max(room - (lookback - 1), min(lookback, room), FEWEST_SESSIONS)
    days = [date.fromisoformat(session) for session in sessions]
    for stretch in platform.calendar.consecutive(days):
        for start in range(0, len(stretch), size):
            block = [day.isoformat() for day in stretch[start : start + size]]
            yield Block(block, platform.window(block, lookback))


def count_securities(platform: Platform, members: Members) -> int:
    """Securities that were in the universe in some session of a range."""
    return len(securities_of(platform.database, members))


class SlidingRows:
    """Stored rows, read block by block; what two windows share is read once.

    Parameters
    ----------
    stored : the rows; nothing outside of them is read
    keep : narrows the rows that were read to those that are wanted; None: all
    """

    def __init__(
        self, stored: Stored, keep: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    ) -> None:
        self._stored = stored
        self._keep = keep
        self._rows: pd.DataFrame | None = None
        self._last = ""

    def over(self, window: Sequence[str]) -> pd.DataFrame:
        """Rows of a window, ordered by date; windows come in the order of their last sessions."""
        first, last = window[0], window[-1]
        if self._rows is None or first > self._last:
            self._rows = self._read(first, last)
        else:
            shared = self._rows[self._rows["date"] >= pd.Timestamp(first)]
            following = next(session for session in window if session > self._last)
            parts = [shared, self._read(following, last)]
            self._rows = pd.concat(
                [part for part in parts if len(part)] or parts, ignore_index=True
            )
        self._last = last
        return self._rows

    def _read(self, first: str, last: str) -> pd.DataFrame:
        rows = self._stored.read(first, last)
        return rows if self._keep is None else self._keep(rows)
