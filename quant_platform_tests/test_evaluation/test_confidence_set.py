"""Model confidence sets against arch, intervals of ranks against simulated truths."""

import numpy as np
import pytest
from arch.bootstrap import MCS

from quant_platform.errors import ContractError
from quant_platform.evaluation.confidence_set import (
    EQUAL,
    compare,
    compare_means,
    rank_intervals,
    standard_errors,
)


def market(sessions: int, drifts: np.ndarray, seed: int, common: float = 0.01) -> np.ndarray:
    """Returns of models that share a part."""
    random = np.random.default_rng(seed)
    shared = random.normal(0.0, common, (sessions, 1))
    return shared + random.normal(0.0, 0.01, (sessions, len(drifts))) + drifts


@pytest.mark.parametrize(
    ("models", "spread", "seed"), [(2, 0.0, 1), (5, 0.0005, 2), (12, 0.002, 3), (30, 0.0, 4)]
)
def test_the_set_is_that_of_arch(models: int, spread: float, seed: int) -> None:
    """With arch's own resamples: the same p-values and the same set."""
    returns = market(600, np.linspace(-spread, spread, models), seed)
    theirs = MCS(-returns, size=0.05, reps=500, block_size=8, seed=seed)
    theirs.compute()
    resampled = np.stack([returns[rows].mean(axis=0) for rows in theirs._bootstrap_indices])
    ours = compare_means(returns.mean(axis=0), resampled).confidence_set
    assert ours is not None
    expected = theirs.pvalues["Pvalue"].sort_index().to_numpy()
    np.testing.assert_array_equal(ours.p_value, expected)
    assert np.flatnonzero(ours.members).tolist() == theirs.included
    assert sorted(ours.step) == list(range(1, models + 1))


def test_steps_are_the_order_of_elimination() -> None:
    returns = market(1000, np.array([0.002, -0.003, 0.0, -0.006]), 5)
    result = compare(returns).confidence_set
    assert result is not None
    assert result.step.tolist() == [4, 2, 3, 1]
    assert result.p_value[0] == 1.0
    assert result.members.tolist() == [True, False, False, False]


def test_the_best_is_in_the_set() -> None:
    """In 200 markets of six models the best is outside of the 95 % set in about 5 % at most."""
    drifts = np.array([0.0006, 0.0004, 0.0004, 0.0, -0.0004, -0.001])
    inside = 0
    for seed in range(200):
        result = compare(market(500, drifts, seed), identity=str(seed), resamples=300)
        assert result.confidence_set is not None
        inside += result.confidence_set.members[0]
    assert inside >= 186


@pytest.mark.parametrize("tied", [True, False])
def test_ranks_are_covered_where_models_are_tied_and_where_not(tied: bool) -> None:
    """The third of five models, 200 times: any rank from 1 to 5 is true where all are equal."""
    drifts = np.zeros(5) if tied else np.array([0.004, 0.002, 0.0, -0.002, -0.004])
    covered, widths = 0, []
    for seed in range(200):
        ranks = compare(market(400, drifts, seed), identity=str(seed), resamples=300).ranks
        assert ranks is not None
        lower, upper = ranks.lower[2], ranks.upper[2]
        # Tied models share all ranks: the interval must hold each of them (Mogstad et al. 2024).
        covered += (lower, upper) == (1, 5) if tied else lower <= 3 <= upper
        widths.append(upper - lower)
    assert covered >= 180
    if not tied:
        assert np.mean(widths) < 2.0


def test_ranks_by_hand() -> None:
    """Three models with resamples of the sizes −1, 0 and 1 in the first only.

    Standard errors √(2/3) for its pairs, none for the other pair, whose means are equal. Means
    3, 0 and 0 differ by 3 ÷ √(2/3) = 3.67, beyond the largest resample, 1 ÷ √(2/3) = 1.22.
    """
    deviations = np.array([[-1.0, 0, 0], [0, 0, 0], [1.0, 0, 0]])
    errors = standard_errors(deviations)
    assert errors[0, 1:] == pytest.approx(np.sqrt([2 / 3, 2 / 3]))
    assert errors[1, 2] == EQUAL
    ranks = rank_intervals(np.array([3.0, 0.0, 0.0]), deviations, errors)
    assert ranks.lower.tolist() == [1, 2, 2]
    assert ranks.upper.tolist() == [1, 3, 3]
    near = rank_intervals(np.array([0.5, 0.0, 0.0]), deviations, errors)
    assert near.lower.tolist() == [1, 1, 1]
    assert near.upper.tolist() == [3, 3, 3]


def test_equal_models_cannot_be_told_apart() -> None:
    returns = market(300, np.array([0.0]), 1)
    result = compare(np.column_stack([returns, returns, returns - 0.01]))
    assert result.confidence_set is not None
    assert result.ranks is not None
    # The third differs from them by the same in every session: without any error.
    assert result.confidence_set.p_value.tolist() == [1.0, 1.0, 0.0]
    assert result.ranks.lower.tolist() == [1, 1, 3]
    assert result.ranks.upper.tolist() == [2, 2, 3]


def test_the_same_bits_each_time() -> None:
    returns = market(300, np.zeros(4), 9)
    first, again = compare(returns, identity="a"), compare(returns, identity="a")
    assert first.confidence_set is not None
    assert again.confidence_set is not None
    np.testing.assert_array_equal(first.confidence_set.p_value, again.confidence_set.p_value)


@pytest.mark.parametrize("shape", [(100, 1), (100, 0), (20, 3), (0, 3)])
def test_nothing_to_compare(shape: tuple[int, int]) -> None:
    result = compare(np.zeros(shape))
    assert result.confidence_set is None
    assert result.ranks is None


def test_gaps_are_refused() -> None:
    with pytest.raises(ContractError, match="no return in some session"):
        compare(np.array([[0.1, np.nan]] * 50))
