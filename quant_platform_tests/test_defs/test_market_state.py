"""The daily sensor and the vendor's own state, asked for over its API on loopback.

The sessions are those of January 2025; New York is five hours behind UTC. By hand: a session's
partition is complete at 00:00 UTC of the day after, trading ends at 21:00 UTC, and trading after
hours at 01:00 UTC.
"""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from quant_platform_tests.support.lab import RANGE_END, RANGE_START, failure_text
from quant_platform_tests.support.polygon_server import faults
from quant_platform_tests.support.trading import SESSIONS, Trading

MON13, TUE14, WED15, THU16, FRI17, TUE21 = (date(2025, 1, day) for day in (13, 14, 15, 16, 17, 21))
MOURNING = "National Day of Mourning"
NOW, UPCOMING, STATUS = "/v1/marketstatus/now", "/v1/marketstatus/upcoming", "/v1/marketstatus"
GROUPED = "/v2/aggs/grouped/"

UNKNOWN = (
    "The vendor has announced that the exchange is closed on 2025-01-16 (National Day of Mourning),"
    " and the calendar takes it for a session. Set QUANT_PLATFORM_CLOSURES=2025-01-16 and restart"
    " the platform's processes; sessions after the closure wait for that"
)


def january(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2025, 1, day, hour, minute, tzinfo=UTC)


def up_to(day: date) -> list[date]:
    return [session for session in SESSIONS if session <= day]


def requested(found: dg.RunRequest | str) -> tuple[str, str]:
    """First and last session of a request, corrections included."""
    assert isinstance(found, dg.RunRequest), found
    if found.partition_key:
        return found.partition_key, found.partition_key
    return found.tags[RANGE_START], found.tags[RANGE_END]


def alerts(trading: Trading) -> list[tuple[str, ...]]:
    return trading.lab.sql(
        "SELECT date::text, origin, rule, subject, severity, message FROM alerts ORDER BY 1, 3"
    )


@pytest.fixture
def mourning(trading: Trading) -> Trading:
    """Thursday 16 January is announced as closed, everything to Monday is done, it is Tuesday."""
    trading.server.market.closed = frozenset({THU16})
    trading.server.market.named = {THU16: MOURNING}
    trading.pretend(up_to(MON13))
    trading.at(january(14))
    return trading


class TestClosures:
    def test_an_alert_days_ahead(self, mourning: Trading) -> None:
        expected = f"All 7 closed sessions up to 2025-01-13 are materialised. {UNKNOWN}"
        assert mourning.tick() == expected
        assert mourning.tick() == expected
        row = ("2025-01-16", "run", "unknown_closure", "2025-01-16", "critical", UNKNOWN)
        assert alerts(mourning) == [row]

    def test_the_days_before_are_updated_and_the_ones_after_wait(self, mourning: Trading) -> None:
        mourning.tick()
        # A new process has the cursor alone: the vendor's list now begins on Saturday.
        mourning.restart()
        mourning.at(january(18))
        # Three sessions before it are asked for again: 8, 10 and 13 January.
        assert requested(mourning.tick()) == ("2025-01-08", "2025-01-15")
        mourning.pretend([TUE14, WED15])
        expected = f"All 9 closed sessions up to 2025-01-15 are materialised. {UNKNOWN}"
        assert mourning.tick() == expected
        # The vendor was never asked for the day, nor for the one after it.
        assert mourning.server.counted(f"{THU16}") == mourning.server.counted(f"{FRI17}") == 0
        assert len(alerts(mourning)) == 1

    def test_with_the_setting_it_goes_on_by_itself(self, mourning: Trading) -> None:
        mourning.tick()
        mourning.pretend([TUE14, WED15])
        mourning.at(january(18))
        assert UNKNOWN in str(mourning.tick())
        mourning.restart(QUANT_PLATFORM_CLOSURES="2025-01-16")
        # Friday follows Wednesday.
        assert requested(mourning.tick()) == ("2025-01-13", "2025-01-17")
        result = mourning.facts("2025-01-10", "2025-01-17")
        assert result.success, failure_text(result)
        assert mourning.stored() == [
            "2025-01-10",
            "2025-01-13",
            "2025-01-14",
            "2025-01-15",
            "2025-01-17",
        ]
        assert mourning.server.counted(f"{THU16}") == 0

    def test_bars_of_the_day_show_that_it_was_none(self, mourning: Trading) -> None:
        mourning.tick()
        mourning.pretend([TUE14, WED15, THU16])
        mourning.at(january(18))
        # Somebody materialised it by hand.
        assert requested(mourning.tick()) == ("2025-01-14", "2025-01-17")

    def test_a_long_absence_forgets_no_closure_that_is_still_missing(
        self, mourning: Trading
    ) -> None:
        mourning.tick()
        mourning.pretend([TUE14, WED15])
        for day in (datetime(2025, 3, 3, 12, tzinfo=UTC), datetime(2025, 4, 1, 12, tzinfo=UTC)):
            mourning.at(day)
            mourning.tick()
            assert UNKNOWN in str(mourning.tick())

    def test_a_closure_of_the_calendar_is_nothing_new(self, trading: Trading) -> None:
        # Martin Luther King's Day is Monday 20 January.
        trading.pretend(up_to(FRI17))
        trading.at(january(18))
        assert trading.tick() == "All 11 closed sessions up to 2025-01-17 are materialised"
        assert '"2025-01-20": "Martin Luther King, Jr. Day"' in str(trading.cursor)
        assert alerts(trading) == []


