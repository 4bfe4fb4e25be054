"""Run stages in this process, as real Dagster runs that the UI shows afterwards.

What does not belong here: runs that the daemon launches, and dead runs (`processes.py`).
"""

import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType

import dagster as dg
from dagster._core.events import RunFailureReason

from quant_platform.defs.asset_registry import stages
from quant_platform.defs.assets.common import IO_MANAGER
from quant_platform.defs.build import build_defs
from quant_platform.defs.home import enter_dagster_home
from quant_platform.defs.io_manager import PostgresIOManager
from quant_platform.defs.jobs import DAILY_JOB, stage_job
from quant_platform.defs.processes import close_dead_runs, process_tag
from quant_platform.defs.staleness import inputs_of, report_stale
from quant_platform.defs.tags import command_tags, session_tags
from quant_platform.defs.upstream import upstream_of
from quant_platform.errors import QuantPlatformError, UnknownNameError
from quant_platform.pipeline.chunks import Progress
from quant_platform.pipeline.computations import unfinished
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import recipe_of
from quant_platform.pipeline.staleness import Stale, write_inputs
from quant_platform.quality.judging import unjudged
from quant_platform.quality.staleness import STALE_SESSIONS, announce
from quant_platform.settings import Settings
from quant_platform.vendors.vendor_registry import vendor_of

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Runner:
    """The definitions with their instance's home entered.

    `on_stored` is told of every asset that was written.
    """

    defs: dg.Definitions
    platform: Platform

    @classmethod
    def open(cls, settings: Settings, on_stored: Progress | None = None) -> "Runner":
        """Build the definitions over `settings`."""
        enter_dagster_home(settings)
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        platform = Platform(settings, vendor_of(settings))
        io_manager = PostgresIOManager(platform, on_stored)
        return cls(
            build_defs(
                settings=settings,
                vendor=platform.vendor,
                resource_overrides={"platform": platform, IO_MANAGER: io_manager},
            ),
            platform,
        )

    def instance(self) -> AbstractContextManager[dg.DagsterInstance]:
        """Open the Dagster instance; use as a context manager."""
        return dg.DagsterInstance.get()

    @cached_property
    def sessions(self) -> tuple[date, ...]:
        """All sessions of the market that have closed."""
        keys = self._job(DAILY_JOB).partitions_def
        assert keys is not None  # noqa: S101 — every job of ours is partitioned
        return tuple(date.fromisoformat(key) for key in keys.get_partition_keys())

    @property
    def stages(self) -> list[str]:
        """Stages that have assets, in the order in which they run."""
        return [stage for stage in stages(self.defs.assets or ()) if self.stage_assets(stage)]

    def stage_assets(self, stage: str) -> list[dg.AssetKey]:
        """Keys of the assets of a stage."""
        graph = self.defs.resolve_asset_graph()
        return sorted(
            key for key in graph.executable_asset_keys if graph.get(key).group_name == stage
        )

    def missing(self, instance: dg.DagsterInstance, stage: str) -> tuple[date, ...]:
        """Sessions for which an asset of the stage has not been materialised."""
        keys = self.stage_assets(stage)
        whole = set.intersection(*map(instance.get_materialized_partitions, keys))
        return tuple(session for session in self.sessions if session.isoformat() not in whole)

    def run_stage(self, instance: dg.DagsterInstance, stage: str, first: date, last: date) -> str:
        """Materialise one stage from `first` to `last` in one run; return the run's id."""
        return self._execute(instance, stage_job(stage), first, last, None)

    def run_assets(
        self,
        instance: dg.DagsterInstance,
        keys: Sequence[dg.AssetKey],
        first: date,
        last: date,
        tags: Mapping[str, str],
    ) -> str:
        """Materialise assets with their checks in one run; return its id."""
        everything = self.defs.resolve_asset_graph().executable_asset_keys
        chosen = None if set(keys) == set(everything) else list(keys)
        return self._execute(instance, DAILY_JOB, first, last, chosen, tags)

    def unfinished(
        self, instance: dg.DagsterInstance, selection: str, sessions: Sequence[date]
    ) -> list[dg.AssetKey]:
        """Assets of a selection that have something to do in sessions, and what follows from them.

        An asset is finished if each session was computed from what is stored now, was reported
        to Dagster, and was looked at by its checks, none of which stops what comes after.
        """
        keys = [session.isoformat() for session in sessions]
        graph = self.defs.resolve_asset_graph()
        judged = unjudged(self.platform, [spec.key.name for spec in self._checks()], keys)
        by_asset: dict[dg.AssetKey, bool] = {}
        for spec in self._checks():
            by_asset[spec.asset_key] = by_asset.get(spec.asset_key, False) or spec.name in judged
        chosen = self.selected(selection)
        work: set[dg.AssetKey] = set()
        for key in chosen:
            asset = key.to_user_string()
            recipe = recipe_of(self.platform, asset)
            if (
                by_asset.get(key, False)
                or set(keys) - set(instance.get_materialized_partitions(key))
                or unfinished(
                    self.platform, asset, upstream_of(graph.get(key).assets_def), keys, recipe
                )
            ):
                work.add(key)
        following = dg.AssetSelection.assets(*work).downstream() if work else None
        return sorted((following.resolve(graph) if following else set()) & set(chosen))

    def announce_stale(self, instance: dg.DagsterInstance) -> list[Stale]:
        """Write down what is stale now, show it in the UI, and return it."""
        assets = [each for each in self.defs.assets or () if isinstance(each, dg.AssetsDefinition)]
        write_inputs(self.platform.database, inputs_of(assets))
        stale = announce(self.platform)
        report_stale(instance, self.platform, stale)
        return stale

    def keys_of(self, stale: Sequence[Stale]) -> list[dg.AssetKey]:
        """Keys of stale assets."""
        return sorted(dg.AssetKey.from_user_string(each.asset) for each in stale)

    def selected(self, selection: str) -> list[dg.AssetKey]:
        """Keys of a Dagster selection, `*` for all; with those that one step writes together.

        Raises
        ------
        UnknownNameError
            The selection cannot be read, or selects nothing.
        """
        graph = self.defs.resolve_asset_graph()
        if selection.strip() == "*":
            return sorted(graph.executable_asset_keys)
        try:
            with warnings.catch_warnings():
                # Dagster's own parser calls a function of Dagster that is in beta.
                warnings.simplefilter("ignore", dg.BetaWarning)
                chosen = dg.AssetSelection.from_string(selection)
                # Assets that one step writes are materialised together.
                keys = chosen.required_multi_asset_neighbors().resolve(graph)
        except dg.DagsterInvalidSubsetError as error:
            raise UnknownNameError(
                f"{selection!r} selects no assets: one of its names is none",
                f"There are: {self._names()}",
            ) from error
        except Exception as error:  # Dagster raises several private kinds for one cause
            raise UnknownNameError(
                f"{selection!r} selects no assets: {str(error).splitlines()[0]}",
                'For instance: features, group:signals, key:"signals/*", or key:"features"+'
                " for all that follows from it",
            ) from error
        if not keys:
            raise UnknownNameError(
                f"{selection!r} selects no assets", f"There are: {self._names()}"
            )
        return sorted(keys)

    def _names(self) -> str:
        keys = self.defs.resolve_asset_graph().executable_asset_keys
        return ", ".join(sorted(key.to_user_string() for key in keys))

    def _checks(self) -> list[dg.AssetCheckSpec]:
        checks = self.defs.asset_checks or ()
        return [
            spec
            for each in checks
            if isinstance(each, dg.AssetChecksDefinition)
            for spec in each.check_specs
            # Its verdicts follow from the ledger, whoever looks.
            if spec.name != STALE_SESSIONS.name
        ]

    def _job(self, name: str) -> dg.JobDefinition:
        return self.defs.resolve_job_def(name)

    def _execute(
        self,
        instance: dg.DagsterInstance,
        job: str,
        first: date,
        last: date,
        keys: Sequence[dg.AssetKey] | None,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        # The run of a command that was killed is shown as failed.
        close_dead_runs(instance)
        result = self._job(job).execute_in_process(
            instance=instance,
            run_config=QUIET,
            asset_selection=keys,
            tags={
                **session_tags(first, last),
                **process_tag(),
                **command_tags(),
                **tags,
            },
            raise_on_error=False,
        )
        if _was_stopped(result):
            raise KeyboardInterrupt
        if not result.success:
            raise QuantPlatformError(
                f"Run {result.run_id} of {job} failed: {_reason(result)}",
                "Nothing was half written; mend the cause and run it again",
            )
        return result.run_id


OURS = {kind.__name__ for kind in QuantPlatformError.__subclasses__()}
"""Names of the errors that a user can meet."""


def _was_stopped(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C ended the run; Dagster makes a failure of it."""
    return any(
        event.is_job_failure
        and event.job_failure_data.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION
        for event in result.all_events
    )


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """What failed: the blocking checks in their own words, or the step's innermost message."""
    checks = [
        evaluation for evaluation in result.get_asset_check_evaluations() if _blocks(evaluation)
    ]
    if checks:
        return "; ".join(f"{check.check_name}: {check.description}" for check in checks)
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            if event.step_failure_data.user_failure_data is not None:
                described = event.step_failure_data.user_failure_data.description
                if described:
                    return f"{event.step_key}: {described}"
            # An error of ours says what is wrong and what to do; its cause is a driver's.
            while error is not None and error.cause is not None and error.cls_name not in OURS:
                error = error.cause
            if error is not None:
                # Without the leading name of the exception's class.
                line = error.message.strip().splitlines()[0]
                return f"{event.step_key}: " + re.sub(r"^[\w.]+: ", "", line)
    return "see the run in the UI"


def _blocks(evaluation: dg.AssetCheckEvaluation) -> bool:
    return not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
