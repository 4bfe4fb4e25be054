"""The vendor's announcements about the exchange, as the sensor remembers them.

The vendor lists special days of the future only. So an announcement is kept, as text in the
sensor's cursor, until its session is done. The vendor is asked once a day (UTC). A new
answer replaces what was announced for future days; announcements of past days stay. What does not
belong here: asking the vendor (`pipeline/market_state.py`), and Dagster.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from quant_platform.market.calendar import CLOSURES_SETTING, XNYS, Calendar
from quant_platform.vendors.answers import MarketStatus

KEPT = timedelta(days=30)
"""Least time that an announcement is remembered after its day."""

LAST_TRADE = time(20)
"""When trading after hours ends, on the exchange's clock."""

TOLERANCE = timedelta(minutes=5)
"""Difference of two clocks up to which there is no warning."""

SENSELESS = timedelta(days=36_500)
"""Difference of two clocks above which the vendor's time is ignored."""

NAME_LENGTH = 80

T = TypeVar("T")


@dataclass(frozen=True)
class Announced:
    """The vendor's last answer, and its earlier announcements of days that have passed.

    Attributes
    ----------
    asked_at : when it was asked, by this machine's clock, in UTC; None: never
    server_time : its own clock then; None: it gave no answer, or no time
    trading : whether the market was trading then
    closed : days on which the exchange stays closed, with the names of the holidays
    early : when trading ends in sessions that end early
    calendar : the exchange's own days and closes; not part of what is written
    """

    asked_at: datetime | None = None
    server_time: datetime | None = None
    trading: bool = False
    closed: Mapping[date, str] = field(default_factory=dict)
    early: Mapping[date, datetime] = field(default_factory=dict)
    calendar: Calendar = XNYS

    @classmethod
    def read(cls, text: str | None, calendar: Calendar) -> "Announced":
        """Read what `written` wrote; any other text is taken as no announcement."""
        try:
            return _read(json.loads(text or ""), calendar)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return cls(calendar=calendar)

    def written(self) -> str:
        """Return all of it as JSON."""
        return json.dumps(
            {
                "asked": self.asked_at and self.asked_at.isoformat(),
                "server_time": self.server_time and self.server_time.isoformat(),
                "trading": self.trading,
                "closed": {day.isoformat(): name for day, name in self.closed.items()},
                "early": {day.isoformat(): close.isoformat() for day, close in self.early.items()},
            }
        )

    def is_due(self, now: datetime) -> bool:
        """Whether the vendor is to be asked: it has not been on this day of UTC."""
        return self.asked_at is None or self.asked_at.date() != now.astimezone(UTC).date()

    def answered(
        self, status: MarketStatus, before: datetime, after: datetime, oldest: date
    ) -> "Announced":
        """Take in the vendor's answer.

        Parameters
        ----------
        before, after : this machine's time when the question was sent and when the answer was there
        oldest : days before it are forgotten
        """
        server = status.server_time
        if server is not None and abs(server - before) > SENSELESS:
            server = None
        # The vendor read its clock between these two times: a slow answer is not a wrong clock.
        asked_at = before if server is None else min(max(server, before), after)
        zone = self.calendar.zone
        today = max(moment.astimezone(zone).date() for moment in (asked_at, server or asked_at))
        closed = {day.date: _one_line(day.name) for day in status.closures()}
        early = {
            day.date: day.closes.astimezone(UTC)
            for day in status.early_closes()
            if day.closes and day.closes.astimezone(zone).date() == day.date
        }
        listed = closed.keys() | early.keys()
        end = max(listed, default=today)

        def still_announced(old: Mapping[date, T]) -> dict[date, T]:
            # A future day that the list no longer names was called off.
            return {
                day: value
                for day, value in old.items()
                if day >= oldest and day not in listed and not today < day <= end
            }

        return replace(
            self,
            asked_at=asked_at.astimezone(UTC),
            server_time=server and server.astimezone(UTC),
            trading=status.is_trading,
            closed=still_announced(self.closed) | closed,
            early=still_announced(self.early) | early,
        )

    def unanswered(self, now: datetime) -> "Announced":
        """Note that the vendor could not be asked; its earlier announcements stay."""
        return replace(self, asked_at=now.astimezone(UTC), server_time=None, trading=False)

    @property
    def clock_warning(self) -> str:
        """What to do about this machine's clock; empty if it is right."""
        if self.asked_at is None or self.server_time is None:
            return ""
        ahead = self.asked_at - self.server_time
        if abs(ahead) <= TOLERANCE:
            return ""
        minutes = round(abs(ahead).total_seconds() / 60)
        side = "ahead of" if ahead > TOLERANCE else "behind"
        return (
            f"This machine's clock is {minutes:,} minutes {side} the vendor's, which said"
            f" {self.server_time:%Y-%m-%d %H:%M} UTC. Set the machine's clock: which sessions have"
            " closed and which are late is judged by it"
        )

    def is_trading(self, session: date, now: datetime) -> bool:
        """Whether `session` is the vendor's own today, and its last word is that trading goes on.

        That word holds until trading after hours ends.
        """
        if self.asked_at is None or self.server_time is None or not self.trading:
            return False
        zone = self.calendar.zone
        vendor_then = self.server_time.astimezone(zone)
        vendor_now = (now + (self.server_time - self.asked_at)).astimezone(zone)
        return session == vendor_then.date() == vendor_now.date() and vendor_now.time() < LAST_TRADE

    def close_of(self, session: date) -> datetime:
        """When trading in `session` ends, by the vendor's announcement, else by the calendar."""
        usual: datetime = self.calendar.closes([session])[0].item().replace(tzinfo=UTC)
        return self.early.get(session, usual)


