"""The verdict on a surface, each figure worked out by hand."""

import math

import numpy as np
import pytest

from quant_platform.conventions import TWO_SIDED_95
from quant_platform.evaluation.surface import (
    NO_SURFACE,
    PLATEAU,
    SPIKE,
    Verdict,
    half_sharpe_ratios,
    judge,
    neighbours,
    rank_correlation,
)

GRID = [{"a": a, "b": b} for a in (1, 2, 5) for b in (0.1, 0.2, 0.4)]
"""Three by three: configuration 4 lies in the middle, 0 in a corner."""

FLAT = np.zeros(4)


def verdict(sharpe: list[float], error: float, returns: np.ndarray | None = None) -> Verdict:
    values = np.array(sharpe)
    if returns is None:
        returns = np.zeros((4, len(sharpe)))
    upper = values + error * TWO_SIDED_95
    grid = GRID[: len(sharpe)]
    return judge(grid, values, upper, returns, np.zeros(len(returns)), has_steps=True)


@pytest.mark.parametrize(
    ("of", "expected"),
    [(4, [0, 1, 2, 3, 5, 6, 7, 8]), (0, [1, 3, 4]), (5, [1, 2, 4, 7, 8])],
)
def test_neighbours_are_one_step_away_in_every_parameter(of: int, expected: list[int]) -> None:
    assert neighbours(GRID, of).tolist() == expected


def test_words_have_no_steps() -> None:
    grid = [{"a": a, "kind": kind} for a in (1, 2, 3) for kind in ("x", "y")]
    assert neighbours(grid, 2).tolist() == [0, 4]


def test_in_a_sample_the_nearest_by_the_parameters_ranges() -> None:
    """Ranges 10 and 1: from (5, 0.5), the others lie 0.1, 0.5, 0.2, 0.71 and 0.71 away."""
    sample = [
        {"a": a, "b": b} for a, b in ((5, 0.5), (6, 0.5), (5, 1.0), (5, 0.3), (0, 0), (10, 1))
    ]
    assert neighbours(sample, 0, has_steps=False).tolist() == [1, 2, 3, 4]


def test_a_plateau() -> None:
    """Best 1.0 in the middle, its error 0.3: five of its eight neighbours have 0.7 or more."""
    found = verdict([0.9, 0.9, 0.9, 0.7, 1.0, 0.8, 0.1, 0.2, 0.3], 0.3000001)
    assert (found.shape, found.best, found.neighbours) == (PLATEAU, 4, 8)
    assert found.share_near == 5 / 8
    assert found.standard_error == pytest.approx(0.3000001)
    assert "on a plateau: 5 of its 8 neighbours come" in found.sentence


def test_a_spike() -> None:
    found = verdict([0.1, 0.2, 0.3, 0.1, 1.0, 0.8, 0.1, 0.2, 0.3], 0.3)
    assert (found.shape, found.share_near) == (SPIKE, 1 / 8)
    assert "It is a spike: 1 of its 8 neighbours" in found.sentence


def test_a_neighbour_without_a_figure_is_not_near() -> None:
    assert verdict([1.0, math.nan, math.nan, 0.9], 0.3).share_near == 1 / 2


def test_one_configuration_has_no_surface() -> None:
    found = verdict([1.0], 0.3)
    assert (found.shape, found.neighbours) == (NO_SURFACE, 0)
    assert math.isnan(found.share_near)


def test_one_neighbour() -> None:
    assert "plateau: its one neighbour comes within" in verdict([1.0, 0.9], 0.3).sentence
    assert "spike: its one neighbour does not come" in verdict([1.0, 0.5], 0.3).sentence


def test_nothing_to_judge() -> None:
    found = verdict([math.nan, math.nan], math.nan, np.full((4, 2), np.nan))
    assert (found.best, found.failed) == (-1, 2)
    assert found.sentence == "None of 2 configurations has a Sharpe ratio."


def test_the_halves_by_hand() -> None:
    """Of 0.01 and 0.03 the mean is 0.02 and the deviation 0.01 √2, so the ratio is √2 √252."""
    returns = np.array([[0.01, 0.03], [0.03, 0.01], [0.02, -0.01], [0.06, 0.03]])
    found = half_sharpe_ratios(returns, np.zeros(4))
    root = math.sqrt(2.0 * 252.0)
    # 0.02 and 0.06: mean 0.04, deviation 0.02 √2; −0.01 and 0.03: mean 0.01, the same deviation.
    np.testing.assert_allclose(found, [[root, root], [root, root / 4.0]], rtol=1e-12)


def test_the_middle_of_an_odd_number_belongs_to_the_second_half() -> None:
    returns = np.array([[0.01], [0.03], [0.07], [0.01], [0.03]])
    first, second = half_sharpe_ratios(returns, np.zeros(5))[:, 0]
    assert first == pytest.approx(math.sqrt(2.0 * 252.0))
    # 0.07, 0.01, 0.03: mean 0.11/3, sum of squares 0.0059 − 0.0121/3.
    deviation = math.sqrt((0.0059 - 0.0121 / 3.0) / 2.0)
    assert second == pytest.approx(0.11 / 3.0 / deviation * math.sqrt(252.0))


def test_degradation_is_of_the_best_of_the_first_half() -> None:
    """Means of 0.02 and 0.01 in the first half, and of 0.01 and 0.02 in the second.

    All deviations but one are 0.01 √2; that of −0.01 and 0.03 is twice that.
    """
    returns = np.array([[0.01, 0.0], [0.03, 0.02], [-0.01, 0.01], [0.03, 0.03]])
    found = verdict([0.5, 1.0], 0.1, returns)
    root = math.sqrt(2.0 * 252.0)
    assert (found.best, found.chosen) == (1, 0)
    assert found.first_half == pytest.approx(root)
    assert found.second_half == pytest.approx(root / 4)
    assert found.degradation == pytest.approx(0.75)
    assert math.isnan(found.rank_correlation)  # of two configurations


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # 1 − 6 Σd²/(n (n² − 1)): Σd² = 4 of four, and 40 of five reversed.
        ([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 4.0, 3.0], 0.6),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [5.0, 4.0, 3.0, 2.0, 1.0], -1.0),
        # Ranks 1.5, 1.5, 3 against 1, 2, 3: covariance 1.5, squares 1.5 and 2.
        ([1.0, 1.0, 2.0], [1.0, 2.0, 3.0], 1.5 / math.sqrt(1.5 * 2.0)),
        # What is unknown on either side does not count.
        ([1.0, math.nan, 2.0, 3.0], [1.0, 9.0, 2.0, 3.0], 1.0),
    ],
)
def test_rank_correlation(one: list[float], other: list[float], expected: float) -> None:
    assert rank_correlation(np.array(one), np.array(other)) == pytest.approx(expected)


def test_equal_values_have_no_ranks() -> None:
    assert math.isnan(rank_correlation(np.ones(4), np.arange(4.0)))
