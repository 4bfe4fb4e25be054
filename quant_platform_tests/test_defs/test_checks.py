"""Each check finds exactly the session that was tampered with, and nothing where nothing was.

The database holds the first five months of the sample market, every figure computed by the
platform. A test changes stored rows by SQL, executes one check alone over all that is stored, and
reads the verdicts in `data_quality`.
"""
# ruff: noqa: S608 - the statements are made of this file's own constants

import json
from dataclasses import replace

import dagster as dg
import exchange_calendars
import pytest

from quant_platform.quality import check_registry, judging
from quant_platform.quality.check import CheckContext
from quant_platform.quality.market import FACTS_CHECKS
from quant_platform.quality.verdict import Findings
from quant_platform_tests.support.lab import FIRST, LAST, Lab, MakeLab, WindowVendor, failure_text
from quant_platform_tests.support.server import Server

DAY = "2000-05-10"
"""A Wednesday in the middle of what is stored."""

SAMPLED = "2000-04-27"
"""The session of the second quarter that is computed again (test_quality/test_sampling.py)."""

SESSIONS = 106
"""XNYS sessions from 1 March to 31 July 2000: 23, 19, 22, 22 and 20."""

MOMENTUM = "(SELECT id FROM models WHERE model_name = 'enhanced_momentum')"
HOLD = "(SELECT id FROM models WHERE model_name = 'buy_and_hold')"

PRICES = ("open_price", "high_price", "low_price", "close_price")


def scaled(factor: float) -> str:
    return ", ".join(f"{name} = {name} * {factor}" for name in PRICES)


TAMPERED = {
    "completeness": (
        f"DELETE FROM market_data WHERE date = '{DAY}' AND symbol = 'IBM'",
        [DAY],
        "IBM has no bar",
    ),
    "price_jumps": (
        # From that day on, so that there is one jump and not a second one back.
        f"UPDATE market_data SET {scaled(1.5)} WHERE date >= '{DAY}' AND symbol = 'IBM'",
        [DAY],
        "IBM moved",
    ),
    "extreme_splits": (
        # Two for one on 21 June; as if the vendor had two thousand.
        "UPDATE corporate_actions SET split_ratio = 2000"
        " WHERE symbol = 'AAPL' AND action_type = 'split'",
        ["2000-06-21"],
        "AAPL ratio 2000",
    ),
    "stale_prices": (
        "UPDATE market_data SET open_price = 100, high_price = 100, low_price = 100,"
        " close_price = 100 WHERE symbol = 'IBM' AND date BETWEEN '2000-05-04' AND '2000-05-10'",
        [DAY],
        "IBM close 100",
    ),
    "zero_volume": (
        f"UPDATE market_data SET volume = 0 WHERE date = '{DAY}' AND symbol = 'MSFT'",
        [DAY],
        "MSFT volume 0",
    ),
    "membership": (
        f"UPDATE trading_universe SET symbol = 'IBMX' WHERE date = '{DAY}' AND symbol = 'IBM'",
        [DAY],
        "IBM has a bar but is no member",
    ),
    "feature_gaps": (
        f"DELETE FROM features WHERE date = '{DAY}' AND symbol = 'AAPL'",
        [DAY],
        "AAPL",
    ),
    "enhanced_momentum_limits": (
        f"UPDATE signals SET asked_weight = 0.06 WHERE date = '{DAY}' AND symbol = 'IBM'"
        f" AND model_id = {MOMENTUM}",
        [DAY],
        "IBM: weight beyond the limit (0.06)",
    ),
    "buy_and_hold_limits": (
        f"UPDATE signals SET target_weight = 0.5 WHERE date = '{DAY}' AND symbol = 'IBM'"
        f" AND model_id = {HOLD}",
        [DAY],
        # Two of three equal weights are left: 0.5 + 2/3.
        "weights add up to 1.16667 gross, limit 1",
    ),
    "portfolio_accounting": (
        f"UPDATE portfolios SET cash = cash + 1 WHERE date = '{DAY}' AND model_id = {HOLD}",
        [DAY],
        "equity",
    ),
    "pnl_attribution": (
        # A hundred millionth of the equity.
        f"UPDATE portfolios SET interest = 0.01 WHERE date = '{DAY}' AND model_id = {HOLD}",
        [DAY],
        "0.0100 apart",
    ),
    "long_only_exposure": (
        f"UPDATE portfolios SET cash = -300000 WHERE date = '{DAY}' AND model_id = {HOLD}",
        [DAY],
        "cash -300000.00",
    ),
    "report_ranking": (
        "UPDATE performance_reports SET ranking = (SELECT jsonb_agg(entry ORDER BY rank DESC)"
        " FROM jsonb_array_elements(ranking) WITH ORDINALITY AS entries (entry, rank))"
        f" WHERE date = '{DAY}'",
        [DAY],
        "4 ranked of 4",
    ),
    "exposures_centred": (
        f"UPDATE factor_exposures SET size = size + 0.1 WHERE date = '{DAY}'",
        [DAY],
        "size averages to 0.1",
    ),
}


