"""A platform to experiment on: definitions over one database, runs in this process, SQL."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from quant_platform.defs.assets.common import IO_MANAGER
from quant_platform.defs.build import build_defs
from quant_platform.defs.io_manager import PostgresIOManager
from quant_platform.errors import VendorError
from quant_platform.pipeline.platform import Platform
from quant_platform.settings import Settings
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.sample import SampleVendor

FIRST, LAST = "2000-03-01", "2000-07-31"
"""106 sessions with AAPL's split of 21 June 2000."""

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

logging.getLogger("dagster").setLevel(logging.CRITICAL)


class WindowVendor(SampleVendor):
    """The sample market between two sessions, with faults and a release date that tests set."""

    name = "window"

    def __init__(self, first: str, last: str) -> None:
        self.first_session = date.fromisoformat(first)
        self.last_session: date | None = date.fromisoformat(last)
        self.released = self.last_session
        self.lost: set[tuple[str, str]] = set()
        self.doctored: dict[tuple[str, str], Mapping[str, float]] = {}

    def is_published(self, session: date) -> bool:
        return session <= self.released and super().is_published(session)

    def bars(self, first: date, last: date) -> pd.DataFrame:
        if last > self.released:
            raise VendorError(f"{last} is not published")
        frame = super().bars(first, last)
        for (session, symbol), values in self.doctored.items():
            row = (frame["date"] == session) & (frame["symbol"] == symbol)
            frame.loc[row, list(values)] = list(values.values())
        days = frame["date"].dt.strftime("%Y-%m-%d")
        gone = [pair in self.lost for pair in zip(days, frame["symbol"], strict=True)]
        return frame[[not lost for lost in gone]].reset_index(drop=True)


class Lab:
    """Definitions over the database of `settings`, an instance, and short ways to use both."""

    def __init__(
        self, settings: Settings, vendor: Vendor, instance: dg.DagsterInstance | None = None
    ) -> None:
        self.vendor = vendor
        self.instance = instance or dg.DagsterInstance.ephemeral()
        self.platform = Platform(settings, vendor)
        self.defs = build_defs(
            settings=settings,
            vendor=vendor,
            resource_overrides={
                "platform": self.platform,
                IO_MANAGER: PostgresIOManager(self.platform),
            },
        )

    def run(
        self,
        job: str,
        first: str,
        last: str | None = None,
        *,
        assets: Sequence[dg.AssetKey] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job over one session, or over a range."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config=SILENT,
            asset_selection=assets,
            raise_on_error=False,
            partition_key=first if last is None else None,
            tags={**(tags or {}), **({RANGE_START: first, RANGE_END: last} if last else {})},
        )

    def check(self, name: str, session: str | None = None) -> dg.AssetCheckEvaluation:
        """Execute one check alone: on one session, or (None) on everything that is stored."""
        keys = [key for key in self.defs.resolve_asset_graph().asset_check_keys if key.name == name]
        job = self.defs.resolve_implicit_global_asset_job_def()
        result = job.get_subset(asset_selection=set(), asset_check_selection=set(keys))
        done = result.execute_in_process(
            instance=self.instance,
            run_config=SILENT,
            # A failed blocking check is an error of the run.
            raise_on_error=False,
            tags={RANGE_START: session, RANGE_END: session} if session else {},
        )
        evaluations = done.get_asset_check_evaluations()
        assert len(evaluations) == 1, failure_text(done)
        return evaluations[0]

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Execute a statement, commit, and return its rows if it has any."""
        with (
            closing(self.platform.database.connect()) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: object) -> Any:
        """Return the single value that a statement selects."""
        ((value,),) = self.sql(statement, *parameters)
        return value

    def failing(self, check: str) -> list[str]:
        """Sessions for which `data_quality` holds a failed verdict of the check."""
        rows = self.sql(
            "SELECT date::text FROM data_quality WHERE check_name = %s AND NOT passed ORDER BY 1",
            check,
        )
        return [row[0] for row in rows]

    def materialised(self, asset: str) -> set[str]:
        """Partitions that the instance holds of an asset."""
        return set(self.instance.get_materialized_partitions(dg.AssetKey(asset.split("/"))))


MakeLab = Callable[..., Lab]
"""Vendor, and name of the database to copy, to a lab over the copy."""


def failed_steps(result: dg.ExecuteInProcessResult) -> list[str]:
    """Names of the steps that failed."""
    return [event.step_key or "" for event in result.all_events if event.is_step_failure]


def failure_text(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps said, causes and earlier attempts included."""
    messages: list[str] = []
    for event in result.all_events:
        error = None
        if event.is_step_failure:
            data = event.step_failure_data
            error = data.error
            if data.user_failure_data is not None:
                messages.append(data.user_failure_data.description or "")
        elif event.is_step_up_for_retry:
            error = event.step_retry_data.error
        while error is not None:
            messages.append(error.message)
            error = error.cause
    return "\n".join(messages)


def iso(days: Iterable[object]) -> list[str]:
    """Dates of any kind as ISO text."""
    return [pd.Timestamp(str(day)).strftime("%Y-%m-%d") for day in days]
