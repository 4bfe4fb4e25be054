"""Features of every member and session, one column per registered feature."""

import dagster as dg

from quant_platform.defs.assets.common import LAZY, AssetContext, asset, columns, sessions_to_do
from quant_platform.defs.partitions import lookback
from quant_platform.features.compute import required_lookback
from quant_platform.features.feature_registry import select
from quant_platform.market.panel import BAR_COLUMNS
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.features import feature_chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import feature_recipe
from quant_platform.storage.stored import Stored

GROUP = "features"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`features`, shown as JSON by the view `feature_store`."""
    depth = required_lookback()

    @asset(
        market,
        GROUP,
        "features",
        ins={
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=lookback(depth),
                metadata={
                    **LAZY,
                    "members": "run",
                    **columns("date", "symbol", "security_id", *BAR_COLUMNS.values()),
                },
            ),
            "actions": dg.AssetIn(
                "corporate_actions",
                partition_mapping=lookback(depth),
                metadata={**LAZY, "members": "run"},
            ),
            "universe": dg.AssetIn(
                "trading_universe",
                metadata={**LAZY, **columns("date", "symbol", "security_id")},
            ),
            **_news(market),
        },
        code_version=feature_recipe(),
        dense=True,
    )
    def features(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        universe: Stored,
        **optional: Stored,
    ) -> Chunks:
        """Technical features of each member after the close; as JSON in the view feature_store."""
        recipe = feature_recipe()
        sessions = sessions_to_do(context, platform, recipe)
        news = optional.get("news")
        return Chunks(feature_chunks(platform, sessions, bars, actions, universe, news), recipe)

    return [features]


def _news(market: AssetContext) -> dict[str, dg.AssetIn]:
    """Input of the news, where the vendor has any, as far back as a feature reads it."""
    if market.vendor.abilities.information is None:
        return {}
    reading = [each.lookback for each in select() if "articles" in each.inputs]
    return {
        "news": dg.AssetIn(
            "news",
            partition_mapping=lookback(max(reading, default=1)),
            metadata={
                **LAZY,
                "members": "run",
                **columns("date", "symbol", "security_id", "sentiment"),
            },
        )
    }
