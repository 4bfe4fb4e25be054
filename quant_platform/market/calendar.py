"""`Calendar`: the sessions and closes of an exchange, as a value.

1. The facts of an exchange (`market/exchanges/`) list its closures and early closes. No calendar
   library is needed at run time; tests compare every session and close with `exchange_calendars`.
2. A calendar adds the closures that the lists lack, which the settings name.
3. Equal calendars give equal answers. What a calendar has worked out goes away with it, so that
   calendars with different closures can stand side by side in a process.

What belongs here: every question about sessions. What does not: partitions (`defs/partitions.py`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import SessionError, SettingsError, UnknownNameError
from quant_platform.market.exchanges import Exchange, exchange_of
from quant_platform.vendors.vendor_registry import vendor_exchange

if TYPE_CHECKING:
    from quant_platform.settings import Settings

DEFAULT_EXCHANGE = "XNYS"
"""Exchange of the vendors."""

CLOSURES_SETTING = "QUANT_PLATFORM_CLOSURES"
"""Names the closures that an exchange's lists lack."""

SATURDAY = 5

ONE_DAY = timedelta(days=1)

LONGEST_PERIOD = {"session": 1, "week": 5, "month": 23, "quarter": 66, "year": 262}
"""Period → most sessions that it may have: its most weekdays."""

LONGEST_BREAK = timedelta(days=11)
"""More than ever lay between two sessions: seven days, in September 2001."""


