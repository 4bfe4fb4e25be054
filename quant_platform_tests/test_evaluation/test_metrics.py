"""Metrics against empyrical-reloaded, scipy and figures worked out by hand."""

import gzip
from importlib import resources

import empyrical
import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from scipy import stats

from quant_platform.evaluation.metric_registry import MetricRegistry
from quant_platform.evaluation.metrics import METRICS, evaluate, session_rate
from quant_platform.evaluation.windows import ExpandingWindow, TrailingWindow, Window
from quant_platform.kernels.arrays import FloatArray

RISK_FREE = 0.03

# Column → empyrical's function of (returns, benchmark, risk-free rate per session).
EMPYRICAL = {
    "total_return": lambda r, b, f: empyrical.cum_returns_final(r),
    "annualized_return": lambda r, b, f: empyrical.annual_return(r),
    "annualized_volatility": lambda r, b, f: empyrical.annual_volatility(r),
    "downside_deviation": lambda r, b, f: empyrical.downside_risk(r, f),
    "sharpe_ratio": lambda r, b, f: empyrical.sharpe_ratio(r, f),
    "sortino_ratio": lambda r, b, f: empyrical.sortino_ratio(r, f),
    "calmar_ratio": lambda r, b, f: empyrical.calmar_ratio(r),
    "max_drawdown": lambda r, b, f: empyrical.max_drawdown(r),
    "alpha": lambda r, b, f: empyrical.alpha(r, b, f),
    "beta": lambda r, b, f: empyrical.beta(r, b, f),
}


def sample_returns() -> dict[str, FloatArray]:
    """Close-to-close total returns of the sample market's stocks, as its vendor adjusted them."""
    source = resources.files("quant_platform.vendors") / "data" / "stocks.csv.gz"
    with source.open("rb") as packed, gzip.open(packed) as text:
        bars = pd.read_csv(text)
    closes = bars.pivot(index="Date", columns="Ticker", values="Adj Close")
    return {
        str(symbol): np.asarray(prices.dropna().pct_change().dropna(), dtype=np.float64)
        for symbol, prices in closes.items()
    }


def random_returns(seed: int, length: int) -> FloatArray:
    return np.random.default_rng(seed).standard_t(4, length) * 0.01 + 0.0004


SERIES = {
    "AAPL": sample_returns()["AAPL"],
    "IBM": sample_returns()["IBM"],
    "GOOG": sample_returns()["GOOG"],
    "FB": sample_returns()["FB"],
    "random, 2000": random_returns(1, 2000),
    "random, 21": random_returns(2, 21),
    "random, 2": random_returns(3, 2),
    "large": random_returns(4, 300) * 10.0,
}


def finite(value: float) -> float:
    """Empyrical divides by zero and gives infinity where a figure is null here."""
    return np.nan if np.isinf(value) else value


def one(
    returns: ArrayLike, benchmark: ArrayLike | None = None, risk_free: float = 0.0
) -> dict[str, float]:
    """Every figure of one series."""
    window = TrailingWindow.of(returns, benchmark, risk_free=session_rate(risk_free))
    return {name: float(value) for name, value in evaluate(window).items()}


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("risk_free", [0.0, RISK_FREE])
def test_agrees_with_empyrical(name: str, risk_free: float) -> None:
    returns = SERIES[name]
    benchmark = random_returns(99, len(returns)) + 0.5 * returns
    ours = one(returns, benchmark, risk_free)
    for column, theirs in EMPYRICAL.items():
        rate = (1.0 + risk_free) ** (1.0 / 252.0) - 1.0
        expected = finite(theirs(returns, benchmark, rate))
        assert ours[column] == pytest.approx(expected, rel=1e-9, nan_ok=True), column


