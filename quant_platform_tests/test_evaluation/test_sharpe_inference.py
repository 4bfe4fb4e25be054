"""Probabilistic and deflated Sharpe ratios: the examples of the publications.

Examples with a number were read in the papers named; where only their formula was at hand, the
value is computed by hand in the test and the test says so.
"""

import math

import numpy as np
import pytest
from scipy import stats

from quant_platform.evaluation.sharpe_inference import (
    deflated_sharpe,
    expected_maximum,
    minimum_track_record,
    normal_probability,
    probabilistic_sharpe,
)


def test_normal_probability_is_that_of_scipy() -> None:
    values = np.array([-8.0, -1.96, 0.0, 0.3, 5.0, np.nan])
    np.testing.assert_allclose(normal_probability(values), stats.norm.cdf(values), rtol=1e-13)


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "expected"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_two_years_of_a_hedge_fund(skewness: float, kurtosis: float, expected: float) -> None:
    """Bailey and López de Prado 2012, section 4: 24 months with a Sharpe ratio of 0.458 a month."""
    probability = float(probabilistic_sharpe(0.458, 24, skewness, kurtosis))
    assert round(probability, 3) == expected


@pytest.mark.parametrize(
    ("per_year", "skewness", "kurtosis", "years"),
    [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_years_until_a_sharpe_ratio_of_two_is_above_one(
    per_year: int, skewness: float, kurtosis: float, years: float
) -> None:
    """Bailey and López de Prado 2012, section 6: daily, weekly, monthly, and a fund index."""
    root = math.sqrt(per_year)
    needed = float(minimum_track_record(2.0 / root, skewness, kurtosis, 1.0 / root))
    assert round(needed / per_year, 2) == years


@pytest.mark.parametrize(
    ("trials", "skewness", "kurtosis", "expected"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_an_analyst_shows_the_best_of_many_trials(
    trials: int, skewness: float, kurtosis: float, expected: float
) -> None:
    """Bailey and López de Prado 2014, numerical example: 5 years of 250 days, 2.5 a year."""
    deviation = math.sqrt(0.5 / 250)
    if trials == 100:
        assert round(expected_maximum(trials, deviation), 4) == 0.1132
    deflated = deflated_sharpe(
        2.5 / math.sqrt(250), 1250, skewness, kurtosis, trials=trials, deviation=deviation
    )
    assert round(float(deflated), 4) == expected


@pytest.mark.parametrize(("ratio", "months", "error"), [(0.5, 60, 0.137), (1.0, 24, 0.25)])
def test_the_error_is_that_of_lo(ratio: float, months: int, error: float) -> None:
    """Lo 2002: √((1 + S²/2) ÷ T) of independent normal returns, worked out by hand here.

    √(1.125 ÷ 60) = 0.1369 and √(1.5 ÷ 24) = 0.25; ours divides by T − 1.
    """
    above = float(probabilistic_sharpe(ratio, months + 1, 0.0, 3.0, ratio - error))
    assert above == pytest.approx(stats.norm.cdf(1.0), abs=1e-3)


def test_one_trial_is_not_deflated() -> None:
    given = (0.1, 500, -0.3, 5.0)
    deflated = float(deflated_sharpe(*given, trials=1.0, deviation=0.05))
    assert deflated == float(probabilistic_sharpe(*given))
    assert expected_maximum(1.2, 0.05) == 0.0
    assert expected_maximum(5.0, 0.0) == 0.0


def test_null_where_undefined() -> None:
    """No ratio; and 1 − γ₃·S + (γ₄ − 1)/4·S² = 1 − 2 + 1 = 0."""
    assert np.isnan(probabilistic_sharpe(math.nan, 100, 0.0, 3.0))
    assert np.isnan(probabilistic_sharpe(1.0, 9, 2.0, 5.0))
    assert math.isnan(expected_maximum(0.5, 1.0))
    assert math.isnan(expected_maximum(math.nan, 1.0))
    assert np.isnan(minimum_track_record(-0.1, 0.0, 3.0))


REPETITIONS, TRIALS, SESSIONS = 40, 200, 504


def best_of_noise(random: np.random.Generator, drift: float) -> float:
    """Deflated Sharpe ratio of the best of many trials, of which one has a drift."""
    returns = random.normal(size=(TRIALS, SESSIONS))
    returns[0] += drift
    ratios = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    best = returns[ratios.argmax()]
    return float(
        deflated_sharpe(
            ratios.max(),
            SESSIONS,
            stats.skew(best),
            stats.kurtosis(best, fisher=False),
            trials=TRIALS,
            deviation=float(ratios.std(ddof=1)),
        )
    )


def test_the_best_of_noise_is_not_believed() -> None:
    """A small version of `benchmarks/deflated_sharpe.py`."""
    random = np.random.default_rng(11)
    found = [best_of_noise(random, 0.0) for _ in range(REPETITIONS)]
    assert np.mean(np.array(found) < 0.95) >= 0.95


def test_skill_among_noise_is_believed() -> None:
    random = np.random.default_rng(12)
    found = [best_of_noise(random, 0.25) for _ in range(REPETITIONS)]
    assert np.mean(np.array(found) > 0.95) >= 0.8
