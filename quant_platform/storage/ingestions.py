"""The table `ingestions`: the outcome of the last request to a vendor for each session.

What does not belong here: when a session is asked for again (`pipeline/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from quant_platform.storage.database import Database
from quant_platform.storage.replace import Statement

COMPLETE, PENDING, FAILED = "complete", "pending", "failed"

_UPSERT = """
INSERT INTO ingestions (date, source, status, reason, rows, etag, lineage)
VALUES ({0}::text::date, {1}, {2}, {3}, {4}::text::integer, {5}, {6})
ON CONFLICT (date, source) DO UPDATE SET status = excluded.status, reason = excluded.reason,
    rows = excluded.rows, etag = excluded.etag, lineage = excluded.lineage,
    requested_at = excluded.requested_at
"""


@dataclass(frozen=True)
class Ingestion:
    """The outcome of one session's request.

    Attributes
    ----------
    session : ISO date
    source : vendor
    lineage : the run, with its retries, that asked
    status : complete, pending or failed
    reason : why it is not complete
    rows : rows stored
    etag : version of the vendor's file
    """

    session: str
    source: str
    lineage: str
    status: str = COMPLETE
    reason: str = ""
    rows: int = 0
    etag: str = ""

    def statement(self) -> Statement:
        """Return the statement that records it, to be executed with the session's rows."""
        return _UPSERT.format(*(f"${number}" for number in range(1, 8))), self._values()

    def _values(self) -> tuple[str, ...]:
        figures = (str(self.rows), self.etag, self.lineage)
        return (self.session, self.source, self.status, self.reason, *figures)


def record(database: Database, ingestion: Ingestion) -> None:
    """Record an outcome by itself: a session that brought no rows.

    What is stored of the session stays, and so does the record of it.
    """
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                _UPSERT.format(*["%s"] * 7) + " WHERE ingestions.status <> 'complete'",
                ingestion._values(),
            )
    finally:
        connection.close()


def completed(
    database: Database, source: str, sessions: Sequence[str], lineage: str | None = None
) -> set[str]:
    """Sessions whose rows are stored; with `lineage`, only those that this run asked for."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT date::text FROM ingestions WHERE source = %s AND status = 'complete'"
                " AND date = ANY (%s::date[]) AND (%s::text IS NULL OR lineage = %s)",
                (source, list(sessions), lineage, lineage),
            )
            return {row[0] for row in cursor.fetchall()}
    finally:
        connection.close()
