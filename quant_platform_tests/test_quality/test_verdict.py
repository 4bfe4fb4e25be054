"""Verdicts that follow from what a check found out."""

import pandas as pd

from quant_platform.quality.verdict import (
    Findings,
    counted,
    failures,
    iso_dates,
    joined,
    together,
)

MONDAY, TUESDAY, WEDNESDAY = SESSIONS = ["2004-08-16", "2004-08-17", "2004-08-18"]


def test_what_nobody_looked_at_has_not_passed() -> None:
    findings = Findings(failures([TUESDAY], ["IBM"]), frozenset({MONDAY, TUESDAY}), "no bar")
    assert findings.passed(SESSIONS) == [True, False, None]
    assert findings.passed([WEDNESDAY, MONDAY]) == [None, True]
    assert findings.numbers(SESSIONS) == (1, 1, 1)
    assert findings.numbers([MONDAY, WEDNESDAY]) == (0, 1, 1)


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
    assert nothing.passed(SESSIONS) == [None, None, None]


def test_days_of_any_type_as_iso_dates() -> None:
    days = [pd.Timestamp(MONDAY), pd.Timestamp(MONDAY), pd.Timestamp(TUESDAY)]
    assert iso_dates(days) == {MONDAY, TUESDAY}
    assert iso_dates(pd.Series(days)) == {MONDAY, TUESDAY}
    assert iso_dates([]) == frozenset()
