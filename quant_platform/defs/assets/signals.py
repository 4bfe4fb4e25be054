"""One asset per strategy, `signals/<name>`: what the model wants of each symbol after the close."""

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import AssetContext, asset, columns
from quant_platform.defs.partitions import lookback
from quant_platform.market.facts import with_tickers
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.provenance import code_version, digest_of
from quant_platform.pipeline.provision import model_record
from quant_platform.storage.models import ModelRun, model_ids, record_model_run
from quant_platform.strategies.base import SignalPanel, Strategy
from quant_platform.strategies.registry import all_strategies

GROUP = "signals"


def signal_assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """One asset per strategy of the folder `strategies`."""
    return [_signal_asset(market, strategy) for strategy in all_strategies()]


def signal_key(strategy: Strategy) -> dg.AssetKey:
    """Key of a strategy's asset."""
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
        code_version=strategy.version,
        ins={
            "features": dg.AssetIn(
                "features",
                partition_mapping=window,
                metadata=columns("date", "symbol", "security_id", *strategy.features),
            ),
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=window,
                metadata={
                    "members": "ever",
                    **columns("date", "symbol", "security_id", "close_price"),
                },
            ),
            "universe": dg.AssetIn(
                "trading_universe",
                partition_mapping=window,
                metadata=columns("date", "symbol", "security_id"),
            ),
        },
    )
    def signals(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        features: pd.DataFrame,
        bars: pd.DataFrame,
        universe: pd.DataFrame,
    ) -> pd.DataFrame:
        keys = context.partition_keys
        sessions = platform.window(keys, strategy.lookback)
        panel = SignalPanel.from_frames(features, bars, universe, sessions)
        frame = with_tickers(strategy.run(panel, last=len(keys)), universe)
        run = ModelRun(
            run_id=context.run.run_id,
            code_version=code_version(),
            input_digest=digest_of(features, bars, universe),
            first_session=keys[0],
            last_session=keys[-1],
            signal_rows=len(frame),
        )
        record_model_run(platform.database, model_record(strategy), run)
        return frame.assign(model_id=model_ids(platform.database)[strategy.name])

    return signals
