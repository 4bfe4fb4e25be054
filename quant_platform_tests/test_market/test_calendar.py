"""The calendars against `exchange_calendars`, and what a calendar answers."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import exchange_calendars
import pandas as pd
import pytest

from quant_platform.errors import SessionError, SettingsError, UnknownNameError
from quant_platform.market.calendar import XNYS, Calendar, midnight, parse_date, platform_calendar
from quant_platform.market.exchanges import exchange_names, exchange_of
from quant_platform.market.exchanges.answer_files import FOLDER
from quant_platform.settings import Settings
from quant_platform_tests.oracles.make_exchanges import calendar_of as library_calendar
from quant_platform_tests.oracles.make_exchanges import text_of

SAMPLE = (date(2000, 3, 1), date(2013, 3, 1))


pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
"""Of the calendar library's own code."""


@pytest.fixture(scope="module")
def xnys() -> exchange_calendars.ExchangeCalendar:
    """Every session the calendar library knows from 2000 on, future ones included."""
    return exchange_calendars.get_calendar("XNYS", start="2000-01-01", end=str(XNYS.last))


def test_every_session_is_the_exchange_s() -> None:
    """From 1970 on, where the library's holidays begin."""
    calendar = exchange_calendars.get_calendar("XNYS", start="1969-01-01", end=str(XNYS.last))
    theirs = [day.date() for day in calendar.sessions if day.year >= 1970]
    assert theirs[-1] == XNYS.last
    assert list(XNYS.sessions(date(1970, 1, 1), theirs[-1])) == theirs


@pytest.mark.parametrize(
    ("year", "closures"),
    [
        (1960, "01-01 02-22 04-15 05-30 07-04 09-05 11-08 11-24 12-26"),
        (1961, "01-02 02-22 03-31 05-29 05-30 07-04 09-04 11-07 11-23 12-25"),
        (1963, "01-01 02-22 04-12 05-30 07-04 09-02 11-05 11-25 11-28 12-25"),
        (1969, "01-01 02-10 02-21 03-31 04-04 05-30 07-04 07-21 09-01 11-27 12-25"),
    ],
)
def test_closures_of_the_sixties(year: int, closures: str) -> None:
    """By the exchange's rule of the time: election days, and the mourning days for Presidents
    Kennedy (25 November 1963) and Eisenhower (31 March 1969), snow and the first walk on the moon.
    """
    days = XNYS.closed_days(date(year, 1, 1), date(year, 12, 31))
    assert " ".join(f"{day:%m-%d}" for day in days) == closures


def test_in_1968_there_was_no_trading_on_wednesdays() -> None:
    """From 12 June to the end of the year, but in the weeks of five other closures."""
    wednesdays = {day.date() for day in pd.date_range("1968-06-12", "1968-12-31", freq="W-WED")}
    open_ones = sorted(wednesdays & set(XNYS.sessions(date(1968, 6, 12), date(1968, 12, 31))))
    assert [f"{day:%m-%d}" for day in open_ones] == ["07-03", "09-04", "11-06", "11-13", "11-27"]


def test_a_vendor_that_begins_before_the_calendar_is_refused_in_a_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        XNYS.check_start(date(1928, 10, 1), "old")
    assert "The vendor 'old' begins on 1928-10-01, before the calendar of" in caught.value.message
    assert "QUANT_PLATFORM_START=1960-01-01" in caught.value.hint
    XNYS.check_start(date(1986, 3, 13), "msft")


def test_closures_are_the_weekdays_without_a_session(
    xnys: exchange_calendars.ExchangeCalendar,
) -> None:
    last = xnys.sessions[-1].date()
    weekdays = {day.date() for day in pd.bdate_range("2000-01-01", last)}
    expected = sorted(weekdays - {day.date() for day in xnys.sessions})
    assert list(XNYS.closed_days(date(2000, 1, 1), last)) == expected