def examples(lab: Lab, check: str, session: str) -> list[str]:
    details = lab.value(
        "SELECT details::text FROM data_quality WHERE check_name = %s AND date = %s", check, session
    )
    found: list[str] = json.loads(details)["examples"]
    return found


def all_checks() -> list[str]:
    lines = WHOLE_LIST.split()
    assert len(lines) == 41
    return lines


WHOLE_LIST = """
completeness refused_rows price_jumps bad_prints stale_prices zero_volume freshness membership
absent_securities ohlc_violations duplicate_rows foreign_dates implausible_prices
splits_without_jump jumps_without_split extreme_splits volume_outliers unknown_securities
cross_source adjusted_series dividends_without_fall unclaimed_actions
features_causality feature_gaps portfolio_accounting pnl_attribution long_only_exposure
performance_recomputed report_ranking factor_evaluation_recomputed exposures_centred returns_add_up
buy_and_hold_limits buy_and_hold_causality enhanced_momentum_limits enhanced_momentum_causality
equal_weight_limits equal_weight_causality mean_reversion_limits mean_reversion_causality
stale_sessions
"""


def test_untouched_data_pass_every_check_in_every_session(lab: Lab) -> None:
    calendar = exchange_calendars.get_calendar("XNYS", start="2000-01-03", end="2000-12-29")
    assert len(calendar.sessions_in_range(FIRST, LAST)) == SESSIONS
    verdicts = lab.sql(
        "SELECT check_name, count(*), bool_or(NOT passed), min(date)::text, max(date)::text,"
        " sum(failures)::int FROM data_quality GROUP BY 1 ORDER BY 1"
    )
    # AAPL's split of 21 June (a fall of the raw close by 45 %) is among them, explained.
    # A session that is not judged is neither passed nor failed (test_not_judged.py).
    none = {
        "absent_securities",
        "cross_source",
        "mean_reversion_causality",
        "mean_reversion_limits",
    }
    assert verdicts == [
        (name, SESSIONS, None if name in none else False, FIRST, LAST, 0)
        for name in sorted(all_checks())
    ]


@pytest.mark.parametrize("check", TAMPERED)
def test_a_check_finds_exactly_what_was_tampered_with(lab: Lab, check: str) -> None:
    statement, failing, said = TAMPERED[check]
    lab.sql(statement)
    evaluation = lab.check(check)
    assert not evaluation.passed
    assert lab.failing(check) == failing
    assert any(said in example for example in examples(lab, check, failing[0]))
    assert evaluation.metadata["sessions failed"].value == len(failing)
    judged = lab.value("SELECT count(passed) FROM data_quality WHERE check_name = %s", check)
    assert evaluation.metadata["sessions judged"].value == judged
    assert evaluation.metadata["sessions not judged"].value == SESSIONS - judged
    assert lab.value("SELECT count(*) FROM data_quality WHERE check_name = %s", check) == SESSIONS


def test_a_verdict_that_changes_back_leaves_its_history(lab: Lab) -> None:
    lab.sql(f"UPDATE market_data SET volume = 0 WHERE date = '{DAY}' AND symbol = 'MSFT'")
    lab.check("zero_volume")
    lab.sql(f"UPDATE market_data SET volume = 1 WHERE date = '{DAY}' AND symbol = 'MSFT'")
    assert lab.check("zero_volume").passed
    assert lab.failing("zero_volume") == []
    kept = lab.sql(
        "SELECT date::text, passed FROM data_quality_history WHERE check_name = 'zero_volume'"
        " ORDER BY superseded_at"
    )
    assert kept == [(DAY, True), (DAY, False)]


