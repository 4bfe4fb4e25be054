"""The ledger of what was computed when, and what follows from it: which sessions are finished.

Each time sessions of an asset are stored, the same transaction records what computed them (the
recipe), when its inputs had been read, and when a row of the session last changed. A session is
finished if it was computed by the same recipe after the last change of everything it was computed
from. What does not belong here: how anything is computed.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from quant_platform.pipeline.ledger import FAILED_AT, Upstream, read_ledger
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Scope, quoted, scope_sql
from quant_platform.storage.replace import Statement
from quant_platform.storage.schema import CLOCK_COLUMNS, Table

_RECORD = """
INSERT INTO computations (asset, date, recipe, read_at, changed_at, run_id)
SELECT $1::text, wanted.date, $2::text, coalesce(nullif($3::text, '')::timestamptz, now()), CASE
    WHEN old.date IS NULL OR old.read_at = $6::text::timestamptz AND $3::text <> $6::text
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
    days = "{" + ",".join(sessions) + "}"
    # What had failed and is computed now has changed, also where its rows are the earlier ones.
    return sql, (asset, recipe, read_at, run_id, days, FAILED_AT)


def server_time(platform: Platform) -> str:
    """Moment of the server's clock: what is read from now on is as of then, or later."""
    moment = bulk.query(platform.database, "SELECT clock_timestamp()::text AS moment")
    return str(moment["moment"].iloc[0])


def unfinished(
    platform: Platform,
    asset: str,
    upstream: Iterable[Upstream],
    sessions: Sequence[str],
    recipe: str | None,
) -> list[str]:
    """Sessions that are to be computed, ascending: never computed, differently, or from other rows.

    Parameters
    ----------
    upstream : what the asset is computed from; an entry of the asset itself is its own past, and
        then everything after an unfinished session is unfinished, too
    sessions : consecutive or not, ascending ISO dates
    recipe : what computes it; None: only what was computed from other rows is wanted, by whatever
        recipe
    """
    parents = list(upstream)
    names = sorted({asset, *(parent.asset for parent in parents)})
    ledger = read_ledger(
        platform.database,
        platform.calendar,
        platform.vendor.first_session,
        last=sessions[-1],
        assets=names,
        recipe=recipe or "",
    )
    own = ledger.of(asset)
    places = np.searchsorted(np.asarray(ledger.calendar), np.asarray(sessions))
    wanted = ledger.changed_inputs(asset, parents)
    if recipe is not None:
        wanted |= ~own.is_computed | ~own.same_recipe
    chosen = wanted[places]
    if any(parent.asset == asset for parent in parents) and chosen.any():
        chosen[int(np.argmax(chosen)) :] = True
    return [session for session, is_wanted in zip(sessions, chosen, strict=True) if is_wanted]


def last_change(platform: Platform) -> str:
    """Moment of the last change that the ledger knows of; empty without any."""
    rows = bulk.query(platform.database, "SELECT max(changed_at)::text AS moment FROM computations")
    return "" if pd.isna(rows["moment"].iloc[0]) else str(rows["moment"].iloc[0])
