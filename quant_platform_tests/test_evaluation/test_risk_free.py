"""A risk-free rate that changes from session to session, and one that does not."""

import empyrical
import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.evaluation.metrics import METRICS, evaluate, session_rate
from quant_platform.evaluation.performance import performance_rows, rolling_metric
from quant_platform.evaluation.risk_free import risk_free_rates
from quant_platform.evaluation.windows import ExpandingWindow, TrailingWindow
from quant_platform_tests.support.portfolios import (
    BENCHMARK,
    DATES,
    MODEL,
    PORTFOLIOS,
)


def yields(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["date", "observed_on", "yield_3_month"])
    return frame.astype({"date": "datetime64[s]", "observed_on": "datetime64[s]"})


def varying(seed: int = 7) -> pd.Series:
    """A rate for every session of the portfolios."""
    random = np.random.default_rng(seed)
    return pd.Series(random.uniform(0.0, 0.1, len(DATES)), index=DATES)


def series_of(model: int) -> np.ndarray:
    return PORTFOLIOS[PORTFOLIOS["model_id"] == model]["daily_return"].to_numpy()


class TestRates:
    def test_by_hand(self) -> None:
        """5 % bond-equivalent is 1.025² − 1 = 5.0625 % a year, 4 % is 1.02² − 1 = 4.04 %."""
        known = yields(
            ("2024-01-05", "2024-01-04", 4.0),
            ("2024-01-03", "2024-01-02", 5.0),
            ("2024-01-04", "2024-01-03", np.nan),
        )
        days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-06-03"]
        rates = risk_free_rates(known, days, default=0.01)
        assert rates.tolist() == pytest.approx([0.01, 0.050625, 0.050625, 0.0404, 0.0404])
        assert rates.index.equals(pd.to_datetime(days))

    def test_the_latest_of_two_days_that_became_known_together(self) -> None:
        known = yields(("2015-04-06", "2015-04-03", 0.02), ("2015-04-06", "2015-04-02", 0.03))
        assert risk_free_rates(known, ["2015-04-06"]).tolist() == pytest.approx([0.00020001])

    @pytest.mark.parametrize("default", [0.0, 0.03])
    def test_without_yields_the_default_holds(self, default: float) -> None:
        rates = risk_free_rates(yields(), ["2024-01-02", "2024-01-03"], default=default)
        assert rates.tolist() == [default, default]
        assert risk_free_rates(yields(), []).tolist() == []

    def test_negative_yields(self) -> None:
        """−0.05 % in March 2020: 0.99975² − 1."""
        known = yields(("2020-03-26", "2020-03-25", -0.05))
        assert risk_free_rates(known, ["2020-03-26"]).tolist() == pytest.approx([0.99975**2 - 1])


def test_by_hand() -> None:
    """Returns of 3 %, 1 % and −2 % above rates of 1 %, 2 % and 0 %: excess 2 %, −1 % and −2 %."""
    returns, rates = np.array([0.03, 0.01, -0.02]), np.array([0.01, 0.02, 0.0])
    # Mean −1/3 %; squares of the distances to it (7/3)² + (2/3)² + (5/3)² = 78/9, over 2: 13/3.
    deviation = np.sqrt(13 / 3) / 100
    below = np.sqrt((0.01**2 + 0.02**2) / 3 * 252)
    for window in (
        TrailingWindow.of(returns, returns / 2, risk_free=rates),
        ExpandingWindow.of(returns, returns / 2, risk_free=rates),
    ):
        ours = {name: np.atleast_1d(value)[-1] for name, value in evaluate(window).items()}
        assert ours["sharpe_ratio"] == pytest.approx(-0.01 / 3 / deviation * np.sqrt(252))
        assert ours["downside_deviation"] == pytest.approx(below)
        assert ours["sortino_ratio"] == pytest.approx(-0.01 / 3 * 252 / below)
        # Twice the benchmark; its mean above the rate is (1 − 3) / 3 % = −2/3 %.
        assert ours["beta"] == pytest.approx(2.0)
        assert ours["alpha"] == pytest.approx((1 - 0.01 / 3 + 2 * 0.02 / 3) ** 252 - 1)
        # Figures of the returns themselves know no rate.
        assert ours["average_return"] == pytest.approx(0.02 / 3)
        assert ours["annualized_volatility"] == pytest.approx(np.std(returns, ddof=1) * 252**0.5)


