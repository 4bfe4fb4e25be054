"""The XNYS calendar: the exchange's sessions and closes, from rules plus lists of exceptions.

Pure and quick (no calendar library at run time), so that the partition set is a constant of the
process. A test compares every session with `exchange_calendars`. Rules run to `HORIZON`, future
closures included. Sources: NYSE Rule 7.2 and the exchange's notices of special closures. Closures
that the settings add are told to `observe_closures`, once, where settings are loaded.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import SessionError, SettingsError

FIRST_DAY = date(2000, 1, 1)
"""First day for which one-off closures are listed."""

HORIZON = date(2040, 12, 31)
"""Last day for which closures are listed."""

SPECIAL_CLOSURES = (
    date(2001, 9, 11),  # attacks of 11 September
    date(2001, 9, 12),
    date(2001, 9, 13),
    date(2001, 9, 14),
    date(2004, 6, 11),  # mourning for Ronald Reagan
    date(2007, 1, 2),  # mourning for Gerald Ford
    date(2012, 10, 29),  # hurricane Sandy
    date(2012, 10, 30),
    date(2018, 12, 5),  # mourning for George H. W. Bush
    date(2025, 1, 9),  # mourning for Jimmy Carter
)

SPECIAL_EARLY_CLOSES = (
    date(2002, 7, 5),  # until 2012 the Friday after a 4 July on a Thursday, instead of the 3rd
    date(2003, 12, 26),  # Friday after Christmas
)

FIRST_JUNETEENTH = 2022
FIRST_EARLY_WEDNESDAY = 2013
"""From this year on a 3 July on a Wednesday closes early, too."""

CLOSE, EARLY_CLOSE = time(16), time(13)
"""When trading ends, on the clock of `EXCHANGE_ZONE`."""

EXCHANGE_ZONE = ZoneInfo("America/New_York")

LONGEST_BREAK = timedelta(days=10)
"""More days than ever lay between two sessions: seven, in September 2001."""

MONDAY, WEDNESDAY, THURSDAY, SATURDAY, SUNDAY = 0, 2, 3, 5, 6

CLOSURES_SETTING = "QUANT_PLATFORM_CLOSURES"
"""Names the closures that the lists above lack."""


class _Observed:
    """Closures of this process beyond the lists above; None until it was told of any."""

    days: frozenset[date] | None = None


def observe_closures(days: Collection[date]) -> None:
    """Take `days` for closures too, in all of this process.

    Called wherever settings are loaded, with the same days each time: partitions and look-backs
    that were computed over one calendar do not fit another.

    Raises
    ------
    SettingsError
        A day is a weekend or outside the calendar, or the process computes over other closures
        already.
    """
    further = frozenset(days)
    if further == _Observed.days:
        return
    for day in sorted(further):
        if day.weekday() >= SATURDAY or not FIRST_DAY <= day <= HORIZON:
            raise SettingsError(
                f"{CLOSURES_SETTING} names {day:%A} {day}",
                f"It must be days from Monday to Friday, from {FIRST_DAY} to {HORIZON}",
            )
    if _Observed.days is not None:
        raise SettingsError(
            f"This process computes over other closures than {CLOSURES_SETTING} names",
            "Start a new process",
        )
    _Observed.days = further
    closures.cache_clear()
    sessions_between.cache_clear()


@lru_cache(maxsize=8)
def closures(first: date, last: date = HORIZON) -> tuple[date, ...]:
    """Weekdays from `first` to `last` on which the exchange is closed, ascending."""
    days = {day for year in range(first.year, last.year + 2) for day in _holidays(year)}
    days.update(SPECIAL_CLOSURES, _Observed.days or ())
    return tuple(sorted(day for day in days if first <= day <= last and day.weekday() < SATURDAY))


@lru_cache(maxsize=8)
def sessions_between(first: date, last: date) -> tuple[date, ...]:
    """All sessions from `first` to `last`, both included."""
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    closed = np.asarray(closures(date(first.year, 1, 1), HORIZON), dtype="datetime64[D]")
    open_days = days[np.is_busday(days, holidays=closed)]
    return tuple(open_days.tolist())


def is_session(day: date) -> bool:
    """Whether the exchange trades on `day`."""
    return len(sessions_between(day, day)) == 1


def session_before(day: date) -> date:
    """Last session before `day`."""
    return sessions_between(day - LONGEST_BREAK, day - timedelta(days=1))[-1]


def early_closes(first: date, last: date = HORIZON) -> tuple[date, ...]:
    """Sessions from `first` to `last` that end at 13:00 instead of 16:00, ascending.

    They are the day after Thanksgiving, Christmas Eve and 3 July, where these are sessions.
    """
    days = set(SPECIAL_EARLY_CLOSES)
    closed = closures(date(first.year, 1, 1))
    for year in range(first.year, last.year + 1):
        eve = date(year, 7, 3)
        days |= {_nth_weekday(year, 11, THURSDAY, 4) + timedelta(days=1), date(year, 12, 24)}
        if eve.weekday() != WEDNESDAY or year >= FIRST_EARLY_WEDNESDAY:
            days.add(eve)
    return tuple(
        sorted(
            day
            for day in days.difference(closed)
            if first <= day <= last and day.weekday() < SATURDAY
        )
    )


def session_closes(sessions: Sequence[date]) -> NDArray[np.datetime64]:
    """Moments at which trading ends in `sessions` (ascending): datetime64[s] in UTC."""
    early = set(early_closes(sessions[0], sessions[-1])) if sessions else set()
    moments = [
        datetime.combine(day, EARLY_CLOSE if day in early else CLOSE, EXCHANGE_ZONE)
        for day in sessions
    ]
    return np.array(
        [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments], dtype="datetime64[s]"
    )


def last_closed_session(now: datetime, first: date) -> date | None:
    """Last session whose partition is complete at `now`.

    A partition ends at the midnight (UTC) that follows the close.
    """
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    done = sessions_between(first, yesterday) if yesterday >= first else ()
    return done[-1] if done else None


def parse_session(text: str) -> date:
    """Read an ISO date that must be a session.

    Raises
    ------
    SessionError
        Not a date, outside the calendar, or the exchange was closed; then the message names the
        nearest sessions.
    """
    day = parse_date(text)
    if not FIRST_DAY <= day <= HORIZON:
        raise SessionError(
            f"{day} lies outside the calendar", f"It runs from {FIRST_DAY} to {HORIZON}"
        )
    if is_session(day):
        return day
    nearby = sessions_between(day - timedelta(days=10), day + timedelta(days=10))
    before = max((near for near in nearby if near < day), default=None)
    after = min((near for near in nearby if near > day), default=None)
    raise SessionError(
        f"{day} is not a session of the New York Stock Exchange",
        f"The sessions around it are {before} and {after}",
    )


def parse_date(text: str) -> date:
    """Read an ISO date, or raise `SessionError`."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise SessionError(f"{text!r} is not a date", "Write it as YYYY-MM-DD") from None


