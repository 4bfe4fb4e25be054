"""What raises, hangs or breaks a rule fails alone: the others go on, and it is named.

The sessions are the last three of 2004: 29, 30 and 31 December.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from quant_platform.alerts import rules
from quant_platform.alerts.rules import AlertInputs, DataStale
from quant_platform.evaluation.metrics import METRICS
from quant_platform.features import compute
from quant_platform.features.feature_registry import Feature, select
from quant_platform.market.panel import Panel
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import stale_of
from quant_platform.quality.check import CheckContext
from quant_platform.quality.judging import judge_run, unjudged
from quant_platform.quality.market import FACTS_CHECKS
from quant_platform.quality.staleness import announce
from quant_platform.quality.verdict import Findings, failures
from quant_platform.settings import PREFIX
from quant_platform.storage.database import Database
from quant_platform.strategies.library.mean_reversion import MeanReversion
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import STALE, SampleMarket, dump, platform_of, run
from quant_platform_tests.support.tables import fetch

SINCE, LAST = "2004-12-29", "2004-12-31"

FAILED = (
    "SELECT asset, date::text, part, reason FROM computation_failures ORDER BY asset, part, date"
)
ALERTS = (
    "SELECT DISTINCT subject, message FROM alerts WHERE rule = 'computation_failed'"
    " AND origin = 'report' AND severity = 'critical' ORDER BY 1"
)

Break = Callable[[pytest.MonkeyPatch], None]


def break_strategy(patch: pytest.MonkeyPatch) -> None:
    def signals(self: MeanReversion, panel: object) -> pd.DataFrame:
        del self, panel
        raise ZeroDivisionError("no luck")

    patch.setattr(MeanReversion, "signals", signals)


def break_feature(patch: pytest.MonkeyPatch) -> None:
    compute = Feature.compute

    def broken(self: Feature, context: object) -> object:
        if self.name == "rsi_14":
            raise ZeroDivisionError("no luck")
        return compute(self, context)  # type: ignore[arg-type]

    patch.setattr(Feature, "compute", broken)


def break_metric(patch: pytest.MonkeyPatch) -> None:
    def broken(window: object) -> object:
        raise ZeroDivisionError("no luck")

    metric = replace(METRICS["sortino_ratio"], function=broken)  # type: ignore[arg-type]
    patch.setitem(METRICS._metrics, "sortino_ratio", metric)


def break_rule(patch: pytest.MonkeyPatch) -> None:
    def evaluate(self: DataStale, inputs: object) -> pd.DataFrame:
        raise ZeroDivisionError("no luck")

    patch.setattr(rules.DataStale, "evaluate", evaluate)


CASES = {
    "strategy": (break_strategy, "signals/mean_reversion", "strategy mean_reversion"),
    "feature": (break_feature, "features", "feature rsi_14"),
    "metric": (break_metric, "model_performance", "metric sortino_ratio"),
    "rule": (break_rule, "alerts", "alert rule data_stale"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_others_go_on_and_the_next_run_computes_it(
    computed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    break_it, asset, part = CASES[case]
    platform = platform_of(computed, tmp_path)
    before = dump(computed)
    with monkeypatch.context() as patch:
        break_it(patch)
        result = run(computed, tmp_path, SINCE, LAST)
    assert result.success, failure_text(result)
    made = metadata_of(result)
    others = {"portfolios", "model_performance", "alerts", "performance_reports"}
    assert {*others, asset} <= made.keys()

    failed = fetch(computed, FAILED)
    assert [row[:3] for row in failed] == [
        (asset, day, part) for day in ("2004-12-29", "2004-12-30", "2004-12-31")
    ]
    reason = failed[0][3]
    assert reason.startswith("ZeroDivisionError: no luck (test_failures.py:")
    assert fetch(computed, ALERTS) == [(part, f"{part} could not be computed: {reason}")]
    # Named as stale, with all that follows from it.
    stale = {each.asset: each for each in stale_of(platform)}
    assert stale[asset].failed
    assert list(stale[asset].sessions) == ["2004-12-29", "2004-12-30", "2004-12-31"]
    assert "because of its own failure" in str(stale[asset])
    announce(platform)

    repair(computed, tmp_path, platform)
    assert stale_of(platform) == []
    assert fetch(computed, FAILED) == []
    assert fetch(computed, ALERTS) == []
    announce(platform)
    assert dump(computed) == before


def hang(*arguments: object) -> Any:
    """A strategy, feature, metric, rule or check that does not end."""
    del arguments
    threading.Event().wait(3600)


def unstorable(self: MeanReversion, panel: Panel) -> pd.DataFrame:
    """Signals that a strategy's own checks let through, and the table does not."""
    return signals_of(self, panel).assign(expected_return=np.inf)