def test_every_early_close_is_the_exchange_s(xnys: exchange_calendars.ExchangeCalendar) -> None:
    theirs = [day.date() for day in xnys.early_closes]
    assert len(theirs) == 89
    assert list(XNYS.early_closes(date(2000, 1, 1), XNYS.last)) == theirs
    for first, last in ((date(2024, 7, 3), date(2024, 12, 24)), (date(2024, 7, 4), XNYS.last)):
        assert list(XNYS.early_closes(first, last)) == [
            day for day in theirs if first <= day <= last
        ]
    assert XNYS.early_closes(date(2024, 7, 4), date(2024, 11, 28)) == ()


def test_every_close_is_the_exchange_s(xnys: exchange_calendars.ExchangeCalendar) -> None:
    """To the second, in summer and winter, on early closes and on other days."""
    sessions = XNYS.sessions(date(2000, 1, 1), XNYS.last)
    theirs = xnys.closes.dt.tz_convert("UTC").dt.tz_localize(None)
    assert pd.Series(XNYS.closes(sessions)).tolist() == theirs.tolist()
    assert len(XNYS.closes(())) == 0


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
    assert XNYS.previous(day) == before


def test_the_sample_has_3270_sessions() -> None:
    assert len(XNYS.sessions(*SAMPLE)) == 3270


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
    assert not XNYS.is_session(day)


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
    assert XNYS.is_session(day)


def test_sessions_between_a_reversed_range_are_none() -> None:
    assert XNYS.sessions(date(2004, 8, 3), date(2004, 8, 2)) == ()


def test_parse_session() -> None:
    assert XNYS.parse(" 2004-08-19 ") == date(2004, 8, 19)


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
        XNYS.parse(text)
    assert text in caught.value.message
    assert before in caught.value.hint
    assert after in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2004-13-01", "2004-02-30", "19/08/2004", "2004-08-19T10:00", "2004"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(SessionError, match="is not a date"):
        parse_date(text)


@pytest.mark.parametrize("text", ["0001-01-01", "1959-12-31", "2041-01-02", "9999-12-31"])
def test_a_day_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(SessionError, match="outside the calendar"):
        XNYS.parse(text)


def test_the_calendar_s_own_ends_are_inside() -> None:
    assert XNYS.parse("2000-01-03") == date(2000, 1, 3)
    assert XNYS.parse("2040-12-31") == date(2040, 12, 31)


class TestRange:
    available = XNYS.sessions(*SAMPLE)

    def test_includes_both_ends_and_skips_closed_days(self) -> None:
        chosen = XNYS.range("2001-09-10", "2001-09-18", self.available)
        assert chosen == (date(2001, 9, 10), date(2001, 9, 17), date(2001, 9, 18))

    def test_ends_need_not_be_sessions(self) -> None:
        chosen = XNYS.range("2004-08-21", "2004-08-24", self.available)
        assert chosen == (date(2004, 8, 23), date(2004, 8, 24))

    def test_is_cut_to_what_is_available(self) -> None:
        assert XNYS.range("2013-02-28", "2030-01-01", self.available)[-1] == SAMPLE[1]

    def test_reversed(self) -> None:
        with pytest.raises(SessionError, match="reversed"):
            XNYS.range("2004-08-20", "2004-08-19", self.available)

    def test_without_a_session(self) -> None:
        with pytest.raises(SessionError, match="no exchange session"):
            XNYS.range("2004-08-21", "2004-08-22", self.available)

    @pytest.mark.parametrize("year", ["1999", "2014"])
    def test_outside_the_market(self, year: str) -> None:
        with pytest.raises(SessionError, match="2000-03-01 to 2013-03-01"):
            XNYS.range(f"{year}-01-04", f"{year}-06-01", self.available)

    def test_nothing_available(self) -> None:
        with pytest.raises(SessionError, match="no data"):
            XNYS.range("2004-08-19", "2004-08-20", ())


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
        assert XNYS.last_closed(now, self.first) == expected

    def test_in_another_time_zone(self) -> None:
        new_york = timezone(timedelta(hours=-4))
        assert XNYS.last_closed(datetime(2004, 8, 19, 19, 59, tzinfo=new_york), self.first) == date(
            2004, 8, 18
        )
        assert XNYS.last_closed(datetime(2004, 8, 19, 20, 0, tzinfo=new_york), self.first) == date(
            2004, 8, 19
        )

    @pytest.mark.parametrize("day", [1, 2])
    def test_before_the_first_session_is_over_there_is_none(self, day: int) -> None:
        assert XNYS.last_closed(datetime(2004, 8, day, 23, tzinfo=UTC), self.first) is None

    def test_the_first_session_s_own_midnight(self) -> None:
        assert XNYS.last_closed(datetime(2004, 8, 3, tzinfo=UTC), self.first) == self.first


def test_midnight_has_no_time_zone() -> None:
    assert midnight(date(2004, 8, 19)) == datetime(2004, 8, 19)


CHRISTMAS_EVE = date(2026, 12, 24)
"""A Thursday that ends early; Christmas is the Friday."""


class TestFurtherClosures:
    month = (date(2026, 12, 1), date(2026, 12, 31))

    def test_every_answer_follows_them(self) -> None:
        shut = Calendar("XNYS", frozenset({CHRISTMAS_EVE}))
        assert not shut.is_session(CHRISTMAS_EVE)
        assert shut.early_closes(*self.month) == ()
        assert shut.closed_days(*self.month) == (CHRISTMAS_EVE, date(2026, 12, 25))
        around = (date(2026, 12, 23), date(2026, 12, 28))
        assert shut.sessions(*around) == around
        assert shut.previous(around[1]) == around[0]
        assert list(shut.consecutive(around)) == [list(around)]
        assert shut.window(date(2026, 12, 1), ["2026-12-28"], 2) == ["2026-12-23", "2026-12-28"]
        assert shut.last_closed(datetime(2026, 12, 26, tzinfo=UTC), around[0]) == around[0]
        with pytest.raises(SessionError) as caught:
            shut.parse("2026-12-24")
        assert str(caught.value) == (
            "2026-12-24 is not a session of the New York Stock Exchange. The sessions around it are"
            " 2026-12-23 and 2026-12-28"
        )

    def test_calendars_of_one_process_do_not_mix(self) -> None:
        """Each question is asked of both, in turns, so that a cache would answer for the other."""
        shut = Calendar("XNYS", frozenset({CHRISTMAS_EVE}))
        for _ in range(2):
            for calendar, opens in ((XNYS, True), (shut, False)):
                assert calendar.is_session(CHRISTMAS_EVE) is opens
                assert (CHRISTMAS_EVE in calendar.sessions(*self.month)) is opens
                assert (CHRISTMAS_EVE in calendar.early_closes(*self.month)) is opens
                assert (CHRISTMAS_EVE in calendar.closed_days(*self.month)) is not opens
                assert (calendar.previous(date(2026, 12, 28)) == CHRISTMAS_EVE) is opens

    def test_it_is_a_value(self) -> None:
        one, other = (Calendar("XNYS", frozenset({CHRISTMAS_EVE})) for _ in range(2))
        assert one == other
        assert {one, other, XNYS} == {one, Calendar()}
        # What one has worked out already makes no difference.
        one.sessions(*self.month)
        assert hash(one) == hash(other)

    def test_they_come_from_the_settings(self) -> None:
        settings = Settings.load({"QUANT_PLATFORM_CLOSURES": "2026-12-24"}, Path())
        assert platform_calendar(settings) == Calendar("XNYS", frozenset({CHRISTMAS_EVE}))

    @pytest.mark.parametrize(
        ("day", "named"),
        [
            (date(2026, 12, 26), "Saturday 2026-12-26"),
            (date(2062, 12, 24), "Sunday 2062-12-24"),
            (date(1959, 12, 31), "Thursday 1959-12-31"),
        ],
    )
    def test_a_day_that_cannot_be_a_session_is_refused(self, day: date, named: str) -> None:
        with pytest.raises(SettingsError) as caught:
            Calendar("XNYS", frozenset({day}))
        assert str(caught.value) == (
            f"QUANT_PLATFORM_CLOSURES names {named}. It must be days from Monday to Friday, from"
            " 1960-01-01 to 2040-12-31"
        )


