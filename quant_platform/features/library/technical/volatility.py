"""Volatility features: Bollinger bands, Wilder's average true range, realised volatility.

Bands and ranges are prices in the units of their session; the others are ratios.
"""

import math

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR, USUAL_SESSIONS
from quant_platform.features.context import (
    FeatureContext,
    log_return,
    previous_close,
    shared,
)
from quant_platform.features.feature_registry import feature, feature_family
from quant_platform.features.library.technical.trend import simple_average
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import decayed_mean, recursive_window, window_std

BAND_DEVIATIONS = 2.0
"""Bollinger's bands: 2 population deviations of 20 closes around their mean (2001)."""

ATR_SESSIONS = 14
ATR_ALPHA = 1.0 / ATR_SESSIONS
ATR_WINDOW = recursive_window(ATR_ALPHA)


@shared
def band_offset(context: FeatureContext) -> FloatArray:
    """Distance of either Bollinger band from the middle."""
    deviation = window_std(context.close, USUAL_SESSIONS, context.price_carry)
    deviation *= BAND_DEVIATIONS
    return deviation


@feature(lookback=USUAL_SESSIONS, inputs=("close", "split"))
def bollinger_upper(context: FeatureContext) -> FloatArray:
    """Upper Bollinger band: mean of 20 closes + 2 population deviations, in currency per share."""
    return simple_average(context, USUAL_SESSIONS) + band_offset(context)


@feature(lookback=USUAL_SESSIONS, inputs=("close", "split"))
def bollinger_middle(context: FeatureContext) -> FloatArray:
    """Middle Bollinger band: mean of 20 closes, in currency per share."""
    return simple_average(context, USUAL_SESSIONS)


@feature(lookback=USUAL_SESSIONS, inputs=("close", "split"))
def bollinger_lower(context: FeatureContext) -> FloatArray:
    """Lower Bollinger band: mean of 20 closes − 2 population deviations, in currency per share."""
    return simple_average(context, USUAL_SESSIONS) - band_offset(context)


@feature(lookback=USUAL_SESSIONS, inputs=("close", "split"))
def bollinger_percent_b(context: FeatureContext) -> FloatArray:
    """Place of the close in the Bollinger bands: (close − lower) / (upper − lower)."""
    offset = band_offset(context)
    place = context.close - simple_average(context, USUAL_SESSIONS)
    place += offset
    place /= 2.0 * offset
    return place


@feature(lookback=USUAL_SESSIONS, inputs=("close", "split"))
def bollinger_bandwidth(context: FeatureContext) -> FloatArray:
    """Width of the Bollinger bands: (upper − lower) / middle, as a fraction."""
    width = 2.0 * band_offset(context)
    width /= simple_average(context, USUAL_SESSIONS)
    return width


@feature(lookback=ATR_WINDOW + 1, inputs=("high", "low", "close", "split"))
def atr_14(context: FeatureContext) -> FloatArray:
    """Average true range: Wilder's 14-session mean of the true range, in currency per share.

    The true range is max(high, previous close) − min(low, previous close); the newest weighs 1/14.
    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    previous = previous_close(context)
    true_range = np.maximum(context.high, previous)
    true_range -= np.minimum(context.low, previous)
    return decayed_mean(true_range, ATR_ALPHA, ATR_WINDOW, ATR_SESSIONS, context.price_carry)


@feature_family(
    (20, 60),
    name="realized_volatility_{n}",
    lookback=lambda n: n + 1,
    inputs=("close", "split", "dividend"),
)
def realized_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual volatility: sample deviation of {n} one-session log total returns · √252."""
    deviation = window_std(log_return(context), n, ddof=1)
    deviation *= math.sqrt(SESSIONS_PER_YEAR)
    return deviation
