"""The New York Stock Exchange: rules plus lists of exceptions, and before 2000 a file of answers.

Sources: NYSE Rule 7.2 and the exchange's notices of special closures; before 2000, when holidays
and hours changed often, `XNYS.json` names its own. A test compares every session from 1970 on and
every close from 2000 on with `exchange_calendars`. What belongs here: facts of this exchange alone.
"""

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from quant_platform.market.exchanges import answer_files
from quant_platform.market.exchanges.base import Exchange

NAME = "XNYS"
TITLE = "the New York Stock Exchange"
ZONE = ZoneInfo("America/New_York")

FIRST_DAY = date(1960, 1, 1)
"""First day that a user may ask for."""

HORIZON = date(2040, 12, 31)
"""Last day for which closures are listed."""

RULED_FROM = date(2000, 1, 1)
"""From here on the rules hold, and one-off closures are listed in this file."""

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
"""When trading ends, on the clock of `ZONE`."""

MONDAY, WEDNESDAY, THURSDAY, SATURDAY, SUNDAY = 0, 2, 3, 5, 6


def exchange() -> Exchange:
    """Work out the facts from the rules and the lists, and put them after the file's."""
    before = answer_files.exchange(NAME)
    years = range(RULED_FROM.year, HORIZON.year + 1)
    closed = {day for year in years for day in _holidays(year)}.union(SPECIAL_CLOSURES)
    early = {day for year in years for day in _days_before_holidays(year)}
    sessions = early.union(SPECIAL_EARLY_CLOSES).difference(closed)
    return Exchange(
        name=NAME,
        title=TITLE,
        zone=ZONE,
        listed=(before.listed[0], HORIZON),
        first=FIRST_DAY,
        last=HORIZON,
        closures=(
            *before.closures,
            *sorted(day for day in closed if day.weekday() < SATURDAY and day >= RULED_FROM),
        ),
        usual_closes=(*before.usual_closes, (RULED_FROM, CLOSE)),
        early_closes={
            **before.early_closes,
            **{day: EARLY_CLOSE for day in sorted(sessions) if day.weekday() < SATURDAY},
        },
    )


def _days_before_holidays(year: int) -> list[date]:
    """Days that end early where they are sessions.

    They are the day after Thanksgiving, Christmas Eve and 3 July.
    """
    days = [_nth_weekday(year, 11, THURSDAY, 4) + timedelta(days=1), date(year, 12, 24)]
    eve = date(year, 7, 3)
    if eve.weekday() != WEDNESDAY or year >= FIRST_EARLY_WEDNESDAY:
        days.append(eve)
    return days


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
