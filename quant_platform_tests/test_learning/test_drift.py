"""Population stability index and Wasserstein distance, by hand and against SciPy."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from quant_platform.learning.drift import (
    BINS,
    Reference,
    drift_figures,
    population_stability,
    wasserstein,
)


def test_an_index_by_hand():
    """(0.6 − 0.5) · ln 1.2 + (0.4 − 0.5) · ln 0.8."""
    expected = 0.1 * np.log(1.2) - 0.1 * np.log(0.8)
    assert population_stability(np.array([0.6, 0.4]), np.array([0.5, 0.5])) == pytest.approx(
        expected
    )


def test_the_distance_is_that_of_scipy():
    rng = np.random.default_rng(3)
    centres = np.sort(rng.normal(size=BINS))
    now, then = (rng.dirichlet(np.ones(BINS)) for _ in range(2))
    expected = wasserstein_distance(centres, centres, now, then)
    assert wasserstein(now, then, centres) == pytest.approx(expected)


def test_the_same_values_do_not_drift_and_others_do():
    rng = np.random.default_rng(4)
    values = rng.normal(size=5_000)
    values[:100] = np.nan
    reference = Reference.of(values)
    np.testing.assert_allclose(reference.shares[:-1], 0.98 / BINS, atol=0.001)
    assert reference.shares[-1] == pytest.approx(0.02)
    same, moved, gone = (
        reference.counts(each) for each in (values, values + 1.0, np.full(50, np.nan))
    )
    index, away = drift_figures(np.stack((same, moved, gone, np.zeros_like(same))), reference)
    assert index[0] == 0.0 and away[0] == pytest.approx(0.0, abs=1e-12)
    assert index[1] > 0.25 and 0.1 < away[1] < 1.0
    assert index[2] > 1.0 and np.isnan(away[2])
    assert np.isnan(index[3])


def test_a_quantity_of_one_value_or_none_gives_no_made_up_distance():
    for values in (np.full(100, 3.0), np.full(100, np.nan)):
        reference = Reference.of(values)
        index, away = drift_figures(reference.counts(values)[None], reference)
        assert index[0] == pytest.approx(0.0)
        assert np.isnan(away[0])
    again = Reference.from_lists(reference.as_lists())
    np.testing.assert_array_equal(again.shares, reference.shares)
