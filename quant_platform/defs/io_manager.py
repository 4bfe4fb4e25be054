"""The Postgres IO manager: one table per asset, replaced session by session.

Inputs are read by the sessions of the partition mapping.

What an asset's definition metadata says to it:

- `table`: the table (or view) of the asset
- `scope`: fixed column values of the part of a shared table that the asset owns, in each of its
  tables that has the column; the value of `model_id` is a model's name, or a list of such
- `dense`: every session has rows, so that a hole in a look-back is an error and not silence
- `quarantine`: rows that break a rule of the table are set aside (facts from a vendor) instead
  of refusing the frame
- `with_tables`: further tables that its chunks have rows of and that are no asset of their own

and what an input's metadata says:

- `columns`: the columns to read (default: all)
- `own_past`: the asset reads its own earlier sessions
- `cumulative`: rows hold from their session on, so the state after a session is all rows up to it
- `members`: only securities that are in the universe in the run's sessions (`run`), or were in any
  session up to the run's last (`ever`)
- `lazy`: hand over a `Stored`, to be read in pieces

An output is a frame, or `Chunks` of several tables' rows that are stored one transaction after the
other, or what such chunks wrote to a further asset's table (`Written`).

The contract of the table is enforced here, before commit, in every kind of run. A frame that breaks
it fails the step without a retry, so no event is written and nothing downstream runs, in this run
or in any other.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import dagster as dg
import pandas as pd

from quant_platform.defs.failures import mapped_errors
from quant_platform.defs.metadata import heavy_metadata, light_metadata, stale_metadata
from quant_platform.pipeline.chunks import Chunk, Chunks, Progress, Written, store_all
from quant_platform.pipeline.computations import record
from quant_platform.pipeline.failures import failure_statements, failures_of
from quant_platform.pipeline.holes import hole_in
from quant_platform.pipeline.ledger import FAILED_AT
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import StaleInputs
from quant_platform.quality.check import QualityCheck
from quant_platform.quality.check_registry import all_checks
from quant_platform.quality.overtaken import withdraw
from quant_platform.storage.bulk import BEGINNING, Members, Scope
from quant_platform.storage.frames import empty_frame
from quant_platform.storage.holdout import is_sealed
from quant_platform.storage.models import model_ids
from quant_platform.storage.replace import (
    Replaced,
    Statement,
    TableRows,
    replace_tables,
    typed,
)
from quant_platform.storage.schema import Table
from quant_platform.storage.stored import Stored

DETAILED_SESSIONS = 64
"""Newest sessions of a run that get a row count of their own.