class TestSessionsThatAnotherRunJudged:
    """A check's page shows its last evaluation only: that of a run over other sessions."""

    LOST = f"UPDATE market_data SET volume = 0 WHERE date = '{DAY}' AND symbol = 'MSFT'"
    GONE = f"DELETE FROM market_data WHERE date = '{DAY}' AND symbol = 'IBM'"

    def test_the_newest_that_fails_stays_visible(self, lab: Lab) -> None:
        lab.sql(self.LOST)
        lab.sql("UPDATE market_data SET volume = 0 WHERE date = '2000-05-03' AND symbol = 'IBM'")
        failed = lab.check("zero_volume")
        assert str(failed.description).startswith("2 of 106 sessions failed, last 2000-05-10")
        for session in ("2000-04-03", "2000-06-01"):
            evaluation = lab.check("zero_volume", session)
            assert not evaluation.passed
            assert evaluation.severity == dg.AssetCheckSeverity.WARN
            assert evaluation.description == (
                f"2 other sessions still fail, newest {DAY}: MSFT volume 0;"
                " of this run: 1 sessions judged, all passed"
            )
            numbers = {name: evaluation.metadata[name].value for name in evaluation.metadata}
            assert (numbers["sessions failed"], numbers["other sessions that fail"]) == (0, 2)
        # A run that fails itself says so of both.
        evaluation = lab.check("zero_volume", "2000-05-03")
        assert evaluation.description == (
            "1 of 1 sessions failed, last 2000-05-03: IBM volume 0;"
            f" 1 other sessions still fail, newest {DAY}: MSFT volume 0"
        )

    def test_nothing_stops_because_of_them(self, lab: Lab) -> None:
        """A check that blocks: only the sessions of the run stop it."""
        kept = lab.sql(f"SELECT * FROM market_data WHERE date = '{DAY}' AND symbol = 'IBM'")
        assert len(kept) == 1
        lab.sql(self.GONE)
        assert not lab.check("completeness", DAY).passed
        result = lab.run("daily_update", "2000-05-12")
        assert result.success, failure_text(result)
        (evaluation,) = [
            each
            for each in result.get_asset_check_evaluations()
            if each.check_name == "completeness"
        ]
        assert not evaluation.passed
        assert evaluation.severity == dg.AssetCheckSeverity.WARN
        assert f"newest {DAY}: IBM has no bar" in str(evaluation.description)
        assert lab.failing("completeness") == [DAY]
        # Mended, the page is green again.
        assert lab.run("market_stage", DAY).success
        assert lab.check("completeness", "2000-05-12").passed


@pytest.mark.parametrize(("name", "stops"), [("zero_volume", False), ("completeness", True)])
def test_a_check_that_raises_fails_with_its_own_severity(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch, name: str, stops: bool
) -> None:
    def odd(context: CheckContext, threshold: float) -> Findings:
        raise ZeroDivisionError("no luck")

    checks = [replace(each, judge=odd) if each.name == name else each for each in FACTS_CHECKS]
    monkeypatch.setattr(check_registry, "FACTS_CHECKS", checks)
    lab = make_lab(WindowVendor(FIRST, "2000-03-10"))
    result = lab.run("daily_update", FIRST)
    assert result.success is not stops
    shown = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert not shown[name].passed
    error, warn = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    assert shown[name].severity == (error if stops else warn)
    said = str(shown[name].description)
    assert said.startswith("could not judge: ZeroDivisionError: no luck (test_checks.py:")
    # The others of its step judged.
    assert shown["unknown_securities"].passed
    names = {check for (check,) in lab.sql("SELECT DISTINCT check_name FROM data_quality")}
    assert "unknown_securities" in names
    assert name not in names
    subject = f"SELECT count(*) FROM alerts WHERE subject = 'check {name}'"
    assert lab.value(subject) == (0 if stops else 1)


def test_a_split_without_its_action_is_a_jump(lab: Lab) -> None:
    lab.sql("DELETE FROM corporate_actions WHERE symbol = 'AAPL' AND action_type = 'split'")
    assert not lab.check("price_jumps").passed
    assert lab.failing("price_jumps") == ["2000-06-21"]
    # Raw closes 101.25 and 55.63: what one share lost to the second one.
    assert examples(lab, "price_jumps", "2000-06-21") == ["AAPL moved -0.450568"]