class TestRequests:
    def test_two_a_day_and_the_same_session_never_twice(self, trading: Trading) -> None:
        trading.pretend(up_to(MON13))
        for day, expected in ((14, 2), (15, 4), (16, 6)):
            for hour in range(24):
                trading.at(january(day, hour))
                trading.tick()
            assert trading.server.counted(STATUS) == expected
        assert (trading.server.counted(NOW), trading.server.counted(UPCOMING)) == (3, 3)
        # What is missing was published and is requested: each hour's request is the same.
        assert trading.server.counted(GROUPED) == len({TUE14, WED15})

    def test_a_restart_costs_none(self, trading: Trading) -> None:
        trading.pretend(up_to(MON13))
        trading.at(january(14))
        trading.tick()
        trading.restart()
        trading.tick()
        assert trading.server.counted(STATUS) == 2

    def test_a_look_costs_no_more_than_the_free_plan_gives_in_a_minute(
        self, trading: Trading
    ) -> None:
        # Of four missing sessions only the first is published: two questions for the market's
        # status, three to find that out.
        trading.pretend(up_to(MON13))
        trading.server.withhold(WED15, THU16, FRI17)
        trading.at(january(18))
        assert requested(trading.tick())[1] == "2025-01-14"
        assert len(trading.server.requests) == 5

    def test_of_more_sessions_it_asks_at_the_next_look(self, trading: Trading) -> None:
        trading.pretend(up_to(MON13))
        trading.at(january(22))
        assert trading.tick() == "What is missing is asked for at the next look"
        assert len(trading.server.requests) == 2
        assert requested(trading.tick())[1] == "2025-01-21"
        assert len(trading.server.requests) == 3

    def test_a_sensor_that_looks_once_a_day_has_no_next_look(self, trading: Trading) -> None:
        trading.restart(QUANT_PLATFORM_SENSOR_SECONDS="86400")
        trading.pretend(up_to(MON13))
        trading.at(january(22))
        assert requested(trading.tick())[1] == "2025-01-21"

    def test_before_the_first_backfill_there_are_none(self, trading: Trading) -> None:
        assert str(trading.tick()).startswith("Nothing is stored yet")
        assert (trading.cursor, len(trading.server.requests)) == (None, 0)


class TestTrouble:
    def test_a_vendor_that_is_away_when_it_is_asked(self, mourning: Trading) -> None:
        mourning.tick()
        mourning.pretend([TUE14, WED15])
        mourning.server.inject(faults.error(503), STATUS, faults.FOREVER)
        mourning.at(january(18))
        # It goes on with what it remembers, and does not ask again on the same day.
        assert UNKNOWN in str(mourning.tick())
        asked = mourning.server.counted(STATUS)
        assert UNKNOWN in str(mourning.tick())
        assert mourning.server.counted(STATUS) == asked
        (warning,) = mourning.warnings
        assert warning.startswith("The vendor's market status cannot be had")
        mourning.server.faults.clear()
        mourning.at(january(19))
        assert UNKNOWN in str(mourning.tick())
        assert mourning.server.counted(STATUS) == asked + 2

    def test_sessions_are_asked_for_all_the_same(self, trading: Trading) -> None:
        trading.pretend(up_to(MON13))
        trading.server.inject(faults.html(502), UPCOMING, faults.FOREVER)
        trading.at(january(15))
        assert requested(trading.tick())[1] == "2025-01-14"

    def test_a_vendor_that_is_away_altogether(self, trading: Trading) -> None:
        trading.pretend(up_to(MON13))
        trading.server.inject(faults.html(502), "", faults.FOREVER)
        trading.at(january(15))
        for _ in range(2):
            assert str(trading.tick()).startswith("The vendor cannot be asked. ")

    def test_a_cursor_that_somebody_else_wrote(self, mourning: Trading) -> None:
        mourning.cursor = '{"asked": 1}'
        assert UNKNOWN in str(mourning.tick())
        assert mourning.server.counted(STATUS) == 2
        assert UNKNOWN in str(mourning.tick())
        assert mourning.server.counted(STATUS) == 2


