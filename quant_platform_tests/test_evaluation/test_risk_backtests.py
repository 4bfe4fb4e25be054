"""Backtests of risk forecasts against published examples and SciPy's distributions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from quant_platform.evaluation.risk_backtests import (
    FEWEST,
    acerbi_szekely,
    bias_statistic,
    christoffersen,
    conditional_coverage,
    judged,
    kupiec,
    outcomes,
    qlike,
    risk_backtest,
)
from quant_platform.risk.tails import EXPECTED_SHORTFALL, VALUE_AT_RISK, draws


def test_kupiec_of_a_bank() -> None:
    """Jorion, *Value at Risk*, on J.P. Morgan in 1998: 20 exceptions in 252 days at 95 %: 3.91."""
    ratio = kupiec(20, 252, 0.05)
    assert round(ratio.statistic, 2) == 3.91
    assert ratio.p_value == pytest.approx(stats.chi2.sf(ratio.statistic, 1), rel=1e-12)


@pytest.mark.parametrize(
    ("probability", "sessions", "lowest", "highest"),
    [
        (0.01, 510, 2, 10),
        (0.01, 1000, 5, 16),
        (0.05, 255, 7, 20),
        (0.05, 510, 17, 35),
        (0.05, 1000, 38, 64),
    ],
)
def test_kupiecs_regions(probability: float, sessions: int, lowest: int, highest: int) -> None:
    """The non-rejection regions of Kupiec (1995), table 3, at 95 % confidence: 6 < N < 21, …"""
    kept = [n for n in range(120) if kupiec(n, sessions, probability).p_value > 0.05]
    assert kept == list(range(lowest, highest + 1))


@pytest.mark.parametrize(("exceptions", "statistic"), [(0, -2 * 100 * np.log(0.95)), (100, None)])
def test_kupiec_at_the_ends(exceptions: int, statistic: float | None) -> None:
    expected = -2 * 100 * np.log(0.05) if statistic is None else statistic
    assert kupiec(exceptions, 100, 0.05).statistic == pytest.approx(expected, rel=1e-12)
    assert np.isnan(kupiec(0, 0, 0.05).p_value)


def runs(pairs: int, singles: int, length: int) -> np.ndarray:
    """Exceptions that follow each other in pairs, and single ones."""
    hits = np.zeros(length, dtype=bool)
    at = 3
    for size in [2] * pairs + [1] * singles:
        hits[at : at + size] = True
        at += size + 4
    return hits


def test_christoffersen_of_a_bank() -> None:
    """The same source: of 20 exceptions 6 follow another one, 14 of 232 other days do: 9.53."""
    hits = runs(6, 8, 253)
    independence = christoffersen(hits)
    assert hits.sum() == 20
    assert round(independence.statistic, 2) == 9.53
    both = conditional_coverage(kupiec(20, 252, 0.05), independence)
    assert round(both.statistic, 2) == 13.44
    assert both.p_value == pytest.approx(stats.chi2.sf(both.statistic, 2), rel=1e-12)


@pytest.mark.parametrize("hits", [np.zeros(50, bool), np.ones(50, bool), np.zeros(0, bool)])
def test_nothing_can_depend_on_nothing(hits: np.ndarray) -> None:
    assert np.isnan(christoffersen(hits).statistic)
    assert np.isnan(conditional_coverage(kupiec(0, 50, 0.05), christoffersen(hits)).p_value)


def test_bias_and_qlike_by_hand() -> None:
    """z = 1, −1, 2, −2: mean 0, deviation √(10/3). ln σ² + z² with σ = 0.01."""
    returns, volatility = np.array([0.01, -0.01, 0.02, -0.02]), np.full(4, 0.01)
    bias, lower, upper = bias_statistic(returns, volatility)
    assert bias == pytest.approx(np.sqrt(10 / 3), rel=1e-12)
    # Kurtosis 8.5/6.25 = 1.36 is below the normal one: √(2/4) · 1.96/√4 … = 1.96 √(2/16).
    assert upper - 1 == pytest.approx(1.959964 * np.sqrt(2 / 16), rel=1e-6)
    assert lower + upper == pytest.approx(2.0)
    assert qlike(returns, volatility) == pytest.approx(np.log(1e-4) + 2.5, rel=1e-12)


def test_the_interval_of_the_bias_holds_with_heavy_tails() -> None:
    """500 series of 1,000 sessions: right forecasts lie inside in about 95 of 100."""
    z = draws(500_000, 3).reshape(500, 1000)
    inside = 0
    for row in z:
        bias, lower, upper = bias_statistic(row, np.ones(1000))
        inside += lower <= bias <= upper
    assert 0.90 <= inside / 500 <= 0.98


def test_acerbi_and_szekely_by_hand() -> None:
    """Losses of 3 and 5 beyond a VaR of 2, with an ES of 4, in 40 sessions at 95 %.

    Z1 = −(3/4 + 5/4)/2 + 1 = 0; Z2 = −(3/4 + 5/4)/(40 · 0.05) + 1 = 0.
    """
    returns = np.zeros(40)
    returns[[7, 20]] = -3.0, -5.0
    found = acerbi_szekely(returns, np.full(40, 2.0), np.full(40, 4.0), 95)
    assert [found.z1, found.z2] == pytest.approx([0.0, 0.0])
    none = acerbi_szekely(np.zeros(40), np.full(40, 2.0), np.full(40, 4.0), 95)
    assert np.isnan(none.z1)
    assert none.z2 == 1.0


def test_p_values_of_the_shortfall_are_uniform() -> None:
    """Right forecasts: about 5 of 100 p-values are below 5 %; of half the risk nearly all are."""
    z = draws(400 * 500, 5).reshape(400, 500)
    low = {1.0: 0, 0.5: 0}
    for row in z:
        for scale in low:
            value_at_risk = np.full(500, scale * VALUE_AT_RISK[95])
            shortfall = np.full(500, scale * EXPECTED_SHORTFALL[95])
            low[scale] += acerbi_szekely(row, value_at_risk, shortfall, 95).z2_p_value < 0.05
    assert 0.02 <= low[1.0] / 400 <= 0.09
    assert low[0.5] / 400 > 0.99


def test_the_published_threshold_of_z2() -> None:
    """Acerbi and Székely (2014), table 3: Z2 below −0.70 has 5 % where returns are normal.

    For 250 sessions and α = 2.5 %; drawn here by the formula, with the module's statistic.
    """
    generator = np.random.default_rng(9)
    value_at_risk, shortfall = 1.959964, 2.337803
    z = generator.normal(size=(20_000, 250))
    hits = z < -value_at_risk
    z2 = (np.where(hits, z, 0.0) / shortfall).sum(axis=1) / (250 * 0.025) + 1.0
    assert np.quantile(z2, 0.05) == pytest.approx(-0.70, abs=0.03)


def frame(days: int, model: int = 1, volatility: float = 0.01) -> pd.DataFrame:
    dates = pd.bdate_range("2010-01-04", periods=days)
    return pd.DataFrame(
        {
            "date": dates,
            "model_id": model,
            "volatility": volatility,
            **{f"value_at_risk_{c}": x * volatility for c, x in VALUE_AT_RISK.items()},
            **{f"expected_shortfall_{c}": x * volatility for c, x in EXPECTED_SHORTFALL.items()},
        }
    )


def test_a_forecast_meets_the_return_of_the_next_session() -> None:
    made = frame(4)
    portfolios = made[["date", "model_id"]].assign(daily_return=[0.1, 0.2, 0.3, 0.4])
    rows = outcomes(made, portfolios)
    assert rows["daily_return"].tolist() == [0.2, 0.3, 0.4]
    assert (rows["forecast_on"].to_numpy() == made["date"].to_numpy()[:3]).all()
    assert (rows["date"].to_numpy() == made["date"].to_numpy()[1:]).all()


def test_right_forecasts_are_not_refuted_and_few_are_not_judged() -> None:
    made = pd.concat([frame(1500), frame(40, model=2), frame(300, model=3, volatility=0.0)])
    portfolios = made[["date", "model_id"]].reset_index(drop=True)
    portfolios = portfolios.assign(daily_return=0.01 * draws(len(portfolios), 7))
    table = risk_backtest(outcomes(made, portfolios))
    assert table["sessions"].tolist() == [1499, 39, 0]
    right = table.loc[1]
    assert right["bias_lower"] <= right["bias"] <= right["bias_upper"]
    assert (right[[name for name in table.columns if "_p_" in name]] > 0.01).all()
    assert FEWEST > 39
    assert table.loc[[2, 3], "bias":"qlike"].isna().all().all()
    assert table.loc[[2, 3], ["coverage_p_95", "z2_99"]].isna().all().all()


def test_volatility_that_is_half_too_low_is_found() -> None:
    rows = outcomes(
        frame(1000, volatility=0.005),
        frame(1000)[["date", "model_id"]].assign(daily_return=0.01 * draws(1000, 8)),
    )
    verdict = judged(rows)
    assert verdict.bias > verdict.bias_upper
    assert max(verdict.coverage_p_95, verdict.both_p_99, verdict.z2_p_95) < 0.001