@pytest.mark.parametrize("name", SERIES)
def test_expanding_agrees_with_empyrical(name: str) -> None:
    returns = SERIES[name]
    benchmark = random_returns(98, len(returns)) + 0.5 * returns
    rate = session_rate(RISK_FREE)
    ours = evaluate(ExpandingWindow.of(returns, benchmark, risk_free=rate))
    for end in sorted({2, min(3, len(returns)), len(returns) // 2 + 1, len(returns)}):
        for column, theirs in EMPYRICAL.items():
            expected = finite(theirs(returns[:end], benchmark[:end], 1.03 ** (1.0 / 252.0) - 1.0))
            value = ours[column][end - 1]
            assert value == pytest.approx(expected, rel=1e-9, nan_ok=True), (column, end)


@pytest.mark.parametrize("name", SERIES)
def test_both_windows_agree(name: str) -> None:
    """The scan from inception and the two-pass window give the same figure of the same returns."""
    returns = SERIES[name]
    benchmark = random_returns(97, len(returns)) + 0.5 * returns
    scan = evaluate(ExpandingWindow.of(returns, benchmark))
    for end in sorted({1, 2, min(5, len(returns)), len(returns) // 2 + 1, len(returns)}):
        window = one(returns[:end], benchmark[:end])
        for column in METRICS:
            value = scan[column][end - 1]
            assert value == pytest.approx(window[column], rel=1e-8, abs=1e-13, nan_ok=True), column


@pytest.mark.parametrize("name", ["AAPL", "random, 2000", "random, 21", "large"])
def test_sharpe_interval(name: str) -> None:
    """Mertens 2002 with scipy's skewness and kurtosis (population moments, normal kurtosis 3)."""
    returns = SERIES[name]
    sharpe = returns.mean() / returns.std(ddof=1)
    skew, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    variance = (1 + sharpe**2 / 2 - skew * sharpe + (kurtosis - 3) / 4 * sharpe**2) / len(returns)
    margin = stats.norm.ppf(0.975) * np.sqrt(variance) * np.sqrt(252)
    ours = one(returns)
    assert ours["sharpe_lower_95"] == pytest.approx(sharpe * np.sqrt(252) - margin, rel=1e-9)
    assert ours["sharpe_upper_95"] == pytest.approx(sharpe * np.sqrt(252) + margin, rel=1e-9)
    assert ours["sharpe_lower_95"] < ours["sharpe_ratio"] < ours["sharpe_upper_95"]


@pytest.mark.parametrize("name", ["AAPL", "random, 2000", "random, 21", "large"])
def test_probabilistic_sharpe_and_track_record(name: str) -> None:
    """Bailey and López de Prado 2012, with scipy's moments and normal distribution."""
    returns = SERIES[name]
    count, sharpe = len(returns), returns.mean() / returns.std(ddof=1)
    skew, kurtosis = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    ours = one(returns)
    expected = stats.norm.cdf(sharpe * np.sqrt((count - 1) / variance))
    assert ours["probabilistic_sharpe"] == pytest.approx(expected, rel=1e-9)
    if sharpe > 0:
        years = (1 + variance * (stats.norm.ppf(0.95) / sharpe) ** 2) / 252
        assert ours["minimum_track_record"] == pytest.approx(years, rel=1e-9)
    else:
        assert np.isnan(ours["minimum_track_record"])


def test_sharpe_interval_covers_the_true_value() -> None:
    """About 95 % of 4,000 intervals hold the Sharpe ratio of the distribution they come from."""
    samples = np.random.default_rng(7).gumbel(0.02, 1.0, (4000, 252))
    true = (0.02 + np.euler_gamma) / np.sqrt(np.pi**2 / 6) * np.sqrt(252)
    figures = evaluate(TrailingWindow.of(samples * 0.01))
    inside = (figures["sharpe_lower_95"] <= true) & (true <= figures["sharpe_upper_95"])
    assert 0.93 <= inside.mean() <= 0.97


def test_by_hand() -> None:
    # Equity: 1 → 1.10 → 1.045 → 1.045 → 1.2540 → 1.1286 → 1.15117…
    returns = [0.10, -0.05, 0.0, 0.20, -0.10, 0.02]
    ours = one(returns)
    assert ours["total_return"] == pytest.approx(1.10 * 0.95 * 1.20 * 0.90 * 1.02 - 1)
    assert ours["average_return"] == pytest.approx(0.17 / 6)
    assert ours["max_drawdown"] == pytest.approx(-0.10)
    assert ours["max_drawdown_sessions"] == 2  # two closes below 1.10, and two below 1.2540
    assert ours["win_rate"] == pytest.approx(3 / 5)
    assert ours["average_win"] == pytest.approx(0.32 / 3)
    assert ours["average_loss"] == pytest.approx(-0.15 / 2)
    assert ours["profit_factor"] == pytest.approx(0.32 / 0.15)


def test_trading_figures_by_hand() -> None:
    window = TrailingWindow(
        returns=np.array([0.0, 0.01, -0.02, 0.01]),
        benchmark=np.full(4, np.nan),
        turnover=np.array([0.0, 0.5, 0.0, 0.1]),
        exposure=np.array([0.0, 0.5, 0.5, 0.6]),
        trades=np.array([0.0, 3.0, 0.0, 1.0]),
        signals_judged=np.array([0.0, 0.0, 3.0, 1.0]),
        signals_hit=np.array([0.0, 0.0, 1.0, 1.0]),
    )
    ours = evaluate(window)
    assert ours["turnover"] == pytest.approx(0.6 / 4 * 252)
    assert ours["average_exposure"] == pytest.approx(1.6 / 4)
    assert ours["trade_count"] == 4
    assert ours["hit_rate"] == pytest.approx(2 / 4)
    assert np.isnan(ours["alpha"])
    assert np.isnan(ours["beta"])


@pytest.mark.parametrize(
    ("returns", "sessions"),
    [
        ([0.1, 0.1], 0),
        ([-0.1, 0.05, 0.05], 3),  # 0.9 → 0.945 → 0.99225: never back at 1
        ([-0.5, 1.0, -0.1], 1),  # 0.5 → 1.0: back at the start's 1 → 0.9
        ([-0.5, 0.0, 1.5, -0.1], 2),
        ([0.0, -0.5, 0.0, 0.0, 1.5], 3),
    ],
)
def test_drawdown_length(returns: list[float], sessions: int) -> None:
    assert one(returns)["max_drawdown_sessions"] == sessions
    scan = evaluate(ExpandingWindow.of(returns))
    assert scan["max_drawdown_sessions"][-1] == sessions


NULL = {
    "one return": (
        [0.01],
        {
            "probabilistic_sharpe", "minimum_track_record",
            "annualized_volatility", "sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95",
            "sortino_ratio", "calmar_ratio", "average_loss", "profit_factor", "hit_rate",
        },
    ),
    "all zero": (
        [0.0] * 30,
        {
            "probabilistic_sharpe", "minimum_track_record",
            "sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95", "sortino_ratio", "calmar_ratio",
            "win_rate", "average_win", "average_loss", "profit_factor", "hit_rate",
        },
    ),
    "equal gains": (
        [0.01] * 30,
        {
            "probabilistic_sharpe", "minimum_track_record",
            "sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95", "sortino_ratio", "calmar_ratio",
            "average_loss", "profit_factor", "hit_rate",
        },
    ),
    "gains only": (
        [0.01, 0.02, 0.03],
        {
            "sortino_ratio", "calmar_ratio", "average_loss", "profit_factor", "hit_rate",
        },
    ),
    "losses only": (
        [-0.01, -0.02, -0.03],
        {"average_win", "hit_rate", "minimum_track_record"},
    ),
    "everything lost": ([0.1, -1.0, 0.0], {"hit_rate", "minimum_track_record"}),
    "more than everything lost": (
        [0.1, -1.5],
        {"annualized_return", "calmar_ratio", "hit_rate", "minimum_track_record"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NULL)
def test_null_exactly_where_undefined(case: str) -> None:
    returns, undefined = NULL[case]
    for window in (TrailingWindow.of(returns), ExpandingWindow.of(returns)):
        figures = {name: np.atleast_1d(value)[-1] for name, value in evaluate(window).items()}
        # Without a benchmark nothing refers to it.
        unknown = {*undefined, "alpha", "beta", "excess_return"}
        assert {name for name, value in figures.items() if np.isnan(value)} == unknown


def test_extremes_by_hand() -> None:
    lost = one([0.1, -1.0, 0.0])
    assert lost["total_return"] == -1.0
    assert lost["annualized_return"] == -1.0
    assert lost["max_drawdown"] == -1.0
    assert lost["calmar_ratio"] == -1.0
    assert lost["max_drawdown_sessions"] == 2
    gains = one([0.01, 0.02, 0.03])
    assert gains["win_rate"] == 1.0
    assert gains["max_drawdown"] == 0.0
    assert gains["downside_deviation"] == 0.0
    losses = one([-0.01, -0.02, -0.03])
    assert losses["win_rate"] == 0.0
    assert losses["profit_factor"] == 0.0
    assert losses["max_drawdown"] == pytest.approx(0.99 * 0.98 * 0.97 - 1)


def test_benchmark_against_itself() -> None:
    returns = random_returns(5, 300)
    for window in (TrailingWindow.of(returns, returns), ExpandingWindow.of(returns, returns)):
        figures = evaluate(window)
        assert np.atleast_1d(figures["beta"])[-1] == 1.0
        assert np.atleast_1d(figures["alpha"])[-1] == 0.0
        assert np.atleast_1d(figures["excess_return"])[-1] == 0.0


def test_excess_return_is_the_difference_of_two_returns_per_year() -> None:
    returns, benchmark = random_returns(5, 300), random_returns(6, 300)
    expected = empyrical.annual_return(returns) - empyrical.annual_return(benchmark)
    assert one(returns, benchmark)["excess_return"] == pytest.approx(expected)
    scan = evaluate(ExpandingWindow.of(returns, benchmark))["excess_return"]
    assert scan[-1] == pytest.approx(expected)
    # Two sessions by hand: 1.1² and 1.05 · 1.2, each to the power of 126.
    hand = (1.1 * 1.1) ** 126 - (1.05 * 1.2) ** 126
    assert one([0.1, 0.1], [0.05, 0.2])["excess_return"] == pytest.approx(hand)


def test_benchmark_must_cover_the_window() -> None:
    returns = random_returns(5, 30)
    benchmark = returns.copy()
    benchmark[3] = np.nan
    assert np.isnan(one(returns, benchmark)["beta"])
    scan = evaluate(ExpandingWindow.of(returns, benchmark))["beta"]
    assert scan[2] == 1.0
    assert np.isnan(scan[3:]).all()


def test_matrix_is_row_by_row() -> None:
    matrix = random_returns(6, 40 * 63).reshape(40, 63)
    together = evaluate(TrailingWindow.of(matrix, matrix[::-1]))
    for row in range(40):
        alone = evaluate(TrailingWindow.of(matrix[row], matrix[::-1][row]))
        for column in METRICS:
            np.testing.assert_array_equal(together[column][row], alone[column])


def test_adding_a_metric_is_one_function() -> None:
    registry = MetricRegistry()

    @registry.metric("fraction")
    def value_at_risk_95(window: Window) -> FloatArray:
        """Loss of a session exceeded with 5 % probability."""
        return -window.reduce(lambda x: np.quantile(x, 0.05, axis=-1), window.returns)

    added = registry["value_at_risk_95"]
    assert (added.sql_type, added.unit) == ("double precision", "fraction")
    assert added.description == "Loss of a session exceeded with 5 % probability."
    returns = random_returns(8, 100)
    expected = [-np.quantile(returns[: end + 1], 0.05) for end in range(100)]
    np.testing.assert_allclose(added(ExpandingWindow.of(returns)), expected, rtol=1e-12)
    np.testing.assert_allclose(added(TrailingWindow.of(returns)), expected[-1], rtol=1e-12)


def test_a_metric_is_declared_properly() -> None:
    registry = MetricRegistry()

    def figure(window: Window) -> FloatArray:
        """A figure."""
        return window.returns

    registry.metric("count")(figure)
    assert registry["figure"].sql_type == "integer"
    with pytest.raises(ValueError, match="exists already"):
        registry.metric("count")(figure)
    with pytest.raises(ValueError, match="exists already"):
        registry.metric("count", column="window_sessions")(figure)
    with pytest.raises(ValueError, match="identifier"):
        registry.metric("count", column="Drop table")(figure)
    figure.__doc__ = None
    with pytest.raises(ValueError, match="docstring"):
        registry.metric("count", column="other")(figure)


def test_every_metric_is_described() -> None:
    assert len(METRICS) == 25
    for name, metric in METRICS.items():
        assert metric.column == name
        assert metric.description.endswith(".")
