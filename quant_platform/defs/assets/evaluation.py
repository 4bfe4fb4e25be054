"""Each model's simulated portfolio, and the figures that follow from its returns."""

import dagster as dg

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.defs.assets.common import (
    LAZY,
    AssetContext,
    asset,
    columns,
    sessions_to_do,
)
from quant_platform.defs.assets.signals import signal_key
from quant_platform.defs.partitions import lookback, previous_session, whole_history
from quant_platform.features.inputs import OWN_DATA
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.portfolios import (
    decision_columns,
    performance_chunks,
    portfolio_chunks,
)
from quant_platform.pipeline.recipes import performance_recipe, portfolio_recipe
from quant_platform.storage.stored import Stored
from quant_platform.strategies.benchmarks import benchmark_tickers

GROUP = "evaluation"
SIGNALS_PREFIX = "signals_of_"

RETURNS = (
    *("date", "model_id", "equity", "daily_return", "turnover", "gross_exposure", "costs"),
    *("trade_count", "signals_judged", "signals_hit"),
)
"""Columns of `portfolios` that figures are made of."""


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`portfolios` and `model_performance`."""
    return [_portfolios(market), _model_performance(market)]


def _portfolios(market: AssetContext) -> dg.AssetsDefinition:
    others = {
        SIGNALS_PREFIX + strategy.name: dg.AssetIn(
            signal_key(strategy),
            partition_mapping=previous_session(),
            metadata={**LAZY, **columns("date", "security_id", *decision_columns(strategy))},
        )
        for strategy in market.models
    }
    if market.condition_sessions:
        held = lookback(market.condition_sessions)
        others[OWN_DATA] = dg.AssetIn(OWN_DATA, partition_mapping=held, metadata=LAZY)

    @asset(
        market,
        GROUP,
        "portfolios",
        scope={"model_id": market.model_names},
        ins={
            # A year: how far a security fell before it stopped trading.
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=lookback(SESSIONS_PER_YEAR),
                metadata={**LAZY, "members": "ever"},
            ),
            "actions": dg.AssetIn(
                "corporate_actions",
                partition_mapping=lookback(SESSIONS_PER_YEAR),
                metadata={**LAZY, "members": "ever"},
            ),
            "securities": dg.AssetIn(
                "securities", metadata={**LAZY, **columns("date", "security_id", "delisted_on")}
            ),
            "universe": dg.AssetIn(
                "trading_universe",
                partition_mapping=previous_session(),
                metadata={**LAZY, **columns("date", "security_id", "sector")},
            ),
            "before": dg.AssetIn(
                "portfolios",
                partition_mapping=previous_session(),
                metadata={**LAZY, "own_past": True},
            ),
            **others,
        },
        dense=True,
    )
    def portfolios(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        securities: Stored,
        universe: Stored,
        before: Stored,
        **others: Stored,
    ) -> Chunks:
        """Positions, cash, equity, trades and return of each model, simulated at the next open."""
        recipe = portfolio_recipe(platform.settings)
        sessions = sessions_to_do(context, platform, recipe)
        own = others.pop(OWN_DATA, None)
        signals = {name.removeprefix(SIGNALS_PREFIX): rows for name, rows in others.items()}
        return Chunks(
            portfolio_chunks(
                platform, sessions, bars, actions, securities, universe, before, signals, own
            ),
            recipe,
        )

    return portfolios


def _model_performance(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "model_performance",
        scope={"model_id": market.model_names},
        with_tables=("performance_statistics",),
        ins={
            "portfolios": dg.AssetIn(
                "portfolios",
                partition_mapping=whole_history(market.calendar, market.vendor),
                metadata={**LAZY, **columns(*RETURNS)},
            ),
            **_yields(market),
            **_benchmarks(market),
        },
    )
    def model_performance(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        portfolios: Stored,
        **optional: Stored,
    ) -> Chunks:
        """Figures of each model over 21, 63, 252 sessions and all, and how the models compare."""
        recipe = performance_recipe(platform.settings)
        sessions = sessions_to_do(context, platform, recipe)
        inputs = [optional.get(name) for name in ("yields", "bars", "actions")]
        return Chunks(performance_chunks(platform, sessions, portfolios, *inputs), recipe)

    return model_performance


def _yields(market: AssetContext) -> dict[str, dg.AssetIn]:
    """Input of the yields that are the risk-free rate, where the vendor has them."""
    if market.vendor.abilities.information is None:
        return {}
    return {
        "yields": dg.AssetIn(
            "treasury_yields",
            partition_mapping=whole_history(market.calendar, market.vendor),
            metadata={**LAZY, **columns("date", "observed_on", "yield_3_month")},
        )
    }


def _benchmarks(market: AssetContext) -> dict[str, dg.AssetIn]:
    """Inputs of the securities that models are judged against, where there are any."""
    if not benchmark_tickers((*market.models, *market.books), market.benchmark):
        return {}
    history = whole_history(market.calendar, market.vendor)
    return {
        name: dg.AssetIn(asset, partition_mapping=history, metadata=LAZY)
        for name, asset in (("bars", "market_data"), ("actions", "corporate_actions"))
    }
