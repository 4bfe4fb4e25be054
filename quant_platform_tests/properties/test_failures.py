"""What raises fails alone: the others go on, it is named, and the next run computes it.

The sessions are the last three of 2004: 29, 30 and 31 December.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from quant_platform.alerts import rules
from quant_platform.alerts.rules import DataStale
from quant_platform.evaluation.metrics import METRICS
from quant_platform.features.feature_registry import Feature
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import stale_of
from quant_platform.quality.staleness import announce
from quant_platform.storage.database import Database
from quant_platform.strategies.library.mean_reversion import MeanReversion
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import STALE, dump, platform_of, run
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
