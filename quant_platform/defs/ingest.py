"""What the facts' assets do: ask the vendor, and hand over chunks of rows to be stored.

A session is asked for unless its rows are stored already and the run does not want them again:

- a run that was interrupted and goes on (the same lineage) never asks twice for a session;
- a run tagged `missing` asks for nothing that is stored;
- a run tagged `repair` asks for what is missing between stored bars (`repair.py`);
- any other run asks again, which is how corrections are found.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import dagster as dg
import numpy as np
import pandas as pd

from quant_platform.defs.chunks import SETTLED, Chunk
from quant_platform.defs.partitions import window_sessions
from quant_platform.defs.repair import repair_chunks, repaired_bars, with_repaired
from quant_platform.defs.resources import Platform
from quant_platform.errors import (
    NotPublishedError,
    QuantPlatformError,
    RateLimitError,
    VendorDownError,
)
from quant_platform.market.actions import SPLIT, resolve
from quant_platform.market.facts import Facts, IdentityPolicy, fixed_facts, market_facts
from quant_platform.market.identity import RECENT_SESSIONS, IdentityBook
from quant_platform.market.sessions import sessions_between
from quant_platform.market.universe import Directory, UniverseRule, universe_members
from quant_platform.storage import bulk
from quant_platform.storage.bulk import EVER
from quant_platform.storage.ingestions import (
    FAILED,
    PENDING,
    Ingestion,
    completed,
    record,
)
from quant_platform.storage.stored import Stored
from quant_platform.vendors.abilities import MarketVendor

FETCH_TAG = "quant_platform/fetch"
MISSING, REPAIR = "missing", "repair"

UPDATE_TAG = "quant_platform/update"
BACKFILL_TAG = "dagster/backfill"

ACTION_COLUMNS = ("date", "symbol", "action_type", "split_ratio", "cash_amount", "source")

DAYS = {"date": "datetime64[s]", "symbol": "str"}

UNIVERSE_BLOCK = 60
"""Sessions for which memberships are worked out at once."""

TRANSIENT = (VendorDownError, RateLimitError)
"""Failures that may pass by themselves: the step is tried again."""


def lineage(run: dg.DagsterRun) -> str:
    """Name what a run and its retries share: the update, the backfill, or the first run."""
    tags = run.tags
    return tags.get(UPDATE_TAG) or tags.get(BACKFILL_TAG) or run.root_run_id or run.run_id


def fact_chunks(
    platform: Platform, run: dg.DagsterRun, keys: Sequence[str], before: Mapping[str, Stored]
) -> Iterator[Chunk]:
    """Bars of the run's sessions with their identities, as the vendor sends them.

    Raises
    ------
    dagster.Failure
        A session is not published, or the vendor refuses; what came before it is stored.
    """
    vendor, line = platform.vendor, lineage(run)
    if run.tags.get(FETCH_TAG) == REPAIR:
        try:
            yield from repair_chunks(platform, keys)
        except TRANSIENT:
            raise
        except QuantPlatformError as error:
            raise _failure(str(error)) from error
    elif vendor.abilities.market is not None:
        known = None if run.tags.get(FETCH_TAG) == MISSING else line
        have = completed(platform.database, vendor.name, keys, known)
        wanted = [date.fromisoformat(key) for key in keys if key not in have]
        yield from _asked_chunks(platform, vendor.abilities.market, line, wanted, before)
    else:
        days = [date.fromisoformat(key) for key in keys]
        for facts in fixed_facts(vendor, days, _described_before(platform, keys[0])):
            yield _chunk(facts, vendor.name, line)


def _asked_chunks(
    platform: Platform,
    market: MarketVendor,
    line: str,
    wanted: Sequence[date],
    before: Mapping[str, Stored],
) -> Iterator[Chunk]:
    """Ask session by session; the ledger gets the reason where that ends early."""
    settings, name = platform.settings, platform.vendor.name
    policy = IdentityPolicy(settings.reference, settings.identity_dollars)
    session: date | None = None
    try:
        for block in consecutive(wanted):
            session = block[0]
            # The book is built from what is stored, the blocks before this one included.
            yield SETTLED
            book = stored_book(platform, session, before, policy.dollars)
            repaired = repaired_bars(platform, block[0], block[-1])
            following = iter([*block[1:], None])
            for facts in market_facts(market, block, book, policy):
                bars = with_repaired(facts.bars, repaired, facts.sessions[0])
                yield _chunk(replace(facts, bars=bars), name, line)
                session = next(following)
    except QuantPlatformError as error:
        if session is not None:
            status = PENDING if isinstance(error, NotPublishedError) else FAILED
            day = session.isoformat()
            record(platform.database, Ingestion(day, name, line, status, reason=error.message))
        if isinstance(error, TRANSIENT):
            raise
        raise _failure(f"{session}: {error}") from error


def _failure(reason: str) -> dg.Failure:
    """What fails the step without another attempt."""
    return dg.Failure(description=reason, allow_retries=False)


def consecutive(sessions: Sequence[date]) -> Iterator[list[date]]:
    """Split ascending sessions where the exchange had others between them."""
    if not sessions:
        return
    asked, block = set(sessions), []
    for session in sessions_between(sessions[0], sessions[-1]):
        if session in asked:
            block.append(session)
        elif block:
            yield block
            block = []
    yield block


def _described_before(platform: Platform, session: str) -> set[str]:
    """Securities that have a description of an earlier session."""
    rows = bulk.query(
        platform.database,
        "SELECT DISTINCT security_id FROM securities WHERE date < $1::text::date",
        (session,),
    )
    return set(rows["security_id"])


def stored_book(
    platform: Platform, session: date, before: Mapping[str, Stored], dollars: float
) -> IdentityBook:
    """Build the identities as they were before a session."""
    earlier = sessions_between(session - timedelta(days=2 * RECENT_SESSIONS), session)[:-1]
    first, last = earlier[-RECENT_SESSIONS].isoformat(), earlier[-1].isoformat()
    past = {
        name.removesuffix("_before"): Stored(platform.database, stored.table, EVER, last)
        for name, stored in before.items()
    }
    narrow = past["market_data"].narrowed("date", "symbol", "close_price", "volume")
    bars = narrow.in_any_order().read(first)
    return IdentityBook.from_frames(
        past["securities"].read(),
        past["security_symbols"].read(),
        bars.assign(dollars=bars["close_price"] * bars["volume"]),
        dollars,
    )


def _chunk(facts: Facts, source: str, line: str) -> Chunk:
    sessions = [day.isoformat() for day in facts.sessions]
    rows = {sessions[0]: len(facts.bars)}
    if len(sessions) > 1:
        counts = facts.bars["date"].value_counts()
        rows = {f"{day:%Y-%m-%d}": int(count) for day, count in counts.items()}
    return Chunk(
        sessions,
        {
            "market_data": facts.bars,
            "securities": facts.securities,
            "security_symbols": facts.symbols,
        },
        refused={"market_data": _of_session(facts.refused, sessions[0])},
        also=[
            Ingestion(day, source, line, rows=rows.get(day, 0), etag=facts.etag).statement()
            for day in sessions
        ],
    )


def _of_session(refused: pd.DataFrame, session: str) -> pd.DataFrame:
    """Rows as the vendor sent them, with the session they were sent for and their ticker."""
    if refused.empty or "date" in refused.columns:
        return refused
    ticker = next((refused[name] for name in ("T", "ticker") if name in refused.columns), None)
    return refused.assign(date=session, symbol=ticker)


def actions_chunk(platform: Platform, keys: Sequence[str], bars: Stored, symbols: Stored) -> Chunk:
    """Splits and dividends of the run's sessions, without duplicates, with their securities."""
    vendor = platform.vendor
    days = [date.fromisoformat(key) for key in keys]
    before = window_sessions(vendor, keys, 2)[0]
    # An ex-date on a day without trading belongs to the session after it.
    start = days[0] if before == keys[0] else date.fromisoformat(before) + timedelta(days=1)
    raw = vendor.actions(start, days[-1])
    moves = contested_moves(raw, window_sessions(vendor, keys, 2), bars)
    kept, losers = resolve(
        raw,
        sessions=np.asarray(days, dtype="datetime64[D]"),
        moves=moves,
        prefer=vendor.preferred_sources,
    )
    kept = kept[list(ACTION_COLUMNS)]
    named = kept.assign(security_id=meaning(kept, symbols.read()))
    return Chunk(keys, {"corporate_actions": named}, refused={"corporate_actions": losers})