def test_a_return_that_is_not_the_change_of_equity_is_found(lab: Lab) -> None:
    lab.sql(
        "UPDATE portfolios SET daily_return = daily_return + 0.0001"
        f" WHERE date = '{DAY}' AND model_id = {HOLD}"
    )
    lab.check("portfolio_accounting")
    assert lab.failing("portfolio_accounting") == [DAY]


@pytest.mark.parametrize(
    ("check", "statement", "said"),
    [
        (
            "features_causality",
            "UPDATE features SET rsi_14 = rsi_14 + 0.001",
            "IBM rsi_14",
        ),
        ("features_causality", "DELETE FROM features", "IBM is computed only"),
        (
            "features_causality",
            "UPDATE features SET symbol = 'IBMX', security_id = 'IBMX' WHERE symbol = 'IBM'",
            "IBMX is stored only",
        ),
        (
            "buy_and_hold_causality",
            f"UPDATE signals SET target_weight = 0.3333 WHERE model_id = {HOLD}",
            "IBM target_weight: stored 0.3333",
        ),
        (
            "performance_recomputed",
            "UPDATE model_performance SET sharpe_ratio = sharpe_ratio * 1.000001",
            "21d sharpe_ratio",
        ),
        (
            "factor_evaluation_recomputed",
            "UPDATE factor_evaluation SET pairs = pairs + 1",
            "pairs: stored",
        ),
        (
            "returns_add_up",
            "UPDATE specific_returns SET specific_return = specific_return + 1e-6"
            " WHERE security_id = 'IBM'",
            "IBM does not",
        ),
    ],
)
def test_recomputing_a_session_finds_a_doctored_figure(
    lab: Lab, check: str, statement: str, said: str
) -> None:
    where = " AND " if "WHERE" in statement else " WHERE "
    lab.sql(f"{statement}{where} date = '{SAMPLED}'")
    assert not lab.check(check).passed
    assert lab.failing(check) == [SAMPLED]
    assert any(said in example for example in examples(lab, check, SAMPLED))


def test_an_untouched_session_passes_when_it_is_recomputed_alone(lab: Lab) -> None:
    for check in ("features_causality", "buy_and_hold_causality", "enhanced_momentum_causality"):
        evaluation = lab.check(check, SAMPLED)
        assert evaluation.description == "1 sessions judged, all passed", check


def test_refused_rows_are_counted_in_their_session(make_lab: MakeLab) -> None:
    vendor = WindowVendor("2000-03-01", "2000-03-10")
    vendor.doctored[("2000-03-07", "MSFT")] = {"high_price": 1.0}
    lab = make_lab(vendor)
    lab.run("market_stage", "2000-03-01", "2000-03-10")
    assert lab.failing("refused_rows") == ["2000-03-07"]
    (example,) = examples(lab, "refused_rows", "2000-03-07")
    assert example.startswith("market_data MSFT: breaks ")
    # The row itself is kept, and is the only one that is not stored.
    assert lab.value("SELECT (row ->> 'high_price')::float FROM quarantine") == 1.0
    assert lab.value("SELECT count(*) FROM market_data") == 3 * 8 - 1
    assert lab.failing("completeness") == ["2000-03-07"]


def test_bad_prints_finds_the_one_in_the_sample(make_lab: MakeLab) -> None:
    # The low of 23.19 of MSFT on 1 July 2008, between an open of 27.23 and a close of 26.87.
    lab = make_lab(WindowVendor("2008-05-19", "2008-07-31"))
    assert lab.run("market_stage", "2008-05-19", "2008-07-31").success
    assert lab.failing("bad_prints") == ["2008-07-01"]
    (example,) = examples(lab, "bad_prints", "2008-07-01")
    assert example.startswith("MSFT low 23.19 ")


