"""Law 8: every simulation that a person can look at is a row of the ledger, counted once."""

from pathlib import Path

import numpy as np
import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, LAST, run
from quant_platform_tests.support.stores import MODELS, store_of
from quant_platform_tests.support.tables import content, fetch

COUNTED = "SELECT strategy, count(*) FROM trials GROUP BY 1 ORDER BY 1"


def test_each_daily_model_is_one_trial_and_its_benchmark_none(computed: Database) -> None:
    assert fetch(computed, COUNTED) == [(name, 1) for name in MODELS]
    ids = "SELECT strategy, first_session, last_session FROM trials ORDER BY 1"
    assert fetch(computed, ids) == [(name, None, None) for name in MODELS]
    runs = fetch(computed, "SELECT origin, first_session::text, last_session::text FROM trial_runs")
    assert runs == [("asset", FIRST, LAST)] * 3


def test_a_run_of_a_model_has_its_returns_and_figures(computed: Database) -> None:
    rows = fetch(
        computed,
        "SELECT strategy, daily_returns, sharpe_ratio FROM trial_runs"
        " JOIN trials ON trials.id = trial_id",
    )
    for name, returns, sharpe in rows:
        stored = fetch(
            computed,
            "SELECT daily_return, sharpe_ratio FROM portfolios AS p JOIN models AS m"
            " ON m.id = p.model_id JOIN model_performance AS f USING (date, model_id)"
            " WHERE model_name = %s AND window_name = 'inception' ORDER BY p.date",
            name,
        )
        kept = np.array([row[0] for row in stored], np.float32)
        np.testing.assert_array_equal(np.array(returns, np.float32), kept)
        assert sharpe == stored[-1][1]


def test_new_sessions_corrections_and_runs_again_add_no_trial(
    fresh: Database, tmp_path: Path
) -> None:
    def step(first: str, last: str) -> int:
        assert run(fresh, tmp_path, first, last).success
        assert fetch(fresh, COUNTED) == [(name, 1) for name in MODELS]
        return int(fetch(fresh, "SELECT count(*) FROM trial_runs")[0][0])

    assert step("2004-08-02", "2004-08-31") == 3
    assert step("2004-09-01", "2004-09-01") == 6  # a new session
    before = content(fresh, "trial_runs")
    assert step("2004-09-01", "2004-09-01") == 6  # the same again
    assert content(fresh, "trial_runs") == before
    fetch(fresh, "UPDATE market_data SET volume = volume + 1 WHERE date = '2004-09-01'")
    again = {"quant_platform/recompute": "true"}
    assert run(fresh, tmp_path, "2004-09-01", "2004-09-01", tags=again).success
    assert fetch(fresh, COUNTED) == [(name, 1) for name in MODELS]
    assert fetch(fresh, "SELECT count(*) FROM study_trials") == [(3,)]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_a_notebook_is_the_same_trial(
    computed: Database, tmp_path: Path, name: str
) -> None:
    """Over all that is stored: it is the configuration that runs each day."""
    store = store_of(computed, tmp_path)
    first = fetch(computed, "SELECT min(date)::text FROM market_data")[0][0]
    result = store.backtest(name, first, LAST)
    assert result.counted is not None
    assert result.counted.trials == 1
    assert fetch(computed, COUNTED) == [(each, 1) for each in MODELS]
    assert fetch(computed, "SELECT count(*) FROM trial_runs WHERE origin = 'notebook'") == [(1,)]
    assert fetch(computed, "SELECT count(*) FROM studies") == [(2,)]


def test_whatever_is_tried_counts_once(computed: Database, tmp_path: Path) -> None:
    """Another window, parameter or assumption is another trial; a preset of risk is none."""
    store = store_of(computed, tmp_path)

    def count() -> int:
        return int(fetch(computed, "SELECT count(*) FROM trials")[0][0])

    start = count()
    result = store.backtest("mean_reversion", FIRST, "2004-10-29")
    assert count() == start + 1
    store.backtest("mean_reversion", FIRST, "2004-10-29")
    result.implementation_risk()
    assert count() == start + 1
    store.backtest("mean_reversion", FIRST, "2004-11-30")
    assert count() == start + 2
    store.backtest("mean_reversion", FIRST, "2004-10-29", capital=5000.0)
    assert count() == start + 3
    grid = {"stop_atr": [1.0, 2.0, 3.0]}
    store.sweep("enhanced_momentum", grid, FIRST, "2004-10-29", progress=False)
    assert count() == start + 6
    store.sweep("enhanced_momentum", grid, FIRST, "2004-10-29", progress=False, resume=False)
    assert count() == start + 6
