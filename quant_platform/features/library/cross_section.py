"""The set `cross_section`: features of the set `technical` against the members of their session.

A feature is compared among the members of the universe that have a bar and a value; others have
none. `rank_X` is the ascending rank as a fraction, `zscore_X` the distance from the mean in
deviations, `neutral_X` the distance from the mean of the sector. `compared` makes all three of any
feature. What does not belong here: selections and weights (strategies).
"""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import Feature
from quant_platform.features.feature_set import FeatureSet
from quant_platform.features.library.technical import momentum, volatility, volume
from quant_platform.kernels import cross_section
from quant_platform.kernels.arrays import BoolArray, FloatArray

CROSS_SECTION = FeatureSet(
    "cross_section",
    "Ranks, scores and sector-neutral values among the members of a session.",
    "float4",
    across=True,
)

COMPARED = (
    *("return_5", "return_252", "momentum_20", "momentum_120"),
    *("rsi_14", "high_252_distance", "realized_volatility_60"),
    *("volume_ratio_20", "dollar_volume_20"),
)
"""Features of `technical` that are compared."""


def _known(context: FeatureContext, values: FloatArray) -> BoolArray:
    return context.member & context.panel.traded & np.isfinite(values)


def _rank(context: FeatureContext, base: Feature) -> FloatArray:
    values = base.function(context)
    return cross_section.rank(values, _known(context, values))


def _zscore(context: FeatureContext, base: Feature) -> FloatArray:
    values = base.function(context)
    return cross_section.zscore(values, _known(context, values))


def _neutral(context: FeatureContext, base: Feature) -> FloatArray:
    values = base.function(context)
    sectors = np.where(np.isnan(context.sector), -1.0, context.sector).astype(np.int64)
    return cross_section.neutralize(values, sectors, _known(context, values))


KINDS = {
    "rank": (_rank, ("member",), "Rank of {} among the members / their number, ties averaged"),
    "zscore": (_zscore, ("member",), "({} − mean of the members) / their deviation (divisor n)"),
    "neutral": (
        _neutral,
        ("member", "sector"),
        "{} − its mean among the members of the same sector",
    ),
}
"""What is made of a feature: function, inputs beside the feature's own, description."""


def compared(base: Feature) -> Iterator[Feature]:
    """Yield the rank, score and sector-neutral value of a feature."""
    for kind, (function, inputs, description) in KINDS.items():
        yield Feature(
            f"{kind}_{base.name}",
            base.lookback,
            (*base.inputs, *inputs),
            partial(function, base=base),
            f"{description.format(base.name)}.",
            CROSS_SECTION,
        )


def _features_of(*modules: object) -> Iterable[Feature]:
    for module in modules:
        for value in vars(module).values():
            yield from (
                item
                for item in (value if isinstance(value, tuple) else (value,))
                if isinstance(item, Feature)
            )


_BY_NAME = {each.name: each for each in _features_of(momentum, volatility, volume)}

FEATURES = tuple(each for name in COMPARED for each in compared(_BY_NAME[name]))
