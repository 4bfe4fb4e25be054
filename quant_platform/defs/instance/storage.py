"""`PlatformStorage`: Dagster's instance storage, fast enough for one run over years of sessions.

Named in `dagster.yaml`; Dagster builds it in every process (webserver, daemon, code server, run).
It finds its database through the platform's settings, so neither the file nor anything Dagster
passes between processes holds a password. Its three storages share a pool of connections and
write events in bulk (`quant_platform.defs.instance`). They build on inner parts of
dagster-postgres, so with a version that was not tried it steps back to the stock storages, and
says so once.
"""

import logging
import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster._config import UserConfigSchema
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from quant_platform.errors import SettingsError
from quant_platform.settings import Settings
from quant_platform.storage.addresses import sqlalchemy_url
from quant_platform.storage.database import dagster_url

KNOWN_VERSIONS = frozenset({("1.13.27", "0.29.27")})
"""Pairs of dagster and dagster-postgres whose whole test-suite of the fast storage has passed."""

EVENTS_PER_BATCH = "1000"
"""Default of DAGSTER_EVENT_BATCH_SIZE; without it Dagster hands over events one by one."""

_log = logging.getLogger(__name__)


class PlatformStorage(DagsterStorage, ConfigurableClass):
    """Storage of runs, events and schedules in the instance's own Postgres database.

    Parameters
    ----------
    postgres_url : postgres://, postgresql:// or postgresql+psycopg2:// URL; None for the database
        that the settings name
    inst_data : how Dagster builds this object again elsewhere; None if that is not needed
    """

    def __init__(
        self, postgres_url: str | None = None, inst_data: ConfigurableClassData | None = None
    ) -> None:
        url = _own_driver(postgres_url) if postgres_url else dagster_url(Settings.load())
        self._inst_data = inst_data
        self._run_storage: RunStorage
        self._event_log_storage: EventLogStorage
        self._schedule_storage: ScheduleStorage
        if versions_are_known():
            self._use_fast_storages(url)
        else:
            self._run_storage = PostgresRunStorage(url)
            self._event_log_storage = PostgresEventLogStorage(url)
            self._schedule_storage = PostgresScheduleStorage(url)
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in Dagster

    def _use_fast_storages(self, url: str) -> None:
        # Only here: with another version of Dagster these modules might not even import.
        from quant_platform.defs.instance.event_log import BulkEventLogStorage
        from quant_platform.defs.instance.first_start import complete_first_start
        from quant_platform.defs.instance.pool import Lease, PoolOptions
        from quant_platform.defs.instance.storages import PooledRunStorage, PooledScheduleStorage

        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENTS_PER_BATCH)
        lease = Lease(PoolOptions(url))
        complete_first_start(lease.engine)
        self._run_storage = PooledRunStorage(lease)
        self._event_log_storage = BulkEventLogStorage(lease)
        self._schedule_storage = PooledScheduleStorage(lease)

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """How Dagster builds this object again in another process: the user's own configuration."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return the configuration's schema: nothing is required."""
        return {"postgres_url": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PlatformStorage":
        """Build the storage from `dagster.yaml`."""
        return cls(config_value.get("postgres_url"), inst_data)

    @property
    def run_storage(self) -> RunStorage:
        """Storage of runs."""
        return self._run_storage

    @property
    def event_log_storage(self) -> EventLogStorage:
        """Storage of events."""
        return self._event_log_storage

    @property
    def schedule_storage(self) -> ScheduleStorage:
        """Storage of schedules and sensors."""
        return self._schedule_storage


def _own_driver(postgres_url: str) -> str:
    url = sqlalchemy_url(postgres_url)
    if not url.startswith("postgresql+psycopg2://"):
        raise SettingsError(
            "postgres_url of the instance storage in dagster.yaml is not a PostgreSQL URL",
            "Write it as postgresql://user:password@host:5432/database, or remove it",
        )
    return url


@cache
def versions_are_known() -> bool:
    """Whether the installed pair of versions is one of `KNOWN_VERSIONS`; warns once if not."""
    installed = version("dagster"), version("dagster-postgres")
    if installed in KNOWN_VERSIONS:
        return True
    _log.warning(
        "Dagster %s with dagster-postgres %s was not tried with the fast instance storage;"
        " using Dagster's own, which is slower",
        *installed,
    )
    return False
