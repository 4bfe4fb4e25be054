"""Figures of a factor study, by hand and beside SciPy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from quant_platform.evaluation.factor_study import (
    information_coefficients,
    mean_with_error,
    quantile_of,
    quantile_returns,
    quantile_turnover,
)

NAN = np.nan


def test_rank_correlations_are_those_of_scipy() -> None:
    random = np.random.default_rng(7)
    values = np.round(random.normal(size=(40, 12)), 1)  # with ties
    forward = np.round(0.3 * values + random.normal(size=(40, 12)), 1)
    values[random.random(values.shape) < 0.2] = NAN
    forward[random.random(values.shape) < 0.2] = NAN
    expected = [
        spearmanr(one, other, nan_policy="omit").statistic
        for one, other in zip(values, forward, strict=True)
    ]
    np.testing.assert_allclose(information_coefficients(values, forward), expected, rtol=1e-12)


def test_what_has_no_rank_correlation() -> None:
    """Two securities; equal values; a session without any."""
    values = np.array([[1.0, 2.0, NAN], [1.0, 1.0, 1.0], [NAN, NAN, NAN]])
    forward = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert np.isnan(information_coefficients(values, forward)).all()


def test_the_error_of_a_mean_of_overlapping_values() -> None:
    """1, 2, 3, 6: mean 3, away −2, −1, 0, 3; autocovariances 14/4, (2 + 0 + 0)/4, (0 − 3)/4.

    With two lags, weights 2/3 and 1/3: 3.5 + 2 · (2/3 · 0.5 − 1/3 · 0.75) = 3.6667; over 4
    sessions, and the root of it.
    """
    series = np.array([1.0, 2.0, NAN, 3.0, 6.0])
    mean, error = mean_with_error(series, 2)
    assert mean == 3.0
    assert error == pytest.approx((11.0 / 3.0 / 4.0) ** 0.5)
    assert mean_with_error(series, 0)[1] == pytest.approx((3.5 / 4.0) ** 0.5)
    assert np.isnan(mean_with_error(np.array([NAN]), 0)).all()


def test_quantiles_are_of_equal_size() -> None:
    """Six values in three: two each; five in two: the lower holds two, as ⌈k · 2 / 5⌉ says."""
    values = np.array([[5.0, 1.0, 3.0, 2.0, 6.0, 4.0], [5.0, 1.0, NAN, 2.0, 1.0, 4.0]])
    known = np.isfinite(values)
    np.testing.assert_array_equal(quantile_of(values, known, 3)[0], [3, 1, 2, 1, 3, 2])
    np.testing.assert_array_equal(quantile_of(values, known, 2)[1], [2, 1, NAN, 2, 1, 2])


def test_returns_and_turnover_by_quantile() -> None:
    of = np.array([[1.0, 1.0, 2.0, 2.0], [1.0, 2.0, 1.0, 2.0], [NAN, NAN, NAN, NAN]])
    forward = np.array([[0.1, 0.3, 0.5, NAN], [0.0, 0.2, 0.4, 0.6], [0.1, 0.1, 0.1, 0.1]])
    np.testing.assert_allclose(
        quantile_returns(of, forward, 2), [[0.2, 0.5], [0.2, 0.4], [NAN, NAN]]
    )
    # In the second session, the second security is new among the upper two.
    np.testing.assert_array_equal(quantile_turnover(of, 2), [NAN, 0.5, NAN])
