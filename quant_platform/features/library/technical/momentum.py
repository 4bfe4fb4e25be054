"""Momentum features: total returns, price changes, Wilder's RSI, distances from 52-week extremes.

All are ratios, free of the units of any session. A *return* includes cash dividends and is
compounded from one-session returns; a *momentum* is the change of the split-adjusted price alone
(TA-Lib's ROCP).
"""

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.features.context import (
    FeatureContext,
    gross_return,
    previous_close,
    shared,
)
from quant_platform.features.feature_registry import feature, feature_family
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import (
    Windows,
    decayed_mean,
    recursive_window,
    shift,
    window_max,
    window_min,
)

HORIZONS = (1, 5, 10, 20, 60, 120, SESSIONS_PER_YEAR)
"""Sessions over which returns and price changes are taken."""


RSI_SESSIONS = 14
RSI_ALPHA = 1.0 / RSI_SESSIONS
RSI_WINDOW = recursive_window(RSI_ALPHA)
RSI_NEUTRAL = 50.0
"""RSI where the price has not moved at all in the window: neither overbought nor oversold."""


@shared
def growth(context: FeatureContext) -> Windows:
    """Products of one-session gross returns, of every length that the returns ask for."""
    return Windows(gross_return(context), np.multiply)


@feature_family(
    HORIZONS,
    name="return_{n}",
    lookback=lambda n: n + 1,
    inputs=("close", "split", "dividend"),
)
def total_return(context: FeatureContext, n: int) -> FloatArray:
    """Total return ({n} sessions back): Π (close + dividend) / previous close − 1."""
    return growth(context).of(n) - 1.0


@feature_family(HORIZONS, name="momentum_{n}", lookback=lambda n: n + 1, inputs=("close", "split"))
def momentum(context: FeatureContext, n: int) -> FloatArray:
    """Change of the split-adjusted price ({n} sessions back): close / earlier close − 1."""
    change = shift(context.close, n)
    if context.price_carry is not None:
        change *= context.price_carry.of(n)
    np.divide(context.close, change, out=change)
    change -= 1.0
    return change


@feature(lookback=RSI_WINDOW + 1, inputs=("close", "split"))
def rsi_14(context: FeatureContext) -> FloatArray:
    """Relative strength index, 0 to 100: 100 · G / (G + L), Wilder's 14-session gains and losses.

    Wilder's mean gives the newest change the weight 1/14. Without any change in the window the
    index is 50. Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    change = context.close - previous_close(context)
    gain, loss = (
        decayed_mean(
            np.maximum(side, 0.0), RSI_ALPHA, RSI_WINDOW, RSI_SESSIONS, context.price_carry
        )
        for side in (change, -change)
    )
    moved = gain + loss
    result = gain / moved
    result *= 100.0
    np.copyto(result, RSI_NEUTRAL, where=moved == 0.0)
    return result


@feature(lookback=SESSIONS_PER_YEAR, inputs=("high", "close", "split"))
def high_252_distance(context: FeatureContext) -> FloatArray:
    """Distance from the 52-week high, ≤ 0: close / highest high of 252 sessions − 1."""
    return context.close / window_max(context.high, SESSIONS_PER_YEAR, context.price_carry) - 1.0


@feature(lookback=SESSIONS_PER_YEAR, inputs=("low", "close", "split"))
def low_252_distance(context: FeatureContext) -> FloatArray:
    """Distance from the 52-week low, ≥ 0: close / lowest low of 252 sessions − 1."""
    return context.close / window_min(context.low, SESSIONS_PER_YEAR, context.price_carry) - 1.0
