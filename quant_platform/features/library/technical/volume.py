"""Volume features: today's volume against its mean, and traded value.

A session without a bar inside a window counts with volume 0 (see `market.panel`).
"""

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import feature
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import window_mean


@feature(lookback=USUAL_SESSIONS, inputs=("volume", "split"))
def volume_ratio_20(context: FeatureContext) -> FloatArray:
    """Volume / mean volume of the last 20 sessions, today's included."""
    return context.volume / window_mean(context.volume, USUAL_SESSIONS, context.volume_carry)


@feature(lookback=USUAL_SESSIONS, inputs=("close", "volume"))
def dollar_volume_20(context: FeatureContext) -> FloatArray:
    """Mean of close · volume over 20 sessions, in currency."""
    return window_mean(context.close * context.volume, USUAL_SESSIONS)
