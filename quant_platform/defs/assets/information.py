"""News and figures of the economy, for vendors that have them, and data of the user's own.

What the vendor's plan leaves out is an empty table, not a failure: features and performance figures
do without.
"""

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import AssetContext, asset, columns, sessions_to_do
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.information import economy_chunks, information_of, news_chunks
from quant_platform.pipeline.own_data import own_chunks, own_recipe
from quant_platform.pipeline.platform import Platform

GROUP = "information"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`news`, `treasury_yields`, `inflation` and `labor_market` of a vendor with; `own_data`."""
    own = [_own_data(market)] if market.own_data else []
    if market.vendor.abilities.information is None:
        return own
    described = {
        "treasury_yields": "Yields of US Treasuries, from the session on in which they are known.",
        "inflation": "US price indices by month, from the session on in which they are known.",
        "labor_market": "US labor market by month, from the session on in which it is known.",
    }
    economy = [_economy(market, name, text) for name, text in described.items()]
    return [_news(market), *economy, *own]


def _symbols() -> dg.AssetIn:
    """What tickers mean, from the first session to the run's last."""
    of_symbols = columns("date", "symbol", "security_id")
    return dg.AssetIn("security_symbols", metadata={"cumulative": True, **of_symbols})


def _news(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "news",
        ins={"symbols": _symbols()},
        quarantine=True,
    )
    def news(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        symbols: pd.DataFrame,
    ) -> Chunks:
        """Articles by the session in which they count, with the vendor's sentiment; no text."""
        vendor = information_of(platform)
        sessions, warn = sessions_to_do(context, platform), context.log.warning
        return Chunks(news_chunks(vendor, platform.calendar, sessions, symbols, warn))

    return news


def _own_data(market: AssetContext) -> dg.AssetsDefinition:
    @asset(market, GROUP, "own_data", ins={"symbols": _symbols()}, quarantine=True)
    def own_data(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        symbols: pd.DataFrame,
    ) -> Chunks:
        """Data of the user's own, from the session on in which it is known."""
        recipe = own_recipe(platform.settings)
        sessions = sessions_to_do(context, platform, recipe)
        chunks = own_chunks(platform, sessions, symbols, context.log.warning)
        return Chunks(chunks, recipe)

    return own_data


def _economy(market: AssetContext, series: str, description: str) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        series,
        key=dg.AssetKey(series),
        description=description,
        quarantine=True,
    )
    def economy(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Chunks:
        vendor = information_of(platform)
        sessions, warn = sessions_to_do(context, platform), context.log.warning
        return Chunks(economy_chunks(vendor, platform.calendar, series, sessions, warn))

    return economy
