"""Alpha158: the shape of a session's bar, and its prices over the close.

What does not belong here: windows of sessions.
"""

import numpy as np

from quant_platform.features.context import FeatureContext
from quant_platform.features.library.alpha158.common import (
    EPSILON,
    of_session,
)
from quant_platform.kernels.arrays import FloatArray


@of_session(inputs=("open", "close"))
def kmid(context: FeatureContext) -> FloatArray:
    """Body of the bar: (close − open) / open."""
    return (context.close - context.open) / context.open


@of_session(inputs=("open", "high", "low"))
def klen(context: FeatureContext) -> FloatArray:
    """Length of the bar: (high − low) / open."""
    return (context.high - context.low) / context.open


@of_session(inputs=("open", "high", "low", "close"))
def kmid2(context: FeatureContext) -> FloatArray:
    """Body in the bar: (close − open) / (high − low + ε)."""
    return (context.close - context.open) / (context.high - context.low + EPSILON)


@of_session(inputs=("open", "high", "close"))
def kup(context: FeatureContext) -> FloatArray:
    """Upper shadow: (high − max(open, close)) / open."""
    return (context.high - np.maximum(context.open, context.close)) / context.open


@of_session(inputs=("open", "high", "low", "close"))
def kup2(context: FeatureContext) -> FloatArray:
    """Upper shadow in the bar: (high − max(open, close)) / (high − low + ε)."""
    shadow = context.high - np.maximum(context.open, context.close)
    return shadow / (context.high - context.low + EPSILON)


@of_session(inputs=("open", "low", "close"))
def klow(context: FeatureContext) -> FloatArray:
    """Lower shadow: (min(open, close) − low) / open."""
    return (np.minimum(context.open, context.close) - context.low) / context.open


@of_session(inputs=("open", "high", "low", "close"))
def klow2(context: FeatureContext) -> FloatArray:
    """Lower shadow in the bar: (min(open, close) − low) / (high − low + ε)."""
    shadow = np.minimum(context.open, context.close) - context.low
    return shadow / (context.high - context.low + EPSILON)


@of_session(inputs=("open", "high", "low", "close"))
def ksft(context: FeatureContext) -> FloatArray:
    """Shift of the close from the middle of the bar: (2 · close − high − low) / open."""
    return (2.0 * context.close - context.high - context.low) / context.open


@of_session(inputs=("high", "low", "close"))
def ksft2(context: FeatureContext) -> FloatArray:
    """Shift of the close in the bar: (2 · close − high − low) / (high − low + ε)."""
    shifted = 2.0 * context.close - context.high - context.low
    return shifted / (context.high - context.low + EPSILON)


@of_session(inputs=("open", "close"))
def open0(context: FeatureContext) -> FloatArray:
    """Open / close."""
    return context.open / context.close


@of_session(inputs=("high", "close"))
def high0(context: FeatureContext) -> FloatArray:
    """High / close."""
    return context.high / context.close


@of_session(inputs=("low", "close"))
def low0(context: FeatureContext) -> FloatArray:
    """Low / close."""
    return context.low / context.close


@of_session(inputs=("high", "low", "close", "vwap"))
def vwap0(context: FeatureContext) -> FloatArray:
    """The vendor's average price / close; where it has none, (high + low + close) / 3 / close."""
    typical = (context.high + context.low + context.close) / 3.0
    return np.where(np.isnan(context.vwap), typical, context.vwap) / context.close
