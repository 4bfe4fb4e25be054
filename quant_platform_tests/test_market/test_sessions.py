import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone

import exchange_calendars
import pandas as pd
import pytest

from quant_platform.errors import SessionError
from quant_platform.market.sessions import (
    HORIZON,
    closures,
    early_closes,
    is_session,
    last_closed_session,
    midnight,
    parse_date,
    parse_session,
    session_before,
    session_closes,
    session_range,
    sessions_between,
)

SAMPLE = (date(2000, 3, 1), date(2013, 3, 1))


@pytest.fixture(scope="module")
def xnys() -> exchange_calendars.ExchangeCalendar:
    """Every session the calendar library knows from 2000 on, future ones included."""
    return exchange_calendars.get_calendar("XNYS", start="2000-01-01", end=str(HORIZON))


def test_every_session_is_the_exchange_s(xnys: exchange_calendars.ExchangeCalendar) -> None:
    theirs = [day.date() for day in xnys.sessions]
    assert theirs[-1] == HORIZON
    assert list(sessions_between(date(2000, 1, 1), theirs[-1])) == theirs


def test_closures_are_the_weekdays_without_a_session(
    xnys: exchange_calendars.ExchangeCalendar,
) -> None:
    last = xnys.sessions[-1].date()
    weekdays = {day.date() for day in pd.bdate_range("2000-01-01", last)}
    expected = sorted(weekdays - {day.date() for day in xnys.sessions})
    assert list(closures(date(2000, 1, 1), last)) == expected


def test_every_early_close_is_the_exchange_s(xnys: exchange_calendars.ExchangeCalendar) -> None:
    theirs = [day.date() for day in xnys.early_closes]
    assert len(theirs) == 89
    assert list(early_closes(date(2000, 1, 1), HORIZON)) == theirs
    for first, last in ((date(2024, 7, 3), date(2024, 12, 24)), (date(2024, 7, 4), HORIZON)):
        assert list(early_closes(first, last)) == [day for day in theirs if first <= day <= last]
    assert early_closes(date(2024, 7, 4), date(2024, 11, 28)) == ()


def test_every_close_is_the_exchange_s(xnys: exchange_calendars.ExchangeCalendar) -> None:
    """To the second, in summer and winter, on early closes and on other days."""
    sessions = sessions_between(date(2000, 1, 1), HORIZON)
    theirs = xnys.closes.dt.tz_convert("UTC").dt.tz_localize(None)
    assert pd.Series(session_closes(sessions)).tolist() == theirs.tolist()
    assert len(session_closes(())) == 0


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2001, 9, 17), date(2001, 9, 10)),  # the longest break
        (date(2004, 11, 29), date(2004, 11, 26)),  # a Monday
        (date(2004, 11, 28), date(2004, 11, 26)),  # a Sunday
        (date(2000, 1, 3), date(1999, 12, 31)),
    ],
)
def test_the_session_before(day: date, before: date) -> None:
    assert session_before(day) == before


def test_the_sample_has_3270_sessions() -> None:
    assert len(sessions_between(*SAMPLE)) == 3270


@pytest.mark.parametrize(
    "day",
    [
        date(2001, 9, 11),  # attacks
        date(2012, 10, 30),  # hurricane
        date(2004, 6, 11),  # mourning
        date(2004, 12, 25),
        date(2004, 12, 24),  # Christmas on a Saturday: the Friday before
        date(2022, 6, 20),  # Juneteenth on a Sunday
        date(2024, 3, 29),  # Good Friday
    ],
)
def test_closed_days(day: date) -> None:
    assert not is_session(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2004, 12, 31),  # New Year's Day on a Saturday is not moved
        date(2021, 6, 18),  # before Juneteenth was a holiday
        date(2001, 9, 10),
        date(2001, 9, 17),
    ],
)
def test_open_days(day: date) -> None:
    assert is_session(day)


def test_sessions_between_a_reversed_range_are_none() -> None:
    assert sessions_between(date(2004, 8, 3), date(2004, 8, 2)) == ()


def test_parse_session() -> None:
    assert parse_session(" 2004-08-19 ") == date(2004, 8, 19)


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("2004-08-21", "2004-08-20", "2004-08-23"),
        ("2001-09-13", "2001-09-10", "2001-09-17"),
        ("2004-11-25", "2004-11-24", "2004-11-26"),
    ],
)
def test_a_day_that_is_no_session_names_its_neighbours(text: str, before: str, after: str) -> None:
    with pytest.raises(SessionError) as caught:
        parse_session(text)
    assert text in caught.value.message
    assert before in caught.value.hint
    assert after in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2004-13-01", "2004-02-30", "19/08/2004", "2004-08-19T10:00", "2004"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(SessionError, match="is not a date"):
        parse_date(text)


@pytest.mark.parametrize("text", ["0001-01-01", "1999-12-31", "2041-01-02", "9999-12-31"])
def test_a_day_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(SessionError, match="outside the calendar"):
        parse_session(text)


def test_the_calendar_s_own_ends_are_inside() -> None:
    assert parse_session("2000-01-03") == date(2000, 1, 3)
    assert parse_session("2040-12-31") == date(2040, 12, 31)


