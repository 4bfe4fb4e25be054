"""Event log that writes in bulk: one transaction and one COPY for many events.

The stock storage writes the planned materialisations of a run one by one, several statements and
connections each. Here

1. a run's planned materialisations arrive as one event per asset with a subset of partitions
   (`supports_partition_subset_in_asset_materialization_planned_events`) and are expanded when
   they are stored, so the table holds the same row per partition that the stock storage writes;
2. `store_event` and `store_event_batch` share one path: ids from the table's sequence, COPY into
   `event_logs` and `asset_event_tags`, then the stock statement per asset for `asset_keys`, in
   one transaction. A batch is stored as a whole or not at all, so Dagster's fallback to single
   events cannot store anything twice;
3. ids become visible in ascending order: every writer takes one advisory lock until it commits.
   Readers that remember the greatest id they saw (sensors, backfills) miss nothing that a slower
   writer commits after it.

NOTIFY, which the stock storage sends, is left out: no supported version of Dagster listens to it.
"""

import io
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import NamedTuple, cast

import dagster._check as check
from dagster._core.definitions.partitions.subset import PartitionsSubset
from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    BATCH_WRITABLE_EVENTS,
    DagsterEvent,
    DagsterEventType,
)
from dagster._core.events.log import EventLogEntry
from dagster._serdes import serialize_value
from dagster_postgres import PostgresEventLogStorage
from dagster_shared.record import copy
from psycopg2 import extensions
from sqlalchemy import Connection

from quant_platform.defs.instance.event_text import EventTexts, texts_by_partition
from quant_platform.defs.instance.pool import Lease
from quant_platform.defs.instance.storages import OnSharedPool

WRITERS_LOCK = 7_310_220_174
"""Key of the advisory lock under which ids of events are drawn; nobody else uses this number."""

LONGEST_PAUSE = "60s"
"""A writer that stops in the middle, suspended say, loses its transaction and the lock then."""

_BEGIN = (
    f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_PAUSE}';"
    f" SELECT pg_advisory_xact_lock({WRITERS_LOCK})"
)
_NEW_IDS = (
    "SELECT nextval(pg_get_serial_sequence('event_logs', 'id')) FROM generate_series(1, %(count)s)"
)
_COPY_EVENTS = (
    "COPY event_logs (id, run_id, event, dagster_event_type, timestamp, step_key, asset_key,"
    " partition) FROM STDIN"
)
_COPY_TAGS = "COPY asset_event_tags (event_id, asset_key, key, value, event_timestamp) FROM STDIN"
_INSERT_EVENT = (
    "SELECT pg_advisory_xact_lock(%(lock)s);"
    " INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key) VALUES"
    " (%(run_id)s, %(event)s, %(type)s, %(timestamp)s, %(step_key)s)"
)
_TAGGED_EVENTS = {DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_OBSERVATION}
_INDEXED_EVENTS = ASSET_EVENTS | ASSET_CHECK_EVENTS


class _Row(NamedTuple):
    """One row of `event_logs` without its id, and the entry it was made from."""

    entry: EventLogEntry
    type: DagsterEventType
    text: str
    timestamp: str
    asset_key: str | None
    partition: str | None


