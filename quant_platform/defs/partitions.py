"""The one partitions definition, exchange sessions, and how far an asset looks back over them.

Keys are the days of the sessions in UTC: the window of session D ends at the midnight that follows
its close, so a session can be materialised the same evening and never before. Weekends and
closures, past and scheduled, are excluded.
"""

from collections.abc import Sequence
from datetime import UTC, date, time, timedelta
from functools import lru_cache

import dagster as dg

from quant_platform.market.sessions import (
    FIRST_DAY,
    HORIZON,
    SATURDAY,
    closures,
    midnight,
    sessions_between,
)
from quant_platform.vendors.base import Vendor

WEEKENDS = "0 0 * * 6,0"
ONE_DAY, MIDNIGHT = timedelta(days=1), time()
UPTIME_YEARS = 5
"""How long a process may run before its look-back over a live market's history is too short."""


class SessionPartitions(dg.DailyPartitionsDefinition):
    """Daily partitions that ask the calendar whether days hold a session.

    Dagster asks it of every weekend of every input and output of a run, and would go from one tick
    of a cron schedule to the next to find out.
    """

    def has_any_partitions_in_window(self, time_window: dg.TimeWindow) -> bool:
        """Whether a session's day begins in the window (its end not included)."""
        start, end = time_window.start.astimezone(UTC), time_window.end.astimezone(UTC)
        day = start.date() if start.time() == MIDNIGHT else start.date() + ONE_DAY
        last = end.date() - ONE_DAY if end.time() == MIDNIGHT else end.date()
        while day <= last:
            if day.weekday() < SATURDAY and day not in _closed():
                return True
            day += ONE_DAY
        return False


@lru_cache(maxsize=1)
def _closed() -> frozenset[date]:
    return frozenset(closures(FIRST_DAY))


@lru_cache(maxsize=8)
def session_partitions(first: date, last: date | None) -> SessionPartitions:
    """Sessions from `first` to `last`, or on and on.

    One object per process, since Dagster caches per object.
    """
    excluded = [midnight(day) for day in closures(first, last or HORIZON)]
    return SessionPartitions(
        start_date=midnight(first),
        end_date=None if last is None else midnight(last + timedelta(days=1)),
        timezone="UTC",
        exclusions=[WEEKENDS, *excluded],
    )


def lookback(sessions: int) -> dg.TimeWindowPartitionMapping:
    """Session D needs the upstream sessions D-(sessions-1) to D."""
    return dg.TimeWindowPartitionMapping(start_offset=-(sessions - 1), end_offset=0)


def whole_history(vendor: Vendor) -> dg.TimeWindowPartitionMapping:
    """Session D needs all upstream sessions up to D.

    Dagster counts a look-back off session by session, and beyond the first one too, each time it
    maps a partition: an offset much longer than the market's history costs seconds in every run.
    """
    last = vendor.last_session or date.today() + timedelta(days=366 * UPTIME_YEARS)
    return lookback(len(sessions_between(vendor.first_session, min(last, HORIZON))))


def previous_session() -> dg.TimeWindowPartitionMapping:
    """Session D needs the upstream session before it."""
    return dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


def window_sessions(vendor: Vendor, keys: Sequence[str], lookback_sessions: int) -> list[str]:
    """Sessions that a run over `keys` reads when it looks back.

    Ascending ISO dates, ending with the last key.
    """
    first, last = date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])
    known = sessions_between(vendor.first_session, last)
    start = max(known.index(first) - (lookback_sessions - 1), 0)
    return [day.isoformat() for day in known[start:]]
