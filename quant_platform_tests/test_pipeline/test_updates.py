"""The update's decision: which sessions, in what order, which attempt, and why not."""

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta

import pytest

from quant_platform.pipeline.updates import MAX_ATTEMPTS, Failures, Update, Wait, next_update
from quant_platform.settings import Settings

# Two weeks with a closure (Thursday 23 November 2023) in the second one.
DAYS = tuple(date(2023, 11, day) for day in (13, 14, 15, 16, 17, 20, 21, 22, 24))
MON13, TUE14, WED15, THU16, FRI17, MON20, TUE21, WED22, FRI24 = DAYS

NOON = datetime(2023, 11, 25, 12, tzinfo=UTC)
PAUSE = timedelta(minutes=Settings().retry_minutes)


def decide(
    done: Collection[date],
    *,
    published: Callable[[date], bool] = lambda session: True,
    failed: Callable[[str], int] = lambda name: 0,
    most: int = 100,
    closed: tuple[date, ...] = DAYS,
) -> Update | Wait:
    return next_update(
        closed,
        set(done),
        published,
        lambda name: Failures(failed(name)),
        most,
        now=NOON,
        retry_after=PAUSE,
    )


def test_everything_missing_is_requested_in_order_in_one_block() -> None:
    assert decide([]) == Update(DAYS, 1)


def test_a_closure_does_not_break_a_block() -> None:
    assert decide(DAYS[:7]) == Update((WED22, FRI24), 1)


def test_only_the_first_block_is_requested() -> None:
    assert decide([MON13, THU16, FRI17]) == Update((TUE14, WED15), 1)


def test_sessions_done_beyond_the_calendar_do_not_matter() -> None:
    later = date(2023, 12, 1)
    assert decide([*DAYS[:-1], later]) == Update((FRI24,), 1)


def test_a_block_ends_before_the_first_unpublished_session() -> None:
    plan = decide(DAYS[:4], published=lambda session: session < TUE21)
    assert plan == Update((FRI17, MON20), 1)


@pytest.mark.parametrize("count", range(1, 9))
def test_whatever_is_published_is_found(count: int) -> None:
    plan = decide([], published=lambda session: session <= DAYS[count - 1])
    assert plan == Update(DAYS[:count], 1)


def test_the_newest_session_usually_answers_for_all() -> None:
    asked: list[date] = []

    def published(session: date) -> bool:
        asked.append(session)
        return True

    assert decide([], most=3, published=published) == Update((MON13, TUE14, WED15), 1)
    assert asked == [WED15]


def test_few_questions_find_the_newest_that_is_published() -> None:
    """Of nine the newest, then by halves: 9th, 5th, 3rd, 2nd."""
    asked: list[date] = []

    def published(session: date) -> bool:
        asked.append(session)
        return session < WED15

    assert decide([], published=published) == Update((MON13, TUE14), 1)
    assert asked == [FRI24, FRI17, WED15, TUE14]


def test_corrections_are_asked_for_with_what_is_missing() -> None:
    plan = next_update(
        DAYS,
        set(DAYS[:7]),
        lambda session: True,
        lambda name: Failures(),
        100,
        2,
        now=NOON,
        retry_after=PAUSE,
    )
    assert plan == Update((MON20, TUE21, WED22, FRI24), 1)


def test_the_attempt_follows_the_failures_of_the_same_sessions() -> None:
    failures = {"2023-11-22..2023-11-24": 2, "2023-11-13..2023-11-24": 4}
    plan = decide(DAYS[:7], failed=lambda name: failures.get(name, 0))
    assert plan == Update((WED22, FRI24), 3)
    assert isinstance(plan, Update)
    assert plan.run_key == "update:2023-11-22..2023-11-24:3"


def test_run_keys_of_attempts_differ() -> None:
    assert Update((FRI24,), 1).run_key != Update((FRI24,), 2).run_key


def test_it_gives_up_after_the_last_attempt() -> None:
    assert isinstance(decide(DAYS[:-1], failed=lambda name: MAX_ATTEMPTS - 1), Update)
    plan = decide(DAYS[:-1], failed=lambda name: MAX_ATTEMPTS)
    assert isinstance(plan, Wait)
    assert "2023-11-24..2023-11-24 failed 5 times" in plan.reason


@pytest.mark.parametrize(("count", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40)])
def test_each_further_attempt_waits_twice_as_long(count: int, minutes: int) -> None:
    def plan(now: datetime) -> Update | Wait:
        past = Failures(count, NOON)
        return next_update(
            DAYS,
            set(DAYS[:-1]),
            lambda session: True,
            lambda name: past,
            9,
            now=now,
            retry_after=PAUSE,
        )

    again = NOON + timedelta(minutes=minutes)
    early = plan(again - timedelta(seconds=1))
    assert isinstance(early, Wait)
    assert f"it is tried again at 12:{minutes:02} UTC" in early.reason
    assert early.pending is None
    assert plan(again) == Update((FRI24,), count + 1)


def test_five_attempts_outlast_a_vendor_that_is_down_for_an_hour() -> None:
    waits = [Failures(count, NOON).next_attempt(PAUSE) for count in (1, 2, 3, 4)]
    total = sum((again - NOON for again in waits if again), timedelta())
    assert len(waits) == MAX_ATTEMPTS - 1
    assert timedelta(hours=1) < total < timedelta(hours=2)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (decide([], closed=()), "No session of this market has closed yet"),
        (decide(DAYS), "All 9 closed sessions up to 2023-11-24 are materialised"),
        (
            decide(DAYS[:-1], published=lambda session: False),
            "2023-11-24 has closed, but the vendor has not published it yet",
        ),
    ],
)
def test_reasons_are_plain_sentences(plan: Update | Wait, said: str) -> None:
    assert isinstance(plan, Wait)
    assert plan.reason == said


def test_a_session_that_is_not_published_is_pending() -> None:
    plan = decide(DAYS[:-1], published=lambda session: False)
    assert isinstance(plan, Wait)
    assert plan.pending == FRI24
