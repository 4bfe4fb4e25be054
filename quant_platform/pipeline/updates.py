"""Which sessions an update should ask for next: a pure decision, without Dagster.

The calendar says which sessions are closed, the instance which are materialised, the vendor which
are published. What is missing is asked for in order, one contiguous block at a time, since a
portfolio builds on the session before it. A vendor corrects its newest sessions, so a block begins
some sessions early where it may.

What is stale (`staleness.py`) is computed again before anything builds on it.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import Stale

MAX_ATTEMPTS = 5
"""Failed runs of the same sessions after which a person is asked to look."""


@dataclass(frozen=True)
class Failures:
    """Failed runs of the same sessions so far: how many, and when the last one ended."""

    count: int = 0
    last: datetime | None = None

    def next_attempt(self, retry_after: timedelta) -> datetime | None:
        """When the next attempt may begin; None where nothing is to be waited for.

        The pause doubles with each failure: after the first five minutes, five attempts take an
        hour and a quarter, so that a vendor may be down for an hour.
        """
        if self.last is None or not self.count:
            return None
        return self.last + retry_after * (1 << (self.count - 1))


@dataclass(frozen=True)
class Update:
    """Sessions to materialise in one run, and which attempt this is.

    Attributes
    ----------
    stale : assets of which the stale sessions alone are to be computed; else the run is of all
    since : moment of the last change in the ledger, by which the same sessions, stale at another
        time, are another update
    """

    sessions: tuple[date, ...]
    attempt: int
    stale: tuple[str, ...] = ()
    since: str = ""

    @property
    def name(self) -> str:
        """First and last session; the tag by which attempts are counted."""
        span = f"{self.sessions[0]}..{self.sessions[-1]}"
        return f"stale {span} since {self.since}" if self.stale else span

    @property
    def run_key(self) -> str:
        """Unique per attempt: a key is used up even if its run failed."""
        return f"update:{self.name}:{self.attempt}"


@dataclass(frozen=True)
class Wait:
    """Nothing to do now, and why; `pending` is a session that is not published yet."""

    reason: str
    pending: date | None = None


def next_update(
    closed: Sequence[date],
    done: AbstractSet[date],
    is_published: Callable[[date], bool],
    failures: Callable[[str], Failures],
    max_sessions: int,
    corrections: int = 0,
    *,
    now: datetime,
    retry_after: timedelta,
) -> Update | Wait:
    """Decide what to request.

    Parameters
    ----------
    closed : sessions whose partition is complete, ascending
    done : sessions that are materialised to the end of the chain
    is_published : asks the vendor for one session
    failures : failed runs so far, by `Update.name`
    max_sessions : most sessions in one run
    corrections : sessions before the block that are asked for again with it
    now : the time of the clock that dates the runs
    retry_after : pause after the first failed run
    """
    if not closed:
        return Wait("No session of this market has closed yet")
    missing = [session for session in closed if session not in done]
    if not missing:
        return Wait(f"All {len(closed)} closed sessions up to {closed[-1]} are materialised")
    block = published(_first_block(closed, missing, max_sessions), is_published)
    if not block:
        reason = f"{missing[0]} has closed, but the vendor has not published it yet"
        return Wait(reason, pending=missing[0])
    start = closed.index(block[0])
    again = tuple(day for day in closed[max(start - corrections, 0) : start] if day in done)
    block = again + block
    name = Update(block, 0).name
    past = failures(name)
    if past.count >= MAX_ATTEMPTS:
        return Wait(
            f"{name} failed {past.count} times:"
            " look at its last run, mend the cause and launch it by hand"
        )
    due = past.next_attempt(retry_after)
    if due is not None and now < due:
        times = "once" if past.count == 1 else f"{past.count} times"
        at = f"{due.astimezone(UTC):%H:%M} UTC"
        return Wait(f"{name} failed {times}; it is tried again at {at}")
    return Update(block, past.count + 1)


def stale_update(
    stale: Sequence[Stale],
    since: str,
    runs: Callable[[str], Failures | None],
    *,
    now: datetime,
    retry_after: timedelta,
) -> Update | Wait | None:
    """Decide whether to compute again what is stale; None where other updates may go on.

    Parameters
    ----------
    since : moment of the last change in the ledger
    runs : failed runs so far, by `Update.name`; None if one succeeded
    """
    if not stale:
        return None
    days = sorted({date.fromisoformat(day) for each in stale for day in each.sessions})
    assets = tuple(each.asset for each in stale)
    first = Update(tuple(days), 1, assets, since)
    past = runs(first.name)
    if past is None or past.count >= MAX_ATTEMPTS:
        # A person is told by the alerts; what is missing need not wait for it.
        return None
    due = past.next_attempt(retry_after)
    if due is not None and now < due:
        at = f"{due.astimezone(UTC):%H:%M} UTC"
        return Wait(f"{len(days)} stale sessions could not be computed; tried again at {at}")
    return replace(first, attempt=past.count + 1)


def _first_block(
    closed: Sequence[date], missing: Sequence[date], max_sessions: int
) -> Sequence[date]:
    """Return the first missing sessions that have no materialised one between them."""
    start = closed.index(missing[0])
    block = [
        session for session, gone in zip(closed[start:], missing, strict=False) if session == gone
    ]
    return block[:max_sessions]


def published(sessions: Sequence[date], is_published: Callable[[date], bool]) -> tuple[date, ...]:
    """Return the sessions up to the newest that is published, for vendors publish in order.

    The newest is asked about first: usually one question answers for all. If it is not there yet,
    halving finds the newest that is.
    """
    if not sessions or is_published(sessions[-1]):
        return tuple(sessions)
    published, pending = 0, len(sessions) - 1
    while published < pending:
        middle = (published + pending) // 2
        if is_published(sessions[middle]):
            published = middle + 1
        else:
            pending = middle
    return tuple(sessions[:published])


def closed_sessions(platform: Platform, now: datetime, done: set[date]) -> tuple[date, ...]:
    """Sessions that could be there: of a whole market, those since the first one that was stored.

    How far back a market goes is the user's choice, made with the first backfill.
    """
    vendor = platform.vendor
    closed = platform.calendar.last_closed(now, vendor.first_session)
    if closed is None:
        return ()
    last = closed if vendor.last_session is None else min(closed, vendor.last_session)
    first = vendor.first_session if vendor.abilities.market is None else min(done)
    return platform.calendar.sessions(first, last)
