"""Which session a time of the vendor means.

Sessions are days of New York. The grouped answer dates a bar by its end (16:00 there), the range
answer by its start (midnight there, in summer and winter time), both in milliseconds of UTC; so a
day is always read in New York, never in UTC or in the machine's own time zone.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd

NEW_YORK = ZoneInfo("America/New_York")

FINAL = time(20, 15)
"""New York time after which a session's bars change no more: trading after hours, which counts in
the volume, ends at 20:00, and delayed plans see it a quarter of an hour later."""

SATURDAY = 5


def bounds(session: date) -> tuple[int, int]:
    """Milliseconds of UTC at which the day begins and ends in New York."""
    return _midnight(session), _midnight(session + timedelta(days=1))


def days_of(milliseconds: "pd.Series") -> "pd.Series":
    """Days in New York, as datetime64[s]; missing where the time is no possible one."""
    import pandas as pd

    moments = pd.to_datetime(milliseconds, unit="ms", utc=True, errors="coerce")
    local = moments.dt.tz_convert(NEW_YORK).dt.tz_localize(None)
    return local.dt.normalize().astype("datetime64[s]")


def is_over(session: date, now: datetime) -> bool:
    """Whether nothing of `session` can change any more at `now`, after-hours trading included."""
    return now >= datetime.combine(session, FINAL, NEW_YORK)


def weekdays(first: date, last: date) -> list[date]:
    """Mondays to Fridays from `first` to `last`."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < SATURDAY]


def today(now: datetime) -> date:
    """Day in New York."""
    return now.astimezone(NEW_YORK).date()


def day(text: object) -> date | None:
    """Read an ISO date; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def moment(text: object) -> datetime | None:
    """Read an ISO time, taken to be UTC if it has no zone; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def day_of_moment(text: object) -> date | None:
    """Day meant by a time such as `delisted_utc`: midnight, of UTC or of New York."""
    instant = moment(text)
    if instant is None:
        return None
    utc = instant.astimezone(UTC)
    return utc.date() if utc.time() == time() else today(utc)


def _midnight(day: date) -> int:
    return round(datetime.combine(day, time(), NEW_YORK).timestamp() * 1000)
