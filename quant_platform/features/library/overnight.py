"""The set `overnight`: returns between and within sessions, and volatility from whole bars.

Overnight is from close to open, dividends included; intraday from open to close. Volatilities are
annual: per-session variances times 252 under a square root. What does not belong here: volatility
of closes alone (`technical`).
"""

import math

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.features.context import FeatureContext, previous_close, shared
from quant_platform.features.feature_registry import feature_family
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import Windows, window_mean, window_std

OVERNIGHT = FeatureSet(
    "overnight", "Returns between and within sessions, and volatility from whole bars."
)

HORIZONS = (1, 5, 20, 60)
SIZES = (20, 60)

BARS = ("open", "high", "low", "close")
NIGHTS = ("open", "close", "split", "dividend")

GARMAN_KLASS = 2.0 * math.log(2.0) - 1.0
"""Weight of the body in Garman and Klass (1980), equation 19."""


@shared
def night(context: FeatureContext) -> FloatArray:
    """One plus the overnight return: (open + dividend) / previous close."""
    return (context.open + context.dividend) / previous_close(context)


@shared
def day(context: FeatureContext) -> FloatArray:
    """One plus the intraday return: close / open."""
    return context.close / context.open


@shared
def night_growth(context: FeatureContext) -> Windows:
    """Products of overnight gross returns."""
    return Windows(night(context), np.multiply)


@shared
def day_growth(context: FeatureContext) -> Windows:
    """Products of intraday gross returns."""
    return Windows(day(context), np.multiply)


@shared
def rogers_satchell_variance(context: FeatureContext) -> FloatArray:
    """ln(high / close) ln(high / open) + ln(low / close) ln(low / open) of each session."""
    up = np.log(context.high / context.close) * np.log(context.high / context.open)
    down = np.log(context.low / context.close) * np.log(context.low / context.open)
    variance: FloatArray = up + down
    return variance


def annual(variance: FloatArray) -> FloatArray:
    """Return √(252 · variance of a session)."""
    volatility: FloatArray = np.sqrt(SESSIONS_PER_YEAR * variance)
    return volatility


@feature_family(
    HORIZONS, name="overnight_return_{n}", lookback=lambda n: n + 1, inputs=NIGHTS, of=OVERNIGHT
)
def overnight_return(context: FeatureContext, n: int) -> FloatArray:
    """Return of {n} nights: Π (open + dividend) / previous close − 1."""
    return night_growth(context).of(n) - 1.0


@feature_family(
    HORIZONS, name="intraday_return_{n}", lookback=int, inputs=("open", "close"), of=OVERNIGHT
)
def intraday_return(context: FeatureContext, n: int) -> FloatArray:
    """Return of {n} days without their nights: Π close / open − 1."""
    return day_growth(context).of(n) - 1.0


@feature_family(
    SIZES, name="overnight_volatility_{n}", lookback=lambda n: n + 1, inputs=NIGHTS, of=OVERNIGHT
)
def overnight_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual volatility of nights: sample deviation of {n} log overnight returns · √252."""
    return annual(window_std(np.log(night(context)), n, ddof=1) ** 2)


@feature_family(
    SIZES, name="intraday_volatility_{n}", lookback=int, inputs=("open", "close"), of=OVERNIGHT
)
def intraday_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual volatility of days: sample deviation of {n} log intraday returns · √252."""
    return annual(window_std(np.log(day(context)), n, ddof=1) ** 2)


@feature_family(
    SIZES, name="parkinson_volatility_{n}", lookback=int, inputs=("high", "low"), of=OVERNIGHT
)
def parkinson_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual volatility from ranges: √(252 · mean of ln(high / low)² over {n} sessions / (4 ln 2)).

    Source: Parkinson (1980), "The extreme value method for estimating the variance of the rate of
    return".
    """
    squares = np.log(context.high / context.low) ** 2
    return annual(window_mean(squares, n) / (4.0 * math.log(2.0)))


@feature_family(SIZES, name="garman_klass_volatility_{n}", lookback=int, inputs=BARS, of=OVERNIGHT)
def garman_klass_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual volatility from bars: mean of ½ ln(high / low)² − (2 ln 2 − 1) ln(close / open)².

    Over {n} sessions, times 252, under a square root; null where that is negative. Source: Garman
    and Klass (1980), "On the estimation of security price volatilities from historical data".
    """
    ranges = np.log(context.high / context.low) ** 2
    bodies = np.log(day(context)) ** 2
    return annual(window_mean(0.5 * ranges - GARMAN_KLASS * bodies, n))


@feature_family(
    SIZES, name="rogers_satchell_volatility_{n}", lookback=int, inputs=BARS, of=OVERNIGHT
)
def rogers_satchell_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual volatility from bars, free of drift: ln(H/C) ln(H/O) + ln(L/C) ln(L/O), {n} sessions.

    Source: Rogers and Satchell (1991), "Estimating variance from high, low and closing prices".
    """
    return annual(window_mean(rogers_satchell_variance(context), n))


@feature_family(
    SIZES,
    name="yang_zhang_volatility_{n}",
    lookback=lambda n: n + 1,
    inputs=(*BARS, "split", "dividend"),
    of=OVERNIGHT,
)
def yang_zhang_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual volatility from nights and bars: √(252 (σ_o² + k σ_c² + (1 − k) σ_rs²)), {n} sessions.

    σ_o² and σ_c² are sample variances of log overnight and intraday returns, σ_rs² is Rogers and
    Satchell's, k = 0.34 / (1.34 + (n + 1) / (n − 1)). Source: Yang and Zhang (2000), "Drift-
    independent volatility estimation based on high, low, open, and close prices".
    """
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    nights = window_std(np.log(night(context)), n, ddof=1) ** 2
    days = window_std(np.log(day(context)), n, ddof=1) ** 2
    return annual(nights + k * days + (1.0 - k) * window_mean(rogers_satchell_variance(context), n))
