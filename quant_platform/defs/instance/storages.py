"""Dagster's Postgres storages on a shared pool of connections, otherwise unchanged.

`OnSharedPool` goes in front of a class of dagster-postgres and replaces its engine; the run and
the schedule storage need no more than that. The event log, which also writes in bulk, is in
`event_log.py`.
"""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.tags import CODE_LOCATION_TAG
from dagster_postgres import PostgresRunStorage, PostgresScheduleStorage
from sqlalchemy import Engine

from quant_platform.defs.instance.pool import Lease
from quant_platform.defs.processes import process_tag

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData

    class _Stock:
        """What the three stock classes have in common."""

        def __init__(
            self,
            postgres_url: str,
            should_autocreate_tables: bool = True,
            inst_data: ConfigurableClassData | None = None,
        ) -> None: ...

        def optimize_for_webserver(
            self, statement_timeout: int, pool_recycle: int, max_overflow: int
        ) -> None: ...
else:
    _Stock = object

STORAGES_ON_A_POOL = 3


class OnSharedPool(_Stock):
    """Mixin: take connections from a lease instead of opening one per statement.

    Parameters
    ----------
    lease : the storages of one instance hand the same lease to each other
    """

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        super().__init__(postgres_url=lease.options.url)

    @property
    def _engine(self) -> Engine:
        return self.lease.engine

    @_engine.setter
    def _engine(self, engine: Engine) -> None:
        """Drop the engine that the stock constructor makes; it has opened nothing yet."""

    def optimize_for_webserver(
        self, statement_timeout: int, pool_recycle: int, max_overflow: int
    ) -> None:
        """Limit statements to `statement_timeout` ms, on one pool for all three storages."""
        self.lease.change(
            replace(
                self.lease.options,
                idle=STORAGES_ON_A_POOL,
                overflow=max_overflow,
                recycle_seconds=pool_recycle,
                statement_timeout_ms=statement_timeout,
            )
        )


class PooledRunStorage(OnSharedPool, PostgresRunStorage):
    """Run storage on the shared pool; a run says which process executes it, and whose code."""

    def add_run(self, dagster_run: DagsterRun) -> DagsterRun:
        """Add a run; one that names its code location gets the origin that the UI looks for.

        Runs that the daemon or the UI launches have one. Those of a command have not, and Overview
        and Timeline would leave them out.
        """
        location = dagster_run.tags.get(CODE_LOCATION_TAG)
        if dagster_run.remote_job_origin is None and location is not None:
            repository = RemoteRepositoryOrigin(
                RegisteredCodeLocationOrigin(location), SINGLETON_REPOSITORY_NAME
            )
            origin = RemoteJobOrigin(repository, dagster_run.job_name)
            dagster_run = dagster_run._replace(remote_job_origin=origin)
        return super().add_run(dagster_run)

    def handle_run_event(
        self, run_id: str, event: DagsterEvent, update_timestamp: datetime | None = None
    ) -> None:
        """Take in an event of a run's status; the start is told by the process that executes it.

        A run that the daemon launched would otherwise count as under way for hours after its
        process was killed (`defs/processes.py`).
        """
        super().handle_run_event(run_id, event, update_timestamp)
        if event.event_type is DagsterEventType.RUN_START:
            self.add_run_tags(run_id, process_tag())


class PooledScheduleStorage(OnSharedPool, PostgresScheduleStorage):
    """Schedule storage on the shared pool."""
