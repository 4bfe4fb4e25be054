"""Where an event begins and ends, on strings of sessions that were split by hand."""

from datetime import date

import pytest

from quant_platform.alerts.spells import Breach, Sessions, Spell, ends, spells
from quant_platform_tests.support.alerting import SESSIONS, day


def breaches(sessions: str, origin: str = "report") -> list[Breach]:
    return [
        Breach(origin, "rule", "model", day(place), "info", f"told in {place}")
        for place, sign in enumerate(sessions)
        if sign == "x"
    ]


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ("x", [(0, 0)]),
        (".xx", [(1, 2)]),
        ("x.x", [(0, 2)]),
        ("x..x", [(0, 3)]),
        ("x...x", [(0, 0), (4, 4)]),
        ("xx...x..x....x", [(0, 1), (5, 8), (13, 13)]),
    ],
)
def test_spells_of_a_condition(sessions: str, expected: list[tuple[int, int]]) -> None:
    found = spells(breaches(sessions), SESSIONS)
    assert [(each.began, each.last) for each in found] == [
        (day(first), day(last)) for first, last in expected
    ]


def test_weekends_and_holidays_are_no_gap() -> None:
    # Friday before Labor Day 2012, and the Tuesday after it: one session follows the other.
    friday, tuesday = date(2012, 8, 31), date(2012, 9, 4)
    assert SESSIONS.between(friday, tuesday) == 1
    assert SESSIONS.after(friday) == tuesday


@pytest.mark.parametrize(
    ("sessions", "newest", "end"), [("x", 2, None), ("x", 3, 1), ("xx", 3, None), ("xx", 4, 2)]
)
def test_the_end(sessions: str, newest: int, end: int | None) -> None:
    (spell,) = spells(breaches(sessions), SESSIONS)
    assert ends(spell, day(newest), SESSIONS) == (None if end is None else day(end))


def test_a_spell_tells_its_last_message_and_its_highest_severity() -> None:
    rows = [
        Breach("report", "rule", "model", day(0), "warning", "bad"),
        Breach("report", "rule", "model", day(1), "critical", "worse"),
        Breach("report", "rule", "model", day(2), "info", "better"),
    ]
    assert spells(rows, SESSIONS) == [
        Spell(("report", "rule", "model"), day(0), day(2), "critical", "better")
    ]


def test_what_happened_once_is_over_at_once() -> None:
    first, second = spells(breaches("xx", origin="run"), SESSIONS)
    assert (first.began, first.last) == (day(0), day(0))
    assert ends(second, day(1), SESSIONS) == day(1)


def test_days_beyond_the_calendar() -> None:
    short = Sessions([date(2012, 1, 3), date(2012, 1, 4)])
    assert short.before(date(2012, 1, 3), 252) == date(2012, 1, 3)
    assert short.after(date(2012, 1, 4)) == date(2012, 1, 4)
    assert short.between(date(2012, 1, 3), date(2030, 1, 1)) == 2