def without_json(self: MeanReversion, panel: Panel) -> pd.DataFrame:
    return signals_of(self, panel).assign(metadata="{")


def of_another_type(self: MeanReversion, panel: Panel) -> pd.DataFrame:
    return signals_of(self, panel).assign(expected_volatility="high")


signals_of = MeanReversion.signals


def odd_breaches(self: DataStale, inputs: AlertInputs) -> pd.DataFrame:
    """One breach of a severity that there is not."""
    del self
    return pd.DataFrame(
        {
            "date": inputs.sessions[:1],
            "subject": "A",
            "severity": "dreadful",
            "message": "",
            "value": 1.0,
            "threshold": 0.0,
        }
    )


def with_a_feature_that_hangs(names: Sequence[str] | None = None) -> tuple[Feature, ...]:
    return tuple(
        replace(each, function=hang) if each.name == "rsi_14" else each for each in select(names)
    )


def replaced_metric(patch: pytest.MonkeyPatch, name: str, function: Any) -> None:
    patch.setitem(METRICS._metrics, name, replace(METRICS[name], function=function))


STRATEGY = ("signals/mean_reversion", "strategy mean_reversion")
RULE = ("alerts", "alert rule data_stale")
REVERSION = (
    "SELECT date, symbol, signals.created_at FROM signals JOIN models ON models.id = model_id"
    " WHERE model_name = 'mean_reversion' AND date >= %s ORDER BY 1, 2"
)
LATE = "did not end within 0.3 s"

NOT_RAISED: dict[str, tuple[Break, tuple[str, str], str]] = {
    "strategy hangs": (lambda p: p.setattr(MeanReversion, "signals", hang), STRATEGY, LATE),
    "feature hangs": (
        lambda p: p.setattr(compute, "select", with_a_feature_that_hangs),
        ("features", "feature rsi_14"),
        LATE,
    ),
    "metric hangs": (
        lambda p: replaced_metric(p, "sortino_ratio", hang),
        ("model_performance", "metric sortino_ratio"),
        LATE,
    ),
    "rule hangs": (lambda p: p.setattr(DataStale, "evaluate", hang), RULE, LATE),
    "infinite": (
        lambda p: p.setattr(MeanReversion, "signals", unstorable),
        STRATEGY,
        "ContractError: A row for signals breaks signals_expected_return_check",
    ),
    "no JSON": (
        lambda p: p.setattr(MeanReversion, "signals", without_json),
        STRATEGY,
        "ContractError: A value for incoming cannot be stored: invalid input syntax for type json",
    ),
    "text": (
        lambda p: p.setattr(MeanReversion, "signals", of_another_type),
        STRATEGY,
        "ContractError: Column expected_volatility",
    ),
    "count too large": (
        lambda p: replaced_metric(p, "trade_count", lambda window: window.sum(window.trades) + 3e9),
        ("model_performance", "metric trade_count"),
        "ContractError: 3e+09 is too large for a count",
    ),
    "severity": (
        lambda p: p.setattr(DataStale, "evaluate", odd_breaches),
        RULE,
        "ContractError: its breaches hold a severity besides info, warning, critical (1 rows)",
    ),
}


