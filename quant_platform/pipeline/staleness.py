"""Stale sessions: stored rows that no longer follow from what is stored now.

1. A session of an asset is stale if something it was computed from changed after it was read
   (`ledger.py`), if something it was computed from is stale itself, or if it goes on from a
   stale session of its own past.
2. How far each asset looks back is the graph's knowledge; the table `computation_inputs` keeps it
   beside the ledger, so that what is stale can be told by whoever reads the database.
3. Nothing here is remembered: what is stale follows from the ledger, also after a run that failed
   or one that replaced a single session by hand. `announce` alone writes it down for people: as
   verdicts of the check `stale_sessions`, session by session, and as alerts of the origin `ledger`,
   which go when the sessions are computed again.

What does not belong here: computing them again (`unfinished` says which of a run's sessions).
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_platform.market.calendar import Calendar
from quant_platform.pipeline.ledger import FAILED_AT, Ledger, Upstream, read_ledger
from quant_platform.storage.database import Database

if TYPE_CHECKING:
    from quant_platform.pipeline.platform import Platform

Inputs = Mapping[str, Sequence[Upstream]]
"""What each asset is computed from, by its key."""

_ENDS = """
SELECT asset, min(read_at), max(changed_at), count(DISTINCT run_id) FROM computations GROUP BY asset
"""

FAILED = datetime.fromisoformat(FAILED_AT)

EVERY_SESSION = 1_000_000
"""More sessions than a market has."""


@dataclass(frozen=True)
class Stale:
    """Stale sessions of one asset.

    Attributes
    ----------
    asset : key, its parts joined by /
    sessions : ISO dates, ascending; never empty
    inputs : assets of which something changed or is stale, the asset itself for its own past
    failed : whether it could not be computed (`failures.py`)
    """

    asset: str
    sessions: Sequence[str]
    inputs: Sequence[str]
    failed: bool = False

    @property
    def because(self) -> str:
        """What made it stale."""
        return ", ".join([*(["its own failure"] if self.failed else []), *self.inputs])

    def __str__(self) -> str:
        """Say which sessions, and what changed."""
        count, first, last = len(self.sessions), self.sessions[0], self.sessions[-1]
        which = f"session {first}" if count == 1 else f"{count:,} sessions, {first} to {last}"
        return f"{self.asset}: {which}, because of {self.because}"


def write_inputs(database: Database, inputs: Inputs) -> None:
    """Make `inputs` the content of `computation_inputs`."""
    wanted = {
        (asset, upstream.asset, upstream.first, upstream.last)
        for asset, of_asset in inputs.items()
        for upstream in of_asset
    }
    with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT asset, upstream, first_back, last_back FROM computation_inputs")
        if set(cursor.fetchall()) == wanted:
            return
        cursor.execute("LOCK computation_inputs IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("DELETE FROM computation_inputs")
        cursor.executemany(
            "INSERT INTO computation_inputs VALUES (%s, %s, %s, %s)", sorted(wanted, key=str)
        )


def read_inputs(database: Database) -> Inputs:
    """Read what was written by `write_inputs` last."""
    inputs: dict[str, list[Upstream]] = {}
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT asset, upstream, first_back, last_back FROM computation_inputs ORDER BY 1, 2"
        )
        for asset, *upstream in cursor.fetchall():
            inputs.setdefault(asset, []).append(Upstream(*upstream))
    return inputs


def stale_sessions(
    database: Database, calendar: Calendar, first: date, last: str | None = None
) -> list[Stale]:
    """Stale sessions of every asset that has any, in the order in which assets are computed.

    Parameters
    ----------
    first : first session of the market
    last : session after which nothing is looked at; default: none
    """
    inputs = read_inputs(database)
    if not inputs or _all_is_newer(database, inputs):
        return []
    ledger = read_ledger(database, calendar, first, last)
    is_stale = stale_places(ledger, inputs)
    return [
        Stale(
            asset,
            [ledger.calendar[place] for place in np.flatnonzero(places).tolist()],
            [] if failed else _causes(ledger, asset, inputs[asset], is_stale),
            failed,
        )
        for asset, places in is_stale.items()
        for failed in [ledger.has_failed(asset)]
        if places.any()
    ]


def _all_is_newer(database: Database, inputs: Inputs) -> bool:
    """Whether all of each asset was read after the last change of its inputs, as in a first fill.

    Then nothing is stale, and the sessions need not be looked at one by one.
    """
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(_ENDS)
        ends = {asset: (read, changed, runs) for asset, read, changed, runs in cursor.fetchall()}
    for asset, of_asset in inputs.items():
        if asset not in ends:
            continue
        read, _, runs = ends[asset]
        for parent in of_asset:
            if parent.asset == asset:
                # One run computes sessions in their order, each from the one before it.
                if runs > 1:
                    return False
            elif parent.asset in ends and ends[parent.asset][1] > read:
                return False
    # What failed was read before everything.
    return all(read > FAILED for read, _, _ in ends.values())


def stale_of(platform: "Platform", last: str | None = None) -> list[Stale]:
    """`stale_sessions` of a platform's own database and market."""
    first = platform.vendor.first_session
    return stale_sessions(platform.database, platform.calendar, first, last)


