"""The ledger of what was computed when, and what follows from it: which sessions are finished.

Each time sessions of an asset are stored, the same transaction records what computed them (the
recipe), when its inputs had been read, and when a row of the session last changed. A session is
finished if it was computed by the same recipe after the last change of everything it was computed
from. What does not belong here: how anything is computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Scope, quoted, scope_sql
from quant_platform.storage.replace import Statement
from quant_platform.storage.schema import CLOCK_COLUMNS, Table

NEVER = np.iinfo(np.int64).min
"""Moment (microseconds) of what never happened."""


@dataclass(frozen=True)
class Upstream:
    """What an asset is computed from.

    Attributes
    ----------
    asset : key, its parts joined by /
    first, last : sessions before the computed one that are read, such as 19 and 0 for a window of
        20; `first` None: all of them from the beginning
    """

    asset: str
    first: int | None = 0
    last: int = 0


_RECORD = """
INSERT INTO computations (asset, date, recipe, read_at, changed_at, run_id)
SELECT $1::text, wanted.date, $2::text, coalesce(nullif($3::text, '')::timestamptz, now()), CASE
    WHEN old.date IS NULL
        OR EXISTS (SELECT 1 FROM {table} AS t
                   WHERE t.date = wanted.date{scope} AND t.{clock} = now())
        OR EXISTS (SELECT 1 FROM {history} AS t
                   WHERE t.date = wanted.date{scope} AND t.superseded_at = now())
    THEN clock_timestamp() ELSE old.changed_at END, $4::text
FROM unnest($5::text::date[]) AS wanted (date) LEFT JOIN computations AS old
    ON old.asset = $1::text AND old.date = wanted.date
ON CONFLICT (asset, date) DO UPDATE SET recipe = excluded.recipe, read_at = excluded.read_at,
    changed_at = excluded.changed_at, run_id = excluded.run_id
"""


def record(
    asset: str,
    table: Table,
    scope: Scope | None,
    sessions: Sequence[str],
    *,
    recipe: str,
    read_at: str,
    run_id: str,
) -> Statement:
    """Statement that records sessions, for the end of the transaction that replaces their rows.

    Parameters
    ----------
    read_at : moment of the server's clock; empty: when the transaction began
    """
    clock = next(column.name for column in table.columns if column.name in CLOCK_COLUMNS)
    sql = _RECORD.format(
        table=quoted(table.name),
        history=quoted(f"{table.name}_history"),
        scope=scope_sql(scope),
        clock=quoted(clock),
    )
    return sql, (asset, recipe, read_at, run_id, "{" + ",".join(sessions) + "}")


def server_time(platform: Platform) -> str:
    """Moment of the server's clock: what is read from now on is as of then, or later."""
    moment = bulk.query(platform.database, "SELECT clock_timestamp()::text AS moment")
    return str(moment["moment"].iloc[0])


def unfinished(
    platform: Platform,
    asset: str,
    upstream: Iterable[Upstream],
    sessions: Sequence[str],
    recipe: str,
) -> list[str]:
    """Sessions that are to be computed, ascending: never computed, differently, or from other rows.

    Parameters
    ----------
    upstream : what the asset is computed from; an entry of the asset itself is its own past, and
        then everything after an unfinished session is unfinished, too
    sessions : consecutive or not, ascending ISO dates
    """
    parents = list(upstream)
    last = date.fromisoformat(sessions[-1])
    history = platform.calendar.sessions(platform.vendor.first_session, last)
    calendar = [session.isoformat() for session in history]
    names = sorted({asset, *(parent.asset for parent in parents)})
    ledger = _ledger(platform, names, sessions[-1], calendar)
    own = ledger[asset]
    places = np.searchsorted(np.asarray(calendar), np.asarray(sessions))
    stale = (own.recipes != recipe) | (own.read == NEVER)
    has_past = False
    for parent in parents:
        if parent.asset == asset:
            has_past = True
            stale |= _past_changed(own)
        else:
            changed = _latest(ledger[parent.asset].changed, parent)
            stale |= changed > own.read
    chosen = stale[places]
    if has_past and chosen.any():
        chosen[int(np.argmax(chosen)) :] = True
    return [session for session, is_stale in zip(sessions, chosen, strict=True) if is_stale]


@dataclass(frozen=True)
class _Entries:
    """An asset's entries by session of the calendar: moments in microseconds, `NEVER` without."""

    read: np.ndarray
    changed: np.ndarray
    recipes: np.ndarray
    runs: np.ndarray


def _ledger(
    platform: Platform, assets: Sequence[str], last: str, calendar: Sequence[str]
) -> Mapping[str, _Entries]:
    rows = bulk.query(
        platform.database,
        "SELECT asset, date::text AS date, recipe, run_id,"
        " (extract(epoch FROM read_at) * 1000000)::bigint AS read,"
        " (extract(epoch FROM changed_at) * 1000000)::bigint AS changed FROM computations"
        " WHERE asset = ANY ($1::text::text[]) AND date BETWEEN $2::text::date AND $3::text::date",
        ("{" + ",".join(f'"{name}"' for name in assets) + "}", BEGINNING, last),
    )
    place = {session: number for number, session in enumerate(calendar)}
    entries = {}
    for name in assets:
        own = rows[(rows["asset"] == name) & rows["date"].isin(place)]
        at = own["date"].map(place).to_numpy(np.int64)
        size = len(calendar)
        read, changed = np.full(size, NEVER), np.full(size, NEVER)
        recipes, runs = np.full(size, "", dtype=object), np.full(size, "", dtype=object)
        read[at], changed[at] = own["read"].to_numpy(np.int64), own["changed"].to_numpy(np.int64)
        recipes[at], runs[at] = own["recipe"].to_numpy(object), own["run_id"].to_numpy(object)
        entries[name] = _Entries(read, changed, recipes, runs)
    return entries


def _latest(changed: np.ndarray, parent: Upstream) -> np.ndarray:
    """Last change of the sessions that each session reads of a parent."""
    if parent.first is None:
        return np.maximum.accumulate(changed)
    series = pd.Series(changed.astype(np.float64))
    width = parent.first - parent.last + 1
    shifted = series.rolling(width, min_periods=1).max().shift(parent.last, fill_value=NEVER)
    latest: np.ndarray = shifted.to_numpy(np.float64)
    return latest


def _past_changed(own: _Entries) -> np.ndarray:
    """Where the session before changed after it had been read, by another run than the session's.

    One run computes sessions in their order, each from the one before it, before that is stored.
    """
    stale = np.zeros(len(own.read), dtype=bool)
    stale[1:] = (own.changed[:-1] > own.read[1:]) & (own.runs[:-1] != own.runs[1:])
    return stale
