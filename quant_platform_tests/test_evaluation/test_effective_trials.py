"""Effective numbers of trials whose answer is known."""

import numpy as np
import pytest

from quant_platform.errors import ContractError
from quant_platform.evaluation.effective_trials import EffectiveTrials, effective_rank


def counted(*batches: np.ndarray) -> EffectiveTrials:
    result = EffectiveTrials(batches[0].shape[1])
    for batch in batches:
        result.add(batch)
    return result


def orthogonal(trials: int, sessions: int) -> np.ndarray:
    """Trials without any correlation: waves of different length."""
    time = np.arange(sessions) * 2.0 * np.pi / sessions
    return np.stack([np.cos((each + 1) * time) for each in range(trials)])


@pytest.mark.parametrize("trials", [1, 4, 20])
def test_independent_trials_count_each(trials: int) -> None:
    result = counted(orthogonal(trials, 240))
    assert result.effective_rank == pytest.approx(trials, rel=1e-5)
    assert (result.raw, result.clusters) == (trials, trials)


def test_copies_count_once() -> None:
    waves = orthogonal(3, 240)
    copies = np.concatenate([waves * 2.0 + 0.01, waves, 0.5 * waves[:1]])
    result = counted(copies)
    assert result.raw == 7
    assert result.clusters == 3
    # Eigenvalues 3, 2 and 2 of 7: exp(−Σ p·log p) by hand.
    share = np.array([3, 2, 2]) / 7
    assert result.effective_rank == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-5)


def test_the_rank_of_two_correlated_trials_by_hand() -> None:
    """Correlation 0.6: eigenvalues 1.6 and 0.4, shares 0.8 and 0.2."""
    expected = np.exp(-(0.8 * np.log(0.8) + 0.2 * np.log(0.2)))
    assert effective_rank(np.array([[1.0, 0.6], [0.6, 1.0]])) == pytest.approx(expected)
    first, second = orthogonal(2, 240)
    result = counted(np.stack([first, 0.6 * first + 0.8 * second]))
    assert result.effective_rank == pytest.approx(expected, rel=1e-5)
    assert result.clusters == 1
    assert np.isnan(effective_rank(np.empty((0, 0))))
    assert np.isnan(effective_rank(np.array([[1.0, np.nan], [np.nan, 1.0]])))


def test_families_of_ideas_are_found() -> None:
    """Ten ideas, each tried with 30 parameters, over 1,500 sessions."""
    random = np.random.default_rng(1)
    ideas = random.normal(size=(10, 1500))
    trials = np.repeat(ideas, 30, axis=0) + 0.5 * random.normal(size=(300, 1500))
    result = counted(trials[random.permutation(300)])
    assert result.clusters == 10
    assert 10 < result.effective_rank < 100


def test_batches_do_not_matter_for_clusters() -> None:
    trials = np.random.default_rng(2).normal(size=(60, 400))
    trials[30:] = trials[:30] + 0.3 * trials[30:]
    whole = counted(trials)
    cut = counted(trials[:7], trials[7:8], trials[8:])
    assert whole.clusters == cut.clusters == 30
    assert cut.effective_rank == pytest.approx(whole.effective_rank, rel=1e-4)


@pytest.mark.parametrize("row", [np.zeros(50), np.full(50, 0.01), np.r_[np.nan, np.ones(49)]])
def test_unusable_trials_count_as_raw_ones(row: np.ndarray) -> None:
    result = counted(np.stack([orthogonal(1, 50)[0], row]))
    assert (result.raw, result.usable, result.clusters) == (2, 1, 1)
    assert result.effective_rank == pytest.approx(1.0, rel=1e-5)
    alone = counted(row[None])
    assert alone.clusters == 0
    assert np.isnan(alone.effective_rank)


def test_trials_of_other_sessions_are_refused() -> None:
    result = counted(orthogonal(2, 50))
    with pytest.raises(ContractError, match="49 sessions"):
        result.add(np.ones((1, 49)))