def stale_places(ledger: Ledger, inputs: Inputs) -> Mapping[str, np.ndarray]:
    """Whether each session of the calendar is stale, by asset, each asset after its inputs."""
    parents = {
        asset: {each.asset for each in of_asset if each.asset != asset}
        for asset, of_asset in inputs.items()
    }
    is_stale: dict[str, np.ndarray] = {}
    for asset in TopologicalSorter(parents).static_order():
        of_asset = inputs.get(asset, ())
        stale = ledger.changed_inputs(asset, of_asset)
        for parent in of_asset:
            if parent.asset != asset:
                stale |= _reached(is_stale[parent.asset], parent)
        if any(parent.asset == asset for parent in of_asset):
            stale = np.logical_or.accumulate(stale)
        is_stale[asset] = stale & ledger.of(asset).is_computed
    return is_stale


class StaleInputs:
    """Tells a run which stale sessions it builds on.

    The ledger is read again only where something was stale, or older rows have changed since.
    """

    def __init__(self, platform: "Platform") -> None:
        """Take the platform; nothing is read before it is asked for."""
        self._platform = platform
        self._stale: list[Stale] | None = None
        self._read_at: object = None

    def of(self, asset: str, sessions: Sequence[str]) -> list[Stale]:
        """Stale sessions among those that consecutive sessions of an asset are computed from.

        Of its own past, those before the first of `sessions`.
        """
        if self._stale is None or self._stale or self._have_older_rows_changed():
            ((self._read_at,),) = self._rows("SELECT clock_timestamp()")
            self._stale = stale_of(self._platform)
        stale = {each.asset: each for each in self._stale}
        upstream = read_inputs(self._platform.database).get(asset, ()) if stale else ()
        days = self._platform.window([sessions[-1]], EVERY_SESSION)
        start, end = days.index(sessions[0]), len(days) - 1
        found = []
        for parent in upstream:
            since = 0 if parent.first is None else max(start - parent.first, 0)
            until = (start if parent.asset == asset else end) - parent.last
            was_read = set(days[since : max(until + 1, 0)])
            of_parent = stale[parent.asset].sessions if parent.asset in stale else ()
            read = [session for session in of_parent if session in was_read]
            if read:
                found.append(replace(stale[parent.asset], sessions=read))
        return found

    def _have_older_rows_changed(self) -> bool:
        """Whether something failed, or changed since, of the sessions that were in the ledger."""
        ((changed,),) = self._rows(
            "SELECT EXISTS (SELECT 1 FROM computations WHERE read_at = %s OR changed_at > %s"
            " AND date < (SELECT max(date) FROM computations))",
            *(FAILED_AT, self._read_at),
        )
        return bool(changed)

    def _rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        database = self._platform.database
        with closing(database.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return list(cursor.fetchall())


def _reached(stale: np.ndarray, parent: Upstream) -> np.ndarray:
    """Where some of the sessions that are read of a parent are stale."""
    counted = np.concatenate([[0], np.cumsum(stale)])
    places = np.arange(len(stale))
    until = np.clip(places - parent.last + 1, 0, None)
    since = 0 if parent.first is None else np.clip(places - parent.first, 0, None)
    reached: np.ndarray = counted[until] > counted[since]
    return reached


def _causes(
    ledger: Ledger, asset: str, inputs: Sequence[Upstream], is_stale: Mapping[str, np.ndarray]
) -> list[str]:
    """Inputs that make a session of the asset stale."""
    causes = []
    for parent in inputs:
        changed = ledger.changed_inputs(asset, [parent])
        if parent.asset != asset:
            changed |= _reached(is_stale[parent.asset], parent) & ledger.of(asset).is_computed
        if changed.any():
            causes.append(parent.asset)
    return causes
