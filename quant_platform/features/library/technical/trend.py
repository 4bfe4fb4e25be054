"""Trend features: simple and exponential moving averages of the close, and MACD.

All are prices in the units of their session. An exponential average runs over a fixed window of
`kernels.windows.recursive_window` sessions with normalised weights (older ones would weigh ≤ 1e-10)
and exists once the window holds its nominal number of bars.
"""

import numpy as np

from quant_platform.features.context import FeatureContext, shared
from quant_platform.features.feature_registry import feature, feature_family
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import Windows, decayed_mean, recursive_window

MACD_FAST, MACD_SLOW, MACD_SIGNAL = 12, 26, 9
"""Sessions of MACD's two averages and of the average of their difference (Appel, 1979)."""


def ema_alpha(n: int) -> float:
    """Return the weight of the newest bar in an n-session exponential average, 2 / (n + 1)."""
    return 2.0 / (n + 1)


def ema_window(n: int) -> int:
    """Return the sessions over which an n-session exponential average runs."""
    return recursive_window(ema_alpha(n))


@shared
def close_sums(context: FeatureContext) -> Windows:
    """Sums of closes; the windows of one length are grown from those of another."""
    return Windows(context.close, np.add, context.price_carry)


@shared
def simple_average(context: FeatureContext, n: int) -> FloatArray:
    """Mean of the last n closes."""
    return close_sums(context).of(n) / n


@shared
def exponential_average(context: FeatureContext, n: int) -> FloatArray:
    """Exponentially weighted mean of closes with the weight 2 / (n + 1) on the newest."""
    return decayed_mean(context.close, ema_alpha(n), ema_window(n), n, context.price_carry)


@shared
def macd_line(context: FeatureContext) -> FloatArray:
    """Fast minus slow exponential average."""
    return exponential_average(context, MACD_FAST) - exponential_average(context, MACD_SLOW)


@shared
def macd_average(context: FeatureContext) -> FloatArray:
    """Exponential average of the MACD line."""
    alpha, window = ema_alpha(MACD_SIGNAL), ema_window(MACD_SIGNAL)
    return decayed_mean(macd_line(context), alpha, window, MACD_SIGNAL, context.price_carry)


MACD_LOOKBACK = ema_window(MACD_SLOW)
MACD_SIGNAL_LOOKBACK = MACD_LOOKBACK + ema_window(MACD_SIGNAL) - 1


@feature_family((10, 20, 50, 200), name="sma_{n}", lookback=int, inputs=("close", "split"))
def sma(context: FeatureContext, n: int) -> FloatArray:
    """Simple moving average: mean of the last {n} closes, in currency per share."""
    return simple_average(context, n)


@feature_family((12, 26), name="ema_{n}", lookback=ema_window, inputs=("close", "split"))
def ema(context: FeatureContext, n: int) -> FloatArray:
    """Exponential moving average: weight 2 / ({n} + 1) on the newest close, currency per share."""
    return exponential_average(context, n)


@feature(lookback=MACD_LOOKBACK, inputs=("close", "split"))
def macd(context: FeatureContext) -> FloatArray:
    """MACD line: 12-session minus 26-session exponential average, in currency per share."""
    return macd_line(context)


@feature(lookback=MACD_SIGNAL_LOOKBACK, inputs=("close", "split"))
def macd_signal(context: FeatureContext) -> FloatArray:
    """MACD signal line: 9-session exponential average of the MACD line, in currency per share."""
    return macd_average(context)


@feature(lookback=MACD_SIGNAL_LOOKBACK, inputs=("close", "split"))
def macd_histogram(context: FeatureContext) -> FloatArray:
    """MACD line minus its signal line, in currency per share."""
    return macd_line(context) - macd_average(context)
