"""Verdicts that follow from what a check found out."""

import pandas as pd
import pytest

from quant_platform.quality.verdict import (
    Findings,
    Verdict,
    counted,
    failures,
    iso_dates,
    joined,
    together,
)

MONDAY, TUESDAY, WEDNESDAY = SESSIONS = ["2004-08-16", "2004-08-17", "2004-08-18"]


def test_what_nobody_looked_at_has_not_passed() -> None:
    findings = Findings(failures([TUESDAY], ["IBM"]), frozenset({MONDAY, TUESDAY}), "no bar")
    assert findings.verdicts(SESSIONS) == {
        MONDAY: Verdict.PASSED,
        TUESDAY: Verdict.FAILED,
        WEDNESDAY: Verdict.NOT_JUDGED,
    }


@pytest.mark.parametrize(
    ("verdict", "passed"),
    [(Verdict.PASSED, True), (Verdict.FAILED, False), (Verdict.NOT_JUDGED, None)],
)
def test_a_verdict_as_it_is_stored(verdict: Verdict, passed: bool | None) -> None:
    assert verdict.passed is passed


def test_blocks_of_sessions_together() -> None:
    parts = [
        Findings(failures([MONDAY], ["IBM"]), frozenset({MONDAY})),
        Findings(joined([]), frozenset(), "no bar"),
        Findings(counted(WEDNESDAY, ["AAPL"], 7), frozenset({WEDNESDAY}), "another reason"),
    ]
    whole = together(parts)
    assert whole.failures["example"].tolist() == ["IBM", "AAPL"]
    assert whole.failures["count"].tolist() == [1, 7]
    assert whole.judged == {MONDAY, WEDNESDAY}
    assert whole.reason == "no bar"


def test_no_blocks_at_all() -> None:
    nothing = together([])
    assert nothing.failures.empty
    assert nothing.verdicts(SESSIONS) == dict.fromkeys(SESSIONS, Verdict.NOT_JUDGED)


def test_days_of_any_type_as_iso_dates() -> None:
    days = [pd.Timestamp(MONDAY), pd.Timestamp(MONDAY), pd.Timestamp(TUESDAY)]
    assert iso_dates(days) == {MONDAY, TUESDAY}
    assert iso_dates(pd.Series(days)) == {MONDAY, TUESDAY}
    assert iso_dates([]) == frozenset()
