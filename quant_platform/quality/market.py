"""Checks of the facts: completeness, refused rows, suspicious prices, identities, freshness.

They are judged in two steps over the same rows (see `judging.py`): what bars alone can tell, and
what takes the corporate actions as well, which are loaded after the bars. In a whole market,
thousands of securities hardly trade; what is suspicious about prices is asked of the liquid ones
only, those whose usual trading in a session reaches QUANT_PLATFORM_IDENTITY_DOLLARS.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.errors import VendorError
from quant_platform.kernels.arrays import BoolArray
from quant_platform.market import adjustment
from quant_platform.quality import prices, splits
from quant_platform.quality.check import (
    ERROR,
    EXAMPLES,
    WARN,
    CheckContext,
    CheckFunction,
    QualityCheck,
    counted,
    failures,
)
from quant_platform.storage import bulk

BARS, ACTIONS, UNIVERSE = "market_data", "corporate_actions", "trading_universe"
"""Keys of the assets that are guarded."""


RECENT_BARS = 5
"""A security with a bar in each of so many sessions before is expected to have one."""


def completeness(context: CheckContext, threshold: float) -> pd.DataFrame:
    """A session has at least this share of the rows of the sessions before; none is missing.

    Where the vendor has a fixed list of symbols, each one that is listed has a bar.
    """
    if context.platform.vendor.abilities.market is not None:
        return _rows_as_usual(context, threshold)
    listed = context.platform.vendor.securities()
    days = np.asarray(context.sessions, dtype="datetime64[s]")
    bars = context.read("market_data", columns=["date", "symbol"])
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


def _rows_as_usual(context: CheckContext, threshold: float) -> pd.DataFrame:
    rows = context.rows.to_numpy()
    found = []
    for at in range(len(rows) - len(context.sessions), len(rows)):
        before = rows[max(at - USUAL_SESSIONS, 0) : at]
        before = before[before > 0]
        usual = float(np.median(before)) if len(before) else 0.0
        if rows[at] == 0:
            found.append((context.window[at], "the session has no row at all"))
        elif rows[at] < threshold * usual:
            words = f"{rows[at]:,} rows, where the sessions before had {usual:,.0f}"
            found.append((context.window[at], words))
    return failures([day for day, _ in found], [words for _, words in found])


def absent_securities(context: CheckContext, threshold: float) -> pd.DataFrame:
    """At most this share of the liquid securities that still have a ticker is without a bar."""
    panel = context.panel
    if context.platform.vendor.abilities.market is None:
        return failures([], [])
    expected = context.is_liquid.copy()
    for back in range(1, RECENT_BARS + 1):
        earlier = np.zeros_like(expected)
        earlier[back:] = panel.traded[:-back]
        expected &= earlier
    gone = expected & ~panel.traded & ~_retired(context)
    few = gone.sum(axis=1) <= threshold * np.maximum(expected.sum(axis=1), 1)
    gone[few] = False
    return context.failures(panel, gone)


def _retired(context: CheckContext) -> BoolArray:
    """Where a security has given up its ticker, as far as is known in the session."""
    window, panel = context.window, context.panel
    rows = bulk.query(
        context.platform.database,
        "SELECT r.security_id, (r.last_day + 1)::text AS since FROM symbol_ranges r"
        " WHERE r.last_day BETWEEN $1::text::date - 1 AND $2::text::date",
        (window[0], window[-1]),
    )
    retired = np.zeros(panel.close.shape, dtype=bool)
    columns = pd.Index(panel.security_ids).get_indexer(pd.Index(rows["security_id"]))
    for column, since in zip(columns, rows["since"], strict=True):
        if column >= 0:
            retired[panel.sessions >= np.datetime64(since), column] = True
    return retired


def refused(*patterns: str) -> CheckFunction:
    """CheckFunction that counts the rows in quarantine whose reason is like one of `patterns`."""

    def judge(context: CheckContext, threshold: float) -> pd.DataFrame:
        rows = bulk.query(
            context.platform.database,
            "SELECT date, table_name, symbol, reason FROM quarantine"
            " WHERE date BETWEEN $1::text::date AND $2::text::date"
            " AND reason LIKE ANY ($3::text::text[]) ORDER BY date, id",
            (context.sessions[0], context.sessions[-1], "{" + ",".join(patterns) + "}"),
        )
        words = [f"{row.table_name} {row.symbol}: {row.reason}" for row in rows.itertuples()]
        return failures(rows["date"].to_numpy(), words)

    return judge


def price_jumps(context: CheckContext, threshold: float) -> pd.DataFrame:
    """No close moved by more than this without a split or dividend that explains it."""
    panel = context.panel
    grid = prices.unexplained_jumps(panel, threshold) & context.is_liquid
    return context.failures(panel, grid, moved=prices.total_returns(panel))


def splits_without_jump(context: CheckContext, threshold: float) -> pd.DataFrame:
    """Every split moved the price by its ratio."""
    panel = context.panel
    grid = splits.splits_without_jump(panel)
    return context.failures(panel, grid, ratio=panel.split, moved=splits.opening_moves(panel))


def jumps_without_split(context: CheckContext, threshold: float) -> pd.DataFrame:
    """No quiet night looks like a split that no action explains."""
    panel = context.panel
    grid = splits.jumps_without_split(panel) & context.is_liquid
    return context.failures(panel, grid, moved=splits.opening_moves(panel))


def extreme_splits(context: CheckContext, threshold: float) -> pd.DataFrame:
    """No split makes more than this many shares of one, or one of as many."""
    panel = context.panel
    grid = splits.extreme_splits(panel, threshold)
    return context.failures(panel, grid, ratio=panel.split)


def volume_outliers(context: CheckContext, threshold: float) -> pd.DataFrame:
    """No security traded more than this multiple of its usual value."""
    panel = context.panel
    grid = prices.volume_outliers(panel, threshold) & context.is_liquid
    return context.failures(panel, grid, volume=panel.volume)


def bad_prints(context: CheckContext, threshold: float) -> pd.DataFrame:
    """No high or low lies this share outside the bar, the habit and the market's day."""
    panel = context.panel
    grid = prices.bad_prints(panel, threshold) & context.is_liquid
    return context.failures(panel, grid, low=panel.low, high=panel.high)


