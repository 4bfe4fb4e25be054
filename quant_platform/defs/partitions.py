"""The one partitions definition, exchange sessions, and how far an asset looks back over them.

Keys are the days of the sessions in UTC: the window of session D ends at the midnight that follows
its close, so a session can be materialised the same evening and never before. Weekends and
closures, past and scheduled, are excluded. Questions about sessions do not belong here: see
`market/calendar.py`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import numpy as np

from quant_platform.market.calendar import Calendar, midnight
from quant_platform.vendors.base import Vendor

WEEKENDS = "0 0 * * 6,0"
ONE_DAY = timedelta(days=1)
DAY_SECONDS = ONE_DAY.total_seconds()
UTC_ZONE = ZoneInfo("UTC")
UPTIME_YEARS = 5
"""How long a process may run before its look-back over a live market's history is too short."""

WINDOWS_BEFORE, WINDOWS_TO = timedelta(days=366), date(2040, 12, 31)
"""The windows that a definition works out at once: from so long before its first day, to this."""


class SessionPartitions(dg.DailyPartitionsDefinition):
    """Daily partitions without weekends and closures that work out their windows at once.

    Dagster goes from one tick of a cron schedule to the next, past every exclusion, for each input
    and output of a run: seconds, where a look-back or a range is long. For each check it writes all
    keys as text, and for each of its caches the whole definition. The methods are Dagster's own;
    should it cease to call them, nothing is lost but the time.
    """

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: Any = None,
    ) -> Sequence[str]:
        """Keys of the sessions that have ended by a moment, ascending; None: by now."""
        last = self.get_last_partition_key() if current_time is None else None
        if last is None or last > self._keys[-1]:
            return super().get_partition_keys(current_time, dynamic_partitions_store)
        return self._keys[: bisect_right(self._keys, last)]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return int(super().__hash__())  # type: ignore[no-untyped-call]

    @cached_property
    def _keys(self) -> list[str]:
        """Key of every session from the first on, by the definition's exclusions."""
        starts, windows = self._windows
        first = bisect_left(starts, self.start_timestamp)
        return [window.start.date().isoformat() for window in windows[first:]]

    def _iterate_time_windows(
        self, start_timestamp: float, ignore_exclusions: bool = False
    ) -> Iterator[dg.TimeWindow]:
        """Windows that start at or after a moment (seconds since 1970), without end."""
        if not ignore_exclusions:
            starts, windows = self._windows
            for place in range(bisect_left(starts, start_timestamp), len(windows)):
                yield windows[place]
            start_timestamp = max(start_timestamp, starts[-1] + DAY_SECONDS)
        yield from super()._iterate_time_windows(start_timestamp, ignore_exclusions)

    def _reverse_iterate_time_windows(
        self, end_timestamp: float, ignore_exclusions: bool = False
    ) -> Iterator[dg.TimeWindow]:
        """Windows that end at or before a moment, newest first, without end."""
        starts, windows = self._windows
        if not ignore_exclusions and end_timestamp <= starts[-1] + DAY_SECONDS:
            for place in range(bisect_right(starts, end_timestamp - DAY_SECONDS) - 1, -1, -1):
                yield windows[place]
            end_timestamp = min(end_timestamp, starts[0])
        yield from super()._reverse_iterate_time_windows(end_timestamp, ignore_exclusions)

    @cached_property
    def _windows(self) -> tuple[list[float], list[dg.TimeWindow]]:
        """Start (seconds since 1970) and window of every session, by the definition's exclusions.

        A look-back goes past the first session, so that the windows begin before it.
        """
        excluded = [day.timestamp for day in self.exclusions or () if not isinstance(day, str)]
        first = self.start.date() - WINDOWS_BEFORE
        days = np.arange(np.datetime64(first, "D"), np.datetime64(WINDOWS_TO, "D") + 1)
        closed = np.array(excluded, dtype="int64").astype("datetime64[s]").astype("datetime64[D]")
        sessions = days[np.is_busday(days, holidays=closed)].tolist()
        starts = [midnight(day).replace(tzinfo=UTC_ZONE) for day in sessions]
        windows = [dg.TimeWindow(start, start + ONE_DAY) for start in starts]
        return [start.timestamp() for start in starts], windows


@lru_cache(maxsize=8)
def session_partitions(calendar: Calendar, first: date, last: date | None) -> SessionPartitions:
    """Sessions from `first` to `last`, or on and on.

    One object per process and calendar, since Dagster caches per object.
    """
    excluded = [midnight(day) for day in calendar.closed_days(first, last)]
    return SessionPartitions(
        start_date=midnight(first),
        end_date=None if last is None else midnight(last + timedelta(days=1)),
        timezone="UTC",
        exclusions=[WEEKENDS, *excluded],
    )


def lookback(sessions: int) -> dg.TimeWindowPartitionMapping:
    """Session D needs the upstream sessions D-(sessions-1) to D."""
    return dg.TimeWindowPartitionMapping(start_offset=-(sessions - 1), end_offset=0)


def whole_history(calendar: Calendar, vendor: Vendor) -> dg.TimeWindowPartitionMapping:
    """Session D needs all upstream sessions up to D.

    Dagster counts a look-back off session by session, and beyond the first one too, each time it
    maps a partition: an offset much longer than the market's history costs seconds in every run.
    """
    today = datetime.now(UTC).date()
    last = vendor.last_session or today + timedelta(days=366 * UPTIME_YEARS)
    return lookback(len(calendar.sessions(vendor.first_session, last)))


def previous_session() -> dg.TimeWindowPartitionMapping:
    """Session D needs the upstream session before it."""
    return dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
