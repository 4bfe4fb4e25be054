"""Checks of the facts: completeness, refused rows, suspicious prices, freshness, membership."""

from datetime import UTC, datetime

import dagster as dg
import numpy as np
import pandas as pd

from quant_platform.defs.checks.framework import ERROR, WARN, Judged, QualityCheck, failures
from quant_platform.market import quality
from quant_platform.market.sessions import last_closed_session, sessions_between
from quant_platform.storage import bulk

BARS = dg.AssetKey("market_data")
UNIVERSE = dg.AssetKey("trading_universe")


def completeness(judged: Judged) -> pd.DataFrame:
    """Every listed security has a bar."""
    listed = judged.platform.vendor.securities()
    days = np.asarray(judged.sessions, dtype="datetime64[s]")
    bars = judged.read("market_data", columns=["date", "symbol"])
    present = set(zip(bars["date"].to_numpy().astype("datetime64[s]"), bars["symbol"], strict=True))
    absent = [
        (day, symbol)
        for symbol, start in zip(
            listed["symbol"], listed["listing_date"].to_numpy().astype("datetime64[s]"), strict=True
        )
        for day in days[days >= start]
        if (day, symbol) not in present
    ]
    return failures([day for day, _ in absent], [f"{symbol} has no bar" for _, symbol in absent])


def refused_rows(judged: Judged) -> pd.DataFrame:
    """No row was refused: OHLC order, positive prices, volumes, types and unique keys."""
    rows = bulk.query(
        judged.platform.database,
        "SELECT date, table_name, symbol, reason FROM quarantine"
        " WHERE date BETWEEN $1::text::date AND $2::text::date ORDER BY date, id",
        (judged.sessions[0], judged.sessions[-1]),
    )
    words = [f"{row.table_name} {row.symbol}: {row.reason}" for row in rows.itertuples()]
    return failures(rows["date"].to_numpy(), words)


def price_jumps(judged: Judged) -> pd.DataFrame:
    """No close moved by more than a quarter without a split or dividend that explains it."""
    panel = judged.panel()
    grid = quality.unexplained_jumps(panel)
    return judged.failures(panel, grid, moved=quality.total_returns(panel))


def bad_prints(judged: Judged) -> pd.DataFrame:
    """No high or low lies far outside the bar, the symbol's habit and the market's day."""
    panel = judged.panel()
    return judged.failures(panel, quality.bad_prints(panel), low=panel.low, high=panel.high)


def stale_prices(judged: Judged) -> pd.DataFrame:
    """No price stood still for five sessions."""
    panel = judged.panel()
    return judged.failures(panel, quality.stale_prices(panel), close=panel.close)


def zero_volume(judged: Judged) -> pd.DataFrame:
    """Every bar has shares traded."""
    panel = judged.panel()
    return judged.failures(panel, quality.silent_volumes(panel), volume=panel.volume)


def freshness(judged: Judged) -> pd.DataFrame:
    """The newest stored session is the last one that is closed and published."""
    vendor = judged.platform.vendor
    closed = last_closed_session(datetime.now(UTC), vendor.first_session)
    expected = min(closed, vendor.last_session) if closed and vendor.last_session else closed
    newest = pd.Timestamp(judged.sessions[-1]).date()
    stored = bulk.query(judged.platform.database, "SELECT max(date) AS newest FROM market_data")
    newest = max(newest, stored["newest"].iloc[0].date())
    if expected is None or newest >= expected:
        return failures([], [])
    behind = len(sessions_between(newest, expected)) - 1
    if vendor.is_published(expected):
        return failures([judged.sessions[-1]], [f"{behind} sessions behind {expected}"])
    return failures([], [])


def membership(judged: Judged) -> pd.DataFrame:
    """Every bar is of a member, and the members' ranks run from 1 without a gap."""
    members = judged.read("trading_universe", columns=["date", "symbol", "dollar_volume_rank"])
    bars = judged.read("market_data", columns=["date", "symbol"])
    strangers = bars.merge(members, on=["date", "symbol"], how="left")
    strangers = strangers[strangers["dollar_volume_rank"].isna()]
    ranks = members.groupby("date")["dollar_volume_rank"].agg(["min", "max", "nunique", "size"])
    broken = ranks[
        (ranks["min"] != 1) | (ranks["max"] != ranks["size"]) | (ranks["nunique"] != ranks["size"])
    ]
    return failures(
        [*strangers["date"], *broken.index],
        [f"{symbol} has a bar but is no member" for symbol in strangers["symbol"]]
        + ["the ranks have a gap or a tie"] * len(broken),
    )


MARKET_CHECKS = (
    QualityCheck(
        "completeness", BARS, "market_data", ERROR, completeness.__doc__ or "", completeness
    ),
    QualityCheck(
        "refused_rows", BARS, "market_data", WARN, refused_rows.__doc__ or "", refused_rows
    ),
    QualityCheck(
        "price_jumps", BARS, "market_data", WARN, price_jumps.__doc__ or "", price_jumps, 2
    ),
    QualityCheck(
        "bad_prints",
        BARS,
        "market_data",
        WARN,
        bad_prints.__doc__ or "",
        bad_prints,
        quality.WICK_SESSIONS + 1,
    ),
    QualityCheck(
        "stale_prices",
        BARS,
        "market_data",
        WARN,
        stale_prices.__doc__ or "",
        stale_prices,
        quality.STALE_SESSIONS,
    ),
    QualityCheck("zero_volume", BARS, "market_data", WARN, zero_volume.__doc__ or "", zero_volume),
    QualityCheck("freshness", BARS, "market_data", WARN, freshness.__doc__ or "", freshness),
    QualityCheck(
        "membership", UNIVERSE, "trading_universe", ERROR, membership.__doc__ or "", membership
    ),
)
