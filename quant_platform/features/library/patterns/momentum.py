"""Momentum and trend strength: TA-Lib's momentum studies.

What does not belong here: RSI, MACD and rates of change (`technical`), studies of ranges
(`oscillators.py`).
"""

from functools import partial

import numpy as np

from quant_platform.features.context import FeatureContext, shared
from quant_platform.features.feature_registry import feature
from quant_platform.features.library.patterns.common import (
    BARS,
    PATTERNS,
    STUDY_SESSIONS,
    WILDER_WINDOW,
    average_directional_index,
    directional_index,
    exponential_mean,
    mean_true_range,
    movement,
    older,
    ratio,
)
from quant_platform.features.library.technical import momentum
from quant_platform.features.library.technical.trend import ema_window, simple_average
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_rows import grow_factor, lagged, plain_carry
from quant_platform.kernels.windows import shift

study = partial(feature, of=PATTERNS)

FAST, SLOW = 12, 26
"""Sessions of the price oscillators' simple averages."""

TRIX_SESSIONS = 15
MOMENTUM_SESSIONS = 10

DIRECTIONAL = WILDER_WINDOW + 1
"""Look-back of directional movement: its mean, and the session before."""


@study(lookback=SLOW, inputs=("close", "split"))
def apo(context: FeatureContext) -> FloatArray:
    """Absolute price oscillator: 12-session minus 26-session mean of closes, currency per share."""
    return simple_average(context, FAST) - simple_average(context, SLOW)


@study(lookback=SLOW, inputs=("close", "split"))
def ppo(context: FeatureContext) -> FloatArray:
    """Percentage price oscillator: 100 · (12-session − 26-session mean) / 26-session mean."""
    slow = simple_average(context, SLOW)
    return 100.0 * (simple_average(context, FAST) - slow) / slow


@study(lookback=MOMENTUM_SESSIONS + 1, inputs=("close", "split"))
def mom_10(context: FeatureContext) -> FloatArray:
    """Momentum: close minus the close 10 sessions before, in currency per share."""
    earlier = shift(context.close, MOMENTUM_SESSIONS)
    if context.price_carry is not None:
        earlier *= context.price_carry.of(MOMENTUM_SESSIONS)
    return context.close - earlier


@study(lookback=3 * ema_window(TRIX_SESSIONS) - 1, inputs=("close", "split"))
def trix_15(context: FeatureContext) -> FloatArray:
    """Change in percent of a triple 15-session exponential mean of closes.

    Source: Hutson (1983), "Good TRIX".
    """
    smooth = context.close
    for _ in range(3):
        smooth = exponential_mean(smooth, TRIX_SESSIONS, context.price_carry)
    return 100.0 * (smooth / older(context, smooth) - 1.0)


@study(lookback=momentum.RSI_WINDOW + 1, inputs=("close", "split"))
def cmo_14(context: FeatureContext) -> FloatArray:
    """Chande's momentum, −100 to 100: 100 · (G − L) / (G + L), Wilder's 14-session gains, losses.

    Source: Chande and Kroll (1994), "The New Technical Trader"; smoothed as TA-Lib does.
    """
    return 2.0 * momentum.rsi_14.function(context) - 100.0


@study(lookback=DIRECTIONAL, inputs=("high", "low", "split"))
def plus_dm_14(context: FeatureContext) -> FloatArray:
    """Upward directional movement: 14 · Wilder's mean rise of highs, in currency per share.

    A session counts where its high rose, and more than its low fell.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return STUDY_SESSIONS * movement(context, upwards=True)


@study(lookback=DIRECTIONAL, inputs=("high", "low", "split"))
def minus_dm_14(context: FeatureContext) -> FloatArray:
    """Downward directional movement: 14 · Wilder's mean fall of lows, in currency per share.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return STUDY_SESSIONS * movement(context, upwards=False)


@study(lookback=DIRECTIONAL, inputs=BARS)
def plus_di_14(context: FeatureContext) -> FloatArray:
    """Upward directional indicator: 100 · mean upward movement / mean true range, 14 sessions.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return 100.0 * movement(context, upwards=True) / mean_true_range(context)


@study(lookback=DIRECTIONAL, inputs=BARS)
def minus_di_14(context: FeatureContext) -> FloatArray:
    """Downward directional indicator: 100 · mean downward movement / mean true range.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return 100.0 * movement(context, upwards=False) / mean_true_range(context)


@study(lookback=DIRECTIONAL, inputs=("high", "low", "split"))
def dx_14(context: FeatureContext) -> FloatArray:
    """Directional index, 0 to 100: 100 · |up − down| / (up + down) of 14-session movements.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return directional_index(context).copy()


@study(lookback=DIRECTIONAL + WILDER_WINDOW - 1, inputs=("high", "low", "split"))
def adx_14(context: FeatureContext) -> FloatArray:
    """Average directional index, 0 to 100: Wilder's 14-session mean of the directional index.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return average_directional_index(context).copy()


@study(
    lookback=DIRECTIONAL + WILDER_WINDOW - 1 + STUDY_SESSIONS - 1, inputs=("high", "low", "split")
)
def adxr_14(context: FeatureContext) -> FloatArray:
    """Mean of the average directional index and that of 13 sessions before.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    index = average_directional_index(context)
    return (index + shift(index, STUDY_SESSIONS - 1)) / 2.0


@study(lookback=1, inputs=("open", "high", "low", "close"))
def bop(context: FeatureContext) -> FloatArray:
    """Balance of power: (close − open) / (high − low), 0 without a range."""
    return ratio(context.close - context.open, context.high - context.low)


@shared
def sessions_since(context: FeatureContext, of_highs: bool) -> FloatArray:
    """Sessions since the highest high or lowest low of 15 sessions, the newest of equal ones."""
    x = context.high if of_highs else -context.low
    carry = plain_carry(context.price_carry)
    best, lag = x.copy(), np.where(np.isnan(x), np.nan, 0.0)
    factor = np.ones_like(x)
    for k in range(1, STUDY_SESSIONS + 1):
        grow_factor(factor, carry, k)
        earlier = lagged(x, factor, k)
        higher = earlier > best
        best[higher], lag[higher] = earlier[higher], k
        lag[np.isnan(earlier)] = np.nan
    return lag


@study(lookback=STUDY_SESSIONS + 1, inputs=("high", "split"))
def aroon_up_14(context: FeatureContext) -> FloatArray:
    """Aroon up, 0 to 100: 100 · (14 − sessions since the highest high of 15) / 14.

    Source: Chande (1995), "A time price oscillator".
    """
    return 100.0 * (1.0 - sessions_since(context, of_highs=True) / STUDY_SESSIONS)


@study(lookback=STUDY_SESSIONS + 1, inputs=("low", "split"))
def aroon_down_14(context: FeatureContext) -> FloatArray:
    """Aroon down, 0 to 100: 100 · (14 − sessions since the lowest low of 15) / 14.

    Source: Chande (1995), "A time price oscillator".
    """
    return 100.0 * (1.0 - sessions_since(context, of_highs=False) / STUDY_SESSIONS)


@study(lookback=STUDY_SESSIONS + 1, inputs=("high", "low", "split"))
def aroon_oscillator_14(context: FeatureContext) -> FloatArray:
    """Aroon up minus Aroon down, −100 to 100."""
    high, low = sessions_since(context, of_highs=True), sessions_since(context, of_highs=False)
    return 100.0 * (low - high) / STUDY_SESSIONS
