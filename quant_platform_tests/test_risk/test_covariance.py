"""Covariances of factors and specific volatilities, against plain sums over one window."""

import numpy as np
import pytest

from quant_platform.risk.covariance import (
    CORRELATION_HALF_LIFE,
    FACTOR_LOOKBACK,
    FACTOR_WINDOW,
    SHRINKAGE,
    SPECIFIC_WINDOW,
    VOLATILITY_HALF_LIFE,
    factor_covariance,
    specific_volatility,
)


def returns_of(sessions: int, factors: int, seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    mixed = generator.normal(size=(sessions, factors)) @ generator.normal(size=(factors, factors))
    return 0.01 * mixed


def plain(returns: np.ndarray, half_life: int, lags: int) -> np.ndarray:
    """Σ w r r′ / Σ w with Newey and West's lags, by hand: a loop over the window."""
    window = returns[-FACTOR_WINDOW:]
    weights = 0.5 ** (np.arange(len(window))[::-1] / half_life)
    total = (window * weights[:, None]).T @ window / weights.sum()
    for lag in range(1, lags + 1):
        # Pairs whose earlier one lies before the window count as well: it is there.
        earlier = returns[-FACTOR_WINDOW - lag : -lag]
        if len(earlier) < len(window):
            earlier, later, kept = returns[:-lag], returns[lag:], weights[lag:]
        else:
            later, kept = window, weights
        gamma = (earlier * kept[:, None]).T @ later / kept.sum()
        total += (1 - lag / (lags + 1)) * (gamma + gamma.T)
    return total


@pytest.mark.parametrize("lags", [0, 2])
@pytest.mark.parametrize("sessions", [150, 700])
def test_the_last_session_by_hand(sessions: int, lags: int) -> None:
    returns = returns_of(sessions, 3)
    covariance, known = factor_covariance(returns, lags)
    slow, fast = (
        plain(returns, each, lags) for each in (CORRELATION_HALF_LIFE, VOLATILITY_HALF_LIFE)
    )
    correlation = slow / np.sqrt(np.outer(np.diagonal(slow), np.diagonal(slow)))
    expected = correlation * np.sqrt(np.outer(np.diagonal(fast), np.diagonal(fast)))
    np.testing.assert_allclose(covariance[-1], expected, rtol=1e-9)
    assert known[-1].all()
    assert not known[61].any()
    assert known[62].all()


def test_the_same_bits_however_history_is_cut() -> None:
    returns = returns_of(1200, 4)
    returns[:700, 3] = np.nan
    returns[900:910, 2] = np.nan
    whole, known = factor_covariance(returns)
    for end in (600, 705, 905, 1200):
        part, part_known = factor_covariance(returns[max(end - FACTOR_LOOKBACK, 0) : end], last=1)
        np.testing.assert_array_equal(part[-1], whole[end - 1])
        np.testing.assert_array_equal(part_known[-1], known[end - 1])


def test_a_factor_that_nobody_knows_changes_no_bit_of_the_others() -> None:
    returns = returns_of(600, 3)
    with_empty = np.insert(returns, 1, np.nan, axis=1)
    wide, known = factor_covariance(with_empty)
    np.testing.assert_array_equal(
        np.delete(np.delete(wide, 1, axis=1), 1, axis=2), factor_covariance(returns)[0]
    )
    assert not known[:, 1].any()


def test_histories_of_different_length_give_no_negative_variance() -> None:
    """Pairs of factors of which each is known in other sessions: not positive by itself."""
    generator = np.random.default_rng(3)
    common = generator.normal(size=(400, 1))
    returns = 0.01 * (
        np.tile(common, (1, 3)) * [1.0, 1.0, 1.0] + 0.05 * generator.normal(size=(400, 3))
    )
    returns[-40:, 1] *= -1.0
    returns[: 400 - 40, 2] = np.nan
    covariance, known = factor_covariance(returns, 0)
    assert known[-1].all()
    values = np.linalg.eigvalsh(covariance[-1])
    assert values[0] > -1e-12 * values[-1]
    np.testing.assert_array_equal(covariance[-1], covariance[-1].T)


def test_lags_see_returns_that_follow_each_other() -> None:
    """An average of two draws: the variance over long spans is twice that of a session."""
    draws = np.random.default_rng(5).normal(0.0, 0.01, 3001)
    smooth = ((draws[1:] + draws[:-1]) / 2.0)[:, None]
    alone, with_lags = (factor_covariance(smooth, lags, last=2000)[0] for lags in (0, 2))
    assert float(np.mean(with_lags / alone)) == pytest.approx(1 + 2 * (2 / 3) * 0.5, abs=0.03)


def test_specific_volatility_by_hand() -> None:
    """Two securities of different deviation move to each other; a new one has the mean."""
    generator = np.random.default_rng(7)
    specific = generator.normal(size=(300, 3)) * [0.01, 0.03, 0.02]
    specific[:-10, 2] = np.nan
    where = np.zeros(specific.shape, dtype=bool)
    where[-1] = True
    found = specific_volatility(specific, np.ones(specific.shape), where)[-1]
    weights = 0.5 ** (np.arange(SPECIFIC_WINDOW)[::-1] / VOLATILITY_HALF_LIFE)
    squares = specific[-SPECIFIC_WINDOW:, :2] ** 2
    own = np.sqrt((squares * weights[:, None]).sum(axis=0) / weights.sum())
    mean, spread = own.mean(), own.std()
    away = np.abs(own - mean)
    share = SHRINKAGE * away / (spread + SHRINKAGE * away)
    np.testing.assert_allclose(found, [*(own + share * (mean - own)), mean], rtol=1e-9)
    assert np.isnan(specific_volatility(specific[:50], np.ones((50, 3)), where[-50:])).all()


def test_securities_are_moved_to_those_of_their_size() -> None:
    """Sixty securities, the small ones twice as volatile: each group has its own mean."""
    generator = np.random.default_rng(8)
    sizes = np.arange(1.0, 61.0)
    deviation = np.where(sizes <= 12, 0.04, 0.02)
    specific = generator.normal(size=(300, 60)) * deviation
    specific[:, [0, 59]] = np.nan
    where = np.ones(specific.shape, dtype=bool)
    found = specific_volatility(specific, np.tile(sizes, (300, 1)), where)[-1]
    assert found[0] == pytest.approx(0.04, rel=0.1)
    assert found[59] == pytest.approx(0.02, rel=0.1)
