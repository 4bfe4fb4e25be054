"""What each stored feature foretold, session by session."""

import dagster as dg

from quant_platform.defs.assets.common import LAZY, AssetContext, asset, keyed, sessions_to_do
from quant_platform.defs.assets.evaluation import GROUP as EVALUATION
from quant_platform.defs.partitions import lookback
from quant_platform.evaluation.factor_rows import LOOKBACK
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.factors import factor_chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import factor_recipe
from quant_platform.storage.stored import Stored

GROUP = EVALUATION


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`factor_evaluation`."""
    window = lookback(LOOKBACK)
    ever = {**LAZY, "members": "ever"}

    @asset(
        market,
        GROUP,
        "factor_evaluation",
        ins={
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=window,
                metadata={**ever, **keyed("open_price", "close_price")},
            ),
            "actions": dg.AssetIn("corporate_actions", partition_mapping=window, metadata=ever),
            "universe": dg.AssetIn(
                "trading_universe", partition_mapping=window, metadata={**LAZY, **keyed()}
            ),
            **{
                each.table: dg.AssetIn(each.table, partition_mapping=window, metadata=LAZY)
                for each in market.feature_sets
            },
        },
    )
    def factor_evaluation(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        universe: Stored,
        **features: Stored,
    ) -> Chunks:
        """Correlations, quantile returns and turnover of values and the returns that ended now."""
        recipe = factor_recipe(platform.settings)
        sessions = sessions_to_do(context, platform, recipe)
        chunks = factor_chunks(platform, sessions, bars, actions, universe, features)
        return Chunks(chunks, recipe)

    return [factor_evaluation]