def unknown_closures(
    calendar: Calendar, closed: Mapping[date, str], first: date, done: AbstractSet[date]
) -> dict[date, str]:
    """Days on which the exchange is closed and the calendar has a session, ascending.

    Parameters
    ----------
    closed : days that were announced, with names
    first : the market's first session; what was before it does not matter
    done : sessions that are materialised, so that the vendor had bars of them after all
    """
    days = sorted(day for day in closed if first < day and day not in done)
    return {day: closed[day] for day in days if calendar.is_session(day)}


def before_closures(sessions: Sequence[date], unknown: Collection[date]) -> Sequence[date]:
    """Sessions that can be computed: those before the first unknown closure."""
    first = min(unknown, default=date.max)
    return [session for session in sessions if session < first]


def closure_words(days: Mapping[date, str], settings: Collection[date]) -> str:
    """Say which closures the calendar does not know and what to do.

    Parameters
    ----------
    days : the closures, with names
    settings : all that the setting must hold
    """
    named = " and ".join(f"{day} ({name})" if name else f"{day}" for day, name in days.items())
    taken = "it for a session" if len(days) == 1 else "them for sessions"
    value = ",".join(day.isoformat() for day in sorted(settings))
    return (
        f"The vendor has announced that the exchange is closed on {named}, and the calendar takes"
        f" {taken}. Set {CLOSURES_SETTING}={value} and restart the platform's processes; sessions"
        " after the closure wait for that"
    )


def _read(document: Any, calendar: Calendar) -> Announced:
    asked_at, server = _moment(document["asked"]), document["server_time"]
    server = None if server is None else _moment(server)
    if server is not None and abs(server - asked_at) > SENSELESS:
        raise ValueError("no times of one question")
    names = {date.fromisoformat(day): name for day, name in document["closed"].items()}
    if not all(isinstance(name, str) for name in names.values()):
        raise ValueError("a name is no text")
    early = {date.fromisoformat(day): _moment(close) for day, close in document["early"].items()}
    return Announced(asked_at, server, document["trading"] is True, names, early, calendar)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)


def _one_line(name: str) -> str:
    return " ".join(name.split())[:NAME_LENGTH]
