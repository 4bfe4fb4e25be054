"""One asset per model, `signals/<name>`: what it wants of each symbol after the close."""

import dagster as dg

from quant_platform.defs.assets.common import LAZY, AssetContext, asset, keyed, sessions_to_do
from quant_platform.defs.assets.forecasts import forecast_key
from quant_platform.defs.partitions import lookback
from quant_platform.features.feature_set import TECHNICAL
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.feature_sets import columns_of, sets_read
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import signal_recipe, version_of
from quant_platform.pipeline.signals import signal_chunks
from quant_platform.storage.stored import Stored
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.forecast_strategy import FORECAST

GROUP = "signals"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """One asset per model that runs."""
    return [_signal_asset(market, model) for model in market.models]


def signal_key(strategy: Strategy) -> dg.AssetKey:
    """Key of a model's asset."""
    return dg.AssetKey(["signals", strategy.name])


def _signal_asset(market: AssetContext, strategy: Strategy) -> dg.AssetsDefinition:
    window = lookback(strategy.lookback)

    @asset(
        market,
        GROUP,
        "signals",
        scope={"model_id": strategy.name},
        key=signal_key(strategy),
        description=strategy.description,
        code_version=version_of(strategy),
        ins={
            **{
                each.table: dg.AssetIn(
                    each.table,
                    partition_mapping=window,
                    metadata={**LAZY, **keyed(*columns_of(strategy, each))},
                )
                for each in sets_read(strategy.features) or (TECHNICAL,)
            },
            **_forecasts(strategy),
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=window,
                metadata={
                    **LAZY,
                    "members": "ever",
                    **keyed("close_price"),
                },
            ),
            "universe": dg.AssetIn(
                "trading_universe",
                partition_mapping=window,
                metadata={**LAZY, **keyed(*(["sector"] if strategy.reads_sectors else []))},
            ),
        },
    )
    def signals(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        universe: Stored,
        **features: Stored,
    ) -> Chunks:
        recipe = signal_recipe(strategy)
        sessions = sessions_to_do(context, platform, recipe)
        run_id = context.run.run_id
        return Chunks(
            signal_chunks(
                platform, strategy, sessions, [*features.values()], bars, universe, run_id=run_id
            ),
            recipe,
        )

    return signals


def _forecasts(strategy: Strategy) -> dict[str, dg.AssetIn]:
    """Input of the forecasts that a model trades by, read beside its features."""
    if strategy.forecaster is None:
        return {}
    read = {**LAZY, **keyed(FORECAST)}
    window = lookback(strategy.lookback)
    return {
        "forecasts": dg.AssetIn(forecast_key(strategy), partition_mapping=window, metadata=read)
    }
