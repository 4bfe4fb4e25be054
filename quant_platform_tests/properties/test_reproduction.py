"""Law 6: a run of the ledger can be run again, and gives the same bytes."""

from dataclasses import replace
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import quant_platform as qp
from quant_platform.research.store import Store
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST
from quant_platform_tests.support.stores import MODELS, store_of
from quant_platform_tests.support.tables import fetch

END = "2004-10-29"
CORRECTED = "2004-09-01"
BUYING = 0.25


def by_momentum(panel: qp.Panel, n: int = 2, share: float = BUYING) -> np.ndarray:
    """Hold the strongest, as a notebook may write it."""
    chosen: np.ndarray = panel.top(panel["momentum_20"], n=n, every="month") > 0.0
    return np.where(chosen, share, 0.0)


by_momentum.features = ("momentum_20",)  # type: ignore[attr-defined]


def correct(database: Database) -> None:
    """Tell the tables of another price, as a correction of the vendor does."""
    columns = ", ".join(
        name
        for (name,) in fetch(
            database,
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'market_data' ORDER BY ordinal_position",
        )
    )
    fetch(
        database,
        f"INSERT INTO market_data_history ({columns}, superseded_at)"  # noqa: S608 — our own names
        f" SELECT {columns}, clock_timestamp() FROM market_data WHERE date = '{CORRECTED}'",
    )
    fetch(
        database,
        "UPDATE market_data SET close_price = low_price, recorded_at = clock_timestamp()"
        " WHERE date = %s RETURNING 1",
        CORRECTED,
    )


def trial_of(store: Store, strategy: str) -> str:
    rows = store.trials()
    return str(rows[rows["strategy"] == strategy]["id"].iloc[0])


@pytest.mark.parametrize("name", MODELS)
def test_a_daily_model(computed: Database, tmp_path: Path, name: str) -> None:
    store = store_of(computed, tmp_path)
    again = store.reproduce(trial_of(store, name))
    assert again.same, again
    assert again.notes == ()
    assert len(again.outcome.returns) == 107


@hypothesis.settings(
    max_examples=8, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    st.sampled_from(["mean_reversion", "enhanced_momentum", "equal_weight"]),
    st.floats(1000.0, 1e7),
    st.floats(0.0, 40.0),
    st.sampled_from([*range(3)]),
)
def test_any_configuration(
    whole: Database, tmp_path: Path, name: str, capital: float, cost: float, preset: int
) -> None:
    store = store_of(whole, tmp_path)
    costs = (
        qp.Costs(commission_bp=cost),
        qp.Costs.realistic(),
        qp.Costs(commission_tiers=((1e4, cost),)),
    )
    result = store.backtest(name, FIRST, "2004-09-15", capital=capital, costs=costs[preset])
    assert result.run is not None
    again = store.reproduce(result.run.trial.id)
    assert again.same, again
    assert again.notes == ()
    assert again.result.portfolios.equals(result.portfolios)


def test_a_cell_of_a_sweep(computed: Database, tmp_path: Path) -> None:
    store = store_of(computed, tmp_path)
    grid = {"stop_atr": [1.0, 3.0]}
    swept = store.sweep("enhanced_momentum", grid, FIRST, END, progress=False)
    for run, outcome in zip(swept.runs, swept.outcomes, strict=True):
        again = store.reproduce(run.trial.id)
        assert again.same, again
        np.testing.assert_array_equal(again.outcome.returns, outcome.returns)


def test_after_a_correction_what_was_known_then(computed: Database, tmp_path: Path) -> None:
    store = store_of(computed, tmp_path)
    before = store.backtest("buy_and_hold", FIRST, END)
    assert before.run is not None
    correct(computed)
    assert (
        not store_of(computed, tmp_path)
        .backtest("buy_and_hold", FIRST, END)
        .returns.equals(before.returns)
    )
    runs = fetch(
        computed, "SELECT min(id) FROM trial_runs WHERE trial_id = %s", before.run.trial.id
    )
    again = store_of(computed, tmp_path).reproduce(f"run:{runs[0][0]}")
    assert again.same, again
    assert "the data changed since" in again.notes[0]
    assert again.result.portfolios.equals(before.portfolios)
    # The daily model was computed before it, too.
    assert store_of(computed, tmp_path).reproduce(trial_of(store, "mean_reversion")).same


