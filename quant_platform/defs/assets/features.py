"""Features of every member and session: an asset per stored set, one column per feature."""

import dagster as dg

from quant_platform.defs.assets.common import LAZY, AssetContext, asset, keyed, sessions_to_do
from quant_platform.defs.partitions import lookback
from quant_platform.features.compute import required_lookback
from quant_platform.features.feature_registry import features_of
from quant_platform.features.feature_set import FeatureSet
from quant_platform.features.inputs import (
    OWN_DATA,
    bar_columns,
    information_read,
    inputs_of,
    universe_read,
)
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.features import feature_chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import feature_recipe
from quant_platform.storage.stored import Stored

GROUP = "features"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`features` and the other stored sets, shown together as JSON by the view `feature_store`."""
    return [_set_asset(market, chosen) for chosen in market.feature_sets]


def _set_asset(market: AssetContext, chosen: FeatureSet) -> dg.AssetsDefinition:
    depth = required_lookback([chosen.name])
    members = "ever" if chosen.across else "run"
    universe_depth, sectors = universe_read(chosen)
    read_of_bars = bar_columns(inputs_of(features_of(chosen)))

    @asset(
        market,
        GROUP,
        chosen.table,
        key=dg.AssetKey(chosen.table),
        description=f"{chosen.description} After the close; as JSON in the view feature_store.",
        ins={
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=lookback(depth),
                metadata={**LAZY, "members": members, **keyed(*read_of_bars)},
            ),
            "actions": dg.AssetIn(
                "corporate_actions",
                partition_mapping=lookback(depth),
                metadata={**LAZY, "members": members},
            ),
            "universe": dg.AssetIn(
                "trading_universe",
                partition_mapping=lookback(universe_depth),
                metadata={**LAZY, **keyed(*sectors)},
            ),
            **_information(market, chosen),
        },
        code_version=feature_recipe(chosen),
        dense=True,
    )
    def features(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        universe: Stored,
        **others: Stored,
    ) -> Chunks:
        recipe = feature_recipe(chosen)
        sessions = sessions_to_do(context, platform, recipe)
        chunks = feature_chunks(platform, chosen, sessions, bars, actions, universe, others)
        return Chunks(chunks, recipe)

    return features


def _information(market: AssetContext, chosen: FeatureSet) -> dict[str, dg.AssetIn]:
    """Inputs of news, the economy and own data, where there are any, as far back as is read."""
    of_vendor = market.vendor.abilities.information is not None
    news = {"members": "run", **keyed("sentiment")}
    return {
        name: dg.AssetIn(
            name,
            partition_mapping=lookback(depth),
            metadata={**LAZY, **(news if name == "news" else {})},
        )
        for name, depth in information_read(chosen).items()
        if (market.own_data if name == OWN_DATA else of_vendor)
    }
