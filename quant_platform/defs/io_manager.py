"""The Postgres IO manager: one table per asset, replaced session by session.

Inputs are read by the sessions of the partition mapping.

What an asset's definition metadata says to it:

- `table`: the table (or view) of the asset
- `scope`: fixed column values of the part of a shared table that the asset owns; the value of
  `model_id` is a model name
- `quarantine`: rows that break a rule of the table are set aside (facts from a vendor) instead
  of refusing the frame

and what an input's metadata says: `columns`, the columns to read (default: all).

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
        columns = (context.definition_metadata or {}).get("columns")
        sessions = list(context.asset_partition_keys)
        if not sessions:
            frame = empty_frame(table)
            return frame if columns is None else frame[list(columns)]
        return bulk.read(
            self.platform.database,
            table,
            sessions[0],
            sessions[-1],
            columns=columns,
            scope=self._scope(upstream.definition_metadata),
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
