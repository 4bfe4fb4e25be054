"""Volume features: today's volume against its mean, and traded value.

A session without a bar inside a window counts with volume 0 (see `market.panel`).
"""

from quant_platform.features.context import FeatureContext
from quant_platform.features.kernels import FloatArray, window_mean
from quant_platform.features.registry import feature

VOLUME_SESSIONS = 20


@feature(lookback=VOLUME_SESSIONS, inputs=("volume", "split"))
def volume_ratio_20(context: FeatureContext) -> FloatArray:
    """Volume / mean volume of the last 20 sessions, today's included."""
    return context.volume / window_mean(context.volume, VOLUME_SESSIONS, context.volume_carry)


@feature(lookback=VOLUME_SESSIONS, inputs=("close", "volume"))
def dollar_volume_20(context: FeatureContext) -> FloatArray:
    """Mean of close · volume over 20 sessions, in currency."""
    return window_mean(context.close * context.volume, VOLUME_SESSIONS)