@pytest.mark.parametrize("case", NOT_RAISED)
def test_what_hangs_or_breaks_a_rule_fails_as_what_raises(
    computed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    break_it, (asset, part), reason = NOT_RAISED[case]
    before = fetch(computed, REVERSION, SINCE)
    break_it(monkeypatch)
    chosen = (*dict.fromkeys((asset, "alerts")), "signals/enhanced_momentum")
    settings = {PREFIX + "STEP_SECONDS": "0.3"} if reason == LATE else {}
    result = run(computed, tmp_path, SINCE, LAST, assets=chosen, settings=settings)
    assert result.success, failure_text(result)
    assert metadata_of(result).keys() == set(chosen)
    failed = fetch(computed, FAILED)
    assert [row[:3] for row in failed] == [
        (asset, day, part) for day in ("2004-12-29", "2004-12-30", "2004-12-31")
    ]
    assert failed[0][3].startswith(reason)
    assert fetch(computed, ALERTS) == [(part, f"{part} could not be computed: {failed[0][3]}")]
    # The rows of before stand.
    assert fetch(computed, REVERSION, SINCE) == before


SESSIONS = ("2004-12-29", "2004-12-30", "2004-12-31")

(SOUND,) = (check for check in FACTS_CHECKS if check.name == "zero_volume")


def test_a_check_that_cannot_judge_leaves_no_verdict_and_the_others_do(
    computed: Database, tmp_path: Path
) -> None:
    def zero(context: CheckContext, threshold: float) -> Findings:
        return context.not_judged(f"{threshold / len(context.sessions[:0])}")

    for function, limit, reason in ((hang, 0.3, LATE), (zero, 60.0, "ZeroDivisionError: ")):
        platform = limited_to(computed, tmp_path, limit)
        odd = replace(SOUND, name="odd", judge=function)
        _, findings = judge_run(platform, [odd, SOUND], SESSIONS)
        assert findings["odd"].broken.startswith(reason)
        assert not findings[SOUND.name].broken
        # The next backfill looks at them again.
        assert unjudged(platform, ["odd", SOUND.name], SESSIONS) == {"odd"}
        assert [(row[0], row[2]) for row in fetch(computed, FAILED)] == [
            ("market_data", "check odd")
        ] * 3
        assert fetch(computed, FAILED)[0][3].startswith(reason)
    judge_run(platform, [replace(SOUND, name="odd"), SOUND], SESSIONS)
    assert fetch(computed, FAILED) == []
    assert unjudged(platform, ["odd", SOUND.name], SESSIONS) == set()


def test_a_check_in_a_process_of_its_own_reads_what_is_stored(
    computed: Database, tmp_path: Path
) -> None:
    def count(context: CheckContext, threshold: float) -> Findings:
        """Fails each session of which it knows how many bars there are."""
        del threshold
        rows = context.bars.groupby("date").size()
        return context.all_judged(failures(rows.index, [f"{rows} bars" for rows in rows]))

    platform = limited_to(computed, tmp_path, 60.0)
    _, findings = judge_run(platform, [replace(SOUND, name="count", judge=count)], SESSIONS)
    assert findings["count"].failures["example"].tolist() == ["4 bars"] * 3
    # And the parent's connections still work.
    assert fetch(computed, "SELECT count(*) FROM data_quality WHERE check_name = 'count'") == [(3,)]


def limited_to(database: Database, home: Path, seconds: float) -> Platform:
    settings = platform_of(database, home).settings
    return Platform(settings.model_copy(update={"step_seconds": seconds}), SampleMarket())


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, Any]]:
    """Asset → metadata of its materialisation."""
    return {
        event.materialization.asset_key.to_user_string(): event.materialization.metadata
        for event in result.get_asset_materialization_events()
    }


def repair(database: Database, home: Path, platform: Platform) -> None:
    assets = [each.asset for each in stale_of(platform)]
    result = run(database, home, SINCE, LAST, assets=assets, tags=STALE)
    assert result.success, failure_text(result)


def test_a_failed_model_keeps_its_signals_and_the_run_says_why(
    computed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform_of(computed, tmp_path)
    signals = "SELECT count(*) FROM signals WHERE date >= %s"
    before = fetch(computed, signals, SINCE)
    with monkeypatch.context() as patch:
        break_strategy(patch)
        result = run(computed, tmp_path, SINCE, LAST)
    assert fetch(computed, signals, SINCE) == before
    assert fetch(
        computed,
        "SELECT status, first_session::text, last_session::text, signal_rows, reason"
        " FROM model_runs JOIN models ON models.id = model_id WHERE model_name = 'mean_reversion'"
        " ORDER BY model_runs.id DESC LIMIT 1",
    ) == [("failed", SINCE, LAST, 0, fetch(computed, FAILED)[0][3])]
    said = metadata_of(result)
    assert "strategy mean_reversion: 3 sessions" in str(
        said["signals/mean_reversion"]["failed"].value
    )
    assert "failed" not in said["signals/enhanced_momentum"]
    # The portfolios of the sessions that would have executed them say on what they are built.
    assert "signals/mean_reversion" in str(said["portfolios"]["computed from stale"].value)


def test_a_failed_feature_is_null_and_the_others_are_not(
    computed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_feature(patch)
        assert run(computed, tmp_path, SINCE, LAST, assets=["features"]).success
    counts = "SELECT count(rsi_14), count(momentum_5), count(*) FROM features WHERE date >= %s"
    # Four symbols of the sample are listed in 2004.
    assert fetch(computed, counts, SINCE) == [(0, 12, 12)]