class TestLate:
    """A session is late 24 hours after its close."""

    @pytest.mark.parametrize(
        ("announced", "late_from"),
        [
            ({}, january(16, 21)),
            ({WED15: time(13)}, january(16, 18)),
            ({WED15: time(14, 30)}, january(16, 19, 30)),
        ],
    )
    def test_from_the_close_that_the_vendor_announced(
        self, trading: Trading, announced: dict[date, time], late_from: datetime
    ) -> None:
        trading.server.market.early = announced
        trading.server.withhold(WED15)
        trading.pretend(up_to(TUE14))
        trading.at(january(14, 10))
        trading.tick()
        waiting = "2025-01-15 has closed, but the vendor has not published it yet"
        trading.at(late_from)
        assert trading.tick() == waiting
        assert alerts(trading) == []
        trading.at(late_from + timedelta(minutes=1))
        assert trading.tick() == waiting
        ((day, _, rule, *_),) = alerts(trading)
        assert (day, rule) == ("2025-01-15", "session_late")


class TestTrading:
    """The machine's midnight comes while the market is open after hours, at 19:00 in New York."""

    still = "2025-01-14 is not over: the vendor says that the market is still trading"

    def test_the_vendors_today_is_pending_and_not_late(self, trading: Trading) -> None:
        trading.restart(QUANT_PLATFORM_LATE_HOURS="0")
        trading.pretend(up_to(MON13))
        trading.at(january(15, 0, 30))
        assert trading.tick() == self.still
        assert trading.status(TUE14) == ("pending", self.still)
        assert alerts(trading) == []
        assert trading.server.counted(GROUPED) == 0
        # An hour later after hours are over; that costs no further question of the market's state.
        trading.at(january(15, 1, 30))
        assert requested(trading.tick())[1] == "2025-01-14"
        assert trading.server.counted(STATUS) == 2

    def test_days_before_it_are_not_held_up(self, trading: Trading) -> None:
        trading.pretend(up_to(date(2025, 1, 10)))
        trading.at(january(15, 0, 30))
        assert requested(trading.tick())[1] == "2025-01-13"

    def test_a_clock_that_runs_ahead(self, trading: Trading) -> None:
        """By the machine it is 22:00 in New York, by the vendor 16:00: what it has is not final."""
        trading.pretend(up_to(MON13))
        trading.server.clock = lambda: trading.now - timedelta(hours=6)
        trading.at(january(15, 3))
        assert trading.tick() == self.still
        assert trading.tick() == self.still
        assert trading.server.counted(GROUPED) == 0
        (warning,) = trading.warnings
        assert warning == (
            "This machine's clock is 360 minutes ahead of the vendor's, which said 2025-01-14 21:00"
            " UTC. Set the machine's clock: which sessions have closed and which are late is judged"
            " by it"
        )

    @pytest.mark.parametrize(("minutes", "warnings"), [(-7, 1), (4, 0)])
    def test_more_than_five_minutes_are_warned_of_once(
        self, trading: Trading, minutes: int, warnings: int
    ) -> None:
        trading.pretend(up_to(MON13))
        trading.server.clock = lambda: trading.now + timedelta(minutes=minutes)
        trading.at(january(14))
        for _ in range(3):
            trading.tick()
        assert len(trading.warnings) == warnings
        trading.at(january(15))
        trading.tick()
        assert len(trading.warnings) == 2 * warnings


PARTITIONS = """
from quant_platform.definitions import defs
from datetime import date
from quant_platform.market.calendar import platform_calendar
from quant_platform.settings import Settings
calendar = platform_calendar(Settings.load())
graph = defs.resolve_asset_graph()
for key in sorted(graph.executable_asset_keys):
    keys = graph.get(key).partitions_def.get_partition_keys()
    assert "2007-01-03" not in keys and "2007-01-04" in keys, key
import dagster as dg
from quant_platform.defs.partitions import previous_session, session_partitions
days = session_partitions(calendar, date(2000, 3, 1), date(2013, 3, 1))
found = previous_session().get_upstream_mapped_partitions_result_for_partitions(
    days.empty_subset().with_partition_keys(["2007-01-05"]), days, days
)
print(*found.partitions_subset.get_partition_keys())
print(calendar.previous(date(2007, 1, 5)))
print(len(calendar.sessions(date(2006, 12, 28), date(2007, 1, 5))))
"""


@pytest.mark.services
def test_partitions_and_look_backs_of_a_process_with_the_setting(tmp_path: Path) -> None:
    """As if 3 and 4 January 2007 had been days of mourning, too; the 2nd was."""
    asked = PARTITIONS.replace('"2007-01-04" in keys', '"2007-01-04" not in keys')
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=tmp_path,
        env=os.environ
        | {
            "QUANT_PLATFORM_CLOSURES": "2007-01-03, 2007-01-04",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # 28 and 29 December and 5 January are left; the Friday before is the session before.
    assert done.stdout.split() == ["2006-12-29", "2006-12-29", "3"]
