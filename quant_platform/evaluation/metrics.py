"""The figures by which a model is judged, one function per column of `model_performance`.

To add a metric, add a function here: its name becomes the column, the first line of its docstring
the column's comment and its description in reports. `metric_registry.py` explains how such a
function is written; `docs/conventions.md` has the definitions, and when a figure is null. What the
windows are belongs to `windows.py`. Formulas agree with empyrical where empyrical has them.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from quant_platform.conventions import SESSIONS_PER_YEAR, TWO_SIDED_95
from quant_platform.evaluation import sharpe_inference
from quant_platform.evaluation.metric_registry import Metric, MetricRegistry
from quant_platform.evaluation.windows import Moments, Window
from quant_platform.extensions import extension_modules
from quant_platform.kernels.arrays import BoolArray, FloatArray

ROOT_YEAR = math.sqrt(SESSIONS_PER_YEAR)
"""Factor from a deviation per session to one per year."""

ZERO_DEVIATION = 1e-12
"""A standard deviation per session up to this is rounding, and counts as zero."""


METRICS = MetricRegistry(extension_modules)
"""The metrics below, then those of extensions."""

metric = METRICS.metric


def session_rate(annual_rate: ArrayLike) -> FloatArray:
    """Return per session that compounds to `annual_rate` in a year of 252 sessions."""
    growth = 1.0 + np.asarray(annual_rate, dtype=np.float64)
    return np.asarray(growth ** (1.0 / SESSIONS_PER_YEAR) - 1.0)


def evaluate(window: Window, metrics: Mapping[str, Metric] = METRICS) -> dict[str, FloatArray]:
    """Every metric of a window, by column name; NaN where undefined."""
    return {name: compute(window) for name, compute in metrics.items()}


@metric("fraction")
def total_return(window: Window) -> FloatArray:
    """Compounded return over the window, as a fraction."""
    return window.last(window.growth) - 1.0


@metric("fraction")
def average_return(window: Window) -> FloatArray:
    """Arithmetic mean of the session returns, as a fraction."""
    return window.moments.mean


@metric("fraction")
def annualized_return(window: Window) -> FloatArray:
    """Geometric return per year of 252 sessions, as a fraction; null if equity ended below 0."""
    return _per_year(window, window.last(window.growth))


@metric("fraction")
def excess_return(window: Window) -> FloatArray:
    """Annualised return minus the benchmark's; null if it lacks a session of the window."""
    growth = np.cumprod(1.0 + window.benchmark, axis=-1, dtype=np.float64)
    return annualized_return(window) - _per_year(window, window.last(growth))


@metric("fraction")
def annualized_volatility(window: Window) -> FloatArray:
    """Sample standard deviation of the session returns × √252; null below two returns."""
    return _deviation(window, window.moments) * ROOT_YEAR


@metric("fraction")
def downside_deviation(window: Window) -> FloatArray:
    """Root mean square of the returns below the risk-free rate (others count as 0) × √252."""
    return _downside(window) * ROOT_YEAR


@metric("ratio")
def sharpe_ratio(window: Window) -> FloatArray:
    """Mean return above the risk-free rate over its deviation × √252; null without deviation."""
    return _session_sharpe(window) * ROOT_YEAR


@metric("ratio")
def sharpe_lower_95(window: Window) -> FloatArray:
    """Lower end of the Sharpe ratio's 95 % interval, for skewed and fat-tailed returns."""
    return sharpe_ratio(window) - _sharpe_margin(window)


@metric("ratio")
def sharpe_upper_95(window: Window) -> FloatArray:
    """Upper end of the Sharpe ratio's 95 % interval, for skewed and fat-tailed returns."""
    return sharpe_ratio(window) + _sharpe_margin(window)


@metric("fraction")
def probabilistic_sharpe(window: Window) -> FloatArray:
    """Probability that the true Sharpe ratio is above 0, for skewed and fat-tailed returns."""
    skewness, kurtosis = _shape(window)
    return sharpe_inference.probabilistic_sharpe(
        _session_sharpe(window), window.count, skewness, kurtosis
    )


@metric("ratio")
def minimum_track_record(window: Window) -> FloatArray:
    """Years of such returns until the Sharpe ratio is above 0 with 95 % probability, or null."""
    needed = sharpe_inference.minimum_track_record(_session_sharpe(window), *_shape(window))
    return needed / SESSIONS_PER_YEAR


@metric("ratio")
def sortino_ratio(window: Window) -> FloatArray:
    """Annualised mean return above the risk-free rate over the downside deviation, or null."""
    mean = window.excess_moments.mean * SESSIONS_PER_YEAR
    ratio = _ratio(mean, downside_deviation(window), ZERO_DEVIATION)
    return np.where(window.count >= 2, ratio, np.nan)


@metric("ratio")
def calmar_ratio(window: Window) -> FloatArray:
    """Annualised return over the size of the maximum drawdown; null without drawdown."""
    return _ratio(annualized_return(window), -max_drawdown(window))


@metric("fraction")
def max_drawdown(window: Window) -> FloatArray:
    """Deepest fall of the equity below its highest value in the window, as a negative fraction."""
    return window.min(window.drawdown)


@metric("sessions")
def max_drawdown_sessions(window: Window) -> FloatArray:
    """Longest run of sessions that closed below the highest equity in the window so far."""
    position = np.arange(window.returns.shape[-1], dtype=np.float64)
    last_peak = np.maximum.accumulate(np.where(window.drawdown < 0.0, -1.0, position), axis=-1)
    return window.max(np.where(np.isnan(window.drawdown), np.nan, position - last_peak))