def test_as_known_at_a_moment(computed: Database, tmp_path: Path) -> None:
    store = store_of(computed, tmp_path)
    moment = fetch(computed, "SELECT clock_timestamp()")[0][0].isoformat()
    correct(computed)
    result = store.at(moment).backtest("buy_and_hold", FIRST, END)
    assert result.run is not None
    assert result.run.data_version.endswith(f" as of {moment}")
    assert store_of(computed, tmp_path).reproduce(result.run.trial.id).same


def test_nothing_is_counted_twice(computed: Database, tmp_path: Path) -> None:
    store = store_of(computed, tmp_path)
    result = store.backtest("mean_reversion", FIRST, END)
    assert result.run is not None
    counted = (
        "SELECT (SELECT count(*) FROM trials), (SELECT count(*) FROM study_trials), count(*)"
        " FROM trial_runs"
    )
    before = fetch(computed, counted)
    for _ in range(2):
        assert store.reproduce(result.run.trial.id).same
    assert fetch(computed, counted) == before


def test_a_function_of_a_notebook_from_its_stored_source(
    computed: Database, tmp_path: Path
) -> None:
    """Only by consent, and only what has the digest of the trial."""
    store = store_of(computed, tmp_path)
    alone = store.backtest(by_momentum, FIRST, END)
    swept = store.sweep(by_momentum, {"n": [1, 3]}, FIRST, END, progress=False)
    assert alone.run is not None
    for run in (alone.run, *swept.runs):
        with pytest.raises(qp.errors.SettingsError, match="running it runs code from the database"):
            store.reproduce(run.trial.id)
        again = store.reproduce(run.trial.id, run_stored_source=True)
        assert again.same, again
        assert again.notes == ()
    assert store.reproduce(alone.run.trial.id, strategy=by_momentum).same

    fetch(computed, "ALTER TABLE trial_sources DISABLE TRIGGER ALL")
    fetch(computed, "UPDATE trial_sources SET source = replace(source, '0.25', '0.5')")
    with pytest.raises(qp.errors.SettingsError, match="gives the digest"):
        store.reproduce(alone.run.trial.id, run_stored_source=True)
    fetch(computed, "UPDATE trial_sources SET source = 'print(1)\n' || source")
    with pytest.raises(qp.errors.SettingsError, match=r"Line 1 .* is no definition: print\(1\)"):
        store.reproduce(alone.run.trial.id, run_stored_source=True)


def test_a_book(computed: Database, tmp_path: Path) -> None:
    store = store_of(computed, tmp_path)
    book = qp.Book("mix", ["buy_and_hold", "mean_reversion"], "fixed", shares=[0.6, 0.4])
    result = store.backtest(book, FIRST, END)
    assert result.run is not None
    assert store.reproduce(result.run.trial.id).same


def test_other_code_is_said_and_a_difference_is_found(
    computed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(computed, tmp_path)
    result = store.backtest("buy_and_hold", FIRST, END)
    assert result.run is not None
    monkeypatch.setattr("quant_platform.research.reproduction.code_version", lambda: "0.0.1+abc")
    again = store.reproduce(result.run.trial.id)
    assert again.same
    assert again.notes == (f"the code was {result.run.code_version}, and is 0.0.1+abc now",)

    fetch(computed, "ALTER TABLE trial_runs DISABLE TRIGGER ALL")
    fetch(
        computed,
        "UPDATE trial_runs SET daily_returns[3] = daily_returns[3] + 1e-7, beta = beta + 1e-15"
        " WHERE trial_id = %s RETURNING 1",
        result.run.trial.id,
    )
    again = store.reproduce(result.run.trial.id)
    assert not again.same
    assert again.differences[0].startswith("return of 2004-08-04: ")
    assert again.differences[0].endswith("in 1 of 64 sessions")
    assert [each.split(":")[0] for each in again.differences[1:]] == ["beta"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0000", "No trial of the ledger begins with 0000"),
        ("run:999999", "There is no run:999999 in the ledger"),
        ("; DROP TABLE", "is no trial"),
    ],
)
def test_a_trial_that_is_not_there(
    whole: Database, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(qp.errors.UnknownNameError, match=message):
        store_of(whole, tmp_path).reproduce(name)


def test_returns_given_by_hand_are_passed_again(computed: Database, tmp_path: Path) -> None:
    store = store_of(computed, tmp_path)
    against = store.backtest("buy_and_hold", FIRST, END).returns.rename("mine")
    result = store.backtest("mean_reversion", FIRST, END, benchmark=against)
    assert result.run is not None
    trial = result.run.trial.id
    with pytest.raises(qp.errors.SettingsError, match="given by hand"):
        store.reproduce(trial)
    assert store.reproduce(trial, benchmark=against).same
    assert replace(result.run, data_version="") != result.run