@pytest.mark.parametrize(("name", "length"), [("21d", 21), ("252d", 252), ("inception", 300)])
def test_agrees_with_empyrical(name: str, length: int) -> None:
    rates = varying()
    rows = performance_rows(PORTFOLIOS, BENCHMARK, [DATES[-1]], risk_free=rates)
    row = rows.set_index(["model_id", "window_name"]).loc[[(MODEL, name)]].iloc[0]
    rate = (1.0 + rates.to_numpy()[-length:]) ** (1.0 / 252.0) - 1.0
    returns, benchmark = series_of(MODEL)[-length:], series_of(BENCHMARK)[-length:]
    excess = returns - rate
    assert row["sharpe_ratio"] == pytest.approx(empyrical.sharpe_ratio(excess))
    assert row["sortino_ratio"] == pytest.approx(empyrical.sortino_ratio(excess))
    assert row["downside_deviation"] == pytest.approx(empyrical.downside_risk(excess))
    beta = empyrical.beta(returns, benchmark)
    assert row["beta"] == pytest.approx(beta)
    alpha = empyrical.alpha_aligned(returns, benchmark, risk_free=rate, _beta=beta)
    assert row["alpha"] == pytest.approx(alpha)
    assert row["annualized_volatility"] == pytest.approx(empyrical.annual_volatility(returns))


@pytest.mark.parametrize("rate", [0.0, 0.02, -0.005])
def test_a_constant_rate_is_one_number(rate: float) -> None:
    """A series of equal rates gives the very figures of the number."""
    number = performance_rows(PORTFOLIOS, BENCHMARK, DATES, risk_free=rate)
    series = pd.Series(rate, index=DATES)
    rows = performance_rows(PORTFOLIOS, BENCHMARK, DATES, risk_free=series)
    pd.testing.assert_frame_equal(rows, number, check_exact=True)


@pytest.mark.parametrize("rate", [0.0, 0.02, -0.005])
def test_a_constant_rate_moves_the_mean_alone(rate: float) -> None:
    """The Sharpe ratio's deviation, skewness and kurtosis are then those of the returns."""
    returns = series_of(MODEL)
    per_session = session_rate(rate)
    ours = evaluate(TrailingWindow.of(returns, risk_free=per_session))
    mean, deviation = returns.mean() - per_session, returns.std(ddof=1)
    assert ours["sharpe_ratio"] == pytest.approx(mean / deviation * 252**0.5, rel=1e-12)
    ratio = mean / deviation
    centred = (returns - returns.mean()) / returns.std()
    third, fourth = (centred**3).mean(), (centred**4).mean()
    variance = (1 + ratio**2 / 2 - third * ratio + (fourth - 3) / 4 * ratio**2) / len(returns)
    margin = 1.959963984540054 * np.sqrt(variance * 252)
    assert ours["sharpe_upper_95"] - ours["sharpe_ratio"] == pytest.approx(margin, rel=1e-12)


def test_equal_returns_above_equal_rates_have_no_sharpe_ratio() -> None:
    for window in (TrailingWindow, ExpandingWindow):
        figures = evaluate(window.of([0.01] * 30, risk_free=np.full(30, 0.0001)))
        assert np.isnan(np.atleast_1d(figures["sharpe_ratio"])[-1])
        # With changing rates the excess does deviate.
        figures = evaluate(window.of([0.01] * 30, risk_free=np.linspace(0.0, 0.001, 30)))
        assert np.atleast_1d(figures["sharpe_ratio"])[-1] > 0.0


def test_rolling_metric_takes_a_rate_for_each_return() -> None:
    rates = varying()
    rows = performance_rows(PORTFOLIOS, BENCHMARK, DATES, risk_free=rates)
    mine = rows[(rows["model_id"] == MODEL) & (rows["window_name"] == "63d")]
    rolled = rolling_metric(series_of(MODEL), "sharpe_ratio", 63, risk_free=rates.to_numpy())
    np.testing.assert_array_equal(rolled[62:], mine["sharpe_ratio"])


def test_a_session_without_a_rate_is_refused() -> None:
    with pytest.raises(ContractError, match=f"no risk-free rate for {DATES[4].date()}"):
        performance_rows(PORTFOLIOS, BENCHMARK, DATES, risk_free=varying().drop(DATES[4]))


def test_the_figures_that_depend_on_the_rate() -> None:
    free = performance_rows(PORTFOLIOS, BENCHMARK, [DATES[-1]], risk_free=varying())
    none = performance_rows(PORTFOLIOS, BENCHMARK, [DATES[-1]])
    changed = {name for name in METRICS if not free[name].equals(none[name])}
    assert changed == {
        *("downside_deviation", "sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95"),
        *("sortino_ratio", "alpha", "probabilistic_sharpe", "minimum_track_record"),
    }
