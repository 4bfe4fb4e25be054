"""News and figures of the economy, for vendors that have them.

What the vendor's plan leaves out is an empty table, not a failure: features and performance figures
do without.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import Market, asset, columns, session_bounds
from quant_platform.defs.chunks import Chunk, Chunks
from quant_platform.defs.ingest import meaning
from quant_platform.defs.resources import Platform
from quant_platform.errors import PlanError, VendorError
from quant_platform.market.information import (
    SERIES,
    economy_rows,
    news_rows,
    observed_between,
    published_after,
)
from quant_platform.market.sessions import session_before
from quant_platform.vendors.abilities import InformationVendor

GROUP = "information"

BLOCK_SESSIONS = 5
"""Sessions whose news is asked for and stored at a time."""

_NO_NEWS = {
    "news_id": "str",
    "published_at": "datetime64[us, UTC]",
    "symbol": "str",
    "publisher": "str",
    "url": "str",
    "sentiment": "float64",
}

Warn = Callable[[str], None]


def information_assets(market: Market) -> list[dg.AssetsDefinition]:
    """`news`, `treasury_yields`, `inflation` and `labor_market`; none for a vendor without."""
    if market.vendor.abilities.information is None:
        return []
    described = {
        "treasury_yields": "Yields of US Treasuries, from the session on in which they are known.",
        "inflation": "US price indices by month, from the session on in which they are known.",
        "labor_market": "US labor market by month, from the session on in which it is known.",
    }
    return [_news(market), *(_economy(market, name, text) for name, text in described.items())]


def _information(platform: Platform) -> InformationVendor:
    found = platform.vendor.abilities.information
    if found is None:
        raise VendorError(f"The vendor {platform.vendor.name!r} has no news and no economic series")
    return found


def _news(market: Market) -> dg.AssetsDefinition:
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
        vendor = _information(platform)
        return Chunks(news_chunks(vendor, context.partition_keys, symbols, context.log.warning))

    return news


def _economy(market: Market, series: str, description: str) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        series,
        key=dg.AssetKey(series),
        description=description,
        quarantine=True,
    )
    def economy(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> pd.DataFrame:
        vendor = _information(platform)
        return known_figures(vendor, series, context.partition_keys, context.log.warning)

    return economy


def news_chunks(
    vendor: InformationVendor, keys: Sequence[str], symbols: pd.DataFrame, warn: Warn
) -> Iterator[Chunk]:
    """News of consecutive sessions, some of them at a time; no day is asked for twice."""
    start = session_before(date.fromisoformat(keys[0]))
    waiting = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _NO_NEWS.items()})
    for at in range(0, len(keys), BLOCK_SESSIONS):
        block = keys[at : at + BLOCK_SESSIONS]
        last = date.fromisoformat(block[-1])
        try:
            articles = pd.concat([waiting, vendor.news(start, last)], ignore_index=True)
        except PlanError as error:
            warn(f"No news from {start} to {last}: {error}")
            articles = waiting
        rows = news_rows(articles, block)
        yield Chunk(block, {"news": rows.assign(security_id=meaning(rows, symbols))})
        waiting, start = published_after(articles, last), last + timedelta(days=1)


def known_figures(
    vendor: InformationVendor, series: str, keys: Sequence[str], warn: Warn
) -> pd.DataFrame:
    """Figures of the economy that become known in consecutive sessions."""
    nothing = pd.DataFrame(columns=["date", *SERIES[series].figures])
    observed = observed_between(series, keys)
    if observed is None:
        return economy_rows(nothing, series, keys)
    try:
        return economy_rows(vendor.economy(series, *observed), series, keys)
    except PlanError as error:
        first, last = session_bounds(keys)
        warn(f"No {series} for {first} to {last}: {error}")
        return economy_rows(nothing, series, keys)
