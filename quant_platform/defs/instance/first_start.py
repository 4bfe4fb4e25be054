"""The first start of an instance: all of Dagster's tables at once, or none.

Dagster makes its tables one by one and later looks for one of them alone, so that a process that
died in between leaves a database which no later start completes. Here they are made in one
transaction, with the notes that there is no older data to convert. A database that another program
left half made is completed, unless it holds a run. Bringing the tables of an older Dagster up to
date does not belong here: that is `dagster instance migrate`.
"""

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log import SqlEventLogStorageMetadata
from dagster._core.storage.event_log.migration import (
    ASSET_DATA_MIGRATIONS,
    EVENT_LOG_DATA_MIGRATIONS,
)
from dagster._core.storage.runs.migration import OPTIONAL_DATA_MIGRATIONS, REQUIRED_DATA_MIGRATIONS
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.migration import (
    OPTIONAL_SCHEDULE_DATA_MIGRATIONS,
    REQUIRED_SCHEDULE_DATA_MIGRATIONS,
)
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata
from dagster._core.storage.sql import stamp_alembic_rev
from dagster_postgres.run_storage import run_storage
from dagster_postgres.utils import pg_alembic_config

SCHEMAS = (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)

CONVERSIONS = {
    *REQUIRED_DATA_MIGRATIONS,
    *OPTIONAL_DATA_MIGRATIONS,
    *EVENT_LOG_DATA_MIGRATIONS,
    *ASSET_DATA_MIGRATIONS,
    *REQUIRED_SCHEDULE_DATA_MIGRATIONS,
    *OPTIONAL_SCHEDULE_DATA_MIGRATIONS,
}
"""Names of Dagster's conversions of older data; each is noted when it is done."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('quant_platform'), hashtext('dagster'))"

_NOTE = """
INSERT INTO secondary_indexes (name, migration_completed) VALUES (:name, now())
ON CONFLICT (name) DO UPDATE SET migration_completed = now()
"""


def complete_first_start(engine: sa.Engine) -> None:
    """Make what is missing of a database that no run was stored in yet."""
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            if not _is_unfinished(connection):
                return
            # Another process may have made them while this one waits.
            connection.exec_driver_sql(_LOCK)
            config = pg_alembic_config(run_storage.__file__)
            head = ScriptDirectory.from_config(config).get_current_head()
            if not _is_unfinished(connection) or _revision(connection) not in (None, head):
                return
            for schema in SCHEMAS:
                schema.create_all(connection)
                for table in schema.sorted_tables:
                    for index in table.indexes:
                        index.create(connection, checkfirst=True)
            stamp_alembic_rev(config, connection)
            for name in sorted(CONVERSIONS):
                connection.execute(sa.text(_NOTE), {"name": name})


def _is_unfinished(connection: sa.Connection) -> bool:
    """Whether a table or a note is missing, and no run is stored."""
    tables = set(sa.inspect(connection).get_table_names())
    if "runs" in tables and connection.scalar(sa.text("SELECT EXISTS (SELECT FROM runs)")):
        return False
    if any(name not in tables for schema in SCHEMAS for name in schema.tables):
        return True
    noted = sa.text("SELECT name FROM secondary_indexes WHERE migration_completed IS NOT NULL")
    return _revision(connection) is None or bool(CONVERSIONS.difference(connection.scalars(noted)))


def _revision(connection: sa.Connection) -> str | None:
    """Revision of Dagster's tables that the database names, if any."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision
