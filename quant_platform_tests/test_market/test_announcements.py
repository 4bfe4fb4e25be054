"""What the vendor announces, remembered, as pure decisions; expected values written out by hand.

New York is five hours behind UTC in January: trading ends at 21:00 UTC, after hours at 01:00.
"""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from quant_platform.market.announcements import (
    Announced,
    before_closures,
    closure_words,
    unknown_closures,
)
from quant_platform.market.calendar import XNYS
from quant_platform.vendors.answers import MarketStatus, SpecialDay

TUE, WED, THU, FRI = (date(2025, 1, day) for day in (14, 15, 16, 17))
MOURNING = "National Day of Mourning"
LONG_AGO = date(2024, 12, 1)
ANNOUNCED = {
    date(2025, 1, 20): "Martin Luther King, Jr. Day",
    date(2025, 1, 18): "a Saturday",
    THU: MOURNING,
}
NOON = datetime(2025, 1, 14, 12, tzinfo=UTC)


def closed(day: date, name: str = MOURNING, exchange: str = "NYSE") -> SpecialDay:
    return SpecialDay(day, exchange, name, "closed")


def early(day: date, closes: datetime | None, exchange: str = "NYSE") -> SpecialDay:
    return SpecialDay(day, exchange, "", "early-close", None, closes)


def status(
    *special: SpecialDay, market: str = "closed", server_time: datetime | None = None
) -> MarketStatus:
    return MarketStatus(market, server_time, special)


def told(
    answer: MarketStatus,
    at: datetime = NOON,
    before: Announced | None = None,
    oldest: date = LONG_AGO,
    seconds: float = 0,
) -> Announced:
    """Take in an answer that was asked for at `at` and came after `seconds`."""
    after = at + timedelta(seconds=seconds)
    return (before or Announced()).answered(answer, at, after, oldest)


class TestMemory:
    def test_an_announcement_outlives_its_place_in_the_list(self) -> None:
        first = told(status(closed(THU), early(WED, datetime(2025, 1, 15, 18, tzinfo=UTC))))
        assert first.closed == {THU: MOURNING}
        assert first.early == {WED: datetime(2025, 1, 15, 18, tzinfo=UTC)}
        # Two days later the list begins with Friday.
        later = told(status(closed(date(2025, 1, 20), "MLK")), NOON + timedelta(days=2), first)
        assert later.closed == {THU: MOURNING, date(2025, 1, 20): "MLK"}
        assert later.early == first.early

    def test_what_is_called_off_is_forgotten(self) -> None:
        first = told(status(closed(THU), closed(FRI)))
        again = told(status(closed(FRI)), NOON + timedelta(hours=20), first)
        assert again.closed == {FRI: MOURNING}

    def test_an_empty_list_calls_nothing_off(self) -> None:
        first = told(status(closed(THU)))
        assert told(status(), NOON, first).closed == {THU: MOURNING}

    def test_a_list_that_ends_before_a_day_says_nothing_of_it(self) -> None:
        first = told(status(closed(FRI)))
        assert told(status(closed(THU)), NOON, first).closed == {THU: MOURNING, FRI: MOURNING}

    def test_an_early_close_may_become_a_closure(self) -> None:
        first = told(status(early(THU, datetime(2025, 1, 16, 18, tzinfo=UTC))))
        again = told(status(closed(THU)), NOON, first)
        assert (again.closed, again.early) == ({THU: MOURNING}, {})

    def test_days_before_the_oldest_are_forgotten(self) -> None:
        first = told(status(closed(THU)))
        later = NOON + timedelta(days=60)
        assert told(status(), later, first, oldest=THU).closed == {THU: MOURNING}
        assert told(status(), later, first, oldest=FRI).closed == {}

    def test_the_exchange_is_nyse(self) -> None:
        assert told(status(closed(THU, exchange="OTC"))).closed == {}

    @pytest.mark.parametrize(
        "closes",
        [
            None,
            datetime(2025, 1, 17, 18, tzinfo=UTC),  # another day
            datetime(2025, 1, 17, 5, tzinfo=UTC),  # midnight in New York is another day
        ],
    )
    def test_an_early_close_without_its_moment_is_the_calendars(
        self, closes: datetime | None
    ) -> None:
        assert told(status(early(THU, closes))).early == {}

    def test_a_name_is_one_short_line(self) -> None:
        found = told(status(closed(THU, " National\nDay  of " + "x" * 1000))).closed[THU]
        assert found.startswith("National Day of xxx")
        assert len(found) == 80

    def test_no_answer_leaves_what_was_said(self) -> None:
        first = told(status(closed(THU), market="open", server_time=NOON))
        gone = first.unanswered(NOON + timedelta(days=1))
        assert gone.closed == {THU: MOURNING}
        assert (gone.server_time, gone.trading) == (None, False)
        assert not gone.is_due(NOON + timedelta(days=1, hours=11))


class TestText:
    def test_what_is_written_can_be_read(self) -> None:
        answer = status(
            closed(THU),
            early(WED, datetime(2025, 1, 15, 18, tzinfo=UTC)),
            market="open",
            server_time=NOON - timedelta(minutes=9),
        )
        found = told(answer)
        assert Announced.read(found.written(), XNYS) == found
        assert Announced.read(Announced().unanswered(NOON).written(), XNYS).asked_at == NOON

    def test_it_is_small(self) -> None:
        # A year of holidays and early closes of the exchange.
        days = [closed(date(2025, 1, 1) + timedelta(days=30 * n)) for n in range(13)]
        assert len(told(status(*days)).written()) < 1000

    good = json.loads(
        '{"asked": "2025-01-14T12:00:00+00:00", "server_time": null, "trading": false,'
        ' "closed": {"2025-01-16": "X"}, "early": {"2025-01-15": "2025-01-15T18:00:00+00:00"}}'
    )

    def test_by_hand(self) -> None:
        found = Announced.read(json.dumps(self.good), XNYS)
        close = datetime(2025, 1, 15, 18, tzinfo=UTC)
        assert found == Announced(NOON, None, False, {THU: "X"}, {WED: close})

    @pytest.mark.parametrize(
        "text",
        [
            None,
            "",
            "garbage",
            "2025-01-14",
            "{}",
            "[]",
            "null",
            "17",
            '"text"',
            "[" * 100_000,
            '{"asked": ',
            "\x00",
        ],
    )
    def test_a_foreign_text_says_nothing(self, text: str | None) -> None:
        assert Announced.read(text, XNYS) == Announced()

    @pytest.mark.parametrize(
        "changed",
        [
            {"asked": None},
            {"asked": 5},
            {"asked": "noon"},
            {"asked": "2025-01-14T12:00:00"},  # in no time zone
            {"asked": "0001-01-01T00:00:00+23:59"},
            {"server_time": "9999-12-31T23:59:59+00:00"},
            {"server_time": 1.5},
            {"closed": ["2025-01-16"]},
            {"closed": {"2025-02-30": "X"}},
            {"closed": {"2025-01-16": 7}},
            {"early": {"2025-01-15": None}},
            {"early": {"soon": "2025-01-15T18:00:00+00:00"}},
        ],
    )
    def test_a_text_of_that_form_with_other_things_in_it(self, changed: dict[str, object]) -> None:
        assert Announced.read(json.dumps(self.good | changed), XNYS) == Announced()


class TestWhen:
    def test_once_a_day_of_utc(self) -> None:
        assert Announced().is_due(NOON)
        asked = told(status())
        assert not asked.is_due(NOON)
        assert not asked.is_due(datetime(2025, 1, 14, 23, 59, tzinfo=UTC))
        assert asked.is_due(datetime(2025, 1, 15, tzinfo=UTC))
        # The day is that of UTC, whatever the zone of the machine.
        tokyo = timezone(timedelta(hours=9))
        assert not asked.is_due(datetime(2025, 1, 15, 8, 59, tzinfo=tokyo))
        assert asked.is_due(datetime(2025, 1, 15, 9, tzinfo=tokyo))

    def test_a_clock_that_was_set_back_does_not_end_it(self) -> None:
        assert told(status(), NOON + timedelta(days=400)).is_due(NOON)


class TestClock:
    @pytest.mark.parametrize(
        ("theirs", "words"),
        [
            (NOON, ""),
            (NOON - timedelta(minutes=5), ""),
            (NOON + timedelta(minutes=5), ""),
            (NOON - timedelta(minutes=7), "is 7 minutes ahead of the vendor's"),
            (NOON + timedelta(hours=26), "is 1,560 minutes behind the vendor's"),
            (None, ""),
            (datetime(1, 1, 1, tzinfo=UTC), ""),  # Go's word for no time
            (datetime(9999, 12, 31, 23, tzinfo=UTC), ""),
        ],
    )
    def test_a_warning_says_by_how_much_and_what_to_do(
        self, theirs: datetime | None, words: str
    ) -> None:
        said = told(status(server_time=theirs)).clock_warning
        assert words in said
        assert bool(said) == bool(words)
        assert ("Set the machine's clock" in said) == bool(words)

    def test_a_slow_answer_is_no_wrong_clock(self) -> None:
        """Asked at 12:00, answered at 12:10: the vendor may say any time between."""
        for minutes in (0, 4, 10):
            answer = status(server_time=NOON + timedelta(minutes=minutes))
            assert told(answer, seconds=600).clock_warning == ""
        late = status(server_time=NOON + timedelta(minutes=16))
        assert "6 minutes behind" in told(late, seconds=600).clock_warning


class TestTrading:
    """19:30 in New York on Tuesday is 00:30 UTC on Wednesday."""

    at = datetime(2025, 1, 15, 0, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("market", "expected"), [("open", True), ("extended-hours", True), ("closed", False)]
    )
    def test_of_the_vendors_own_today(self, market: str, expected: bool) -> None:
        found = told(status(market=market, server_time=self.at), self.at)
        assert found.is_trading(TUE, self.at) is expected
        assert not found.is_trading(date(2025, 1, 13), self.at)
        assert not found.is_trading(WED, self.at)

    def test_the_word_holds_until_after_hours_end(self) -> None:
        found = told(status(market="extended-hours", server_time=self.at), self.at)
        assert found.is_trading(TUE, datetime(2025, 1, 15, 0, 59, tzinfo=UTC))
        assert not found.is_trading(TUE, datetime(2025, 1, 15, 1, 0, tzinfo=UTC))

    def test_on_the_vendors_clock(self) -> None:
        # The machine is three hours ahead: it says 00:30 at 16:30 in New York.
        theirs = self.at - timedelta(hours=3)
        found = told(status(market="extended-hours", server_time=theirs), self.at)
        assert found.is_trading(TUE, datetime(2025, 1, 15, 3, 59, tzinfo=UTC))
        assert not found.is_trading(TUE, datetime(2025, 1, 15, 4, 0, tzinfo=UTC))

    def test_without_a_time_nothing_is_said(self) -> None:
        assert not told(status(market="open"), self.at).is_trading(TUE, self.at)
        assert not Announced().is_trading(TUE, self.at)


class TestCloses:
    def test_the_vendors_word_comes_before_the_calendars(self) -> None:
        found = told(status(early(THU, datetime(2025, 1, 16, 19, tzinfo=UTC))))
        assert found.close_of(THU) == datetime(2025, 1, 16, 19, tzinfo=UTC)
        assert found.close_of(WED) == datetime(2025, 1, 15, 21, tzinfo=UTC)

    def test_without_it_the_calendar_knows_early_closes_too(self) -> None:
        # Christmas Eve 2024, 13:00 in New York.
        assert Announced().close_of(date(2024, 12, 24)) == datetime(2024, 12, 24, 18, tzinfo=UTC)


class TestUnknownClosures:
    def test_those_that_the_calendar_takes_for_sessions(self) -> None:
        assert unknown_closures(XNYS, ANNOUNCED, LONG_AGO, set()) == {THU: MOURNING}

    def test_a_session_that_is_done_was_no_closure(self) -> None:
        assert unknown_closures(XNYS, ANNOUNCED, LONG_AGO, {THU}) == {}

    def test_what_was_before_the_market_does_not_matter(self) -> None:
        assert unknown_closures(XNYS, ANNOUNCED, FRI, set()) == {}
        assert unknown_closures(XNYS, {}, LONG_AGO, set()) == {}

    def test_days_out_of_this_world(self) -> None:
        assert unknown_closures(XNYS, {date.max: "", date.min: ""}, LONG_AGO, set()) == {}

    def test_sessions_before_the_first_of_them_can_be_computed(self) -> None:
        assert before_closures([TUE, WED, THU, FRI], {FRI: "", THU: ""}) == [TUE, WED]
        assert before_closures([TUE, WED], {}) == [TUE, WED]

    def test_words_for_one(self) -> None:
        assert closure_words({THU: MOURNING}, {THU, date(2018, 12, 5)}) == (
            "The vendor has announced that the exchange is closed on 2025-01-16 (National Day of"
            " Mourning), and the calendar takes it for a session. Set"
            " QUANT_PLATFORM_CLOSURES=2018-12-05,2025-01-16 and restart the platform's processes;"
            " sessions after the closure wait for that"
        )

    def test_words_for_two(self) -> None:
        said = closure_words({THU: "", FRI: "Storm"}, [FRI, THU])
        assert "closed on 2025-01-16 and 2025-01-17 (Storm), and the calendar takes them" in said
        assert "QUANT_PLATFORM_CLOSURES=2025-01-16,2025-01-17 and" in said
