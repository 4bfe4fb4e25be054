"""Facts: the vendor's bars and corporate actions, and the universe that follows from them."""

from datetime import date

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import Market, asset, columns
from quant_platform.defs.partitions import lookback, window_sessions
from quant_platform.defs.resources import Platform
from quant_platform.market.universe import DOLLAR_VOLUME_SESSIONS, universe_members

GROUP = "market"


def market_assets(market: Market) -> list[dg.AssetsDefinition]:
    """`market_data`, `corporate_actions` and `trading_universe`."""

    @asset(market, GROUP, "market_data", quarantine=True, dense=True)
    def market_data(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> pd.DataFrame:
        """Daily bars, raw as traded, from the vendor."""
        return platform.vendor.bars(*_bounds(context))

    @asset(market, GROUP, "corporate_actions", quarantine=True)
    def corporate_actions(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> pd.DataFrame:
        """Splits and cash dividends by ex-date, from the vendor."""
        return platform.vendor.actions(*_bounds(context))

    @asset(
        market,
        GROUP,
        "trading_universe",
        ins={
            "bars": dg.AssetIn(
                "market_data",
                partition_mapping=lookback(DOLLAR_VOLUME_SESSIONS),
                metadata=columns("date", "symbol", "close_price", "volume"),
            )
        },
        quarantine=True,
        dense=True,
    )
    def trading_universe(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform], bars: pd.DataFrame
    ) -> pd.DataFrame:
        """Members of the tradable universe with sector, listing date and dollar-volume rank."""
        keys = context.partition_keys
        sessions = window_sessions(platform.vendor, keys, DOLLAR_VOLUME_SESSIONS)
        return universe_members(platform.vendor.securities(), bars, sessions, len(keys))

    return [market_data, corporate_actions, trading_universe]


def _bounds(context: dg.AssetExecutionContext) -> tuple[date, date]:
    keys = context.partition_keys
    return date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])