Dagster's cost of each grows with their number.
"""

NEVER = "0001-01-02"
"""A session of which nothing is stored."""

UNKNOWN_MODEL = -1
"""Id that no model has: reads nothing."""


class PostgresIOManager(dg.IOManager):
    """Stores frames in, and loads frames from, the platform's database."""

    def __init__(self, platform: Platform, on_stored: Progress | None = None) -> None:
        """Take the platform, and optionally what is told of everything that is written."""
        self.platform = platform
        self._on_stored = on_stored
        self._stale_inputs = StaleInputs(platform)

    @cached_property
    def _checks(self) -> list[QualityCheck]:
        return all_checks(self.platform.settings, self.platform.vendor)

    def handle_output(
        self, context: dg.OutputContext, obj: pd.DataFrame | Chunks | Written
    ) -> None:
        """Replace the sessions of the run, each chunk in one transaction."""
        started = time.monotonic()
        sessions = list(context.asset_partition_keys)
        metadata = context.definition_metadata
        table = self._table(metadata)
        counts: Mapping[str, int] = {}
        if isinstance(obj, Written):
            written = obj
        else:
            chunks = obj if isinstance(obj, Chunks) else Chunks.of(table.name, obj, sessions)
            written = self._store(context, chunks, table)
            counts = chunks.counts
        seconds = time.monotonic() - started
        shown = light_metadata(table, written.replaced, len(sessions), seconds)
        context.add_output_metadata({**shown, **counts})
        self._say_what_failed(context)
        self._say_what_is_stale(context, written)
        if is_sealed(self.platform.database, sessions[-1]):
            written.hide_newest()
        _describe_sessions(context, table, written, sessions)
        if self._on_stored is not None:
            self._on_stored.asset(context.asset_key.to_user_string())

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | Stored:
        """Read exactly the sessions the partition mapping names, ordered by the table's key."""
        upstream = context.upstream_output
        if upstream is None:
            raise dg.DagsterInvariantViolationError("Only outputs of assets can be loaded")
        table = self._table(upstream.definition_metadata)
        wanted = context.definition_metadata or {}
        columns = wanted.get("columns")
        sessions = list(context.asset_partition_keys)
        if not sessions and not wanted.get("lazy"):
            frame = empty_frame(table)
            return frame if columns is None else frame[list(columns)]
        first, last = (sessions[0], sessions[-1]) if sessions else (NEVER, NEVER)
        stored = Stored(
            self.platform.database,
            table,
            BEGINNING if wanted.get("cumulative") and sessions else first,
            last,
            columns=columns,
            scope=self._scope(upstream.definition_metadata, table),
            members=_members(context, str(wanted.get("members", ""))),
        )
        # An asset's own past is written by the very run that asks for it.
        if (upstream.definition_metadata or {}).get("dense") and not wanted.get("own_past"):
            self._refuse_gaps(table, sessions, only_before=bool(wanted.get("only_before")))
        return stored if wanted.get("lazy") else stored.read()

    def _store(self, context: dg.OutputContext, chunks: Chunks, table: Table) -> Written:
        """Store the chunks in their order, while the next ones are made ready."""

        def ready(chunk: Chunk) -> Chunk:
            parts = self._parts(chunk, context.definition_metadata)
            frames = {
                part.table.name: typed(
                    self.platform.database, part, chunk.sessions, run_id=context.run_id
                ).frame
                for part in parts
            }
            recorded = self._computations(context, chunk, chunks.recipe, parts)
            return dataclasses.replace(chunk, frames=frames, also=[*chunk.also, *recorded])

        def store(chunk: Chunk, strict: bool) -> list[Replaced]:
            parts = self._parts(chunk, context.definition_metadata, strict=strict)
            return replace_tables(
                self.platform.database,
                parts,
                chunk.sessions,
                run_id=context.run_id,
                also=chunk.also,
            )

        def stored(chunk: Chunk, replaced: list[Replaced]) -> None:
            chunks.note(chunk, replaced)
            if self._on_stored is not None:
                name = next(iter(chunk.frames))
                self._on_stored.sessions(name, len(chunk.sessions), replaced[0].stored)

        with mapped_errors():
            store_all(chunks, ready, store, stored)
        return chunks.written(table.name)

    def _say_what_failed(self, context: dg.OutputContext) -> None:
        """Say in the materialisation, and as an error, what could not be computed."""
        asset = context.asset_key.to_user_string()
        failed = failures_of(self.platform.database, asset, context.run_id)
        if failed:
            text = "\n".join(f"- {each}" for each in failed)
            context.add_output_metadata({"failed": dg.MetadataValue.md(text)})
            context.log.error(f"{asset}: {'; '.join(failed)}")

    def _say_what_is_stale(self, context: dg.OutputContext, written: Written) -> None:
        """Say in the materialisation, and warn, where it builds on stale sessions."""
        if not written.rows:
            return
        asset = context.asset_key.to_user_string()
        stale = self._stale_inputs.of(asset, sorted(written.rows))
        if stale:
            context.add_output_metadata(stale_metadata(stale))
            said = "; ".join(map(str, stale))
            context.log.warning(f"{asset} was computed from stale sessions. {said}")

    def _computations(
        self, context: dg.OutputContext, chunk: Chunk, recipe: str, parts: Sequence[TableRows]
    ) -> list[Statement]:
        """Statements that record what is stored, and withdraw verdicts on what was there.

        A further table's asset has the table's name, unless it is one of `with_tables`.
        """
        own = context.asset_key.to_user_string()
        metadata = context.definition_metadata
        names = {metadata["table"], *metadata.get("with_tables", ())}
        statements = []
        for part in parts:
            asset = own if part.table.name in names else part.table.name
            statements.append(
                record(
                    asset,
                    part.table,
                    part.scope,
                    chunk.sessions,
                    recipe=recipe,
                    read_at=FAILED_AT if chunk.failures else chunk.read_at,
                    run_id=context.run_id,
                )
            )
            statements += withdraw(self.platform, self._checks, asset, part, chunk.sessions)
        failed = failure_statements(own, chunk.sessions, chunk.failures, context.run_id)
        return [*statements, *failed]

    def _parts(
        self, chunk: Chunk, metadata: Mapping[str, Any], *, strict: bool = False
    ) -> list[TableRows]:
        return [
            TableRows(
                self.platform.table(name),
                frame,
                self._scope(metadata, self.platform.table(name)),
                bool(metadata.get("quarantine", False)) and not strict,
                chunk.refused.get(name),
            )
            for name, frame in chunk.frames.items()
        ]

    def _refuse_gaps(self, table: Table, sessions: Sequence[str], *, only_before: bool) -> None:
        """Refuse to compute over a hole: history may begin late, but not skip a session."""
        if hole := hole_in(self.platform, table, sessions, only_before=only_before):
            raise dg.Failure(description=hole, allow_retries=False)

    def _table(self, metadata: Mapping[str, Any] | None) -> Table:
        return self.platform.table(str((metadata or {})["table"]))

    def _scope(self, metadata: Mapping[str, Any] | None, table: Table) -> Scope:
        stated = (metadata or {}).get("scope", {})
        having = {column.name for column in table.columns}
        scope = {name: value for name, value in stated.items() if name in having}
        if "model_id" in scope:
            ids, of = model_ids(self.platform.database), scope["model_id"]
            scope["model_id"] = (
                ids.get(of, UNKNOWN_MODEL)
                if isinstance(of, str)
                else tuple(sorted(ids.get(each, UNKNOWN_MODEL) for each in of))
            )
        return scope


def _members(context: dg.InputContext, which: str) -> Members | None:
    if not which:
        return None
    step = context.step_context
    keys = step.partition_key_range if step.has_partition_key_range else None
    first, last = (keys.start, keys.end) if keys else (step.partition_key,) * 2
    return Members(BEGINNING if which == "ever" else first, last)


def _describe_sessions(
    context: dg.OutputContext, table: Table, written: Written, sessions: Sequence[str]
) -> None:
    """Row counts for the newest sessions; preview, plot and column schema for the newest one.

    The rest of a long run carries only its totals: the same text in thousands of events would cost
    more than the work.
    """
    step, key = context.step_context, context.asset_key
    for session in sessions[-DETAILED_SESSIONS:]:
        count = {"dagster/partition_row_count": written.rows.get(session, 0)}
        step.add_asset_metadata(count, key, partition_key=session)
    heavy = heavy_metadata(table, written.rows, written.newest)
    step.add_asset_metadata(heavy, key, partition_key=sessions[-1])
