"""The test of what was promised of each model in use."""

import dagster as dg

from quant_platform.defs.assets.common import LAZY, AssetContext, asset, columns, sessions_to_do
from quant_platform.defs.partitions import whole_history
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.monitor import monitor_chunks, monitor_recipe
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.stored import Stored

GROUP = "evaluation"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`model_monitor`."""

    @asset(
        market,
        GROUP,
        "model_monitor",
        scope={"model_id": market.model_names},
        ins={
            "portfolios": dg.AssetIn(
                "portfolios",
                partition_mapping=whole_history(market.calendar, market.vendor),
                metadata={**LAZY, **columns("date", "model_id", "daily_return", "halted")},
            )
        },
    )
    def model_monitor(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        portfolios: Stored,
    ) -> Chunks:
        """Whether the returns of each model in use hold what was promised at its promotion."""
        recipe = monitor_recipe()
        sessions = sessions_to_do(context, platform, recipe)
        return Chunks(monitor_chunks(platform, sessions, portfolios), recipe)

    return [model_monitor]
