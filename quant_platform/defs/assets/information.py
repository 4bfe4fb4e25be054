"""News and figures of the economy, for vendors that have them.

What the vendor's plan leaves out is an empty table, not a failure: features and performance figures
do without.
"""

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import AssetContext, asset, columns, sessions_to_do
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.information import economy_chunks, information_of, news_chunks
from quant_platform.pipeline.platform import Platform

GROUP = "information"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`news`, `treasury_yields`, `inflation` and `labor_market`; none for a vendor without."""
    if market.vendor.abilities.information is None:
        return []
    described = {
        "treasury_yields": "Yields of US Treasuries, from the session on in which they are known.",
        "inflation": "US price indices by month, from the session on in which they are known.",
        "labor_market": "US labor market by month, from the session on in which it is known.",
    }
    return [_news(market), *(_economy(market, name, text) for name, text in described.items())]


def _news(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "news",
        ins={
            "symbols": dg.AssetIn(
                "security_symbols",
                metadata={"cumulative": True, **columns("date", "symbol", "security_id")},
            )
        },
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
