"""Compiled loops over positions against their NumPy versions, bit for bit."""

from typing import Any

import numpy as np
import pytest

from quant_platform.kernels.positions import (
    add_up,
    add_up_by_numpy,
    carry,
    carry_by_numpy,
    fit,
    fit_by_numpy,
    follow,
    follow_by_numpy,
)

SHAPE = (120, 9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("longest", [1, 7, 60])
def test_following_is_that_of_numpy(seed: int, longest: int) -> None:
    random = np.random.default_rng(seed)
    entry, leave = random.random(SHAPE) < 0.1, random.random(SHAPE) < 0.03
    relatives = random.normal(1.0, 0.03, SHAPE)
    relatives[random.random(SHAPE) < 0.01] = np.nan
    stop = random.uniform(0.02, 0.2, SHAPE)
    stop[random.random(SHAPE) < 0.05] = np.nan
    given = (entry, leave, relatives, stop)
    made = []
    runs: tuple[Any, ...] = (follow, follow_by_numpy)
    for run in runs:
        held, growth = np.empty(SHAPE, dtype=bool), np.empty(SHAPE)
        age, ended = np.empty(SHAPE, dtype=np.int64), np.empty(SHAPE, dtype=np.int64)
        run(*given, longest, held, age, growth, ended)
        made.append((held, age, growth, ended))
    for mine, theirs in zip(*made, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert made[0][0].any()
    close, move = np.where(random.random(SHAPE) < 0.1, np.nan, 5.0), relatives - 1.0
    carried = np.empty((2, 2, *SHAPE))
    weight, score = random.random((2, *SHAPE))
    both: tuple[Any, ...] = (carry, carry_by_numpy)
    for run, into in zip(both, carried, strict=True):
        run(entry, leave, close, move, stop, weight, score, longest, into[0], into[1])
    np.testing.assert_array_equal(*carried)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("limit", [0.3, 1.0, 2.0])
def test_what_fits_is_that_of_numpy(seed: int, limit: float) -> None:
    random = np.random.default_rng(seed)
    size = np.where(random.random(SHAPE) < 0.7, random.uniform(0.01, 0.5, SHAPE), 0.0)
    size *= random.choice([-1.0, 1.0], SHAPE)
    score = random.integers(0, 4, SHAPE) / 3.0  # many are equal
    score[random.random(SHAPE) < 0.05] = np.nan
    mine, theirs = np.empty((2, *SHAPE), dtype=bool)
    fit(size, score, limit, mine)
    fit_by_numpy(size, score, limit, theirs)
    np.testing.assert_array_equal(mine, theirs)
    assert mine.any()
    assert not mine.all()


def test_what_fits_by_hand() -> None:
    """0.5 and then 0.4 by score; 0.3 has no room, and 0.05 behind it has none either."""
    size = np.array([[0.3, 0.4, 0.5, 0.05, 0.0], [0.3, 0.2, 0.5, 0.0, 0.0]])
    score = np.array([[0.2, 0.5, 0.9, 0.1, 0.0], [0.2, 0.5, 0.9, 0.0, 0.0]])
    room = np.empty(size.shape, dtype=bool)
    fit(size, score, 1.0, room)
    assert room.tolist() == [[False, True, True, False, True], [True] * 5]


def test_a_position_without_a_bar_does_not_move() -> None:
    """Stopped 10 % below its entry: 0.95 × 0.96 = 0.912 holds, 0.912 × 0.95 = 0.8664 does not."""
    entry = np.array([[True], [False], [False], [False], [False]])
    leave = np.zeros(entry.shape, dtype=bool)
    close = np.array([[5.0], [4.75], [np.nan], [4.56], [4.33]])
    move = np.array([[0.0], [-0.05], [-0.5], [-0.04], [-0.05]])
    stop, weight, score = (np.full(entry.shape, each) for each in (0.1, 0.3, 0.7))
    target, rank = np.empty((2, *entry.shape))
    carry(entry, leave, close, move, stop, weight, score, 60, target, rank)
    assert target[:, 0].tolist() == [0.3, 0.3, 0.3, 0.3, 0.0]


@pytest.mark.parametrize("columns", [0, 1, 9])
def test_sums_are_those_of_numpy(columns: int) -> None:
    random = np.random.default_rng(3)
    weight = random.normal(0.0, 1.0, (20, 9))[:, :columns] * 10.0 ** random.integers(-9, 9, (20, 1))
    rows = random.random((20, columns)) < 0.7
    weight[~rows] = np.nan  # is not read
    mine, theirs = np.empty((2, 2, 20))
    add_up(weight, rows, *mine)
    add_up_by_numpy(weight, rows, *theirs)
    np.testing.assert_array_equal(mine, theirs)