def stale_prices(context: CheckContext, threshold: float) -> pd.DataFrame:
    """No price stood still for five sessions."""
    panel = context.panel
    grid = prices.stale_prices(panel) & context.is_liquid
    return context.failures(panel, grid, close=panel.close)


def zero_volume(context: CheckContext, threshold: float) -> pd.DataFrame:
    """Every bar has shares traded."""
    bars = context.bars
    none = (bars["volume"] == 0.0) & (bars["date"] >= pd.Timestamp(context.sessions[0]))
    return _quoted(context, bars[none], lambda symbol: f"{symbol} volume 0")


def unknown_securities(context: CheckContext, threshold: float) -> pd.DataFrame:
    """At most this share of a session's rows is of securities that no reference names."""
    strangers = bulk.query(
        context.platform.database,
        "SELECT security_id FROM (SELECT DISTINCT ON (security_id) security_id, evidence"
        " FROM securities WHERE date <= $1::text::date ORDER BY security_id, date DESC) AS known"
        " WHERE evidence = 'bars'",
        (context.sessions[-1],),
    )["security_id"]
    if strangers.empty:
        return failures([], [])
    bars = context.bars
    rows = bars[
        bars["security_id"].isin(strangers) & (bars["date"] >= pd.Timestamp(context.sessions[0]))
    ]
    strange = rows.groupby("date")["security_id"].transform("size").to_numpy()
    many = rows[strange > threshold * context.rows.reindex(rows["date"]).to_numpy()]
    return _quoted(context, many, lambda symbol: f"{symbol} is in no reference")


def _quoted(context: CheckContext, rows: pd.DataFrame, words: Callable[[str], str]) -> pd.DataFrame:
    """Failures of some of the bars, of which the first tickers of each session are quoted."""
    if rows.empty:
        return failures([], [])
    tickers = [context.tickers.get(security, security) for security in rows["security_id"]]
    named = rows[["date"]].assign(symbol=tickers).sort_values(["date", "symbol"])
    found = [
        counted(day, [words(symbol) for symbol in group["symbol"].head(EXAMPLES)], len(group))
        for day, group in named.groupby("date")
    ]
    return pd.concat(found, ignore_index=True) if found else failures([], [])