class BulkEventLogStorage(OnSharedPool, PostgresEventLogStorage):
    """The event log on the shared pool, with events written in bulk."""

    def __init__(self, lease: Lease) -> None:
        self._writing = threading.local()
        super().__init__(lease)

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Ask for one planned event per asset; `_rows` makes one row per partition of it."""
        return True

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event."""
        check.inst_param(event, "event", EventLogEntry)
        if event.dagster_event_type in _INDEXED_EVENTS:
            self._store([event])
        else:
            self._store_plain(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one batch as a whole or not at all."""
        check.sequence_param(events, "events", of_type=EventLogEntry)
        types = {event.dagster_event_type for event in events}
        check.invariant(
            types <= BATCH_WRITABLE_EVENTS,
            f"{BATCH_WRITABLE_EVENTS} are the only currently supported events for batch writes.",
        )
        failed = DagsterEventType.ASSET_FAILED_TO_MATERIALIZE
        self._store([event for event in events if event.dagster_event_type != failed])

    def dispose(self) -> None:
        """Stop watching, return the connections; an instance disposes of its event log last."""
        super().dispose()
        self.lease.release()

    def _connect(self) -> AbstractContextManager[Connection]:
        """Return a connection; inside `_transaction` the one that is writing.

        Whatever is asked for there (`has_table` too) is asked on it. Who held the writers' lock and
        waited for a second connection could wait for those that wait for the lock.
        """
        connection: Connection | None = getattr(self._writing, "connection", None)
        return super()._connect() if connection is None else nullcontext(connection)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connect() as plain:
            connection = plain.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                connection.exec_driver_sql(_BEGIN)
                self._writing.connection = connection
                try:
                    yield connection
                finally:
                    self._writing.connection = None

    def _store_plain(self, entry: EventLogEntry) -> None:
        """Store an event that no other table knows, in one round trip."""
        event = entry.dagster_event
        row = {
            "lock": WRITERS_LOCK,
            "run_id": entry.run_id,
            "event": serialize_value(entry),
            "type": event.event_type_value if event else None,
            "timestamp": _timestamp(entry),
            "step_key": event.step_key if event else entry.step_key,
        }
        with self._connect() as connection:
            connection.exec_driver_sql(_INSERT_EVENT, row)

    def _store(self, entries: Sequence[EventLogEntry]) -> None:
        rows = list(self._rows(entries))
        if not rows:
            return
        with self._transaction() as connection:
            result = connection.exec_driver_sql(_NEW_IDS, {"count": len(rows)})
            ids = sorted(result.scalars())
            _copy(connection, _COPY_EVENTS, map(_event_line, ids, rows))
            _copy(connection, _COPY_TAGS, self._tag_lines(ids, rows))
            self._store_assets(connection, ids, rows)
            for event_id, row in zip(ids, rows, strict=True):
                if row.type in ASSET_CHECK_EVENTS:
                    self.store_asset_check_event(row.entry, event_id)

    def _rows(self, entries: Sequence[EventLogEntry]) -> Iterator[_Row]:
        texts = EventTexts()
        for entry in entries:
            event = entry.get_dagster_event()
            event_type = DagsterEventType(event.event_type_value)
            asset_key = event.asset_key.to_string() if event.asset_key else None
            timestamp = _timestamp(entry)
            subset = self._subset_to_expand(event_type, event)
            if subset is None:
                partition = event.partition or None
                yield _Row(entry, event_type, texts.text(entry), timestamp, asset_key, partition)
            else:
                for partition, text in texts_by_partition(entry, subset.get_partition_keys()):
                    yield _Row(entry, event_type, text, timestamp, asset_key, partition)

    def _subset_to_expand(
        self, event_type: DagsterEventType, event: DagsterEvent
    ) -> PartitionsSubset | None:
        """Partitions of a planned event for several; None if the user wants it stored as it is."""
        if (
            event_type is not DagsterEventType.ASSET_MATERIALIZATION_PLANNED
            or super().supports_partition_subset_in_asset_materialization_planned_events
        ):
            return None
        return event.asset_materialization_planned_data.partitions_subset

    def _store_asset_check_evaluation_planned(
        self, event: EventLogEntry, event_id: int | None
    ) -> None:
        """Plan a check of many partitions as one row, the one that its evaluation will resolve.

        A run over a range evaluates each check once, without a partition. The stock storage plans a
        row per partition (each with the whole event in it), none of which is ever resolved.
        """
        planned = check.not_none(event.dagster_event).asset_check_planned_data
        if planned.partitions_subset is not None and len(planned.partitions_subset) > 1:
            # The evaluation finds its planned row by the partition, here none.
            event = _without_partitions(event)
        super()._store_asset_check_evaluation_planned(event, event_id)

    def _tag_lines(self, ids: Sequence[int], rows: Sequence[_Row]) -> Iterator[str]:
        for event_id, row in zip(ids, rows, strict=True):
            if row.asset_key is not None and row.type in _TAGGED_EVENTS:
                for key, value in self._tags_for_asset_event(row.entry).items():
                    fields = (row.asset_key, key, value)
                    yield f"{event_id}\t{_escaped(*fields)}\t{row.timestamp}\n"

    def _store_assets(
        self, connection: Connection, ids: Sequence[int], rows: Sequence[_Row]
    ) -> None:
        """Leave `asset_keys` as the stock storage would: by an asset's last event of each type."""
        last = {
            (row.asset_key, row.type): (row.entry, event_id)
            for event_id, row in zip(ids, rows, strict=True)
            if row.asset_key is not None and row.type in ASSET_EVENTS
        }
        for entry, event_id in sorted(last.values(), key=lambda pair: pair[1]):
            self._store_asset_event(connection, entry, event_id)


def _without_partitions(entry: EventLogEntry) -> EventLogEntry:
    event = entry.get_dagster_event()
    planned = copy(event.asset_check_planned_data, partitions_subset=None)
    return entry._replace(dagster_event=event._replace(event_specific_data=planned))


def _timestamp(entry: EventLogEntry) -> str:
    """Time of an event in UTC, without a zone, as the tables hold it."""
    return datetime.fromtimestamp(entry.timestamp, UTC).replace(tzinfo=None).isoformat(sep=" ")


def _event_line(event_id: int, row: _Row) -> str:
    head = _escaped(row.entry.run_id, row.text, row.type.value)
    tail = _escaped(row.entry.get_dagster_event().step_key, row.asset_key, row.partition)
    return f"{event_id}\t{head}\t{row.timestamp}\t{tail}\n"


def _escaped(*fields: str | None) -> str:
    """Join fields in COPY's text format."""
    return "\t".join(
        "\\N"
        if field is None
        else field.replace("\\", "\\\\")
        .replace("\t", "\\t")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        for field in fields
    )


def _copy(connection: Connection, statement: str, lines: Iterable[str]) -> None:
    text = "".join(lines)
    if text:
        driver = cast("extensions.connection", connection.connection.driver_connection)
        encoded = text.encode(extensions.encodings[driver.encoding])
        with driver.cursor() as cursor:
            cursor.copy_expert(statement, io.BytesIO(encoded))
