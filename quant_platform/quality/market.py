"""Checks of the facts: completeness, suspicious prices, identities, membership.

They are judged in two steps over the same rows (see `judging.py`): what bars alone can tell, and
what takes the corporate actions as well, which are loaded after the bars. A panel holds both, so
whatever looks at one is of the second step. In a whole market,
thousands of securities hardly trade; what is suspicious about prices is asked of the liquid ones
only, those whose usual trading in a session reaches QUANT_PLATFORM_IDENTITY_DOLLARS.

What does not belong here: rows that were refused (`quarantine.py`), and comparisons with what a
vendor says (`sources.py`); their checks are named in the lists below, since the steps are the same.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.errors import VendorError
from quant_platform.kernels.arrays import BoolArray
from quant_platform.market.admission import admitted_reference
from quant_platform.pipeline.dividends import HELD, states
from quant_platform.quality import prices, prints, splits
from quant_platform.quality.check import (
    ERROR,
    WARN,
    CheckContext,
    CheckFunction,
    QualityCheck,
    description_of,
)
from quant_platform.quality.quarantine import REFUSED_CHECKS, UNCLAIMED_CHECK
from quant_platform.quality.sources import (
    VENDOR_SILENT,
    adjusted_series,
    cross_source,
    freshness,
    vendor_adjusted,
)
from quant_platform.quality.verdict import EXAMPLES, Findings, counted, failures, joined
from quant_platform.storage import bulk

BARS, ACTIONS, UNIVERSE = "market_data", "corporate_actions", "trading_universe"
"""Keys of the assets that are guarded."""


RECENT_BARS = 5
"""A security with a bar in each of so many sessions before is expected to have one."""


NO_BARS = "nothing is stored of the session"
NOTHING_LIQUID = "no liquid security has a bar in the session and those before"


def completeness(context: CheckContext, threshold: float) -> Findings:
    """A session has at least this share of the rows of the sessions before; none is missing.

    Where the vendor has a fixed list of symbols, each one that is listed has a bar, up to the day
    that its reference names as `delisted_on`.

    Not judged: a session with rows that none with rows precedes; all sessions where the vendor
    cannot be asked for its list.
    """
    if context.platform.vendor.abilities.market is not None:
        return _rows_as_usual(context, threshold)
    try:
        until = date.fromisoformat(context.sessions[-1])
        listed, _ = admitted_reference(context.platform.vendor.securities(), until)
    except VendorError as error:
        return context.not_judged(VENDOR_SILENT.format(error=error.message))
    days = np.asarray(context.sessions, dtype="datetime64[s]")
    bars = context.read("market_data", columns=["date", "symbol"])
    present = set(zip(bars["date"].to_numpy().astype("datetime64[s]"), bars["symbol"], strict=True))
    ends = listed.get("delisted_on", pd.Series(pd.NaT, index=listed.index))
    first, last = (
        column.to_numpy().astype("datetime64[s]") for column in (listed["listing_date"], ends)
    )
    absent = [
        (day, symbol)
        for symbol, start, end in zip(listed["symbol"], first, last, strict=True)
        for day in days[(days >= start) & (np.isnat(end) | (days < end))]
        if (day, symbol) not in present
    ]
    reasons = _refused_bars(context) if absent else {}
    examples = [
        f"{symbol} has no bar{reasons.get((str(day)[:10], symbol), '')}" for day, symbol in absent
    ]
    return context.all_judged(failures([day for day, _ in absent], examples))


def _refused_bars(context: CheckContext) -> dict[tuple[str, str], str]:
    """Why a bar of a session (ISO date) and symbol was refused, to be quoted."""
    rows = bulk.query(
        context.platform.database,
        "SELECT date::text AS date, symbol, reason FROM quarantine WHERE table_name = 'market_data'"
        " AND date BETWEEN $1::text::date AND $2::text::date ORDER BY id DESC",
        (context.sessions[0], context.sessions[-1]),
    )
    keys = zip(rows["date"], rows["symbol"], strict=True)
    return {
        (str(day), str(symbol)): f", it was refused: {reason}"
        for (day, symbol), reason in zip(keys, rows["reason"], strict=True)
    }


def _rows_as_usual(context: CheckContext, threshold: float) -> Findings:
    rows, window = context.rows.to_numpy(), context.window
    judged, short = [], []
    for at in range(len(rows) - len(context.sessions), len(rows)):
        before = rows[max(at - USUAL_SESSIONS, 0) : at]
        before = before[before > 0]
        usual = float(np.median(before)) if len(before) else 0.0
        if rows[at] == 0:
            short.append((window[at], "the session has no row at all"))
        elif rows[at] < threshold * usual:
            example = f"{rows[at]:,} rows, where the sessions before had {usual:,.0f}"
            short.append((window[at], example))
        elif not len(before):
            continue
        judged.append(window[at])
    failing = failures([day for day, _ in short], [example for _, example in short])
    return context.judged_on(judged, failing, "no session with rows precedes it")


def absent_securities(context: CheckContext, threshold: float) -> Findings:
    """At most this share of the liquid securities that still have a ticker is without a bar.

    Not judged: sessions in which no liquid security is expected to have a bar; all sessions of a
    fixed list of symbols, which `completeness` judges one by one.
    """
    if context.platform.vendor.abilities.market is None:
        return context.not_judged("completeness judges each symbol of a fixed list")
    panel = context.panel
    expected = context.is_liquid.copy()
    for back in range(1, RECENT_BARS + 1):
        earlier = np.zeros_like(expected)
        earlier[back:] = panel.traded[:-back]
        expected &= earlier
    gone = expected & ~panel.traded & ~_retired(context)
    few = gone.sum(axis=1) <= threshold * np.maximum(expected.sum(axis=1), 1)
    gone[few] = False
    reason = f"no liquid security has a bar in each of the {RECENT_BARS} sessions before"
    return context.judged_cells(panel, gone, expected, reason)


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


def price_jumps(context: CheckContext, threshold: float) -> Findings:
    """No close moved by more than this without a split or dividend that explains it.

    Not judged: sessions in which no liquid security has a close and one before.
    """
    panel, moves = context.panel, prices.total_returns(context.panel)
    failing = prices.unexplained_jumps(panel, threshold) & context.is_liquid
    judged = panel.traded & np.isfinite(moves) & context.is_liquid
    return context.judged_cells(panel, failing, judged, NOTHING_LIQUID, moved=moves)


def splits_without_jump(context: CheckContext, threshold: float) -> Findings:
    """Every split moved the price by its ratio.

    Not judged: sessions in which no move of a night is known, of those that split or at all.
    """
    panel, moves = context.panel, splits.opening_moves(context.panel)
    comparable, split = np.isfinite(moves), panel.split != 1.0
    only_unknown = split.any(axis=1) & ~(split & comparable).any(axis=1)
    comparable[only_unknown] = False
    failing = splits.splits_without_jump(panel)
    reason = "no price before and after the night is known"
    return context.judged_cells(panel, failing, comparable, reason, ratio=panel.split, moved=moves)


def jumps_without_split(context: CheckContext, threshold: float) -> Findings:
    """No quiet night looks like a split that no action explains.

    Not judged: sessions in which no liquid security has a close before and an open after the night.
    """
    panel, moves = context.panel, splits.opening_moves(context.panel)
    failing = splits.jumps_without_split(panel) & context.is_liquid
    judged = np.isfinite(moves) & context.is_liquid
    return context.judged_cells(panel, failing, judged, NOTHING_LIQUID, moved=moves)


def extreme_splits(context: CheckContext, threshold: float) -> Findings:
    """No split makes more than this many shares of one, or one of as many."""
    panel = context.panel
    failing = splits.extreme_splits(panel, threshold)
    return context.all_judged(context.cell_failures(panel, failing, ratio=panel.split))


def dividends_without_fall(context: CheckContext, threshold: float) -> Findings:
    """No dividend is held because the price did not fall with it, or because it came twice."""
    rows = states(context.platform, context.sessions[0], context.sessions[-1])
    rows = rows[rows["state"] == HELD]
    examples = [f"{row.symbol} {row.cash_amount:g}: {row.reason}" for row in rows.itertuples()]
    return context.all_judged(failures(rows["date"].to_numpy(), examples))


def volume_outliers(context: CheckContext, threshold: float) -> Findings:
    """No security traded more than this multiple of its usual value, or less than that part of it.

    Not judged: sessions in which no liquid security has a bar and one in each session that makes
    its usual value.
    """
    panel = context.panel
    judged = prices.bars_before(panel, USUAL_SESSIONS) == USUAL_SESSIONS
    judged &= panel.traded & context.is_liquid
    failing = prices.volume_outliers(panel, threshold) & context.is_liquid
    return context.judged_cells(panel, failing, judged, NOTHING_LIQUID, volume=panel.volume)


def bad_prints(context: CheckContext, threshold: float) -> Findings:
    """No open, high or low, and no close before it, stands alone by this; no bar came twice.

    Not judged: sessions in which no liquid security has a bar and one before that makes its habit.
    """
    panel = context.panel
    judged = prices.bars_before(panel, USUAL_SESSIONS) > 0
    judged &= panel.traded & context.is_liquid
    failing = prints.bad_prints(panel, threshold) & context.is_liquid
    bars = {"low": panel.low, "high": panel.high, "open": panel.open}
    before = np.full(panel.close.shape, np.nan)
    before[1:] = panel.close[:-1]
    return context.judged_cells(panel, failing, judged, NOTHING_LIQUID, **bars, before=before)


def stale_prices(context: CheckContext, threshold: float) -> Findings:
    """No price stood still for five sessions.

    Not judged: sessions in which no liquid security has a bar and a price five sessions long.
    """
    panel, earlier = context.panel, prices.STALE_SESSIONS - 1
    judged = np.zeros_like(panel.traded)
    judged[earlier:] = np.isfinite(panel.close[:-earlier])
    judged &= panel.traded & context.is_liquid
    failing = prices.stale_prices(panel) & context.is_liquid
    return context.judged_cells(panel, failing, judged, NOTHING_LIQUID, close=panel.close)


def zero_volume(context: CheckContext, threshold: float) -> Findings:
    """Every bar has shares traded.

    Not judged: sessions without a bar.
    """
    bars = context.bars
    none = (bars["volume"] == 0.0) & (bars["date"] >= pd.Timestamp(context.sessions[0]))
    failing = _quoted(context, bars[none], lambda symbol: f"{symbol} volume 0")
    return context.judged_on(_with_bars(context), failing, NO_BARS)


def unknown_securities(context: CheckContext, threshold: float) -> Findings:
    """At most this share of a session's rows is of securities that no reference names.

    Not judged: sessions without a bar.
    """
    strangers = bulk.query(
        context.platform.database,
        "SELECT security_id FROM (SELECT DISTINCT ON (security_id) security_id, evidence"
        " FROM securities WHERE date <= $1::text::date ORDER BY security_id, date DESC) AS known"
        " WHERE evidence = 'bars'",
        (context.sessions[-1],),
    )["security_id"]
    bars = context.bars
    rows = bars[
        bars["security_id"].isin(strangers) & (bars["date"] >= pd.Timestamp(context.sessions[0]))
    ]
    strange = rows.groupby("date")["security_id"].transform("size").to_numpy()
    many = rows[strange > threshold * context.rows.reindex(rows["date"]).to_numpy()]
    failing = _quoted(context, many, lambda symbol: f"{symbol} is in no reference")
    return context.judged_on(_with_bars(context), failing, NO_BARS)


def _with_bars(context: CheckContext) -> np.ndarray:
    """Sessions of the window that have a bar."""
    days: np.ndarray = context.rows.index.to_numpy()[context.rows.to_numpy() > 0]
    return days


def _quoted(
    context: CheckContext, rows: pd.DataFrame, example: Callable[[str], str]
) -> pd.DataFrame:
    """Failures of some of the bars, of which the first tickers of each session are quoted."""
    if rows.empty:
        return failures([], [])
    tickers = [
        context.ticker(security, day)
        for day, security in zip(rows["date"], rows["security_id"], strict=True)
    ]
    named = rows[["date"]].assign(symbol=tickers).sort_values(["date", "symbol"])
    return joined(
        counted(day, [example(symbol) for symbol in group["symbol"].head(EXAMPLES)], len(group))
        for day, group in named.groupby("date")
    )


def membership(context: CheckContext, threshold: float) -> Findings:
    """The members' ranks run from 1 without a gap; of a fixed list, every bar is of a member.

    Not judged: sessions without a member and, of a fixed list, without a bar.
    """
    members = context.read("trading_universe", columns=["date", "symbol", "dollar_volume_rank"])
    ranks = members.groupby("date")["dollar_volume_rank"].agg(["min", "max", "nunique", "size"])
    broken = ranks[
        (ranks["min"] != 1) | (ranks["max"] != ranks["size"]) | (ranks["nunique"] != ranks["size"])
    ]
    failing = failures(broken.index, ["the ranks have a gap or a tie"] * len(broken))
    platform, reason = context.platform, "the session has no member"
    if platform.vendor.abilities.market is not None or platform.settings.universe:
        return context.judged_on(ranks.index, failing, reason)
    bars = context.read("market_data", columns=["date", "symbol"])
    strangers = bars.merge(members, on=["date", "symbol"], how="left")
    strangers = strangers[strangers["dollar_volume_rank"].isna()]
    examples = [f"{symbol} has a bar but is no member" for symbol in strangers["symbol"]]
    failing = joined([failures(strangers["date"].to_numpy(), examples), failing])
    return context.judged_on([*ranks.index, *bars["date"].unique()], failing, reason)


def _facts(
    function: CheckFunction,
    severity: str,
    lookback: int = 1,
    threshold: float = 0.0,
    name: str = "",
) -> QualityCheck:
    label, description = name or getattr(function, "__name__", ""), description_of(function)
    return QualityCheck(
        label, BARS, "market_data", severity, description, function, lookback, threshold
    )


def _with_actions(function: CheckFunction, lookback: int, threshold: float = 0.0) -> QualityCheck:
    """A check of bars that needs to know the splits and dividends: it follows both."""
    return replace(_facts(function, WARN, lookback, threshold), asset=ACTIONS, reads=(BARS,))


FACTS_CHECKS = (
    _facts(completeness, ERROR, USUAL_SESSIONS + 1, 0.8),
    *REFUSED_CHECKS,
    _facts(zero_volume, WARN),
    _facts(unknown_securities, WARN, 1, 0.05),
    _facts(cross_source, WARN, 1, 0.005),
    replace(_facts(freshness, WARN), of_newest=True),
)

ACTIONS_CHECKS = (
    _with_actions(absent_securities, USUAL_SESSIONS + 1, 0.01),
    _with_actions(volume_outliers, USUAL_SESSIONS + 1, prices.VOLUME_MULTIPLE),
    _with_actions(bad_prints, prints.LOOKBACK, prints.PRINT_LIMIT),
    _with_actions(stale_prices, prices.STALE_SESSIONS),
    _with_actions(price_jumps, USUAL_SESSIONS + 1, prices.JUMP_LIMIT),
    _with_actions(splits_without_jump, 2),
    _with_actions(jumps_without_split, USUAL_SESSIONS + 1),
    _with_actions(dividends_without_fall, 1),
    UNCLAIMED_CHECK,
    _with_actions(extreme_splits, 1, splits.EXTREME_RATIO),
    _with_actions(adjusted_series, 2, 0.005),
)

ADJUSTING_VENDOR_CHECKS = (_with_actions(vendor_adjusted, USUAL_SESSIONS + 1, 0.005),)
"""For vendors that tell adjusted closes when asked for them."""

UNIVERSE_CHECKS = (replace(_facts(membership, ERROR), asset=UNIVERSE, table="trading_universe"),)
