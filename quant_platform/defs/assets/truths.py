"""What is planted in a generated market; other vendors have no such asset."""

import dagster as dg

from quant_platform.defs.assets.common import AssetContext, asset, sessions_to_do
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.truths import truth_chunks

GROUP = "market"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`planted_truths`, of a vendor that knows them."""
    return [] if market.vendor.abilities.truths is None else [_planted_truths(market)]


def _planted_truths(market: AssetContext) -> dg.AssetsDefinition:
    @asset(market, GROUP, "planted_truths")
    def planted_truths(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Chunks:
        """Everything that is planted in the market, to measure checks and statistics on."""
        return Chunks(truth_chunks(platform, sessions_to_do(context, platform)))

    return planted_truths
