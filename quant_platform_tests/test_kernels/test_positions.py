"""Compiled loops over positions against their NumPy versions, bit for bit."""

from typing import Any

import numpy as np
import pytest

from quant_platform.kernels.positions import (
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
    carried = np.empty((2, 2, *SHAPE))
    weight, score = random.random((2, *SHAPE))
    both: tuple[Any, ...] = (carry, carry_by_numpy)
    for run, into in zip(both, carried, strict=True):
        run(*given, weight, score, longest, into[0], into[1])
    np.testing.assert_array_equal(*carried)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("limit", [0.3, 1.0, 2.0])
def test_what_fits_is_that_of_numpy(seed: int, limit: float) -> None:
    random = np.random.default_rng(seed)
    size = np.where(random.random(SHAPE) < 0.7, random.uniform(0.01, 0.5, SHAPE), 0.0)
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
