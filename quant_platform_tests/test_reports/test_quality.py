"""What a page says of the data: order, words, and what counts as well."""

import pandas as pd
import pytest

from quant_platform.reports.quality import EXAMPLE_LENGTH, EXAMPLES, Quality, quality
from quant_platform_tests.support.report_frames import OUTSTANDING, REFUSED

DAY, BEFORE = pd.Timestamp("2011-03-25"), pd.Timestamp("2011-03-24")
NOBODY, NOTHING = REFUSED.iloc[:0], OUTSTANDING.iloc[:0]


def verdict(
    check: str,
    failures: int = 0,
    severity: str = "warn",
    details: str = "{}",
    date: pd.Timestamp = DAY,
) -> dict[str, object]:
    return {
        "date": date,
        "check_name": check,
        "table_name": "market_data",
        "passed": failures == 0,
        "severity": severity,
        "failures": failures,
        "details": details,
    }


def summed(
    *rows: dict[str, object],
    refused: pd.DataFrame = NOBODY,
    outstanding: pd.DataFrame = NOTHING,
) -> Quality:
    verdicts = pd.DataFrame(list(rows), columns=list(verdict("none")))
    return quality(DAY, verdicts.astype({"date": "datetime64[s]"}), refused, outstanding)


def test_failing_checks_come_first() -> None:
    found = summed(
        verdict("a_passed"),
        verdict("b_passed_now", 3, date=BEFORE),
        verdict("b_passed_now"),
        verdict("c_elsewhen", 2, "error", date=BEFORE),
        verdict("d_warned", 1),
        verdict("e_failed", 7, "error"),
    )
    assert [(line.check, line.verdict, line.tone) for line in found.checks] == [
        ("e_failed", "failed", "bad"),
        ("d_warned", "warned", "meh"),
        ("c_elsewhen", "not judged", "soft"),
        ("b_passed_now", "passed", "ok"),
        ("a_passed", "passed", "ok"),
    ]
    assert [line.failures for line in found.checks] == [7, 1, 0, 0, 0]
    assert [(line.failed, line.sessions) for line in found.checks] == [
        *((1, 1), (1, 1), (1, 1)),
        *((1, 2), (0, 1)),
    ]
    assert [line.latest for line in found.checks] == [DAY, DAY, BEFORE, BEFORE, None]
    assert found.sessions == 2


def test_a_session_that_was_not_judged_has_not_passed() -> None:
    unlooked = {"passed": None, "details": '{"reason": "it is not its turn"}'}
    well = summed(
        verdict("sampled", 2, date=BEFORE), verdict("sampled") | unlooked, verdict("passed")
    )
    assert [(line.check, line.verdict, line.tone, line.reason) for line in well.checks] == [
        ("sampled", "not judged", "soft", "it is not its turn"),
        ("passed", "passed", "ok", ""),
    ]
    # Out of the sessions that were judged, of which it is none.
    assert [(line.failed, line.sessions) for line in well.checks] == [(1, 1), (0, 1)]
    assert well.headline == (("ok", "1 check passed"), ("soft", "1 check not judged"))
    # What nobody looked at is no reason to look, unless nothing was looked at.
    assert well.is_well
    assert not summed(verdict("sampled") | unlooked).is_well


def test_a_check_that_judged_no_session() -> None:
    (line,) = summed(
        verdict("a", date=BEFORE) | {"passed": None}, verdict("a") | {"passed": None}
    ).checks
    assert (line.verdict, line.sessions, line.failed, line.latest) == ("not judged", 0, 0, None)
    assert (line.reason, line.examples) == ("", ())


def test_the_verdict_is_of_this_severity_whatever_it_was_before() -> None:
    found = summed(verdict("a", 1, "error", date=BEFORE), verdict("a", 1, "warn"))
    assert found.checks[0].verdict == "warned"


def test_headline() -> None:
    found = summed(
        *(verdict(f"bad{number}", 1, "error") for number in range(2)),
        verdict("doubtful", 1),
        verdict("good"),
        verdict("elsewhen", date=BEFORE),
        refused=REFUSED,
        outstanding=OUTSTANDING,
    )
    assert found.headline == (
        ("bad", "2 checks failed"),
        ("bad", "1 session failed"),
        ("meh", "1 check warned"),
        ("meh", "1\u202f201 rows set aside"),
        ("meh", "1 session pending"),
        ("ok", "1 check passed"),
        ("soft", "1 check not judged"),
    )


def test_what_is_well() -> None:
    good = (verdict("good"), verdict("good", 5, date=BEFORE), verdict("elsewhen", date=BEFORE))
    assert summed(*good).is_well
    assert not summed(*good, verdict("doubtful", 1)).is_well
    assert not summed(*good, refused=REFUSED).is_well
    assert not summed(*good, outstanding=OUTSTANDING).is_well
    assert not summed(verdict("elsewhen", date=BEFORE)).is_well
    assert not summed().is_well
    assert summed().is_empty
    assert not summed(refused=REFUSED).is_empty
    assert not summed(outstanding=OUTSTANDING).is_empty


@pytest.mark.parametrize(
    ("details", "failures", "quoted", "unquoted"),
    [
        ('{"examples": ["A 1", "B 2"]}', 2, ("A 1", "B 2"), 0),
        ('{"examples": ["A", "B", "C", "D", "E"]}', 1203, ("A", "B", "C"), 1200),
        ('{"examples": []}', 3, (), 0),
        ("{}", 3, (), 0),
        ('{"threshold": 0.5}', 1, ('{"threshold": 0.5}',), 0),
        ('["Ä"]', 1, ('["Ä"]',), 0),
        ('{"examples": [{"symbol": "A"}]}', 1, ("{'symbol': 'A'}",), 0),
        ('{"examples": ["' + "x" * 500 + '"]}', 1, ("x" * (EXAMPLE_LENGTH - 1) + "…",), 0),
    ],
)
def test_examples(details: str, failures: int, quoted: tuple[str, ...], unquoted: int) -> None:
    (line,) = summed(verdict("a", failures, details=details)).checks
    assert line.examples == quoted
    assert line.unquoted == unquoted
    assert len(line.examples) <= EXAMPLES


def test_a_check_that_passed_quotes_nothing() -> None:
    (line,) = summed(verdict("a", 0, details='{"examples": ["A"]}')).checks
    assert line.examples == ()
