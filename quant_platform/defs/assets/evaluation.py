"""Each model's simulated portfolio, and the figures that follow from its returns."""

from typing import Any, cast

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import AssetContext, asset, columns
from quant_platform.defs.assets.signals import signal_key
from quant_platform.defs.partitions import (
    previous_session,
    whole_history,
)
from quant_platform.errors import SessionError, UnknownNameError
from quant_platform.evaluation.performance import performance_rows
from quant_platform.evaluation.risk_free import risk_free_rates
from quant_platform.market.panel import Panel
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.storage.models import model_ids
from quant_platform.strategies.registry import all_strategies
from quant_platform.trading.costs import Costs
from quant_platform.trading.orders import Orders
from quant_platform.trading.portfolio_state import PortfolioState
from quant_platform.trading.simulation import simulate

GROUP = "evaluation"
SIGNALS_PREFIX = "signals_of_"


def evaluation_assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`portfolios` and `model_performance`."""
    strategies = all_strategies()
    signals = {
        SIGNALS_PREFIX + strategy.name: dg.AssetIn(
            signal_key(strategy),
            partition_mapping=previous_session(),
            metadata=columns(
                "date", "symbol", "security_id", "signal_type", "target_weight", "reference_price"
            ),
        )
        for strategy in strategies
    }

    @asset(
        market,
        GROUP,
        "portfolios",
        ins={
            "bars": dg.AssetIn("market_data", metadata={"members": "ever"}),
            "actions": dg.AssetIn("corporate_actions", metadata={"members": "ever"}),
            "universe": dg.AssetIn(
                "trading_universe",
                partition_mapping=previous_session(),
                metadata=columns("date", "symbol", "security_id"),
            ),
            "before": dg.AssetIn(
                "portfolios", partition_mapping=previous_session(), metadata={"own_past": True}
            ),
            **signals,
        },
        dense=True,
    )
    def portfolios(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: pd.DataFrame,
        actions: pd.DataFrame,
        universe: pd.DataFrame,
        before: pd.DataFrame,
        **signals_of: pd.DataFrame,
    ) -> pd.DataFrame:
        """Positions, cash, equity, trades and return of each model, simulated at the next open."""
        keys = context.partition_keys
        panel = Panel.from_frames(bars, actions, keys)
        earlier = _session_before(platform, keys[0])
        settings, ids = platform.settings, model_ids(platform.database)
        frames = []
        for strategy in strategies:
            wanted = signals_of[SIGNALS_PREFIX + strategy.name]
            orders = Orders.from_signals(wanted, keys, before=earlier, universe=universe)
            frame = simulate(
                panel,
                orders,
                state=_state(platform, before, ids[strategy.name], earlier),
                costs=Costs(settings.commission_bp, settings.slippage_bp),
                capital=settings.capital,
            )
            frames.append(frame.assign(model_id=ids[strategy.name]))
        return pd.concat(frames, ignore_index=True)

    @asset(
        market,
        GROUP,
        "model_performance",
        ins={
            "portfolios": dg.AssetIn(
                "portfolios",
                partition_mapping=whole_history(market.calendar, market.vendor),
                metadata=columns(
                    "date",
                    "model_id",
                    "daily_return",
                    "turnover",
                    "gross_exposure",
                    "trade_count",
                    "signals_judged",
                    "signals_hit",
                ),
            ),
            **_yields(market),
        },
    )
    def model_performance(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        portfolios: pd.DataFrame,
        **optional: pd.DataFrame,
    ) -> pd.DataFrame:
        """Return, risk and trading figures of each model: 21, 63, 252 sessions and inception."""
        risk_free: float | pd.Series = platform.settings.risk_free
        if "yields" in optional:
            risk_free = risk_free_rates(
                optional["yields"],
                portfolios["date"].unique(),
                default=platform.settings.risk_free,
            )
        return performance_rows(
            portfolios, benchmark_id(platform), context.partition_keys, risk_free=risk_free
        )

    return [portfolios, model_performance]


def _yields(market: AssetContext) -> dict[str, dg.AssetIn]:
    """Input of the yields that are the risk-free rate, where the vendor has them."""
    if market.vendor.abilities.information is None:
        return {}
    return {
        "yields": dg.AssetIn(
            "treasury_yields",
            partition_mapping=whole_history(market.calendar, market.vendor),
            metadata=columns("date", "observed_on", "yield_3_month"),
        )
    }


def benchmark_id(platform: Platform) -> int:
    """Id of the model that the others are judged against."""
    ids = model_ids(platform.database)
    for strategy in all_strategies():
        if strategy.is_benchmark:
            return ids[strategy.name]
    raise UnknownNameError("No strategy is a benchmark", "One must state is_benchmark = True")


def _session_before(platform: Platform, key: str) -> str | None:
    reached = platform.window([key], 2)
    return reached[0] if len(reached) == 2 else None


def _state(
    platform: Platform, before: pd.DataFrame, model_id: int, session: str | None
) -> PortfolioState | None:
    """State after `session`; None where no earlier portfolio exists.

    Without one the model begins with its capital.

    Raises
    ------
    SessionError
        There are earlier portfolios, but none of `session`: going on without it would lose
        the positions.
    """
    if session is None:
        return None
    # A range run may see rows of its own sessions too, from an earlier materialisation.
    rows = before[(before["model_id"] == model_id) & (before["date"] == pd.Timestamp(session))]
    if not rows.empty:
        return PortfolioState.from_row(cast("dict[str, Any]", rows.iloc[-1].to_dict()))
    older = bulk.query(
        platform.database,
        "SELECT max(date) AS last FROM portfolios"
        " WHERE model_id = $1::text::integer AND date < $2::text::date",
        (str(model_id), session),
    )["last"].iloc[0]
    if pd.isna(older):
        return None
    gap = SessionError(
        f"The portfolio of {session} is missing, the last one before it is of {older:%Y-%m-%d}",
        "Materialise the sessions between them first",
    )
    # Trying again would find the same gap.
    raise dg.Failure(description=str(gap), allow_retries=False) from gap
