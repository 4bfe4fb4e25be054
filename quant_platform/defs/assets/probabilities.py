"""How probable it is that signals are right, and how well such probabilities were calibrated."""

import dagster as dg

from quant_platform.defs.assets.common import LAZY, AssetContext, asset, columns, sessions_to_do
from quant_platform.defs.assets.evaluation import GROUP as EVALUATION
from quant_platform.defs.assets.evaluation import SIGNALS_PREFIX
from quant_platform.defs.assets.signals import signal_key
from quant_platform.defs.partitions import lookback
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.probabilities import (
    BAR_COLUMNS,
    CALIBRATION,
    CURVES,
    SIGNAL_COLUMNS,
    lookback_of,
    probability_chunks,
    probability_recipe,
)
from quant_platform.storage.stored import Stored

GROUP = EVALUATION


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`signal_probabilities`, with the figures of their calibration."""
    window = lookback(lookback_of(market.models))
    ever = {**LAZY, "members": "ever"}

    @asset(
        market,
        GROUP,
        "signal_probabilities",
        scope={"model_id": [each.name for each in market.models]},
        with_tables=(CALIBRATION, CURVES),
        ins={
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=window,
                metadata={**ever, **columns(*BAR_COLUMNS)},
            ),
            "actions": dg.AssetIn("corporate_actions", partition_mapping=window, metadata=ever),
            **{
                SIGNALS_PREFIX + each.name: dg.AssetIn(
                    signal_key(each),
                    partition_mapping=window,
                    metadata={**LAZY, **columns(*SIGNAL_COLUMNS)},
                )
                for each in market.models
            },
        },
    )
    def signal_probabilities(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        **signals: Stored,
    ) -> Chunks:
        """How probable it is that each signal's sign is right, by outcomes known before."""
        recipe = probability_recipe(market.models)
        sessions = sessions_to_do(context, platform, recipe)
        signals_of = {name.removeprefix(SIGNALS_PREFIX): rows for name, rows in signals.items()}
        chunks = probability_chunks(platform, market.models, sessions, bars, actions, signals_of)
        return Chunks(chunks, recipe)

    return [signal_probabilities]
