"""Checks that compare what is stored with what a source says: another source, or the vendor now.

A source that has nothing to say about a session contradicts nothing and confirms nothing: the
session is not judged. A vendor that cannot be asked never fails a check.

What does not belong here: what bars tell by themselves (`market.py`).
"""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.errors import VendorError
from quant_platform.market import adjustment
from quant_platform.market.calendar import LONGEST_BREAK
from quant_platform.market.panel import BAR_COLUMNS
from quant_platform.quality.check import CheckContext
from quant_platform.quality.sampling import sampled
from quant_platform.quality.verdict import EXAMPLES, Findings, counted, failures, joined
from quant_platform.settings.values import shares_by_name
from quant_platform.storage import bulk

VENDOR_SILENT = "the vendor could not be asked: {error}"
"""Why nothing was judged after a `VendorError`."""

NOT_ADJUSTED = "the vendor has later splits in its closes, or it is not the turn of the session"
"""Why `vendor_adjusted` did not judge a session."""


def cross_source(context: CheckContext, threshold: float) -> Findings:
    """Where two sources held a session, their bars agree: closes within this share.

    Open, high, low and volume have tolerances of their own, in QUANT_PLATFORM_SOURCE_TOLERANCES.

    Not judged: sessions of which only one source was ever stored.
    """
    both = (
        " FROM market_data m JOIN market_data_history h USING (date, symbol)"
        " WHERE m.date BETWEEN $1::text::date AND $2::text::date AND m.source <> h.source"
    )
    limits = (context.sessions[0], context.sessions[-1])
    database = context.platform.database
    compared = bulk.query(database, f"SELECT DISTINCT m.date{both}", limits)
    tolerances = shares_by_name(context.platform.settings.source_tolerances)
    tolerances["close"] = threshold
    parts = [
        f"SELECT DISTINCT m.date, m.symbol, '{field}' AS field, m.{column} AS here,"
        f" h.{column} AS other, h.source AS other_source{both}"
        f" AND abs(m.{column} - h.{column})"
        f" > ${number}::text::double precision * least(m.{column}, h.{column})"
        for number, (field, column) in enumerate(BAR_COLUMNS.items(), start=3)
    ]
    rows = bulk.query(
        database,
        f"{' UNION ALL '.join(parts)} ORDER BY 1, 2, 3",
        (*limits, *(repr(tolerances[field]) for field in BAR_COLUMNS)),
    )
    examples = [
        f"{row.symbol} {row.field} {row.here:.6g}, {row.other_source} had {row.other:.6g}"
        for row in rows.itertuples()
    ]
    failing = failures(rows["date"].to_numpy(), examples)
    return context.judged_on(compared["date"], failing, "only one source was stored")


def adjusted_series(context: CheckContext, threshold: float) -> Findings:
    """Adjusted closes worked out from raw bars and actions follow the vendor's own within this.

    Not judged: sessions without a security of which both are stored, in it and in the one before.
    """
    theirs = bulk.query(
        context.platform.database,
        "SELECT date, security_id, vendor_adjusted_close AS price FROM market_data"
        " WHERE date BETWEEN $1::text::date AND $2::text::date"
        " AND vendor_adjusted_close IS NOT NULL",
        (context.window[0], context.window[-1]),
    )
    reason = "the vendor told no adjusted closes of the session and the one before"
    if theirs.empty:
        return context.not_judged(reason)
    own = adjustment.total_return(context.panel, context.sessions[-1])
    rows = own.frame({"price": own.close})
    parted = adjustment.disagreements(rows, theirs, threshold)
    parted = parted[parted["date"] >= pd.Timestamp(context.sessions[0])]
    examples = [
        f"{context.ticker(security, day)} off by {difference:.2%}"
        for day, security, difference in zip(
            parted["date"], parted["security_id"], parted["difference"], strict=True
        )
    ]
    failing = failures(parted["date"].to_numpy(), examples)
    return context.judged_on(_followed(rows, theirs, context.window), failing, reason)


def _followed(own: pd.DataFrame, theirs: pd.DataFrame, window: list[str]) -> np.ndarray:
    """Sessions in which both series of a security have a price, there and in the session before."""
    days = np.asarray(window, dtype="datetime64[s]")
    both = own[["date", "security_id"]].merge(theirs[["date", "security_id"]])
    at = np.searchsorted(days, both["date"].to_numpy().astype("datetime64[s]"))
    places = pd.MultiIndex.from_arrays([both["security_id"], at])
    before = pd.MultiIndex.from_arrays([both["security_id"], at - 1])
    followed: np.ndarray = np.unique(days[at[before.isin(places)]])
    return followed