def session_range(start: str, end: str, available: Sequence[date]) -> tuple[date, ...]:
    """Sessions from `start` to `end` that are in `available` (ascending).

    Raises
    ------
    SessionError
        The range is reversed, holds no session, or lies outside what is available.
    """
    first, last = parse_date(start), parse_date(end)
    if first > last:
        raise SessionError(f"The range {first} to {last} is reversed", "Put the earlier date first")
    chosen = tuple(day for day in available if first <= day <= last)
    if chosen:
        return chosen
    if not sessions_between(first, last):
        raise SessionError(
            f"There is no exchange session from {first} to {last}",
            "Choose a range with a trading day",
        )
    raise SessionError(
        f"There is no data from {first} to {last}",
        f"The market runs from {available[0]} to {available[-1]}" if available else "",
    )


def midnight(day: date) -> datetime:
    """Midnight of `day` without a time zone, as partition exclusions want it."""
    return datetime.combine(day, time())


def _holidays(year: int) -> list[date]:
    days = [
        _nth_weekday(year, 1, MONDAY, 3),  # Martin Luther King Jr.
        _nth_weekday(year, 2, MONDAY, 3),  # Washington's birthday
        _easter(year) - timedelta(days=2),  # Good Friday
        _nth_weekday(year, 6, MONDAY, 1)
        - timedelta(days=7),  # Memorial Day, the last Monday of May
        _observed(date(year, 7, 4)),
        _nth_weekday(year, 9, MONDAY, 1),  # Labor Day
        _nth_weekday(year, 11, THURSDAY, 4),  # Thanksgiving
        _observed(date(year, 12, 25)),
    ]
    new_year = date(year, 1, 1)
    # A New Year's Day on a Saturday is not moved to the last day of the old year.
    if new_year.weekday() != SATURDAY:
        days.append(_observed(new_year))
    if year >= FIRST_JUNETEENTH:
        days.append(_observed(date(year, 6, 19)))
    return days


def _observed(day: date) -> date:
    """Friday for a Saturday, Monday for a Sunday."""
    if day.weekday() == SATURDAY:
        return day - timedelta(days=1)
    if day.weekday() == SUNDAY:
        return day + timedelta(days=1)
    return day


def _nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _easter(year: int) -> date:
    """Easter Sunday: the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, ch. 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * weekday) // 433
    month = (h + weekday - 7 * m + 90) // 25
    return date(year, month, (h + weekday - 7 * m + 33 * month + 19) % 32)


def consecutive(sessions: Sequence[date]) -> Iterator[list[date]]:
    """Split ascending sessions where the exchange had others between them."""
    if not sessions:
        return
    asked, block = set(sessions), []
    for session in sessions_between(sessions[0], sessions[-1]):
        if session in asked:
            block.append(session)
        elif block:
            yield block
            block = []
    yield block


def window_sessions(first: date, keys: Sequence[str], lookback: int) -> list[str]:
    """Sessions that a run over `keys` reads when it looks back; ISO dates, ascending.

    Parameters
    ----------
    first : the market's first session
    keys : sessions of the run, ascending ISO dates
    lookback : sessions that a value of one session depends on, that session included
    """
    start, last = date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])
    sessions = sessions_between(first, last)
    begin = max(sessions.index(start) - (lookback - 1), 0)
    return [day.isoformat() for day in sessions[begin:]]
