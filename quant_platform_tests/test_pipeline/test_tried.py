"""What the ledger holds beside the daily models, counted for their deflation."""

from dataclasses import replace

import numpy as np
import pytest

from quant_platform.pipeline import tried
from quant_platform.pipeline.tried import tried_beside
from quant_platform.storage.database import Database
from quant_platform.storage.ledger import Ledger
from quant_platform.storage.trials import Circumstance, Outcome, Study, Trial, TrialRun

TRIAL = Trial(
    strategy="mine",
    strategy_version="1",
    source_digest="",
    parameters="{}",
    universe="",
    first_session=None,
    last_session=None,
    costs="{}",
    limits="{}",
    delistings="{}",
    capital=1000.0,
    risk_free=0.0,
    benchmark="equal_weight",
)
RISING = np.tile([0.01, -0.01], 32)
"""Uncorrelated with the next one."""

SLOW = np.tile([0.01, 0.01, -0.01, -0.01], 16)


def run(number: int, last: str = "2004-11-01", data: str = "data") -> TrialRun:
    trial = replace(TRIAL, parameters=f'{{"a": {number}}}')
    return TrialRun(trial, "code", data, "2004-08-02", last)


def record(database: Database, *runs: tuple[TrialRun, float | None, np.ndarray]) -> None:
    """Record runs with their Sharpe ratios and returns; without a ratio it failed."""
    outcomes = [
        (each, Outcome({}, np.empty(0, np.float32), "it raised"))
        if ratio is None
        else (each, Outcome({"sharpe_ratio": ratio}, returns.astype(np.float32)))
        for each, ratio, returns in runs
    ]
    circumstance = Circumstance("notebook", "somebody", "machine")
    Ledger(database, None).record(Study("a question", "somebody", True), outcomes, circumstance, {})


def test_an_empty_ledger_holds_nothing_beside(database: Database) -> None:
    assert tried_beside(database, []) is None
    record(database, (run(1), 0.5, RISING))
    assert tried_beside(database, [run(1).trial.id]) is None


@pytest.mark.parametrize("at_once", [1, 1_000])
def test_each_trial_counts_once_by_its_newest_run_that_succeeded(
    database: Database, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two alike and one unlike them are two trials; one over other sessions is another."""
    monkeypatch.setattr(tried, "AT_ONCE", at_once)
    record(
        database,
        (run(1), 0.5, RISING),
        (run(2), 0.7, 2.0 * RISING),
        (run(3), -0.2, SLOW),
        (run(4, last="2004-10-29"), 1.5, RISING[:63]),
        (run(5), None, RISING),
        (run(6), 9.0, RISING),
    )
    record(database, (run(3, data="corrected"), 0.1, SLOW))
    found = tried_beside(database, [run(6).trial.id])
    assert found is not None
    assert sorted(found.ratios) == [0.1, 0.5, 0.7, 1.5]
    assert sorted(found.sessions) == [63.0, 64.0, 64.0, 64.0]
    # Shares 2/3 and 1/3 of the eigenvalues: exp(−Σ p·log p) = 3 / 2^(2/3); and 1 for the other.
    assert found.effective == pytest.approx(3.0 / 2.0 ** (2.0 / 3.0) + 1.0, rel=1e-5)


def test_runs_over_the_same_days_may_have_other_sessions(database: Database) -> None:
    """A closure that was added later: a day less between the same first and last one."""
    record(database, (run(1), 0.5, RISING), (run(2), 0.7, SLOW[:63]))
    found = tried_beside(database, [])
    assert found is not None
    assert found.effective == pytest.approx(2.0, rel=1e-5)


def test_a_group_is_counted_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """And again when a run joins it: no run ever changes."""
    record(database, (run(1), 0.5, RISING), (run(2), 0.7, SLOW))
    first = tried_beside(database, [])
    assert first is not None
    read: list[int] = []

    def returns(_: Database, runs: list[int]) -> np.ndarray:
        read.extend(runs)
        return np.stack([RISING, SLOW, RISING])

    monkeypatch.setattr(tried, "_returns", returns)
    again = tried_beside(database, [])
    assert again is not None
    assert (again.effective, read) == (first.effective, [])
    record(database, (run(3), 0.1, RISING))
    joined = tried_beside(database, [])
    assert joined is not None
    assert len(read) == 3
    assert joined.effective == pytest.approx(3.0 / 2.0 ** (2.0 / 3.0), rel=1e-5)