def other_source(lab: Lab, change: str) -> None:
    """As if another source's bar of IBM had been replaced by what is stored."""
    names = f"date, symbol, {', '.join(PRICES)}, volume, security_id, recorded_at"
    lab.sql(
        f"INSERT INTO market_data_history ({names}, source) SELECT {names}, 'other'"
        f" FROM market_data WHERE date = '{DAY}' AND symbol = 'IBM'"
    )
    lab.sql(f"UPDATE market_data_history SET {change} WHERE date = '{DAY}'")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # Two sources agree on the close; the low of one is off by 14 %, its volume 2.4 times as
        # much.
        ("low_price = low_price * 0.86", "IBM low"),
        ("volume = volume * 2.4", "IBM volume"),
        ("volume = volume / 2.4", "IBM volume"),
        ("open_price = open_price * 1.011", "IBM open"),
        ("high_price = high_price * 1.011", "IBM high"),
        ("close_price = close_price * 0.994", "IBM close"),
        # Within the tolerances: 1 % of a price, half of the close's, half of the volume.
        ("low_price = low_price * 0.991, high_price = high_price * 1.009", ""),
        ("close_price = close_price * 1.004, volume = volume * 1.4", ""),
    ],
)
def test_two_sources_are_compared_field_by_field(lab: Lab, change: str, said: str) -> None:
    other_source(lab, change)
    assert lab.check("cross_source").passed == (not said)
    assert lab.failing("cross_source") == ([DAY] if said else [])
    if said:
        (example,) = examples(lab, "cross_source", DAY)
        assert example.startswith(f"{said} ")
        assert ", other had " in example


def test_a_tolerance_is_a_setting(make_lab: MakeLab, filled: str) -> None:
    lab = make_lab(WindowVendor(FIRST, LAST), filled)
    settings = lab.platform.settings.model_copy(
        update={"source_tolerances": "open:0.01 high:0.01 low:0.2 volume:0.5"}
    )
    wide = Lab(settings, lab.vendor, lab.instance)
    other_source(lab, "low_price = low_price * 0.86")
    assert not lab.check("cross_source").passed
    assert wide.check("cross_source").passed


def test_freshness_counts_sessions_behind(server: Server, filled: str, make_lab: MakeLab) -> None:
    lab = make_lab(WindowVendor(FIRST, "2013-03-01"), filled)
    assert not lab.check("freshness", LAST).passed
    calendar = exchange_calendars.get_calendar("XNYS", start="2000-01-03", end="2013-12-31")
    behind = len(calendar.sessions_in_range("2000-08-01", "2013-03-01"))
    assert examples(lab, "freshness", LAST) == [f"{behind} sessions behind 2013-03-01"]
    # What it says of the newest session is past once there is another.
    assert lab.check("freshness", DAY).passed


def test_an_unpublished_session_is_nobodys_delay(filled: str, make_lab: MakeLab) -> None:
    vendor = WindowVendor(FIRST, "2000-08-01")
    vendor.released = vendor.released.replace(month=7, day=31)
    assert make_lab(vendor, filled).check("freshness", LAST).passed


def test_checks_on_an_empty_database_have_nothing_to_say(make_lab: MakeLab) -> None:
    lab = make_lab(WindowVendor(FIRST, LAST))
    evaluation = lab.check("completeness")
    assert evaluation.passed
    assert evaluation.description == "Nothing is stored yet"
    assert lab.value("SELECT count(*) FROM data_quality") == 0


def test_severities_follow_what_a_failure_means(lab: Lab) -> None:
    lab.sql(f"DELETE FROM market_data WHERE date = '{DAY}' AND symbol = 'IBM'")
    assert lab.check("completeness").severity == dg.AssetCheckSeverity.ERROR
    lab.sql(f"UPDATE market_data SET volume = 0 WHERE date = '{DAY}'")
    assert lab.check("zero_volume").severity == dg.AssetCheckSeverity.WARN
    stored = lab.sql("SELECT DISTINCT check_name, severity FROM data_quality WHERE NOT passed")
    assert sorted(stored) == [("completeness", "error"), ("zero_volume", "warn")]


def test_how_many_sessions_are_judged_at_once_changes_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Blocks of three sessions, which is fewer than a check of prices that stand still looks back.
    monkeypatch.setattr(judging, "BLOCK_ROWS", 12)
    for name in ("stale_prices", "price_jumps"):
        statement, failing, said = TAMPERED[name]
        lab.sql(statement)
        assert not lab.check(name).passed
        assert lab.failing(name) == failing
        assert any(said in example for example in examples(lab, name, failing[0]))
