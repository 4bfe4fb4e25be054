"""One asset per learned model, `forecasts/<name>`: what it foretells of each member."""

import dagster as dg

from quant_platform.defs.assets.common import LAZY, AssetContext, asset, keyed, sessions_to_do
from quant_platform.defs.partitions import whole_history
from quant_platform.market.panel import BAR_COLUMNS
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.forecasts import DRIFT, FORECASTS, features_read, forecast_chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import forecast_recipe
from quant_platform.storage.stored import Stored
from quant_platform.strategies.base import Strategy

GROUP = "signals"

PREFIX = "forecasts"
"""First part of the key of each."""


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """One asset per model that trades by forecasts."""
    return [_forecast_asset(market, each) for each in market.models if each.forecaster is not None]


def forecast_key(model: Strategy) -> dg.AssetKey:
    """Key of a model's forecasts."""
    return dg.AssetKey([PREFIX, model.name])


def _forecast_asset(market: AssetContext, model: Strategy) -> dg.AssetsDefinition:
    history = whole_history(market.calendar, market.vendor)
    read = {} if model.forecaster is None else features_read(model.forecaster)

    def read_of(table: str, *names: str, **more: str) -> dg.AssetIn:
        metadata = {**LAZY, **keyed(*names), **more}
        return dg.AssetIn(table, partition_mapping=history, metadata=metadata)

    @asset(
        market,
        GROUP,
        FORECASTS,
        scope={"model_id": model.name},
        key=forecast_key(model),
        description=f"Forecasts that {model.name} trades by, of the version in force.",
        with_tables=(DRIFT,),
        dense=True,
        ins={
            **{each.table: read_of(each.table, *of) for each, of in read.items()},
            "bars": read_of("market_data", *BAR_COLUMNS.values(), members="ever"),
            "actions": dg.AssetIn(
                "corporate_actions",
                partition_mapping=history,
                metadata={**LAZY, "members": "ever"},
            ),
            "universe": read_of("trading_universe"),
        },
    )
    def forecasts(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        universe: Stored,
        **features: Stored,
    ) -> Chunks:
        recipe = forecast_recipe(model)
        sessions = sessions_to_do(context, platform, recipe)
        run_id = context.run.run_id
        return Chunks(
            forecast_chunks(
                platform, model, sessions, features, bars, actions, universe, run_id=run_id
            ),
            recipe,
        )

    return forecasts
