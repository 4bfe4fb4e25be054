"""Features of every symbol and session, one column per registered feature."""

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import Market, asset
from quant_platform.defs.partitions import lookback, window_sessions
from quant_platform.defs.resources import Platform
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.market.panel import Panel

GROUP = "features"


def feature_assets(market: Market) -> list[dg.AssetsDefinition]:
    """`features`, shown as JSON by the view `feature_store`."""
    depth = required_lookback()

    @asset(
        market,
        GROUP,
        "features",
        ins={
            "bars": dg.AssetIn("market_data", partition_mapping=lookback(depth)),
            "actions": dg.AssetIn("corporate_actions", partition_mapping=lookback(depth)),
        },
        dense=True,
    )
    def features(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: pd.DataFrame,
        actions: pd.DataFrame,
    ) -> pd.DataFrame:
        """Technical features of each symbol after the close; as JSON in the view feature_store."""
        keys = context.partition_keys
        sessions = window_sessions(platform.vendor, keys, depth)
        return compute_features(Panel.from_frames(bars, actions, sessions), last=len(keys))

    return [features]