def cross_source(context: CheckContext, threshold: float) -> pd.DataFrame:
    """Where two sources held a session, their closes differ by no more than this share."""
    rows = bulk.query(
        context.platform.database,
        "SELECT DISTINCT m.date, m.symbol, m.close_price, h.close_price AS other, h.source"
        " FROM market_data m JOIN market_data_history h USING (date, symbol)"
        " WHERE m.date BETWEEN $1::text::date AND $2::text::date AND m.source <> h.source"
        " AND abs(m.close_price / h.close_price - 1) > $3::text::double precision"
        " ORDER BY 1, 2",
        (context.sessions[0], context.sessions[-1], str(threshold)),
    )
    words = [
        f"{row.symbol} close {row.close_price:.6g}, {row.source} had {row.other:.6g}"
        for row in rows.itertuples()
    ]
    return failures(rows["date"].to_numpy(), words)


def adjusted_series(context: CheckContext, threshold: float) -> pd.DataFrame:
    """Adjusted closes worked out from raw bars and actions follow the vendor's own within this."""
    theirs = bulk.query(
        context.platform.database,
        "SELECT date, security_id, vendor_adjusted_close AS price FROM market_data"
        " WHERE date BETWEEN $1::text::date AND $2::text::date"
        " AND vendor_adjusted_close IS NOT NULL",
        (context.window[0], context.window[-1]),
    )
    if theirs.empty:
        return failures([], [])
    own = adjustment.total_return(context.panel, context.sessions[-1])
    rows = own.frame({"price": own.close})
    parted = adjustment.disagreements(rows, theirs, threshold)
    parted = parted[parted["date"] >= pd.Timestamp(context.sessions[0])]
    words = [
        f"{context.tickers.get(security, security)} off by {difference:.2%}"
        for security, difference in zip(parted["security_id"], parted["difference"], strict=True)
    ]
    return failures(parted["date"].to_numpy(), words)


def vendor_adjusted(context: CheckContext, threshold: float) -> pd.DataFrame:
    """Closes of a month ago, adjusted for the splits since, are the vendor's own within this."""
    panel, window = context.panel, context.window
    vendor = context.platform.vendor.abilities.adjusted
    if vendor is None or not panel.security_ids:
        return failures([], [])
    try:
        theirs = vendor.adjusted_closes(
            date.fromisoformat(window[0]), date.fromisoformat(window[-1])
        )
    except VendorError:
        theirs = None  # Who cannot be asked contradicts nobody.
    if theirs is None:
        return failures([], [])
    own = pd.DataFrame(
        {
            "security_id": panel.security_ids,
            "own": np.where(panel.traded[0], panel.close[0] / panel.split[1:].prod(axis=0), np.nan),
        }
    )
    tickers = bulk.query(
        context.platform.database,
        "SELECT symbol, security_id FROM market_data WHERE date = $1::text::date",
        (window[0],),
    )
    both = own.merge(tickers, on="security_id").merge(theirs, on="symbol")
    apart = (both["own"] / both["price"] - 1.0).abs()
    words = [
        f"{row.symbol} of {window[0]}: {row.own:.6g}, the vendor has {row.price:.6g}"
        for row in both[apart > threshold].sort_values("symbol").itertuples()
    ]
    return counted(window[-1], words[:EXAMPLES], len(words)) if words else failures([], [])


def freshness(context: CheckContext, threshold: float) -> pd.DataFrame:
    """The newest stored session is the last one that is closed and published."""
    vendor, calendar = context.platform.vendor, context.platform.calendar
    closed = calendar.last_closed(datetime.now(UTC), vendor.first_session)
    expected = min(closed, vendor.last_session) if closed and vendor.last_session else closed
    newest = pd.Timestamp(context.sessions[-1]).date()
    stored = bulk.query(context.platform.database, "SELECT max(date) AS newest FROM market_data")
    newest = max(newest, stored["newest"].iloc[0].date())
    if expected is None or newest >= expected:
        return failures([], [])
    behind = len(calendar.sessions(newest, expected)) - 1
    if vendor.is_published(expected):
        return failures([context.sessions[-1]], [f"{behind} sessions behind {expected}"])
    return failures([], [])


