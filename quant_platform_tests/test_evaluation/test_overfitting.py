"""Cross-validation of a choice: a second computation written out, cases by hand, and noise."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import rankdata

from quant_platform.errors import ContractError
from quant_platform.evaluation.overfitting import overfitting


def by_definition(returns: np.ndarray, blocks: int) -> tuple[float, float]:
    """Bailey et al. 2017, step by step, on the rows themselves."""
    parts = np.array_split(returns[len(returns) % blocks :], blocks)
    logits, losses = [], []
    for chosen in combinations(range(blocks), blocks // 2):
        first = np.concatenate([parts[i] for i in chosen])
        second = np.concatenate([parts[i] for i in range(blocks) if i not in chosen])
        inside = first.mean(axis=0) / first.std(axis=0, ddof=1)
        outside = second.mean(axis=0) / second.std(axis=0, ddof=1)
        best = int(inside.argmax())
        omega = rankdata(outside)[best] / (returns.shape[1] + 1)
        logits.append(np.log(omega / (1 - omega)))
        losses.append(outside[best] < 0)
    return float(np.mean(np.array(logits) <= 0.0)), float(np.mean(losses))


@pytest.mark.parametrize(("sessions", "trials", "blocks"), [(103, 7, 6), (240, 20, 8), (64, 2, 10)])
def test_as_defined(sessions: int, trials: int, blocks: int) -> None:
    returns = np.random.default_rng(sessions).standard_t(4, (sessions, trials)) * 0.01 + 1e-4
    probability, loss = by_definition(returns, blocks)
    result = overfitting(returns, blocks)
    assert result.probability == pytest.approx(probability, abs=1e-12)
    assert result.probability_of_loss == pytest.approx(loss, abs=1e-12)


def test_four_blocks_by_hand() -> None:
    """Two trials, two rows a block. The first leads in blocks 1 and 2, the second in 3 and 4.

    Of the six halves {1,2} and {3,4} choose a trial that is last in the other half. The four mixed
    ones hold each trial's better and worse block, as does the other half: the trials are equal in
    both, the first is chosen, and shares the rank 1.5 = ½ · 3. So every choice counts.
    """
    high, low = [0.03, 0.01], [-0.01, -0.03]
    first, second = [*high, *high, *low, *low], [*low, *low, *high, *high]
    result = overfitting(np.array([first, second]).T, 4)
    assert result.probability == 1.0
    assert result.probability_of_loss == pytest.approx(2 / 6)


def test_one_trial_that_is_better_everywhere_is_no_overfitting() -> None:
    returns = np.random.default_rng(1).normal(size=(320, 30)) * 0.01
    returns[:, 4] += 0.02
    result = overfitting(returns)
    assert result.probability == 0.0
    assert result.probability_of_loss == 0.0
    assert len(result.first) == 12_870


def test_noise_is_overfitting_about_every_second_time() -> None:
    random = np.random.default_rng(2)
    found = [overfitting(random.normal(size=(200, 50)), 8).probability for _ in range(60)]
    assert 0.4 < np.mean(found) < 0.6


def test_threads_change_no_bit() -> None:
    returns = np.random.default_rng(3).normal(size=(500, 300))
    one, three = (overfitting(returns, 12, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one.first, three.first)
    np.testing.assert_array_equal(one.second, three.second)
    assert one.probability == three.probability


@pytest.mark.parametrize(
    ("returns", "unusable"),
    [
        (np.empty((0, 0)), 0),
        (np.ones((1, 5)), 5),
        (np.random.default_rng(1).normal(size=(100, 1)), 0),
        (np.zeros((100, 4)), 4),
        (np.full((100, 3), np.nan), 3),
        (np.random.default_rng(1).normal(size=(20, 3)), 0),
    ],
)
def test_null_where_nothing_can_be_judged(returns: np.ndarray, unusable: int) -> None:
    result = overfitting(returns)
    assert np.isnan([result.probability, result.probability_of_loss, result.slope]).all()
    assert result.unusable == unusable


def test_trials_with_gaps_are_left_out() -> None:
    returns = np.random.default_rng(4).normal(size=(100, 5))
    with_gap = np.column_stack([returns, np.where(np.arange(100) == 7, np.nan, 1e-3)])
    assert overfitting(with_gap, 6).probability == overfitting(returns, 6).probability
    assert overfitting(with_gap, 6).unusable == 1


def test_a_trial_that_pauses_has_a_ratio_of_zero() -> None:
    returns = np.random.default_rng(5).normal(size=(64, 3)) * 0.01
    returns[:, 1] -= 1.0
    returns[:, 2] -= 1.0
    returns[:48, 0] = 0.0
    result = overfitting(returns, 4)
    assert (result.first == 0.0).sum() == 3


@pytest.mark.parametrize("blocks", [0, 3, 22])
def test_blocks_must_be_halved(blocks: int) -> None:
    with pytest.raises(ContractError, match=f"{blocks} blocks"):
        overfitting(np.ones((10, 2)), blocks)
    with pytest.raises(ContractError, match="matrix"):
        overfitting(np.ones(10))
