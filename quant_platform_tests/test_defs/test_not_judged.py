"""Sessions that a check did not look at: neither passed nor failed, in the table and in Dagster.

The database is that of `test_checks.py`. The expected numbers follow from what each check says of
itself: how many sessions it looks back on, which sessions it samples, what it asks the vendor.
"""

import json
from datetime import date

import dagster as dg
import pandas as pd
import pytest

from quant_platform.errors import VendorDownError
from quant_platform.quality import judging
from quant_platform.vendors.abilities import Abilities
from quant_platform_tests.support.lab import FIRST, LAST, Lab, MakeLab, WindowVendor

SESSIONS = 106
SAMPLED = ["2000-03-14", "2000-04-27"]
"""Sampled sessions of the first two quarters (test_quality/test_sampling.py); that of the third
comes after `LAST`."""

NOT_SAMPLED = "2000-05-10"

JUDGED = {
    # One session, or as many, must come before.
    "price_jumps": SESSIONS - 1,
    "jumps_without_split": SESSIONS - 1,
    "splits_without_jump": SESSIONS - 1,
    "bad_prints": SESSIONS - 1,
    "adjusted_series": SESSIONS - 1,
    "stale_prices": SESSIONS - 4,
    "volume_outliers": SESSIONS - 20,
    # One session of each quarter.
    "features_causality": 2,
    "buy_and_hold_causality": 2,
    "performance_recomputed": 2,
    "returns_add_up": 2,
    # The newest session.
    "freshness": 1,
    # A fixed list of symbols, from one source.
    "absent_securities": 0,
    "cross_source": 0,
    # What is complete by itself.
    "completeness": SESSIONS,
    "refused_rows": SESSIONS,
    "dividends_without_fall": SESSIONS,
    "zero_volume": SESSIONS,
    "extreme_splits": SESSIONS,
    "membership": SESSIONS,
    "portfolio_accounting": SESSIONS,
    # Of the first session nothing is known before it.
    "pnl_attribution": SESSIONS - 1,
    "long_only_exposure": SESSIONS,
    "report_ranking": SESSIONS,
    "exposures_centred": SESSIONS,
}


def judged(lab: Lab, check: str) -> list[str]:
    """Sessions with a verdict of the check that is not null."""
    rows = lab.sql(
        "SELECT date::text FROM data_quality WHERE check_name = %s AND passed IS NOT NULL"
        " ORDER BY 1",
        check,
    )
    return [day for (day,) in rows]


def reasons(lab: Lab, check: str) -> set[str]:
    """Reasons of the sessions that the check did not judge."""
    rows = lab.sql(
        "SELECT DISTINCT details::text FROM data_quality"
        " WHERE check_name = %s AND passed IS NULL AND failures = 0",
        check,
    )
    return {json.loads(details)["reason"] for (details,) in rows}


def test_how_many_sessions_a_check_judges(lab: Lab) -> None:
    rows = lab.sql("SELECT check_name, count(passed), count(*) FROM data_quality GROUP BY 1")
    numbers = {check: number for check, number, _ in rows}
    assert {check: numbers[check] for check in JUDGED} == JUDGED
    assert {total for _, _, total in rows} == {SESSIONS}


def test_the_first_session_of_a_market_has_nothing_before_it(lab: Lab) -> None:
    looking_back = [check for check, number in JUDGED.items() if SESSIONS - 20 <= number < SESSIONS]
    assert len(looking_back) == 8
    for check in looking_back:
        assert str(lab.check(check, FIRST).description).startswith("not judged: "), check


@pytest.mark.parametrize(
    "check", ["features_causality", "buy_and_hold_causality", "performance_recomputed"]
)
def test_the_calendar_says_which_session_is_sampled(lab: Lab, check: str) -> None:
    assert judged(lab, check) == SAMPLED
    # The same verdicts once more, session by session and all at once.
    before = lab.sql("SELECT * FROM data_quality WHERE check_name = %s ORDER BY date", check)
    for session in (NOT_SAMPLED, *SAMPLED, None):
        lab.check(check, session)
    after = lab.sql("SELECT * FROM data_quality WHERE check_name = %s ORDER BY date", check)
    assert after == before


def test_a_wrong_figure_that_nobody_looked_at_has_not_passed(lab: Lab) -> None:
    lab.sql(f"UPDATE features SET rsi_14 = rsi_14 + 1 WHERE date = '{NOT_SAMPLED}'")  # noqa: S608 — our constant
    evaluation = lab.check("features_causality", NOT_SAMPLED)
    # Dagster has no third state, so the words and the severity say it.
    assert evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert str(evaluation.description).startswith("not judged: of each quarter, only one session")
    numbers = {name: evaluation.metadata[name].value for name in evaluation.metadata}
    assert numbers["sessions judged"] == numbers["sessions failed"] == 0
    assert numbers["sessions not judged"] == 1
    assert str(numbers["not judged because"]) in str(evaluation.description)
    assert NOT_SAMPLED not in judged(lab, "features_causality")


def test_dagster_tells_the_judged_from_the_others(lab: Lab) -> None:
    evaluation = lab.check("features_causality")
    assert evaluation.description == "2 sessions judged, all passed, 104 not judged"
    lab.sql(f"UPDATE features SET rsi_14 = rsi_14 + 1 WHERE date = '{SAMPLED[1]}'")  # noqa: S608 — our constant
    evaluation = lab.check("features_causality")
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert str(evaluation.description).startswith(
        f"1 of 2 sessions failed, 104 not judged, last {SAMPLED[1]}: "
    )