def membership(context: CheckContext, threshold: float) -> pd.DataFrame:
    """The members' ranks run from 1 without a gap; of a fixed list, every bar is of a member."""
    members = context.read("trading_universe", columns=["date", "symbol", "dollar_volume_rank"])
    ranks = members.groupby("date")["dollar_volume_rank"].agg(["min", "max", "nunique", "size"])
    broken = ranks[
        (ranks["min"] != 1) | (ranks["max"] != ranks["size"]) | (ranks["nunique"] != ranks["size"])
    ]
    found = failures(broken.index, ["the ranks have a gap or a tie"] * len(broken))
    platform = context.platform
    if platform.vendor.abilities.market is not None or platform.settings.universe:
        return found
    bars = context.read("market_data", columns=["date", "symbol"])
    strangers = bars.merge(members, on=["date", "symbol"], how="left")
    strangers = strangers[strangers["dollar_volume_rank"].isna()]
    words = [f"{symbol} has a bar but is no member" for symbol in strangers["symbol"]]
    return pd.concat([failures(strangers["date"].to_numpy(), words), found], ignore_index=True)


def _facts(
    function: CheckFunction,
    severity: str,
    lookback: int = 1,
    threshold: float = 0.0,
    name: str = "",
) -> QualityCheck:
    words = " ".join((function.__doc__ or "").split("\n\n")[0].split())
    label = name or getattr(function, "__name__", "")
    return QualityCheck(label, BARS, "market_data", severity, words, function, lookback, threshold)


def _with_actions(function: CheckFunction, lookback: int, threshold: float = 0.0) -> QualityCheck:
    """A check of bars that needs to know the splits and dividends: it follows both."""
    return replace(_facts(function, WARN, lookback, threshold), asset=ACTIONS)


def _quarantine(name: str, words: str, *patterns: str) -> QualityCheck:
    return QualityCheck(name, BARS, "market_data", WARN, words, refused(*patterns))


FACTS_CHECKS = (
    _facts(completeness, ERROR, USUAL_SESSIONS + 1, 0.8),
    _facts(absent_securities, WARN, USUAL_SESSIONS + 1, 0.01),
    _quarantine(
        "refused_rows",
        "No row was refused: OHLC order, positive prices, volumes, types and unique keys.",
        "%",
    ),
    _quarantine(
        "ohlc_violations",
        "No row was refused because its high was not the highest or its low not the lowest price.",
        "%high_price >=%",
        "%low_price <=%",
    ),
    _quarantine(
        "duplicate_rows",
        "No row was refused because the vendor sent the same symbol or action twice.",
        "%twice%",
        "%more than once%",
        "%duplicate%",
    ),
    _quarantine(
        "foreign_dates",
        "No row was refused because it was of another day, such as a holiday.",
        "%another session%",
        "%another day%",
        "%no session%",
    ),
    _quarantine(
        "implausible_prices",
        "No row was refused because of a price that no share ever had.",
        "%10000000%",
    ),
    _facts(zero_volume, WARN),
    _facts(unknown_securities, WARN, 1, 0.05),
    _facts(cross_source, WARN, 1, 0.005),
    _facts(volume_outliers, WARN, USUAL_SESSIONS + 1, prices.VOLUME_MULTIPLE),
    _facts(bad_prints, WARN, USUAL_SESSIONS + 1, prices.WICK_LIMIT),
    _facts(stale_prices, WARN, prices.STALE_SESSIONS),
    _facts(freshness, WARN),
)

ACTIONS_CHECKS = (
    _with_actions(price_jumps, USUAL_SESSIONS + 1, prices.JUMP_LIMIT),
    _with_actions(splits_without_jump, 2),
    _with_actions(jumps_without_split, USUAL_SESSIONS + 1),
    _with_actions(extreme_splits, 1, splits.EXTREME_RATIO),
    _with_actions(adjusted_series, 2, 0.005),
)

ADJUSTING_VENDOR_CHECKS = (_with_actions(vendor_adjusted, USUAL_SESSIONS + 1, 0.005),)
"""For vendors that tell adjusted closes when asked for them."""

UNIVERSE_CHECKS = (
    QualityCheck(
        "membership", UNIVERSE, "trading_universe", ERROR, membership.__doc__ or "", membership
    ),
)
