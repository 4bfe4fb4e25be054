"""Features of every member and session, one column per registered feature."""

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import AssetContext, asset, columns
from quant_platform.defs.partitions import lookback
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.registry import all_features
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.pipeline.platform import Platform

GROUP = "features"


def feature_assets(market: AssetContext) -> list[dg.AssetsDefinition]:
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
                    "members": "run",
                    **columns("date", "symbol", "security_id", *BAR_COLUMNS.values()),
                },
            ),
            "actions": dg.AssetIn(
                "corporate_actions",
                partition_mapping=lookback(depth),
                metadata={"members": "run"},
            ),
            "universe": dg.AssetIn(
                "trading_universe", metadata=columns("date", "symbol", "security_id")
            ),
            **_news(market),
        },
        dense=True,
    )
    def features(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: pd.DataFrame,
        actions: pd.DataFrame,
        universe: pd.DataFrame,
        **optional: pd.DataFrame,
    ) -> pd.DataFrame:
        """Technical features of each member after the close; as JSON in the view feature_store."""
        keys = context.partition_keys
        sessions = platform.window(keys, depth)
        news = optional.get("news")
        panel = Panel.from_frames(bars, actions, sessions, news=news)
        return with_tickers(compute_features(panel, last=len(keys)), universe)

    return [features]


def _news(market: AssetContext) -> dict[str, dg.AssetIn]:
    """Input of the news, where the vendor has any, as far back as a feature reads it."""
    if market.vendor.abilities.information is None:
        return {}
    reading = [each.lookback for each in all_features() if "articles" in each.inputs]
    return {
        "news": dg.AssetIn(
            "news",
            partition_mapping=lookback(max(reading, default=1)),
            metadata={
                "members": "run",
                **columns("date", "symbol", "security_id", "sentiment"),
            },
        )
    }
