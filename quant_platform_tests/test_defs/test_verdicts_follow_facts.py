"""A verdict is one of what is stored: however a run was cut, killed or corrected, they are equal.

The vendor's faults are a split that comes twice (refused when actions are stored, after the bars),
a row that is no bar, and a close that is off by half. An undisturbed run of the market's stage
is compared with runs that were cut in every way.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import pandas as pd
import pytest

from quant_platform_tests.support.lab import (
    RANGE_END,
    RANGE_START,
    SILENT,
    Lab,
    MakeLab,
    WindowVendor,
    failure_text,
)

FIRST, SPLIT, LAST = "2000-05-15", "2000-06-21", "2000-07-14"
"""43 sessions; AAPL split two for one on the middle one."""

WRONG = "2000-06-07"
"""A Wednesday whose close of IBM is wrong until the vendor corrects it."""

STRANGE = "2000-06-12"
"""Session of a row whose high is below its low."""

TIMELY = ["freshness", "stale_sessions"]
"""Checks of the newest stored session, and of what is yet to be computed again."""


class FaultyVendor(WindowVendor):
    """The sample market with a split that comes twice and a row that is no bar."""

    def __init__(self) -> None:
        super().__init__(FIRST, LAST)

    def bars(self, first: date, last: date) -> pd.DataFrame:
        frame = super().bars(first, last)
        row = frame[frame["symbol"] == "IBM"].assign(symbol="ODD", high_price=1.0, low_price=2.0)
        return pd.concat([frame, row[row["date"] == STRANGE]], ignore_index=True)

    def actions(self, first: date, last: date) -> pd.DataFrame:
        frame = super().actions(first, last)
        return pd.concat([frame, frame[frame["date"] == SPLIT]], ignore_index=True)


def verdicts(lab: Lab) -> dict[tuple[str, str], tuple[object, ...]]:
    rows = lab.sql(
        "SELECT check_name, date::text, passed, severity, failures, details::text"
        " FROM data_quality WHERE check_name <> ALL (%s)",
        TIMELY,
    )
    return {(name, day): tuple(rest) for name, day, *rest in rows}


def without_checks(lab: Lab, first: str, last: str, *assets: str) -> None:
    """Store assets in a run that is killed before a check begins."""
    job = lab.defs.resolve_job_def("market_stage")
    chosen = {dg.AssetKey(name) for name in assets}
    job.get_subset(asset_selection=chosen, asset_check_selection=set()).execute_in_process(
        instance=lab.instance, run_config=SILENT, tags={RANGE_START: first, RANGE_END: last}
    )


def stage(lab: Lab, first: str, last: str, assets: Sequence[str] | None = None) -> None:
    keys = [dg.AssetKey(name) for name in assets] if assets else None
    result = lab.run("market_stage", first, last, assets=keys)
    assert result.success, failure_text(result)


BARS = ("market_data", "securities", "security_symbols")
"""What one step stores."""


@pytest.fixture
def whole(make_lab: MakeLab) -> dict[tuple[str, str], tuple[object, ...]]:
    """Verdicts of an undisturbed run."""
    lab = make_lab(FaultyVendor())
    stage(lab, FIRST, LAST)
    return verdicts(lab)


def test_an_undisturbed_run_tells_what_was_refused_after_the_bars(
    whole: dict[tuple[str, str], tuple[object, ...]],
) -> None:
    failed = sorted(key for key, (passed, *_) in whole.items() if passed is False)
    assert failed == [
        ("duplicate_rows", SPLIT),
        ("ohlc_violations", STRANGE),
        ("refused_rows", STRANGE),
        ("refused_rows", SPLIT),
    ]


def test_a_run_that_was_killed_after_the_bars_and_goes_on(
    whole: dict[tuple[str, str], tuple[object, ...]], make_lab: MakeLab
) -> None:
    lab = make_lab(FaultyVendor())
    stage(lab, FIRST, LAST, BARS)
    stage(lab, FIRST, LAST, ("corporate_actions", "trading_universe"))
    assert verdicts(lab) == whole


def test_a_run_that_was_killed_before_its_checks_and_goes_on(
    whole: dict[tuple[str, str], tuple[object, ...]], make_lab: MakeLab
) -> None:
    lab = make_lab(FaultyVendor())
    without_checks(lab, FIRST, LAST, *BARS, "corporate_actions")
    stage(lab, FIRST, LAST)
    assert verdicts(lab) == whole


def test_later_sessions_first(
    whole: dict[tuple[str, str], tuple[object, ...]], make_lab: MakeLab
) -> None:
    lab = make_lab(FaultyVendor())
    stage(lab, "2000-06-22", LAST)
    stage(lab, "2000-06-07", "2000-06-21")
    stage(lab, FIRST, "2000-06-06")
    assert verdicts(lab) == whole


class TestACorrection:
    @pytest.fixture
    def lab(self, make_lab: MakeLab) -> Lab:
        """A market whose vendor has a wrong close in the middle of what is stored."""
        vendor = FaultyVendor()
        good = vendor.bars(date.fromisoformat(WRONG), date.fromisoformat(WRONG))
        close = float(good.loc[good["symbol"] == "IBM", "close_price"].iloc[0]) * 1.5
        vendor.doctored = {(WRONG, "IBM"): {"close_price": close, "high_price": close}}
        lab = make_lab(vendor)
        stage(lab, FIRST, LAST)
        # Up by half, and back in the session after it.
        assert lab.failing("price_jumps") == [WRONG, "2000-06-08"]
        vendor.doctored = {}
        return lab

    def test_of_one_session_judges_those_that_look_back_on_it(
        self, whole: dict[tuple[str, str], tuple[object, ...]], lab: Lab
    ) -> None:
        stage(lab, WRONG, WRONG)
        assert lab.failing("price_jumps") == []
        assert verdicts(lab) == whole

    def test_that_no_check_has_judged_leaves_no_verdict(
        self, whole: dict[tuple[str, str], tuple[object, ...]], lab: Lab
    ) -> None:
        before = verdicts(lab)
        without_checks(lab, WRONG, WRONG, *BARS)
        left = verdicts(lab)
        assert left.items() <= before.items()
        gone = {(name, day) for name, day in before if (name, day) not in left}
        assert {("price_jumps", WRONG), ("price_jumps", "2000-06-08")} <= gone
        assert min(day for _, day in gone) == WRONG
        kept = lab.sql(
            "SELECT date::text FROM data_quality_history WHERE check_name = 'price_jumps'"
            " AND NOT passed ORDER BY 1"
        )
        assert kept == [(WRONG,), ("2000-06-08",)]
        # The next run over the sessions comes to it.
        stage(lab, FIRST, LAST)
        assert verdicts(lab) == whole

    def test_of_nothing_touches_no_verdict(self, make_lab: MakeLab) -> None:
        lab = make_lab(FaultyVendor())
        stage(lab, FIRST, LAST)
        rows = (
            "SELECT v::text FROM data_quality AS v"
            " WHERE check_name NOT IN ('freshness', 'stale_sessions') ORDER BY 1"
        )
        history = (
            "SELECT DISTINCT date::text FROM data_quality_history"
            " WHERE check_name <> 'stale_sessions' ORDER BY 1"
        )
        before = lab.sql(rows)
        # What was said of refused rows before the second split was refused.
        assert lab.sql(history) == [(SPLIT,)]
        stage(lab, WRONG, LAST)
        assert lab.sql(rows) == before
        assert lab.sql(history) == [(SPLIT,)]
