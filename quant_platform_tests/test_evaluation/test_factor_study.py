"""Means with errors beside statsmodels and by hand, half-lives and costs by hand."""

import numpy as np
import pytest
import statsmodels.api as sm

from quant_platform.evaluation.factor_study import (
    SpreadCosts,
    hac_lags,
    half_life_of_decay,
    half_life_of_persistence,
    mean_with_error,
    monotonicity,
)
from quant_platform.trading.costs import Costs
from quant_platform_tests.oracles.make_factor_study import values_and_opens

NAN = np.nan


@pytest.mark.parametrize("horizon", [1, 5, 21])
def test_the_error_of_a_mean_is_that_of_statsmodels(horizon: int) -> None:
    """statsmodels 0.15: a regression on a constant with HAC errors, without its correction."""
    random = np.random.default_rng(11)
    series = np.convolve(random.normal(size=320), np.ones(horizon), "valid")
    fitted = sm.OLS(series, np.ones(len(series))).fit(
        cov_type="HAC",
        cov_kwds={"maxlags": hac_lags(horizon, len(series)), "use_correction": False},
    )
    with_gaps = np.insert(series, [3, 50], NAN)
    mean, error = mean_with_error(with_gaps, horizon)
    assert mean == pytest.approx(fitted.params[0], rel=1e-12)
    assert error == pytest.approx(fitted.bse[0], rel=1e-10)


def test_the_error_of_a_mean_of_overlapping_values() -> None:
    """1, 2, 3, 6: mean 3, away −2, −1, 0, 3; autocovariances 14/4, (2 + 0 + 0)/4, (0 − 3)/4.

    With horizon 2 there are two lags, weights 2/3 and 1/3 (and the rule for 4 sessions gives 1):
    3.5 + 2 · (2/3 · 0.5 − 1/3 · 0.75) = 3.6667; over 4 sessions, and the root of it.
    """
    mean, error = mean_with_error(np.array([1.0, 2.0, NAN, 3.0, 6.0]), 2)
    assert mean == 3.0
    assert error == pytest.approx((11.0 / 3.0 / 4.0) ** 0.5)
    assert np.isnan(mean_with_error(np.array([NAN]), 1)).all()
    alone = mean_with_error(np.array([0.5, NAN]), 1)
    assert alone[0] == 0.5
    assert np.isnan(alone[1])


def test_where_returns_overlap_alphalens_believes_too_much() -> None:
    """alphalens' table of information tests the mean with `scipy.stats.ttest_1samp`.

    That error is the deviation over the root of the number of sessions, as if they knew nothing of
    each other. By hand, of sums of h independent values: neighbours k apart share (h − k) / h of
    their variance, so the true error is the root of 1 + 2 Σ (h − k) / h = h times larger. Ours
    counts at least five sixths of that beyond the first term (`hac_lags`).
    """
    random = np.random.default_rng(3)
    horizon, naive, ours, true = 21, [], [], []
    for _ in range(60):
        series = np.convolve(random.normal(size=1280), np.ones(horizon) / horizon, "valid")
        naive.append(series.std(ddof=1) / np.sqrt(len(series)))
        ours.append(mean_with_error(series, horizon)[1])
        true.append(series.mean())
    spread = float(np.std(true))
    assert np.mean(naive) < 0.3 * spread
    assert 0.75 * spread < np.mean(ours) < 1.15 * spread


def test_half_lives() -> None:
    """0.9 a session: ln ½ / ln 0.9 = 6.58. Decay: half of 0.04 is met between lags 1 and 5."""
    assert half_life_of_persistence(0.9) == pytest.approx(6.5788, abs=1e-4)
    for none in (0.0, -0.3, 1.0, NAN):
        assert np.isnan(half_life_of_persistence(none))
    lags = np.array([0.0, 1.0, 5.0, 10.0])
    assert half_life_of_decay(lags, np.array([0.04, 0.03, 0.01, 0.02])) == pytest.approx(3.0)
    assert half_life_of_decay(lags, np.array([0.04, NAN, 0.00, 0.02])) == pytest.approx(2.5)
    assert np.isnan(half_life_of_decay(lags, np.array([0.04, 0.03, 0.03, 0.03])))
    assert np.isnan(half_life_of_decay(lags, np.array([NAN, 0.03, 0.01, 0.0])))


def test_what_a_spread_costs() -> None:
    """Half of either leg is renewed: half a unit sold and half bought, twice; 5 + 5 bp each.

    2 legs · ½ · 2 trades · 10 bp = 20 bp; with a tax of 20 bp on purchases 2 · ½ · 20 bp more; and
    2.52 % a year for borrowing over 21 of 252 sessions.
    """
    both = np.array([1.0, NAN])
    plain = SpreadCosts.of(Costs.ideal(commission_bp=5.0, slippage_bp=5.0))
    np.testing.assert_allclose(plain.of_turnover(both, 21), [0.0020, NAN])
    dear = SpreadCosts.of(
        Costs.ideal(commission_bp=5.0, slippage_bp=5.0, buy_tax_bp=20.0, borrow_rate=0.0252)
    )
    np.testing.assert_allclose(dear.of_turnover(both, 21), [0.0020 + 0.0020 + 0.0021, NAN])


def test_monotonicity_needs_every_quantile() -> None:
    assert monotonicity(np.array([0.03, 0.01, 0.02])) == pytest.approx(-0.5)
    assert np.isnan(monotonicity(np.array([0.01, NAN, 0.03])))
    assert np.isnan(monotonicity(np.array([0.01, 0.01, 0.01])))


def test_the_made_up_factor_foretells() -> None:
    """The oracle's market has something to find: opens follow the values two sessions later."""
    values, opens = values_and_opens()
    change = (opens.shift(-2) / opens.shift(-1) - 1.0).iloc[:-2]
    assert values.iloc[:-2].corrwith(change, axis=1).mean() > 0.1