def test_sessions_without_rows_are_not_judged(lab: Lab) -> None:
    for table in ("portfolios", "performance_reports", "signals"):
        lab.sql(f"DELETE FROM {table} WHERE date = '{NOT_SAMPLED}'")  # noqa: S608 — our constants
    for check, reason in (
        ("report_ranking", "there is no report"),
        ("buy_and_hold_limits", "there is no signal"),
        ("portfolio_accounting", "there is no portfolio"),
        ("pnl_attribution", "there is no portfolio in the session before"),
        ("long_only_exposure", "there is no long-only portfolio"),
    ):
        lab.check(check, NOT_SAMPLED)
        assert NOT_SAMPLED not in judged(lab, check)
        assert reasons(lab, check) == {reason}


class SilentVendor(WindowVendor):
    """A vendor that has gone down, with sessions to come that it may have published."""

    def __init__(self, last: str) -> None:
        super().__init__(FIRST, last)
        self.last_session = None

    def is_published(self, session: date) -> bool:
        raise VendorDownError("the line is dead")

    def securities(self) -> pd.DataFrame:
        raise VendorDownError("the line is dead")


@pytest.mark.parametrize("check", ["freshness", "completeness"])
def test_a_vendor_that_is_down_fails_no_check(filled: str, make_lab: MakeLab, check: str) -> None:
    lab = make_lab(SilentVendor(LAST), filled)
    evaluation = lab.check(check, LAST)
    assert evaluation.passed
    assert evaluation.description == "not judged: the vendor could not be asked: the line is dead"
    assert lab.failing(check) == []
    assert LAST not in judged(lab, check)


class AdjustingVendor(WindowVendor):
    """The sample market with adjusted closes as of any session, of which `wrong` are tampered."""

    def __init__(self, last: str = LAST) -> None:
        super().__init__(FIRST, last)
        self.asked: list[tuple[str, str]] = []
        self.is_down = False
        self.wrong: set[str] = set()
        self.untold: set[str] = set()

    @property
    def abilities(self) -> Abilities:
        return Abilities(adjusted=self)

    def adjusted_closes(self, session: date, as_of: date) -> pd.DataFrame | None:
        self.asked.append((session.isoformat(), as_of.isoformat()))
        if self.is_down:
            raise VendorDownError("the line is dead")
        if as_of.isoformat() in self.untold:
            return None
        bars = self.bars(session, session)
        # The only split of these months: two for one of AAPL on 21 June.
        halved = (bars["symbol"] == "AAPL") & (session < date(2000, 6, 21) <= as_of)
        price = bars["close_price"].where(~halved, bars["close_price"] / 2)
        factor = 1.01 if as_of.isoformat() in self.wrong else 1.0
        return pd.DataFrame({"symbol": bars["symbol"], "price": price * factor})


MONTH_AGO = {"2000-03-14": FIRST, "2000-04-27": "2000-03-29", LAST: "2000-06-30"}
"""Twenty sessions before: Good Friday, 21 April, and 4 July are none."""


class TestVendorAdjusted:
    def test_samples_and_the_newest_session_are_judged(
        self, filled: str, make_lab: MakeLab
    ) -> None:
        vendor = AdjustingVendor()
        lab = make_lab(vendor, filled)
        assert lab.check("vendor_adjusted").description == (
            "3 sessions judged, all passed, 103 not judged"
        )
        assert judged(lab, "vendor_adjusted") == [*SAMPLED, LAST]
        assert vendor.asked == [(ago, session) for session, ago in MONTH_AGO.items()]

    def test_how_a_run_was_cut_changes_no_verdict(
        self, filled: str, make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lab = make_lab(AdjustingVendor(), filled)
        lab.check("vendor_adjusted")
        before = lab.sql("SELECT * FROM data_quality WHERE check_name = 'vendor_adjusted'")
        assert len(before) == SESSIONS
        # Blocks of three sessions, and single sessions, sampled, newest or neither.
        monkeypatch.setattr(judging, "BLOCK_ROWS", 12)
        for session in (None, NOT_SAMPLED, *SAMPLED, LAST):
            lab.check("vendor_adjusted", session)
        assert lab.sql("SELECT * FROM data_quality WHERE check_name = 'vendor_adjusted'") == before

    def test_a_difference_is_of_the_session_whose_splits_are_meant(
        self, filled: str, make_lab: MakeLab
    ) -> None:
        vendor = AdjustingVendor()
        vendor.wrong = {SAMPLED[1]}
        lab = make_lab(vendor, filled)
        assert not lab.check("vendor_adjusted").passed
        assert lab.failing("vendor_adjusted") == [SAMPLED[1]]

    def test_a_vendor_that_is_down_or_cannot_tell(self, filled: str, make_lab: MakeLab) -> None:
        vendor = AdjustingVendor()
        lab = make_lab(vendor, filled)
        vendor.untold = {SAMPLED[0], LAST}
        lab.check("vendor_adjusted")
        assert judged(lab, "vendor_adjusted") == [SAMPLED[1]]
        vendor.is_down = True
        evaluation = lab.check("vendor_adjusted")
        assert evaluation.passed
        assert judged(lab, "vendor_adjusted") == []
        (reason,) = reasons(lab, "vendor_adjusted")
        assert reason == "the vendor could not be asked: the line is dead"

    def test_a_session_with_a_later_one_is_not_the_newest(
        self, filled: str, make_lab: MakeLab
    ) -> None:
        lab = make_lab(AdjustingVendor("2000-08-31"), filled)
        lab.check("vendor_adjusted")
        assert judged(lab, "vendor_adjusted") == SAMPLED


def test_a_failure_needs_a_judgement(lab: Lab) -> None:
    with pytest.raises(Exception, match="data_quality_failures_are_judged"):
        lab.sql("UPDATE data_quality SET passed = NULL, failures = 1")
