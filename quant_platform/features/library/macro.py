"""The set `macro`: level, slope and curvature of the yields of treasuries, known at the session.

Every security has the same values. Yields are those last known after the close (see
`market.news_and_economy`), as the vendor gives them: in percent a year. What does not belong here:
the release lags of figures.
"""

from functools import partial

import numpy as np

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import feature
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import shift

MACRO = FeatureSet("macro", "Level, slope and curvature of the yields of treasuries.", "float4")

SHORT, MIDDLE, LONG = "yield_3_month", "yield_2_year", "yield_10_year"
"""Maturities that Diebold and Li (2006), "Forecasting the term structure of government bond
yields", make the three factors' proxies of."""

ALL = tuple(f"series:{name}" for name in (SHORT, MIDDLE, LONG))
ENDS = (ALL[0], ALL[2])

of_curve = partial(feature, of=MACRO)


def spread(context: FeatureContext, values: FloatArray) -> FloatArray:
    """Return a value per session as one of every security."""
    return np.broadcast_to(values[:, None], context.close.shape)


def slope(context: FeatureContext) -> FloatArray:
    """Return long minus short yield."""
    return context.series(LONG) - context.series(SHORT)


@of_curve(lookback=1, inputs=ALL[2:])
def yield_level(context: FeatureContext) -> FloatArray:
    """Level of the yield curve: yield of 10 years, percent."""
    return spread(context, context.series(LONG))


@of_curve(lookback=1, inputs=ENDS)
def yield_slope(context: FeatureContext) -> FloatArray:
    """Slope of the yield curve: yield of 10 years − yield of 3 months, percentage points."""
    return spread(context, slope(context))


@of_curve(lookback=1, inputs=ALL)
def yield_curvature(context: FeatureContext) -> FloatArray:
    """Curvature: 2 · yield of 2 years − that of 3 months − that of 10 years, percentage points."""
    ends = context.series(SHORT) + context.series(LONG)
    return spread(context, 2.0 * context.series(MIDDLE) - ends)


@of_curve(lookback=USUAL_SESSIONS + 1, inputs=ALL[2:])
def yield_level_change_20(context: FeatureContext) -> FloatArray:
    """Change of the level over 20 sessions, percentage points."""
    level = context.series(LONG)
    return spread(context, level - shift(level, USUAL_SESSIONS))


@of_curve(lookback=USUAL_SESSIONS + 1, inputs=ENDS)
def yield_slope_change_20(context: FeatureContext) -> FloatArray:
    """Change of the slope over 20 sessions, percentage points."""
    return spread(context, slope(context) - shift(slope(context), USUAL_SESSIONS))
