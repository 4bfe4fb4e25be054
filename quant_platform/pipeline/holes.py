"""Holes: sessions without a row between others, over which nothing is computed.

What is missing before a table's first session is taken for a later start of history. A hole after
it would give values that change once it is filled, and without any session there is nothing to
compute from.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.storage.schema import Table

UNIVERSE = "trading_universe"

A_MONTH = timedelta(days=30)
"""Never without a session."""


def hole_in(
    platform: Platform, table: Table, sessions: Sequence[str], *, only_before: bool = False
) -> str:
    """Say which of these sessions a table lacks, and what to do; empty where it lacks none.

    Parameters
    ----------
    only_before : whether the sessions end before the one that is computed: a table that begins with
        that one begins late, and lacks nothing
    """
    if not sessions:
        return ""
    last = date.fromisoformat(sessions[-1])
    if only_before:
        last = platform.calendar.sessions(last + timedelta(days=1), last + A_MONTH)[0]
    name = bulk.quoted(table.name)
    holes = bulk.query(
        platform.database,
        "SELECT wanted.date::text AS date FROM unnest($1::text::date[]) AS wanted (date)"  # noqa: S608 — quoted name
        f" WHERE NOT EXISTS (SELECT 1 FROM {name} AS t WHERE t.date = wanted.date)"
        " AND wanted.date > coalesce("
        f"(SELECT min(date) FROM {name} WHERE date <= $2::text::date), '-infinity') ORDER BY 1",
        ("{" + ",".join(sessions) + "}", last.isoformat()),
    )["date"].tolist()
    if not holes:
        return ""
    start, end = holes[0], holes[-1]
    lacks = f"{table.name} lacks {len(holes)} of the sessions looked back on, from {start} to {end}"
    if table.name == UNIVERSE and platform.settings.universe and _have_bars(platform, holes):
        return (
            f"{lacks}: no symbol of QUANT_PLATFORM_UNIVERSE ({platform.settings.universe:.100})"
            " trades there. Name others, or end before them: a delisted symbol is no member"
        )
    return f"{lacks}. Materialise them first: quant-platform backfill --start {start} --end {end}"


def _have_bars(platform: Platform, sessions: Sequence[str]) -> bool:
    rows = bulk.query(
        platform.database,
        "SELECT count(*) AS found FROM unnest($1::text::date[]) AS wanted (date)"
        " WHERE EXISTS (SELECT 1 FROM market_data AS t WHERE t.date = wanted.date)",
        ("{" + ",".join(sessions) + "}",),
    )
    return int(rows["found"].iloc[0]) == len(sessions)