@dataclass(frozen=True)
class Calendar:
    """Sessions and closes of one exchange; before and after the days it lists there are none.

    Parameters
    ----------
    name : market identifier code of the exchange, such as XNYS
    closures : weekdays without trading that the exchange's lists lack

    Raises
    ------
    UnknownNameError
        There is no calendar of that exchange.
    SettingsError
        A closure is a weekend or outside the calendar.

    Examples
    --------
    >>> from datetime import date
    >>> day = date(2026, 12, 24)
    >>> Calendar().is_session(day), Calendar("XNYS", frozenset({day})).is_session(day)
    (True, False)
    """

    name: str = DEFAULT_EXCHANGE
    closures: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        first, last = self.exchange.first, self.exchange.last
        for day in sorted(self.closures):
            if day.weekday() >= SATURDAY or not first <= day <= last:
                raise SettingsError(
                    f"{CLOSURES_SETTING} names {day:%A} {day}",
                    f"It must be days from Monday to Friday, from {first} to {last}",
                )

    @property
    def exchange(self) -> Exchange:
        """Facts of the exchange."""
        return exchange_of(self.name)

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the exchange's clock."""
        return self.exchange.zone

    @property
    def first(self) -> date:
        """First day that a user may ask for."""
        return self.exchange.first

    @property
    def last(self) -> date:
        """Last day of the calendar, years ahead of the present."""
        return self.exchange.last

    def check_start(self, first: date, vendor: str) -> None:
        """Raise where a vendor's market begins before the calendar.

        Raises
        ------
        SettingsError
            It does; the message says from when on its rows can be stored.
        """
        if first < self.first:
            raise SettingsError(
                f"The vendor {vendor!r} begins on {first}, before the calendar of"
                f" {self.exchange.title}, which begins on {self.first}",
                f"Set QUANT_PLATFORM_START={self.first}; what is earlier is not stored",
            )

    def sessions(self, first: date, last: date) -> tuple[date, ...]:
        """All sessions from `first` to `last`, both included."""
        return _between(self._sessions, first, last)

    def closed_days(self, first: date, last: date | None = None) -> tuple[date, ...]:
        """Weekdays from `first` to `last` (default: the calendar's) without trading, ascending."""
        return _between(self._closed_days, first, last or self.last)

    def early_closes(self, first: date, last: date | None = None) -> tuple[date, ...]:
        """Sessions from `first` to `last` (default: the calendar's) that end early, ascending."""
        days = _between(tuple(self.exchange.early_closes), first, last or self.last)
        return tuple(day for day in days if day not in self.closures)

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on `day`."""
        return len(self.sessions(day, day)) == 1

    def previous(self, day: date) -> date:
        """Last session before `day`.

        Raises
        ------
        SessionError
            The calendar begins later.
        """
        place = bisect_left(self._sessions, day)
        if place == 0:
            raise self._outside(day)
        return self._sessions[place - 1]

    def closes(self, sessions: Sequence[date]) -> NDArray[np.datetime64]:
        """Moments at which trading ends in `sessions`: datetime64[s] in UTC."""
        exchange, early = self.exchange, self.exchange.early_closes
        moments = [
            datetime.combine(day, early.get(day) or exchange.usual_close(day), exchange.zone)
            for day in sessions
        ]
        return np.array(
            [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments],
            dtype="datetime64[s]",
        )

    def last_closed(self, now: datetime, first: date) -> date | None:
        """Last session from `first` on whose partition is complete at `now`; None without one.

        A partition ends at the midnight (UTC) that follows the close.

        Raises
        ------
        SessionError
            The calendar has ended.
        """
        yesterday = now.astimezone(UTC).date() - ONE_DAY
        if yesterday > self.last:
            raise self._outside(yesterday)
        done = self.sessions(first, yesterday)
        return done[-1] if done else None

    def parse(self, text: str) -> date:
        """Read an ISO date that must be a session.

        Raises
        ------
        SessionError
            Not a date, outside the calendar, or the exchange was closed; then the message names
            the nearest sessions.
        """
        day = parse_date(text)
        if not self.first <= day <= self.last:
            raise self._outside(day)
        place = bisect_left(self._sessions, day)
        before, at = self._sessions[place - 1], self._sessions[place : place + 1]
        if at == (day,):
            return day
        after = at[0] if at else None
        raise SessionError(
            f"{day} is not a session of {self.exchange.title}",
            f"The sessions around it are {before} and {after}",
        )

    def range(self, start: str, end: str, available: Sequence[date]) -> tuple[date, ...]:
        """Sessions from `start` to `end` that are in `available` (ascending).

        Raises
        ------
        SessionError
            The range is reversed, holds no session, or lies outside what is available.
        """
        first, last = parse_date(start), parse_date(end)
        if first > last:
            raise SessionError(
                f"The range {first} to {last} is reversed", "Put the earlier date first"
            )
        chosen = tuple(day for day in available if first <= day <= last)
        if chosen:
            return chosen
        if not self.sessions(first, last):
            raise SessionError(
                f"There is no exchange session from {first} to {last}",
                "Choose a range with a trading day",
            )
        raise SessionError(
            f"There is no data from {first} to {last}",
            f"The market runs from {available[0]} to {available[-1]}" if available else "",
        )

    def window(self, first: date, keys: Sequence[str], lookback: int) -> list[str]:
        """Sessions that a run over `keys` reads when it looks back; ISO dates, ascending.

        Parameters
        ----------
        first : the market's first session
        keys : sessions of the run, ascending ISO dates
        lookback : sessions that a value of one session depends on, that session included
        """
        start, last = date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])
        sessions = self.sessions(first, last)
        begin = max(sessions.index(start) - (lookback - 1), 0)
        return [day.isoformat() for day in sessions[begin:]]

    def begins(self, sessions: NDArray[np.datetime64], period: str) -> NDArray[np.bool_]:
        """Which of consecutive sessions are the first of their period, wherever the array starts.

        Parameters
        ----------
        sessions : datetime64[D], ascending
        period : one of `LONGEST_PERIOD`; weeks begin on Monday

        Raises
        ------
        UnknownNameError
            There is no such period.

        Examples
        --------
        >>> import numpy as np
        >>> days = np.array(["2011-01-31", "2011-02-01", "2011-02-02"], dtype="datetime64[D]")
        >>> Calendar().begins(days, "month").tolist()
        [False, True, False]
        """
        if period not in LONGEST_PERIOD:
            raise UnknownNameError(
                f"There is no period {period!r}", f"Choose from: {', '.join(LONGEST_PERIOD)}"
            )
        if period == "session" or not len(sessions):
            return np.ones(len(sessions), dtype=bool)
        first = sessions[0].item()
        place = bisect_left(self._sessions, first)
        # The calendar's very first session begins a period, whatever its date.
        before = self._sessions[place - 1] if place else first - timedelta(days=366)
        numbers = _period_numbers(
            np.concatenate(([np.datetime64(before, "D")], sessions.astype("datetime64[D]"))), period
        )
        changes: NDArray[np.bool_] = numbers[1:] != numbers[:-1]
        return changes

    def day_after_previous(self, session: date) -> date:
        """First day that belongs to `session`: days without trading are of the session after."""
        return session if session <= self.first else self.previous(session) + ONE_DAY

    def consecutive(self, sessions: Sequence[date]) -> Iterator[list[date]]:
        """Split ascending sessions where the exchange had others between them."""
        if not sessions:
            return
        requested, block = set(sessions), []
        for session in self.sessions(sessions[0], sessions[-1]):
            if session in requested:
                block.append(session)
            elif block:
                yield block
                block = []
        yield block

    def _outside(self, day: date) -> SessionError:
        return SessionError(
            f"{day} lies outside the calendar", f"It runs from {self.first} to {self.last}"
        )

    @cached_property
    def _closed_days(self) -> tuple[date, ...]:
        return tuple(sorted(self.closures.union(self.exchange.closures)))

    @cached_property
    def _sessions(self) -> tuple[date, ...]:
        first, last = self.exchange.listed
        days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
        closed = np.asarray(self._closed_days, dtype="datetime64[D]")
        return tuple(days[np.is_busday(days, holidays=closed)].tolist())


XNYS = Calendar("XNYS")
"""The New York Stock Exchange without further closures: for facts of its past."""


def platform_calendar(settings: "Settings") -> Calendar:
    """Calendar of the exchange of the settings' vendor, with the closures that the settings add.

    Raises
    ------
    SettingsError
        A closure is a weekend or outside the calendar.
    UnknownNameError
        There is no such vendor, or no calendar of its exchange.
    """
    return Calendar(vendor_exchange(settings), frozenset(settings.closures))


def parse_date(text: str) -> date:
    """Read an ISO date, or raise `SessionError`."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise SessionError(f"{text!r} is not a date", "Write it as YYYY-MM-DD") from None


def midnight(day: date) -> datetime:
    """Midnight of `day` without a time zone, as partition exclusions want it."""
    return datetime.combine(day, time())


def _period_numbers(days: NDArray[np.datetime64], period: str) -> NDArray[np.int64]:
    """Return the number of the week, month, quarter or year of each day."""
    if period == "week":
        # Day 0 is Thursday, 1 January 1970; weeks begin on Monday.
        return np.asarray((days.astype(np.int64) + 3) // 7)
    months = days.astype("datetime64[M]").astype(np.int64)
    return np.asarray(months // {"month": 1, "quarter": 3, "year": 12}[period])


def _between(days: tuple[date, ...], first: date, last: date) -> tuple[date, ...]:
    return days[bisect_left(days, first) : bisect_right(days, last)]
