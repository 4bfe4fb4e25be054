"""What several studies of `patterns` are made of: the set, its averages, directional movement.

What does not belong here: features.
"""

import numpy as np

from quant_platform.features.context import FeatureContext, previous_close, shared
from quant_platform.features.feature_set import FeatureSet
from quant_platform.features.library.technical.trend import ema_alpha, ema_window
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import (
    Carry,
    Windows,
    decayed_mean,
    recursive_window,
    shift,
)

PATTERNS = FeatureSet(
    "patterns", "Overlap, momentum, volume and volatility studies of each security, as TA-Lib's."
)

BARS = ("high", "low", "close", "split")

STUDY_SESSIONS = 14
"""Sessions of most momentum studies."""

WILDER_WINDOW = recursive_window(1.0 / STUDY_SESSIONS)


def wilder_mean(x: FloatArray, carry: Carry | None = None) -> FloatArray:
    """Return Wilder's 14-session mean: the newest weighs 1/14."""
    return decayed_mean(x, 1.0 / STUDY_SESSIONS, WILDER_WINDOW, STUDY_SESSIONS, carry)


def exponential_mean(x: FloatArray, n: int, carry: Carry | None = None) -> FloatArray:
    """Return the exponential mean with weight 2 / (n + 1) on the newest."""
    return decayed_mean(x, ema_alpha(n), ema_window(n), n, carry)


def older(context: FeatureContext, x: FloatArray) -> FloatArray:
    """Return prices of the session before, in the units of each session."""
    before = shift(x, 1)
    if context.price_carry is not None:
        before /= context.split
    return before


def ratio(numerator: FloatArray, divisor: FloatArray) -> FloatArray:
    """Return a quotient that is 0 where the divisor is, as TA-Lib has it."""
    return np.where(divisor == 0.0, 0.0, numerator / divisor)


@shared
def highs(context: FeatureContext) -> Windows:
    """Highest highs."""
    return Windows(context.high, np.maximum, context.price_carry)


@shared
def lows(context: FeatureContext) -> Windows:
    """Lowest lows."""
    return Windows(context.low, np.minimum, context.price_carry)


@shared
def typical_price(context: FeatureContext) -> FloatArray:
    """Mean of high, low and close."""
    return (context.high + context.low + context.close) / 3.0


@shared
def true_range(context: FeatureContext) -> FloatArray:
    """Range of the session, from and to the previous close if that lies outside."""
    previous = previous_close(context)
    range_: FloatArray = np.maximum(context.high, previous)
    range_ -= np.minimum(context.low, previous)
    return range_


@shared
def movement(context: FeatureContext, upwards: bool) -> FloatArray:
    """Wilder's mean directional movement: the larger of rise of highs and fall of lows, or 0."""
    up = context.high - older(context, context.high)
    down = older(context, context.low) - context.low
    mine, other = (up, down) if upwards else (down, up)
    moved = np.where((mine > other) & (mine > 0.0), mine, 0.0)
    moved[np.isnan(up) | np.isnan(down)] = np.nan
    return wilder_mean(moved, context.price_carry)


@shared
def mean_true_range(context: FeatureContext) -> FloatArray:
    """Wilder's mean true range."""
    return wilder_mean(true_range(context), context.price_carry)


@shared
def directional_index(context: FeatureContext) -> FloatArray:
    """100 · |up − down| / (up + down) of the directional movements."""
    up, down = movement(context, upwards=True), movement(context, upwards=False)
    return 100.0 * np.abs(up - down) / (up + down)


@shared
def average_directional_index(context: FeatureContext) -> FloatArray:
    """Wilder's mean of the directional index."""
    return wilder_mean(directional_index(context))
