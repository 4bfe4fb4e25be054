"""The Postgres IO manager: one table per asset, replaced session by session.

Inputs are read by the sessions of the partition mapping.

What an asset's definition metadata says to it:

- `table`: the table (or view) of the asset
- `scope`: fixed column values of the part of a shared table that the asset owns; the value of
  `model_id` is a model name
- `dense`: every session has rows, so that a hole in a look-back is an error and not silence
- `quarantine`: rows that break a rule of the table are set aside (facts from a vendor) instead
  of refusing the frame

and what an input's metadata says: `columns`, the columns to read (default: all), and `own_past`,
for an asset that reads its own earlier sessions.

The contract of the table is enforced here, before commit, in every kind of run. A frame that breaks
it fails the step without a retry, so no event is written and nothing downstream runs, in this run
or in any other.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from quant_platform.defs.metadata import heavy_metadata, light_metadata
from quant_platform.defs.resources import Platform
from quant_platform.errors import ContractError
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Scope
from quant_platform.storage.frames import empty_frame
from quant_platform.storage.models import model_ids
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import Table

DETAILED_SESSIONS = 64
"""Newest sessions of a run that get a row count of their own.

Dagster's cost of each grows with their number.
"""

UNKNOWN_MODEL = -1
"""Id that no model has: reads nothing."""


class PostgresIOManager(dg.IOManager):
    """Stores frames in, and loads frames from, the platform's database."""

    def __init__(self, platform: Platform, on_stored: Callable[[str], None] | None = None) -> None:
        """Take the platform, and optionally a function told the asset's name after each write."""
        self.platform = platform
        self._on_stored = on_stored

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Replace the sessions of the run by `obj`, in one transaction."""
        started = time.monotonic()
        sessions = list(context.asset_partition_keys)
        table, metadata = self._table(context.definition_metadata), context.definition_metadata
        try:
            replaced = replace_sessions(
                self.platform.database,
                table,
                obj,
                sessions,
                scope=self._scope(metadata),
                quarantine=bool(metadata.get("quarantine", False)),
                run_id=context.run_id,
            )
        except ContractError as error:
            # Trying again would bring the same frame.
            raise dg.Failure(description=str(error), allow_retries=False) from error
        context.add_output_metadata(
            light_metadata(table, replaced, len(sessions), time.monotonic() - started)
        )
        _describe_sessions(context, table, obj, sessions)
        if self._on_stored is not None:
            self._on_stored(context.asset_key.to_user_string())

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Read exactly the sessions the partition mapping names, ordered by the table's key."""
        upstream = context.upstream_output
        if upstream is None:
            raise dg.DagsterInvariantViolationError("Only outputs of assets can be loaded")
        table = self._table(upstream.definition_metadata)
        wanted = context.definition_metadata or {}
        columns = wanted.get("columns")
        sessions = list(context.asset_partition_keys)
        if not sessions:
            frame = empty_frame(table)
            return frame if columns is None else frame[list(columns)]
        scope = self._scope(upstream.definition_metadata)
        frame = bulk.read(
            self.platform.database, table, sessions[0], sessions[-1], columns=columns, scope=scope
        )
        # An asset's own past is written by the very run that asks for it.
        if (upstream.definition_metadata or {}).get("dense") and not wanted.get("own_past"):
            self._refuse_gaps(table, frame, sessions)
        return frame

    def _refuse_gaps(self, table: Table, frame: pd.DataFrame, sessions: Sequence[str]) -> None:
        """Refuse to compute over a hole: history may begin late, but not skip a session.

        What is missing before the table's first session is taken for a later start of history. A
        hole after it would give values that change once it is filled.
        """
        present = np.unique(frame["date"].to_numpy().astype("datetime64[D]"))
        wanted = np.asarray(sessions, dtype="datetime64[D]")
        missing = wanted[~np.isin(wanted, present)]
        if len(missing) == 0:
            return
        start = bulk.query(
            self.platform.database,
            f"SELECT min(date) AS first FROM {bulk.quoted(table.name)}",  # noqa: S608 — quoted name
        )["first"].to_numpy()[0]
        holes = missing[missing > start] if not np.isnat(start) else missing[:0]
        if len(holes):
            raise dg.Failure(
                description=(
                    f"{table.name} lacks {len(holes)} of the sessions looked back on, from"
                    f" {holes[0]} to {holes[-1]}. Materialise them first: quant-platform backfill"
                    f" --start {holes[0]} --end {holes[-1]}"
                ),
                allow_retries=False,
            )

    def _table(self, metadata: Mapping[str, Any] | None) -> Table:
        return self.platform.table(str((metadata or {})["table"]))

    def _scope(self, metadata: Mapping[str, Any] | None) -> Scope:
        scope = dict((metadata or {}).get("scope", {}))
        if "model_id" in scope:
            ids = model_ids(self.platform.database)
            scope["model_id"] = ids.get(str(scope["model_id"]), UNKNOWN_MODEL)
        return scope


def _describe_sessions(
    context: dg.OutputContext, table: Table, frame: pd.DataFrame, sessions: Sequence[str]
) -> None:
    """Row counts for the newest sessions; preview, plot and column schema for the newest one.

    The rest of a long run carries only its totals: the same text in thousands of events would cost
    more than the work.
    """
    step = context.step_context
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    days, counts = np.unique(dates, return_counts=True)
    rows = dict(zip(days.astype(str).tolist(), counts.tolist(), strict=True))
    for session in sessions[-DETAILED_SESSIONS:]:
        count = {"dagster/partition_row_count": int(rows.get(session, 0))}
        step.add_asset_metadata(count, partition_key=session)
    newest = frame[dates == np.datetime64(sessions[-1], "D")]
    step.add_asset_metadata(heavy_metadata(table, frame, newest), partition_key=sessions[-1])