OTHERS = [name for name in exchange_names() if name != "XNYS"]


def test_an_unknown_exchange_lists_those_that_there_are() -> None:
    with pytest.raises(UnknownNameError) as caught:
        Calendar("XMARS")
    assert str(caught.value) == (
        "There is no calendar of an exchange 'XMARS'. Choose from: XASX, XBOM, XETR, XHKG, XLON,"
        " XNYS, XPAR, XSWX, XTKS, XTSE"
    )


@pytest.mark.parametrize("name", OTHERS)
class TestOtherExchanges:
    """Every day and close of the frozen answer files is the library's."""

    def test_every_session_and_closure(self, name: str) -> None:
        calendar, theirs = Calendar(name), library_calendar(name)
        sessions = [day.date() for day in theirs.sessions if day.year >= 2000]
        assert len(sessions) > 6_600
        assert list(calendar.sessions(calendar.first, calendar.last)) == sessions
        weekdays = {day.date() for day in pd.bdate_range(calendar.first, calendar.last)}
        closed = sorted(weekdays.difference(sessions))
        assert list(calendar.closed_days(calendar.first)) == closed

    def test_every_close(self, name: str) -> None:
        calendar, theirs = Calendar(name), library_calendar(name)
        closes = theirs.closes.dt.tz_convert("UTC").dt.tz_localize(None)
        sessions = [day.date() for day in closes.index]
        assert pd.Series(calendar.closes(sessions)).tolist() == closes.tolist()
        early = [day.date() for day in theirs.early_closes if day.year >= 2000]
        assert list(calendar.early_closes(calendar.first)) == early

    def test_the_session_before_the_first_is_known(self, name: str) -> None:
        before = library_calendar(name).date_to_session("1999-12-31", direction="previous")
        calendar = Calendar(name)
        first = calendar.sessions(calendar.first, calendar.last)[0]
        assert calendar.previous(first) == before.date()

    def test_its_file_is_what_the_script_makes(self, name: str) -> None:
        assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text_of(name)


def test_the_tokyo_exchange_moved_its_close_and_rested_for_ten_days() -> None:
    """From 5 November 2024 on it closes at 15:30 (jpx.co.jp); Golden Week 2019 was the longest."""
    tokyo = Calendar("XTKS")
    closes = tokyo.closes([date(2024, 11, 1), date(2024, 11, 5)])
    assert closes.astype(str).tolist() == ["2024-11-01T06:00:00", "2024-11-05T06:30:00"]
    assert tokyo.previous(date(2019, 5, 7)) == date(2019, 4, 26)
    with pytest.raises(SessionError, match="not a session of the Tokyo Stock Exchange"):
        tokyo.parse("2024-11-04")


class TestEnds:
    def test_a_calendar_that_has_ended_says_so(self) -> None:
        bombay = Calendar("XBOM")
        assert bombay.last == exchange_of("XBOM").last == date(2026, 12, 31)
        assert bombay.last_closed(datetime(2027, 1, 1, tzinfo=UTC), date(2026, 1, 1)) == bombay.last
        with pytest.raises(SessionError, match="2027-01-01 lies outside the calendar"):
            bombay.last_closed(datetime(2027, 1, 2, tzinfo=UTC), date(2026, 1, 1))

    def test_nothing_lies_before_the_lists(self) -> None:
        with pytest.raises(SessionError, match="outside the calendar"):
            XNYS.previous(date(1959, 1, 2))


def test_the_run_time_needs_no_calendar_library() -> None:
    script = (
        "import sys\n"
        "from quant_platform.market.calendar import Calendar\n"
        "from quant_platform.market.exchanges import exchange_names\n"
        "for name in exchange_names(): Calendar(name).sessions(*[Calendar(name).first] * 2)\n"
        "print([name for name in sys.modules if name in ('exchange_calendars', 'pandas')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