class TestRange:
    available = sessions_between(*SAMPLE)

    def test_includes_both_ends_and_skips_closed_days(self) -> None:
        chosen = session_range("2001-09-10", "2001-09-18", self.available)
        assert chosen == (date(2001, 9, 10), date(2001, 9, 17), date(2001, 9, 18))

    def test_ends_need_not_be_sessions(self) -> None:
        chosen = session_range("2004-08-21", "2004-08-24", self.available)
        assert chosen == (date(2004, 8, 23), date(2004, 8, 24))

    def test_is_cut_to_what_is_available(self) -> None:
        assert session_range("2013-02-28", "2030-01-01", self.available)[-1] == SAMPLE[1]

    def test_reversed(self) -> None:
        with pytest.raises(SessionError, match="reversed"):
            session_range("2004-08-20", "2004-08-19", self.available)

    def test_without_a_session(self) -> None:
        with pytest.raises(SessionError, match="no exchange session"):
            session_range("2004-08-21", "2004-08-22", self.available)

    @pytest.mark.parametrize("year", ["1999", "2014"])
    def test_outside_the_market(self, year: str) -> None:
        with pytest.raises(SessionError, match="2000-03-01 to 2013-03-01"):
            session_range(f"{year}-01-04", f"{year}-06-01", self.available)

    def test_nothing_available(self) -> None:
        with pytest.raises(SessionError, match="no data"):
            session_range("2004-08-19", "2004-08-20", ())


class TestLastClosedSession:
    """A session's partition ends at the midnight (UTC) after it, some hours after the close."""

    first = date(2004, 8, 2)

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            (datetime(2004, 8, 19, 23, 59, 59, 999999, tzinfo=UTC), date(2004, 8, 18)),
            (datetime(2004, 8, 20, 0, 0, 0, tzinfo=UTC), date(2004, 8, 19)),
            (datetime(2004, 8, 20, 0, 0, 1, tzinfo=UTC), date(2004, 8, 19)),
            (datetime(2004, 8, 22, 12, 0, tzinfo=UTC), date(2004, 8, 20)),  # a Sunday
            (datetime(2004, 8, 23, 12, 0, tzinfo=UTC), date(2004, 8, 20)),  # Monday, not over yet
            (datetime(2004, 9, 7, 0, 0, tzinfo=UTC), date(2004, 9, 3)),  # after Labor Day
        ],
    )
    def test_in_utc(self, now: datetime, expected: date) -> None:
        assert last_closed_session(now, self.first) == expected

    def test_in_another_time_zone(self) -> None:
        new_york = timezone(timedelta(hours=-4))
        assert last_closed_session(
            datetime(2004, 8, 19, 19, 59, tzinfo=new_york), self.first
        ) == date(2004, 8, 18)
        assert last_closed_session(
            datetime(2004, 8, 19, 20, 0, tzinfo=new_york), self.first
        ) == date(2004, 8, 19)

    @pytest.mark.parametrize("day", [1, 2])
    def test_before_the_first_session_is_over_there_is_none(self, day: int) -> None:
        assert last_closed_session(datetime(2004, 8, day, 23, tzinfo=UTC), self.first) is None

    def test_the_first_session_s_own_midnight(self) -> None:
        assert last_closed_session(datetime(2004, 8, 3, tzinfo=UTC), self.first) == self.first


def test_midnight_has_no_time_zone() -> None:
    assert midnight(date(2004, 8, 19)) == datetime(2004, 8, 19)


class TestFurtherClosures:
    """Each in a process of its own, since the calendar is a constant of one."""

    @staticmethod
    def said(script: str) -> list[str]:
        head = (
            "from datetime import date\n"
            "from quant_platform.errors import SettingsError\n"
            "from quant_platform.market.sessions import *\n"
            "def day(text): return date.fromisoformat(text)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", head + script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def test_they_hold_everywhere_even_if_the_calendar_was_used_before(self) -> None:
        # Christmas Eve 2026 is a Thursday that ends early; Christmas is the Friday.
        assert self.said(
            "eve, month = day('2026-12-24'), (day('2026-12-01'), day('2026-12-31'))\n"
            "print(is_session(eve), early_closes(*month))\n"
            "observe_closures([eve])\n"
            "print(is_session(eve), early_closes(*month))\n"
            "print(*closures(*month))\n"
            "print(*sessions_between(day('2026-12-23'), day('2026-12-28')))\n"
            "print(session_before(day('2026-12-28')))\n"
            "try: parse_session('2026-12-24')\n"
            "except Exception as error: print(error)\n"
        ) == [
            "True (datetime.date(2026, 12, 24),)",
            "False ()",
            "2026-12-24 2026-12-25",
            "2026-12-23 2026-12-28",
            "2026-12-23",
            "2026-12-24 is not a session of the New York Stock Exchange. The sessions around it are"
            " 2026-12-23 and 2026-12-28",
        ]

    def test_they_are_set_once(self) -> None:
        assert self.said(
            "observe_closures([day('2026-12-24')])\n"
            "observe_closures({day('2026-12-24')})\n"
            "try: observe_closures([])\n"
            "except SettingsError as error: print(error)\n"
            "print(is_session(day('2026-12-24')))\n"
        ) == [
            "This process computes over other closures than QUANT_PLATFORM_CLOSURES names. Start a"
            " new process",
            "False",
        ]

    def test_a_day_that_cannot_be_a_session_is_refused(self) -> None:
        assert self.said(
            "for text in ('2026-12-26', '2062-12-24', '1999-12-30'):\n"
            "    try: observe_closures([day(text)])\n"
            "    except SettingsError as error: print(error.message)\n"
            "print(is_session(day('2026-12-24')))\n"
        ) == [
            "QUANT_PLATFORM_CLOSURES names Saturday 2026-12-26",
            "QUANT_PLATFORM_CLOSURES names Sunday 2062-12-24",
            "QUANT_PLATFORM_CLOSURES names Thursday 1999-12-30",
            "True",
        ]
