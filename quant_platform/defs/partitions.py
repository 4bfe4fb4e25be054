"""The one partitions definition, exchange sessions, and how far an asset looks back over them.

Keys are the days of the sessions in UTC: the window of session D ends at the midnight that follows
its close, so a session can be materialised the same evening and never before. Weekends and
closures, past and scheduled, are excluded.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

import dagster as dg

from quant_platform.market.sessions import HORIZON, closures, midnight, sessions_between
from quant_platform.vendors.base import Vendor

WEEKENDS = "0 0 * * 6,0"
UPTIME_YEARS = 5
"""How long a process may run before its look-back over a live market's history is too short."""


@lru_cache(maxsize=8)
def session_partitions(first: date, last: date | None) -> dg.DailyPartitionsDefinition:
    """Sessions from `first` to `last`, or on and on.

    One object per process, since Dagster caches per object.
    """
    excluded = [midnight(day) for day in closures(first, last or HORIZON)]
    return dg.DailyPartitionsDefinition(
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