@metric("fraction")
def win_rate(window: Window) -> FloatArray:
    """Sessions with a gain over sessions with a gain or a loss; null without either."""
    wins = window.sum(_where_known(window, window.returns > 0.0))
    return _ratio(wins, wins + window.sum(_where_known(window, window.returns < 0.0)))


@metric("fraction")
def average_win(window: Window) -> FloatArray:
    """Mean return of the sessions with a gain, as a fraction; null without one."""
    return _ratio(_gains(window), window.sum(window.returns > 0.0))


@metric("fraction")
def average_loss(window: Window) -> FloatArray:
    """Mean return of the sessions with a loss, as a negative fraction; null without one."""
    return _ratio(_losses(window), window.sum(window.returns < 0.0))


@metric("ratio")
def profit_factor(window: Window) -> FloatArray:
    """Sum of the gains over the size of the sum of the losses; null without a loss."""
    return _ratio(_gains(window), -_losses(window))


@metric("ratio")
def turnover(window: Window) -> FloatArray:
    """Value bought and sold per year of 252 sessions, in multiples of the equity."""
    return window.mean(window.turnover) * SESSIONS_PER_YEAR


@metric("fraction")
def average_exposure(window: Window) -> FloatArray:
    """Mean over the closes of the positions' absolute value over the equity."""
    return window.mean(window.exposure)


@metric("count")
def trade_count(window: Window) -> FloatArray:
    """Number of orders filled."""
    return window.sum(window.trades)


@metric("fraction")
def hit_rate(window: Window) -> FloatArray:
    """Buy and sell signals with the sign of the return that followed; null if none was judged."""
    return _ratio(window.sum(window.signals_hit), window.sum(window.signals_judged))


@metric("fraction")
def alpha(window: Window) -> FloatArray:
    """Mean excess return above beta × the benchmark's, compounded over 252 sessions."""
    benchmark = window.mean(window.benchmark - window.risk_free)
    per_session = window.excess_moments.mean - beta(window) * benchmark
    return np.power(1.0 + per_session, SESSIONS_PER_YEAR) - 1.0


@metric("ratio")
def beta(window: Window) -> FloatArray:
    """Covariance with the benchmark's returns over their variance; null without variance."""
    parts = window.co_moments
    ratio = _ratio(parts.cross, parts.benchmark_second, ZERO_DEVIATION**2)
    return np.where(window.count >= 2, ratio, np.nan)


def _per_year(window: Window, value: FloatArray) -> FloatArray:
    """Return per year of 1 that became `value` over the window; NaN below 0."""
    exponent = SESSIONS_PER_YEAR / window.count
    return np.where(value >= 0.0, np.power(np.maximum(value, 0.0), exponent) - 1.0, np.nan)


def _where_known(window: Window, condition: BoolArray) -> FloatArray:
    """1 where a condition on the returns holds, 0 where not, NaN where there is no return."""
    return np.where(np.isnan(window.returns), np.nan, condition.astype(np.float64))


def _ratio(numerator: ArrayLike, denominator: FloatArray, zero: float = 0.0) -> FloatArray:
    """Quotient; NaN unless the denominator is above `zero`."""
    positive = denominator > zero
    return np.where(positive, np.divide(numerator, np.where(positive, denominator, 1.0)), np.nan)


def _deviation(window: Window, moments: Moments) -> FloatArray:
    """Sample standard deviation per session; NaN below two returns."""
    count = window.count
    variance = moments.second * count / np.maximum(count - 1.0, 1.0)
    return np.where(count >= 2, np.sqrt(variance), np.nan)


def _downside(window: Window) -> FloatArray:
    below = np.minimum(window.excess, 0.0)
    return np.sqrt(window.mean(below * below))


def _session_sharpe(window: Window) -> FloatArray:
    moments = window.excess_moments
    return _ratio(moments.mean, _deviation(window, moments), ZERO_DEVIATION)


def _shape(window: Window) -> tuple[FloatArray, FloatArray]:
    """Skewness and kurtosis of the excess returns; the latter of a normal distribution is 3."""
    _, second, third, fourth = window.excess_moments
    return _ratio(third, second * np.sqrt(second)), _ratio(fourth, second**2)


def _sharpe_margin(window: Window) -> FloatArray:
    """Half the width of the 95 % interval.

    The variance of the estimated Sharpe ratio S per session is (1 + S²/2 − γ₃·S + (γ₄ − 3)/4·S²)/n,
    with the excess returns' skewness γ₃ and kurtosis γ₄ (Mertens, "Comments on variance of the IID
    estimator in Lo (2002)", 2002). With γ₃ = 0 and γ₄ = 3 it is Lo's formula ("The Statistics of
    Sharpe Ratios", Financial Analysts Journal, 2002).
    """
    ratio = _session_sharpe(window)
    skewness, kurtosis = _shape(window)
    variance = (
        1.0 + ratio**2 / 2.0 - skewness * ratio + (kurtosis - 3.0) / 4.0 * ratio**2
    ) / window.count
    # Never negative in exact arithmetic (γ₄ ≥ 1 + γ₃²): the floor takes rounding away.
    return TWO_SIDED_95 * ROOT_YEAR * np.sqrt(np.maximum(variance, 0.0))


def _gains(window: Window) -> FloatArray:
    return window.sum(np.maximum(window.returns, 0.0))


def _losses(window: Window) -> FloatArray:
    return window.sum(np.minimum(window.returns, 0.0))
