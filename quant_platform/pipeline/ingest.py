"""What the facts' assets do: ask the vendor, and hand over chunks of rows to be stored.

A session is asked for unless its rows are stored already and the run does not want them again
(`Fetch`). A run that was interrupted and goes on never asks twice for a session. What does not
belong here: how chunks are stored (`chunks.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
import pandas as pd

from quant_platform.errors import TRANSIENT, NotPublishedError, QuantPlatformError
from quant_platform.market.admission import UNCLAIMED, admitted
from quant_platform.market.corporate_actions import SPLIT, resolve
from quant_platform.market.doubtful_dividends import WEEKLY_SESSIONS, dividends_of
from quant_platform.market.facts import Facts, IdentityPolicy, fixed_facts, market_facts
from quant_platform.market.identity import RECENT_SESSIONS, IdentityBook
from quant_platform.market.identity.rows import securities_of
from quant_platform.market.universe import Directory, UniverseRule, universe_members
from quant_platform.pipeline.blocks import SlidingRows, blocks
from quant_platform.pipeline.chunks import WAIT_UNTIL_STORED, Chunk
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.dividends import divided, earlier_dividends
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.repair import repair_chunks, repaired_bars, with_repaired
from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING
from quant_platform.storage.ingestions import (
    FAILED,
    PENDING,
    Ingestion,
    completed,
    record,
)
from quant_platform.storage.stored import Stored
from quant_platform.vendors.abilities import MarketVendor

ACTION_COLUMNS = (
    *("date", "symbol", "action_type", "split_ratio", "cash_amount", "paid_on", "source"),
)


class Fetch(StrEnum):
    """What a run asks the vendor for."""

    AGAIN = "again"
    """Every session, which is how corrections are found."""

    MISSING = "missing"
    """Nothing that is stored."""

    REPAIR = "repair"
    """What is missing between stored bars (`repair.py`)."""


def fact_chunks(
    platform: Platform,
    keys: Sequence[str],
    before: Mapping[str, Stored],
    *,
    lineage: str,
    fetch: Fetch,
) -> Iterator[Chunk]:
    """Bars of the run's sessions with their identities, as the vendor sends them.

    Parameters
    ----------
    before : bars, securities and tickers as they are stored, by the names of the inputs
    lineage : what the run and those that go on with it share (`storage/ingestions.py`)

    Raises
    ------
    QuantPlatformError
        A session is not published, or the vendor refuses; what came before it is stored.
    """
    vendor, market = platform.vendor, platform.vendor.abilities.market
    if fetch is Fetch.REPAIR:
        yield from repair_chunks(platform, keys)
    elif market is not None:
        asked_by = None if fetch is Fetch.MISSING else lineage
        stored = completed(platform.database, vendor.name, keys, asked_by)
        wanted = [date.fromisoformat(key) for key in keys if key not in stored]
        yield from _asked_chunks(platform, market, lineage, wanted, before)
    else:
        days = [date.fromisoformat(key) for key in keys]
        described = _described_before(platform, keys[0])
        for facts in fixed_facts(vendor, platform.calendar, days, described):
            yield _chunk(facts, vendor.name, lineage)


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
        for block in platform.calendar.consecutive(wanted):
            session = block[0]
            # The book is built from what is stored, the blocks before this one included.
            yield WAIT_UNTIL_STORED
            book = stored_book(platform, session, before, policy.dollars)
            repaired = repaired_bars(platform, block[0], block[-1])
            following = iter([*block[1:], None])
            for facts in market_facts(market, platform.calendar, block, book, policy):
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
        raise QuantPlatformError(f"{session}: {error.message}", error.hint) from error


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
    since = session - timedelta(days=2 * RECENT_SESSIONS)
    earlier = platform.calendar.sessions(since, session)[:-1]
    first, last = earlier[-RECENT_SESSIONS].isoformat(), earlier[-1].isoformat()
    past = {
        name.removesuffix("_before"): Stored(platform.database, stored.table, BEGINNING, last)
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
        refused={name: _of_session(rows, sessions[0]) for name, rows in facts.refused.items()},
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


def action_chunks(
    platform: Platform, sessions: Sequence[str], bars: Stored, symbols: Stored
) -> Iterator[Chunk]:
    """Splits and dividends of the sessions, without duplicates, of known securities."""
    days = [date.fromisoformat(session) for session in sessions]
    for stretch in platform.calendar.consecutive(days):
        keys = [day.isoformat() for day in stretch]
        yield _actions_chunk(platform, keys, bars, symbols)


def _actions_chunk(platform: Platform, keys: Sequence[str], bars: Stored, symbols: Stored) -> Chunk:
    read_at = server_time(platform)
    before = platform.window(keys, 2)[0]
    # An ex-date on a day without trading belongs to the session after it.
    start = date.fromisoformat(before) + timedelta(days=int(before != keys[0]))
    actions, losers = _resolved(platform, start, keys, bars)
    actions = _with_days_of_payment(actions)[list(ACTION_COLUMNS)]
    named = actions.assign(security_id=securities_of(actions, symbols.read()))
    claimed = named["security_id"].notna()
    unclaimed = named[~claimed].drop(columns="security_id").assign(reason=UNCLAIMED)
    named = named[claimed].reset_index(drop=True)
    earlier = earlier_dividends(platform, keys)
    if earlier is None:
        window = platform.window(keys[:1], WEEKLY_SESSIONS + 1)[:-1]
        rows, _ = _resolved(platform, date.fromisoformat(window[0]), window, bars)
        earlier = dividends_of(rows)
    counted, doubtful = divided(platform, named, earlier, keys)
    return Chunk(
        keys,
        {"corporate_actions": counted, "doubtful_dividends": doubtful},
        refused={"corporate_actions": pd.concat([losers, unclaimed], ignore_index=True)},
        read_at=read_at,
    )


def _with_days_of_payment(actions: pd.DataFrame) -> pd.DataFrame:
    """Actions with the day on which each dividend is paid, where the vendor says it."""
    stated = pd.Series(actions.get("paid_on", pd.NaT), index=actions.index)
    days = pd.to_datetime(stated, errors="coerce")
    is_split = actions["split_ratio"].notna()
    return actions.assign(paid_on=days.mask(is_split).astype("datetime64[s]"))


def _resolved(
    platform: Platform, start: date, keys: Sequence[str], bars: Stored
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Actions of the sessions, from ex-date `start` on, that are kept; and those that are not."""
    days = [date.fromisoformat(key) for key in keys]
    sent = platform.vendor.actions(start, days[-1])
    raw, refused = admitted(sent, start, days[-1], what="actions")
    kept, losers = resolve(
        raw,
        sessions=np.asarray(days, dtype="datetime64[D]"),
        moves=contested_moves(raw, platform.window(keys, 2), bars),
        prefer=platform.vendor.preferred_sources,
    )
    return kept, pd.concat([losers, refused], ignore_index=True) if len(refused) else losers


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


def universe_chunks(
    platform: Platform,
    rule: UniverseRule,
    sessions: Sequence[str],
    bars: Stored,
    securities: Stored,
    symbols: Stored,
) -> Iterator[Chunk]:
    """Members of each session, block by block.

    Parameters
    ----------
    sessions : ISO dates, ascending
    securities, symbols : from the first session ever on
    """
    if not sessions:
        return
    directory = Directory(securities.read(), symbols.read())
    rows = SlidingRows(bars.in_any_order())
    for block in blocks(platform, sessions, rule.lookback, len(directory.ids)):
        read_at = server_time(platform)
        frame = universe_members(
            rule, directory, rows.over(block.window), block.window, len(block.sessions)
        )
        yield Chunk(block.sessions, {"trading_universe": frame}, read_at=read_at)
