"""The ledger of computations as it is read: when each session was computed, and what follows.

Kept light (no frames, no Dagster), since `status` asks it. What does not belong here: how entries
are written, and which sessions a run has to compute (`computations.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from quant_platform.market.calendar import Calendar
from quant_platform.storage.database import Database

NEVER = np.iinfo(np.int64).min
"""Moment (microseconds) of what never happened."""

FAILED_AT = "1970-01-01T00:00:00Z"
"""Moment at which a session that could not be computed counts as computed: before everything."""


@dataclass(frozen=True)
class Upstream:
    """What an asset is computed from.

    Attributes
    ----------
    asset : key, its parts joined by /
    first, last : sessions before the computed one that are read, such as 19 and 0 for a window of
        20; `first` None: all of them from the beginning
    """

    asset: str
    first: int | None = 0
    last: int = 0


@dataclass(frozen=True)
class Entries:
    """An asset's entries by session of the calendar.

    Attributes
    ----------
    read, changed : moments in microseconds, `NEVER` without an entry
    runs : digests of the runs' ids
    same_recipe : whether the recipe is the one that was asked for
    """

    read: np.ndarray
    changed: np.ndarray
    runs: np.ndarray
    same_recipe: np.ndarray

    @classmethod
    def none(cls, size: int) -> "Entries":
        """Entries of an asset without any."""
        never = np.full(size, NEVER)
        return cls(never, never.copy(), np.zeros(size, np.int64), np.zeros(size, dtype=bool))

    @property
    def is_computed(self) -> np.ndarray:
        """Whether there is an entry."""
        computed: np.ndarray = self.read != NEVER
        return computed


@dataclass(frozen=True)
class Ledger:
    """Entries of assets.

    Attributes
    ----------
    calendar : sessions of the market from its first one on, ISO dates
    entries : by asset; those of an asset without any are left out
    """

    calendar: Sequence[str]
    entries: Mapping[str, Entries]

    def of(self, asset: str) -> Entries:
        """Entries of one asset."""
        if asset in self.entries:
            return self.entries[asset]
        return Entries.none(len(self.calendar))

    def has_failed(self, asset: str) -> bool:
        """Whether some session of the asset could not be computed."""
        return bool((self.of(asset).read == 0).any())

    def changed_inputs(self, asset: str, parents: Iterable[Upstream]) -> np.ndarray:
        """Where something that the asset's session was computed from changed after it was read."""
        own = self.of(asset)
        changed = np.zeros(len(self.calendar), dtype=bool)
        for parent in parents:
            if parent.asset == asset:
                changed |= _past_changed(own)
            else:
                changed |= _latest(self.of(parent.asset).changed, parent) > own.read
        reached: np.ndarray = changed & own.is_computed
        return reached


# Seconds as float8 hold today's microseconds exactly once they are rounded, and come as arrays.
_ENTRIES = """
SELECT asset, array_agg(date - DATE '1970-01-01'), array_agg(date_part('epoch', read_at)),
    array_agg(date_part('epoch', changed_at)), array_agg(hashtextextended(run_id, 0)),
    array_agg((recipe = %(recipe)s)::integer)
FROM computations
WHERE date <= %(last)s AND (%(assets)s::text[] IS NULL OR asset = ANY (%(assets)s::text[]))
GROUP BY asset
"""


def read_ledger(
    database: Database,
    calendar: Calendar,
    first: date,
    last: str | None = None,
    assets: Sequence[str] | None = None,
    recipe: str = "",
) -> Ledger:
    """Read the entries of assets (default: of all) up to a session (default: the newest).

    Parameters
    ----------
    first : first session of the market
    recipe : recipe that the entries are compared with
    """
    names = None if assets is None else list(assets)
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        if last is None:
            cursor.execute("SELECT max(date)::text FROM computations")
            ((last,),) = cursor.fetchall()
        if last is None:
            return Ledger([], {})
        cursor.execute(_ENTRIES, {"recipe": recipe, "last": last, "assets": names})
        rows = cursor.fetchall()
    days = calendar.sessions(first, date.fromisoformat(last))
    market = np.asarray(days, dtype="datetime64[D]").astype(np.int64)
    entries = {asset: _placed(columns, market) for asset, *columns in rows}
    return Ledger([day.isoformat() for day in days], entries)


def _placed(columns: Sequence[Any], market: np.ndarray) -> Entries:
    """Entries at the places of their sessions; those of days that are none are left out."""
    days, read, changed, runs, same = (np.asarray(column) for column in columns)
    is_session = np.isin(days, market)
    at = np.searchsorted(market, days[is_session])
    placed = Entries.none(len(market))
    placed.read[at] = _microseconds(read[is_session])
    placed.changed[at] = _microseconds(changed[is_session])
    placed.runs[at], placed.same_recipe[at] = runs[is_session], same[is_session] == 1
    return placed


def _microseconds(seconds: np.ndarray) -> np.ndarray:
    whole: np.ndarray = np.rint(seconds * 1e6).astype(np.int64)
    return whole


def _latest(changed: np.ndarray, parent: Upstream) -> np.ndarray:
    """Last change of the sessions that each session reads of a parent."""
    if parent.first is None:
        return np.maximum.accumulate(changed)
    before = np.full(parent.first, NEVER)
    padded = np.concatenate([before, changed])
    width = parent.first - parent.last + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[: len(changed)]
    latest: np.ndarray = windows.max(axis=1)
    return latest


def _past_changed(own: Entries) -> np.ndarray:
    """Where the session before changed after it had been read, by another run than the session's.

    One run computes sessions in their order, each from the one before it, before that is stored.
    """
    stale = np.zeros(len(own.read), dtype=bool)
    stale[1:] = (own.changed[:-1] > own.read[1:]) & (own.runs[:-1] != own.runs[1:])
    return stale
