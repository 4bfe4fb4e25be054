"""Gaps in the bars of liquid securities, filled by requests for ranges.

A gap is one or more sessions without a bar between two that have one. The vendor may have lost the
row of the whole market's answer and still have it in the security's own series; where it has none
there either, as after a halt of trading, nothing is stored.

Such a row names its own source, so that it outlives a later answer of the whole market that still
lacks it (`with_repaired`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.errors import VendorError
from quant_platform.kernels.medians import bridged, trailing_median
from quant_platform.market.admission import admitted_bars
from quant_platform.market.facts import complete
from quant_platform.market.grid import pivot
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.vendors.abilities import RangeVendor

BLOCK_SESSIONS = 60
"""Sessions that are looked through at once."""


@dataclass(frozen=True)
class Gap:
    """Sessions in which a security has no bar, and the ticker it had before them."""

    security_id: str
    symbol: str
    sessions: tuple[date, ...]


def repair_chunks(platform: Platform, keys: Sequence[str]) -> Iterator[Chunk]:
    """Sessions with the rows that ranges brought, the stored ones included.

    Raises
    ------
    VendorError
        The vendor has no request for a range, or refuses it.
    """
    ranges = platform.vendor.abilities.ranges
    if ranges is None:
        raise VendorError(
            f"The vendor {platform.vendor.name} has no request for a range of one symbol",
            "Run the backfill without --repair",
        )
    for start in range(0, len(keys), BLOCK_SESSIONS):
        gaps = find_gaps(platform, keys[start : start + BLOCK_SESSIONS])
        if gaps:
            answers = [_of_gap(platform, ranges, gap) for gap in gaps]
            bars = pd.concat([rows for rows, _ in answers], ignore_index=True)
            refused = pd.concat([rows for _, rows in answers], ignore_index=True)
            yield from _joined(platform, gaps[0].sessions[0].isoformat(), bars, refused)


def _of_gap(platform: Platform, ranges: RangeVendor, gap: Gap) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of a gap's sessions, and the rows of the answer that are none of its range."""
    first, last = gap.sessions[0], gap.sessions[-1]
    answer = ranges.bars_of(gap.symbol, first, last)
    bars, strange = admitted_bars(answer.bars, first, platform.calendar.sessions(first, last))
    # The sessions between them have a bar already.
    bars = bars[bars["date"].isin(pd.DatetimeIndex(gap.sessions))].assign(source=_source(platform))
    refused = answer.refused.assign(symbol=gap.symbol, date=first.isoformat())
    parts = [part for part in (refused, strange) if len(part)] or [strange]
    return complete(bars, [gap.security_id] * len(bars)), pd.concat(parts, ignore_index=True)


def find_gaps(platform: Platform, keys: Sequence[str]) -> list[Gap]:
    """Gaps of liquid securities in `keys`, going by the sessions around them."""
    window = platform.window(keys, USUAL_SESSIONS)
    rows = bulk.read(
        platform.database,
        platform.table("market_data"),
        window[0],
        window[-1],
        columns=["date", "symbol", "security_id", "close_price", "volume"],
    )
    rows = rows.assign(dollars=rows["close_price"] * rows["volume"])
    days = np.asarray(window, dtype="datetime64[D]")
    securities = sorted(rows["security_id"].unique())
    dollars = pivot(rows, "dollars", days, securities)
    usual = np.nan_to_num(trailing_median(dollars, USUAL_SESSIONS)[0], nan=0.0)
    missing = bridged(~np.isnan(dollars)) & (usual >= platform.settings.identity_dollars)
    missing[: len(window) - len(keys)] = False
    with_gaps = np.flatnonzero(missing.any(axis=0)).tolist()
    theirs = rows[rows["security_id"].isin([securities[column] for column in with_gaps])]
    bars_of = dict(iter(theirs.groupby("security_id")))
    gaps = []
    for column in with_gaps:
        places = np.flatnonzero(missing[:, column])
        own = bars_of[securities[column]]
        before = own[own["date"] < pd.Timestamp(str(days[places[0]]))]
        symbol = str(before["symbol"].iloc[-1])
        gaps.append(Gap(securities[column], symbol, tuple(days[places].tolist())))
    return gaps


def repaired_bars(platform: Platform, first: date, last: date) -> pd.DataFrame:
    """Stored rows of `first` to `last` that a range brought."""
    return bulk.read(
        platform.database,
        platform.table("market_data"),
        first.isoformat(),
        last.isoformat(),
        among={"source": [_source(platform)]},
    )


def with_repaired(bars: pd.DataFrame, repaired: pd.DataFrame, session: date) -> pd.DataFrame:
    """Bars of a session as the whole market's answer has them, and what it still lacks."""
    rows = repaired[repaired["date"] == pd.Timestamp(session)]
    if rows.empty:
        return bars
    is_listed = rows["symbol"].isin(bars["symbol"]) | rows["security_id"].isin(bars["security_id"])
    return pd.concat([bars, rows.loc[~is_listed, bars.columns]], ignore_index=True)


def _source(platform: Platform) -> str:
    """Source of a row that a range brought."""
    return f"{platform.vendor.name} range"


def _joined(
    platform: Platform, first: str, bars: pd.DataFrame, refused: pd.DataFrame
) -> Iterator[Chunk]:
    """Each session's stored rows with the new ones; a ticker that has a row keeps it.

    What was refused goes with the earliest of them, or with those of the session `first`.
    """
    table = platform.table("market_data")
    days = {f"{day:%Y-%m-%d}": new for day, new in bars.groupby("date")} or {first: bars}
    for session, new in days.items():
        stored = bulk.read(platform.database, table, session, session)
        new = new[~new["symbol"].isin(stored["symbol"])]
        if len(new) or len(refused):
            whole = pd.concat([stored, new[stored.columns]], ignore_index=True)
            yield Chunk([session], {"market_data": whole}, refused={"market_data": refused})
            refused = refused[:0]
