"""News and figures of the economy of a run's sessions, as the vendor has them.

What the vendor's plan leaves out is an empty table and a warning, not a failure.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import pandas as pd

from quant_platform.errors import HistoryError, PlanError, VendorError
from quant_platform.market.admission import admitted, admitted_news
from quant_platform.market.calendar import Calendar
from quant_platform.market.identity.rows import securities_of
from quant_platform.market.news_and_economy import (
    SERIES,
    economy_rows,
    news_rows,
    observed_between,
    published_after,
)
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.platform import Platform
from quant_platform.vendors.abilities import InformationVendor

BLOCK_SESSIONS = 21
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


def information_of(platform: Platform) -> InformationVendor:
    """Who has news and figures of the economy.

    Raises
    ------
    VendorError
        The vendor has neither.
    """
    vendor = platform.vendor.abilities.information
    if vendor is None:
        raise VendorError(f"The vendor {platform.vendor.name!r} has no news and no economic series")
    return vendor


def news_chunks(
    vendor: InformationVendor,
    calendar: Calendar,
    sessions: Sequence[str],
    symbols: pd.DataFrame,
    warn: Warn,
) -> Iterator[Chunk]:
    """News of the sessions, some of them at a time; no day is asked for twice."""
    for stretch in calendar.consecutive([date.fromisoformat(session) for session in sessions]):
        keys = [day.isoformat() for day in stretch]
        yield from _news_of(vendor, calendar, keys, symbols, warn)


def _news_of(
    vendor: InformationVendor,
    calendar: Calendar,
    keys: Sequence[str],
    symbols: pd.DataFrame,
    warn: Warn,
) -> Iterator[Chunk]:
    """News of consecutive sessions.

    A plan without news is asked once; where the plan's history begins is found by halving.
    """
    waiting = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _NO_NEWS.items()})
    none = waiting.assign(reason="")
    start, at = calendar.previous(date.fromisoformat(keys[0])), 0
    while at < len(keys):
        block = keys[at : at + BLOCK_SESSIONS]
        last = date.fromisoformat(block[-1])
        try:
            sent, refused = admitted_news(vendor.news(start, last), last)
        except PlanError as error:
            refusing = isinstance(error, HistoryError)
            granted = _first_granted(vendor, keys[at:]) if refusing else len(keys) - at
            block = keys[at : at + granted] or block
            last = date.fromisoformat(block[-1])
            warn(f"No news from {start} to {last}: {error}")
            sent, refused = waiting[:0], none
        articles = pd.concat([waiting, sent], ignore_index=True)
        rows = news_rows(articles, block, calendar)
        yield Chunk(
            block,
            {"news": rows.assign(security_id=securities_of(rows, symbols))},
            refused={"news": refused},
        )
        waiting, start = published_after(articles, last, calendar), last + timedelta(days=1)
        at += len(block)


def _first_granted(vendor: InformationVendor, keys: Sequence[str]) -> int:
    """Number of the first session whose news the plan's history has, after some that it has not."""
    refused, granted = 0, len(keys)
    while refused + 1 < granted:
        middle = (refused + granted) // 2
        day = date.fromisoformat(keys[middle])
        try:
            vendor.news(day, day)
            granted = middle
        except HistoryError:
            refused = middle
    return granted


def economy_chunks(
    vendor: InformationVendor, calendar: Calendar, series: str, sessions: Sequence[str], warn: Warn
) -> Iterator[Chunk]:
    """Figures of the economy by the sessions in which they become known."""
    for stretch in calendar.consecutive([date.fromisoformat(session) for session in sessions]):
        keys = [day.isoformat() for day in stretch]
        figures, refused = known_figures(vendor, calendar, series, keys, warn)
        yield Chunk(keys, {series: figures}, refused={series: refused})


def known_figures(
    vendor: InformationVendor, calendar: Calendar, series: str, keys: Sequence[str], warn: Warn
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of the economy that become known in consecutive sessions, and refused rows."""
    sent = pd.DataFrame(columns=["date", *SERIES[series].figures])
    refused = sent.assign(reason="")
    observed = observed_between(series, keys, calendar)
    if observed is not None:
        try:
            rows = vendor.economy(series, *observed)
            sent, refused = admitted(rows, *observed, what=series, has_symbols=False)
        except PlanError as error:
            warn(f"No {series} for {keys[0]} to {keys[-1]}: {error}")
    return economy_rows(sent, series, keys, calendar), refused
