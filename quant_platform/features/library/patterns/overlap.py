"""Averages and middles of prices: TA-Lib's overlap studies, in currency per share.

What does not belong here: simple and exponential averages, and Bollinger's bands (`technical`).
"""

from functools import partial

from quant_platform.features.context import FeatureContext, shared
from quant_platform.features.feature_registry import feature
from quant_platform.features.library.patterns.common import (
    PATTERNS,
    exponential_mean,
    highs,
    lows,
)
from quant_platform.features.library.technical.trend import ema_window
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_moments import MEAN, SLOPE, trends
from quant_platform.kernels.windows import window_max, window_mean, window_min

study = partial(feature, of=PATTERNS)

AVERAGED = 20
"""Sessions of the averages."""

T3_SESSIONS, T3_VOLUME = 5, 0.7
"""Sessions and volume factor of Tillson's average."""

MIDDLE_SESSIONS = 14


@shared
def nested_averages(context: FeatureContext, n: int, count: int) -> tuple[FloatArray, ...]:
    """Exponential mean of the close, its exponential mean, and so on."""
    result = [context.close]
    for _ in range(count):
        result.append(exponential_mean(result[-1], n, context.price_carry))
    return tuple(result[1:])


@study(lookback=2 * ema_window(AVERAGED) - 1, inputs=("close", "split"))
def dema_20(context: FeatureContext) -> FloatArray:
    """Double exponential average: 2 e₁ − e₂, with e₂ the 20-session mean of the mean e₁.

    Source: Mulloy (1994), "Smoothing data with faster moving averages".
    """
    first, second = nested_averages(context, AVERAGED, 2)
    return 2.0 * first - second


@study(lookback=3 * ema_window(AVERAGED) - 2, inputs=("close", "split"))
def tema_20(context: FeatureContext) -> FloatArray:
    """Triple exponential average: 3 e₁ − 3 e₂ + e₃, nested 20-session exponential means.

    Source: Mulloy (1994), "Smoothing data with less lag".
    """
    first, second, third = nested_averages(context, AVERAGED, 3)
    return 3.0 * first - 3.0 * second + third


@study(lookback=6 * ema_window(T3_SESSIONS) - 5, inputs=("close", "split"))
def t3_5(context: FeatureContext) -> FloatArray:
    """Tillson's T3 with v = 0.7, of six nested 5-session exponential means of closes.

    (1 + 3v + v³ + 3v²) e₃ + (−6v² − 3 (v + v³)) e₄ + 3 (v² + v³) e₅ − v³ e₆. Source: Tillson
    (1998), "Smoothing techniques for more accurate signals".
    """
    v = T3_VOLUME
    _, _, third, fourth, fifth, sixth = nested_averages(context, T3_SESSIONS, 6)
    return (
        (1.0 + 3.0 * v + v**3 + 3.0 * v * v) * third
        + (-6.0 * v * v - 3.0 * (v + v**3)) * fourth
        + 3.0 * (v * v + v**3) * fifth
        - v**3 * sixth
    )


@study(lookback=AVERAGED, inputs=("close", "split"))
def wma_20(context: FeatureContext) -> FloatArray:
    """Weighted average: the newest of 20 closes weighs 20, the oldest 1; Σ w · close / Σ w."""
    trend = trends(context.close, (AVERAGED,), context.price_carry)
    # Σ i·x[i] is n · mean of i · mean of x + slope · n · variance of i.
    average: FloatArray = trend[MEAN, 0] + trend[SLOPE, 0] * ((AVERAGED - 1) / 6.0)
    return average


@study(lookback=AVERAGED, inputs=("close", "split"))
def trima_20(context: FeatureContext) -> FloatArray:
    """Triangular average: 11-session mean of the 10-session mean of closes."""
    half = AVERAGED // 2
    inner = window_mean(context.close, half, context.price_carry)
    return window_mean(inner, half + 1, context.price_carry)


@study(lookback=MIDDLE_SESSIONS, inputs=("close", "split"))
def midpoint_14(context: FeatureContext) -> FloatArray:
    """Middle of the highest and lowest of 14 closes."""
    carry = context.price_carry
    high = window_max(context.close, MIDDLE_SESSIONS, carry)
    return (high + window_min(context.close, MIDDLE_SESSIONS, carry)) / 2.0


@study(lookback=MIDDLE_SESSIONS, inputs=("high", "low", "split"))
def midprice_14(context: FeatureContext) -> FloatArray:
    """Middle of the highest high and lowest low of 14 sessions."""
    return (highs(context).of(MIDDLE_SESSIONS) + lows(context).of(MIDDLE_SESSIONS)) / 2.0