def contested_moves(
    raw: pd.DataFrame, sessions: Sequence[str], bars: Stored
) -> pd.DataFrame | None:
    """Night's moves of the symbols that have several splits on a day; None without any."""
    splits = raw[raw["action_type"] == SPLIT]
    contested = splits[splits.duplicated(["date", "symbol"], keep=False)]
    frames = []
    for day, symbols in contested.groupby("date")["symbol"]:
        at = int(np.searchsorted(np.asarray(sessions), f"{day:%Y-%m-%d}"))
        if not 0 < at < len(sessions):
            continue
        both = bars.read(sessions[at - 1], sessions[at])
        both = both[both["symbol"].isin(symbols)].set_index("symbol")
        before = both[both["date"] == pd.Timestamp(sessions[at - 1])]
        after = both[both["date"] == pd.Timestamp(sessions[at])]
        move = (before["close_price"] / after["open_price"]).dropna().rename("move").reset_index()
        frames.append(move.assign(date=pd.Timestamp(sessions[at]).as_unit("s")))
    return pd.concat(frames, ignore_index=True) if frames else None


def meaning(rows: pd.DataFrame, symbols: pd.DataFrame) -> pd.Series:
    """Security that each row's `symbol` meant on its `date`; missing where nobody had it.

    Parameters
    ----------
    rows : date, symbol
    symbols : rows of `security_symbols` up to the last of these dates
    """
    left = rows[["date", "symbol"]].astype(DAYS).reset_index(names="place").sort_values("date")
    right = symbols[["date", "symbol", "security_id"]].astype(DAYS)
    right = right.sort_values("date", kind="stable")
    found = pd.merge_asof(left, right, on="date", by="symbol").set_index("place")
    return found["security_id"].reindex(rows.index).astype("str")


def universe_chunks(
    platform: Platform,
    rule: UniverseRule,
    keys: Sequence[str],
    bars: Stored,
    securities: Stored,
    symbols: Stored,
) -> Iterator[Chunk]:
    """Members of the run's sessions, a block of sessions at a time."""
    directory, bars = Directory(securities.read(), symbols.read()), bars.in_any_order()
    for start in range(0, len(keys), UNIVERSE_BLOCK):
        block = keys[start : start + UNIVERSE_BLOCK]
        sessions = window_sessions(platform.vendor, block, rule.lookback)
        frame = universe_members(
            rule, directory, bars.read(sessions[0], sessions[-1]), sessions, len(block)
        )
        yield Chunk(block, {"trading_universe": frame})
