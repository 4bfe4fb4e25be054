"""Partitions are exactly the exchange's sessions; look-backs count sessions, not days."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import dagster as dg
import exchange_calendars
import pytest
from dagster._core.definitions.partitions.context import (
    PartitionLoadingContext,
    partition_loading_context,
)
from dagster._core.definitions.partitions.snap import PartitionsSnap
from dagster._core.definitions.temporal_context import TemporalContext

from quant_platform.defs.paging import begin_pages_at_the_end
from quant_platform.defs.partitions import (
    lookback,
    previous_session,
    session_partitions,
    whole_history,
)
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.lab import MakeLab, WindowVendor, iso

SAMPLE = session_partitions(XNYS, date(2000, 3, 1), date(2013, 3, 1))

# Closures that the exchange has announced (nyse.com/markets/hours-calendars, November 2026).
ANNOUNCED = {
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
    # New Year's Day is a Saturday, and not moved.
    2028: "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25",
}


def upstream(mapping: dg.TimeWindowPartitionMapping, keys: Sequence[str]) -> list[str]:
    subset = SAMPLE.empty_subset().with_partition_keys(keys)
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, SAMPLE, SAMPLE)
    return sorted(found.partitions_subset.get_partition_keys())


DAGSTERS = dg.DailyPartitionsDefinition(
    start_date=datetime(2000, 3, 1), timezone="UTC", exclusions=SAMPLE.exclusions
)
"""The same exclusions, gone through by Dagster itself."""


@pytest.mark.parametrize("hours", range(0, 24 * 9, 7))
def test_windows_are_those_of_dagster(hours: int) -> None:
    # The exchange was closed from 11 to 14 September.
    moment = (datetime(2001, 9, 7, tzinfo=UTC) + timedelta(hours=hours)).timestamp()
    for name in ("_iterate_time_windows", "_reverse_iterate_time_windows"):
        for ignore in (False, True):
            mine, theirs = (
                list(islice(getattr(definition, name)(moment, ignore), 30))
                for definition in (SAMPLE, DAGSTERS)
            )
            assert mine == theirs, (name, ignore)


@pytest.mark.parametrize(
    "moment",
    # At the first sessions, beside a closure, and after the last one that is worked out at once.
    ["2000-03-01", "2000-03-02", "2000-03-03", "2001-09-11", "2001-09-18", "2041-02-01"],
)
def test_keys_are_those_of_dagster(moment: str) -> None:
    mine = session_partitions(XNYS, date(2000, 3, 1), None)
    theirs = dg.DailyPartitionsDefinition(
        start_date=datetime(2000, 3, 1), timezone="UTC", exclusions=mine.exclusions
    )
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    with partition_loading_context(effective_dt=now):
        assert list(mine.get_partition_keys()) == list(theirs.get_partition_keys())
    assert mine.get_partition_keys(current_time=now) == theirs.get_partition_keys(now)


def test_definitions_of_the_same_sessions_are_equal_and_hash_alike() -> None:
    again = session_partitions.__wrapped__(XNYS, date(2000, 3, 1), date(2013, 3, 1))
    assert again is not SAMPLE
    assert (again, hash(again)) == (SAMPLE, hash(SAMPLE))
    other = session_partitions(XNYS, date(2000, 3, 1), date(2013, 2, 28))
    assert other != SAMPLE
    assert hash(other) != hash(SAMPLE)


@pytest.fixture
def corrected_paging(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = dg.TimeWindowPartitionsDefinition
    monkeypatch.setattr(kind, "get_paginated_partition_keys", kind.get_paginated_partition_keys)
    begin_pages_at_the_end()


@pytest.mark.usefixtures("corrected_paging")
@pytest.mark.parametrize(
    ("last", "newest"),
    [
        (date(2013, 3, 1), ["2013-03-01", "2013-02-28", "2013-02-27"]),
        # Thursday 26 November 2026 was Thanksgiving.
        (None, ["2026-11-27", "2026-11-25", "2026-11-24"]),
    ],
)
def test_pages_of_the_webserver_begin_at_the_last_session(
    last: date | None, newest: list[str]
) -> None:
    snapshot = PartitionsSnap.from_def(session_partitions(XNYS, date(2000, 3, 1), last))
    rebuilt = snapshot.get_partitions_definition()
    now = TemporalContext(effective_dt=datetime(2026, 11, 28, 12, tzinfo=UTC), last_event_id=None)
    context = PartitionLoadingContext(temporal_context=now, dynamic_partitions_store=None)
    page = rebuilt.get_paginated_partition_keys(context, 2, False)
    following = rebuilt.get_paginated_partition_keys(context, 1, False, page.cursor)
    assert [*page.results, *following.results] == newest
    assert page.has_more
    first = rebuilt.get_paginated_partition_keys(context, 2, True)
    assert list(first.results) == ["2000-03-01", "2000-03-02"]


def test_windows_beyond_the_calendar() -> None:
    end = datetime(XNYS.last.year + 1, 1, 4, tzinfo=UTC).timestamp()
    for name in ("_iterate_time_windows", "_reverse_iterate_time_windows"):
        mine, theirs = (
            list(islice(getattr(definition, name)(end), 5)) for definition in (SAMPLE, DAGSTERS)
        )
        assert mine == theirs
    last = (datetime.combine(XNYS.last, time(), UTC) - timedelta(days=9)).timestamp()
    mine = list(islice(SAMPLE._iterate_time_windows(last), 12))
    assert mine == sorted(set(mine))


def test_calendars_have_partitions_of_their_own() -> None:
    """Thursday 28 February 2013, as if it had been a day of mourning, and as it was."""
    day = date(2013, 2, 28)
    for closures, before in ((frozenset({day}), "2013-02-27"), (frozenset(), "2013-02-28")):
        calendar = Calendar("XNYS", closures)
        partitions = session_partitions(calendar, date(2000, 3, 1), date(2013, 3, 1))
        assert partitions.has_partition_key("2013-02-28") is not bool(closures)
        subset = partitions.empty_subset().with_partition_keys(["2013-03-01"])
        mapped = previous_session().get_upstream_mapped_partitions_result_for_partitions(
            subset, partitions, partitions
        )
        assert list(mapped.partitions_subset.get_partition_keys()) == [before]
        again = session_partitions(Calendar("XNYS", closures), date(2000, 3, 1), date(2013, 3, 1))
        assert again is partitions


def test_keys_are_the_sessions_of_the_calendar_library() -> None:
    calendar = exchange_calendars.get_calendar("XNYS", start="2000-01-03", end="2013-12-31")
    expected = iso(calendar.sessions_in_range("2000-03-01", "2013-03-01"))
    assert len(expected) == 3270
    assert list(SAMPLE.get_partition_keys()) == expected


@pytest.mark.parametrize(
    "day",
    ["2012-07-04", "2012-07-07", "2012-07-08", "2001-09-11", "2012-10-29", "2000-02-29"],
)
def test_a_day_that_is_no_session_of_the_market_has_no_partition(day: str) -> None:
    assert not SAMPLE.has_partition_key(day)
    assert SAMPLE.has_partition_key("2012-07-05")


def test_asking_for_a_holiday_is_refused_by_name(make_lab: MakeLab) -> None:
    lab = make_lab(WindowVendor("2012-07-02", "2012-07-06"))
    with pytest.raises(dg.DagsterUnknownPartitionError, match="2012-07-04"):
        lab.run("daily_update", "2012-07-04")
    assert lab.value("SELECT count(*) FROM market_data") == 0


@pytest.mark.parametrize("year", ANNOUNCED)
def test_an_open_market_excludes_the_announced_closures_to_come(year: int) -> None:
    partitions = session_partitions(XNYS, date(2024, 1, 2), None)
    later = datetime(year + 1, 1, 20, tzinfo=UTC)
    keys = {key for key in partitions.get_partition_keys(later) if key.startswith(str(year))}
    days = {date.fromordinal(date(year, 1, 1).toordinal() + n) for n in range(366)}
    weekdays = {day.isoformat() for day in days if day.year == year and day.weekday() < 5}
    assert weekdays - keys == {f"{year}-{day}" for day in ANNOUNCED[year].split()}
    assert keys <= weekdays


def test_a_session_exists_from_the_midnight_after_it_fridays_included() -> None:
    partitions = session_partitions(XNYS, date(2024, 1, 2), None)
    newest = {
        "Friday evening": partitions.get_partition_keys(datetime(2024, 3, 1, 23, 59, tzinfo=UTC)),
        "Saturday": partitions.get_partition_keys(datetime(2024, 3, 2, tzinfo=UTC)),
        "Monday evening": partitions.get_partition_keys(datetime(2024, 3, 4, 23, 59, tzinfo=UTC)),
    }
    assert {moment: keys[-1] for moment, keys in newest.items()} == {
        "Friday evening": "2024-02-29",
        "Saturday": "2024-03-01",
        "Monday evening": "2024-03-01",
    }


def test_lookback_counts_sessions_over_weekends_and_closures() -> None:
    # Wednesday 4 July 2012 was Independence Day, the 7th and 8th a weekend.
    assert upstream(lookback(4), ["2012-07-09"]) == [
        "2012-07-03",
        "2012-07-05",
        "2012-07-06",
        "2012-07-09",
    ]
    assert upstream(lookback(1), ["2012-07-09"]) == ["2012-07-09"]
    assert upstream(previous_session(), ["2012-07-05"]) == ["2012-07-03"]


def test_lookback_of_a_range_reaches_from_its_first_session_to_its_last() -> None:
    assert upstream(lookback(2), ["2012-07-05", "2012-07-06"]) == [
        "2012-07-03",
        "2012-07-05",
        "2012-07-06",
    ]


def test_lookback_ends_where_history_begins() -> None:
    assert upstream(lookback(250), ["2000-03-02"]) == ["2000-03-01", "2000-03-02"]
    assert upstream(previous_session(), ["2000-03-01"]) == []


def test_whole_history_reaches_the_first_session_from_the_last() -> None:
    assert len(upstream(whole_history(XNYS, SampleVendor()), ["2013-03-01"])) == 3270


@pytest.mark.parametrize("first", [date(1962, 1, 2), date(1986, 3, 13), date(1999, 11, 1)])
def test_a_market_that_began_before_2000_has_each_of_its_sessions(first: date) -> None:
    partitions = session_partitions(XNYS, first, date(2001, 12, 31))
    sessions = [day.isoformat() for day in XNYS.sessions(first, date(2001, 12, 31))]
    assert partitions.get_partition_keys() == sessions
    fifth = partitions.empty_subset().with_partition_keys(sessions[5:6])
    found = lookback(3).get_upstream_mapped_partitions_result_for_partitions(
        fifth, partitions, partitions
    )
    assert sorted(found.partitions_subset.get_partition_keys()) == sessions[3:6]
    keys = partitions.get_partition_keys_in_range(dg.PartitionKeyRange(sessions[2], sessions[40]))
    assert list(keys) == sessions[2:41]
