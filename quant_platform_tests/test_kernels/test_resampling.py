"""Block resampling and elimination: against their NumPy versions, arch, and by hand."""

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length

from quant_platform.kernels.elimination import eliminate, eliminate_by_numpy
from quant_platform.kernels.resampling import (
    block_positions,
    block_positions_by_numpy,
    block_sums,
    block_sums_by_numpy,
    optimal_block,
)


def autoregressive(persistence: float, count: int, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=count)
    values = np.empty(count)
    last = 0.0
    for t in range(count):
        last = values[t] = persistence * last + noise[t]
    return values * 0.01


@pytest.mark.parametrize("persistence", [-0.5, 0.0, 0.3, 0.9])
@pytest.mark.parametrize("count", [20, 60, 252, 1000, 3270])
def test_the_optimal_block_is_that_of_arch(persistence: float, count: int) -> None:
    values = autoregressive(persistence, count)
    expected = optimal_block_length(values)["stationary"].iloc[0]
    assert optimal_block(values) == pytest.approx(expected, rel=1e-9)
    squares = (values - values.mean()) ** 2
    expected = optimal_block_length(squares)["stationary"].iloc[0]
    assert optimal_block(squares) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("values", [[], [0.1], [0.0] * 50, [0.01] * 50])
def test_what_does_not_vary_has_no_optimal_block(values: list[float]) -> None:
    assert np.isnan(optimal_block(np.array(values, dtype=np.float64)))


def test_blocks_by_hand() -> None:
    """Five sessions: blocks that begin at 3 and 1, of 3 and 9 sessions; the first goes round."""
    starts, lengths = np.array([[0.7, 0.3]]), np.array([[2.0, 8.0]])
    positions = np.empty((1, 5), dtype=np.int64)
    block_positions(starts, lengths, 1.0, positions)
    assert positions.tolist() == [[3, 4, 0, 1, 2]]
    running = np.array([[0.0], [1.0], [3.0], [7.0], [15.0], [31.0]])
    sums = np.empty((1, 1))
    block_sums(running, starts, lengths, 1.0, sums)
    assert sums.tolist() == [[31.0]]
    block_positions(starts, lengths, 0.25, positions[:, :2].copy())
    short = np.empty((1, 2), dtype=np.int64)
    block_positions(np.array([[0.7, 0.3]]), np.zeros((1, 2)), 5.0, short)
    assert short.tolist() == [[1, 0]]


@pytest.mark.parametrize("scale", [0.0, 0.5, 4.5, 40.0])
def test_resampling_is_that_of_numpy(scale: float) -> None:
    random = np.random.default_rng(3)
    sessions = 211
    starts, lengths = random.random((40, 230)), random.standard_exponential((40, 230))
    values = random.normal(size=(sessions, 3))
    running = np.concatenate([np.zeros((1, 3)), np.cumsum(values, axis=0)])
    mine, theirs = np.empty((40, 3)), np.empty((40, 3))
    block_sums(running, starts, lengths, scale, mine)
    block_sums_by_numpy(running, starts, lengths, scale, theirs)
    np.testing.assert_array_equal(mine, theirs)
    places, others = np.empty((2, 40, sessions), dtype=np.int64)
    block_positions(starts, lengths, scale, places)
    block_positions_by_numpy(starts, lengths, scale, others)
    np.testing.assert_array_equal(places, others)
    np.testing.assert_allclose(mine, values[places].sum(axis=1), atol=1e-11)


@pytest.mark.parametrize("models", [2, 3, 9])
def test_elimination_is_that_of_numpy(models: int) -> None:
    random = np.random.default_rng(models)
    excess, resampled = random.normal(size=models), random.normal(size=(200, models))
    weight = random.uniform(0.2, 2.0, (models, models))
    weight = weight + weight.T
    made = []
    for run in (eliminate, eliminate_by_numpy):
        order, p = np.empty(models, dtype=np.int64), np.empty(models)
        run(excess, resampled, weight, order, p)
        made.append((order, p))
    np.testing.assert_array_equal(made[0][0], made[1][0])
    np.testing.assert_array_equal(made[0][1], made[1][1])