def vendor_adjusted(context: CheckContext, threshold: float) -> Findings:
    """Closes of a month ago, adjusted for the splits since, are the vendor's own within this.

    Not judged: sessions that are neither sampled (`sampling.py`) nor the newest that the vendor
    has; those whose closes it cannot tell or is not there to tell; those of which no liquid
    security has a close of a month ago from both.
    """
    vendor = context.platform.vendor.abilities.adjusted
    if vendor is None:
        return context.not_judged("the vendor tells no adjusted closes")
    samples = sampled(context.platform.calendar, context.sessions)
    judged, frames, reason = [], [], NOT_ADJUSTED
    try:
        for session in sorted({*samples, context.sessions[-1]}):
            at = context.window.index(session)
            month_ago = context.window[max(at - USUAL_SESSIONS, 0)]
            theirs = vendor.adjusted_closes(*map(date.fromisoformat, (month_ago, session)))
            if theirs is None or not (session in samples or _is_newest(context, session)):
                continue
            own = _month_old_closes(context, month_ago, session)
            both = own.merge(theirs, on="symbol").dropna(subset=["own", "price"])
            if len(both):
                judged.append(session)
                frames.append(_far_apart(both, month_ago, session, threshold))
    except VendorError as error:
        reason = VENDOR_SILENT.format(error=error.message)
    return context.judged_on(judged, joined(frames), reason)


def _is_newest(context: CheckContext, session: str) -> bool:
    """Whether the vendor has no session after this one."""
    vendor, day = context.platform.vendor, date.fromisoformat(session)
    if vendor.last_session is not None and day >= vendor.last_session:
        return True
    following = context.platform.calendar.sessions(day + timedelta(days=1), day + LONGEST_BREAK)[0]
    return not vendor.is_published(following)


def _month_old_closes(context: CheckContext, month_ago: str, session: str) -> pd.DataFrame:
    """Closes of `month_ago`, adjusted for the splits up to `session`: symbol (of then), own.

    Of the securities that are liquid in `session` or split in between: which they are must not
    depend on the other sessions that are judged with it.
    """
    panel = context.panel
    then, now = np.searchsorted(panel.sessions, np.asarray([month_ago, session], "datetime64[D]"))
    since = panel.split[then + 1 : now + 1]
    wanted = panel.traded[then] & (context.is_liquid[now] | (since != 1.0).any(axis=0))
    own = pd.DataFrame(
        {
            "security_id": np.asarray(panel.security_ids, dtype=object)[wanted],
            "own": (panel.close[then] / since.prod(axis=0))[wanted],
        }
    )
    tickers = bulk.query(
        context.platform.database,
        "SELECT symbol, security_id FROM market_data WHERE date = $1::text::date",
        (month_ago,),
    )
    return own.merge(tickers, on="security_id")


def _far_apart(both: pd.DataFrame, month_ago: str, session: str, threshold: float) -> pd.DataFrame:
    """Failures of `session`: closes (symbol, own, price) that lie further apart than allowed."""
    apart = both[(both["own"] / both["price"] - 1.0).abs() > threshold].sort_values("symbol")
    examples = [
        f"{row.symbol} of {month_ago}: {row.own:.6g}, the vendor has {row.price:.6g}"
        for row in apart.head(EXAMPLES).itertuples()
    ]
    return counted(session, examples, len(apart))


def freshness(context: CheckContext, threshold: float) -> Findings:
    """The newest stored session is the last one that is closed and published.

    Not judged: every session but the newest stored one; that one as well where it is behind and the
    vendor cannot be asked whether there is more.
    """
    vendor, calendar = context.platform.vendor, context.platform.calendar
    stored = bulk.query(context.platform.database, "SELECT max(date) AS newest FROM market_data")
    newest = pd.Timestamp(stored["newest"].iloc[0]).date()
    reason = "only the newest stored session is fresh or not"
    if newest.isoformat() not in context.sessions:
        return context.not_judged(reason)
    closed = calendar.last_closed(datetime.now(UTC), vendor.first_session)
    expected = min(closed, vendor.last_session) if closed and vendor.last_session else closed
    try:
        is_behind = expected is not None and newest < expected and vendor.is_published(expected)
    except VendorError as error:
        return context.not_judged(VENDOR_SILENT.format(error=error.message))
    failing = failures([], [])
    if is_behind and expected is not None:
        behind = len(calendar.sessions(newest, expected)) - 1
        failing = failures([newest], [f"{behind} sessions behind {expected}"])
    return context.judged_on([newest], failing, reason)
