"""Sensors: the market is kept current, a failed run is an alert, and alerts are sent.

What does not belong here: which update comes next (`pipeline/updates.py`), and what the vendor
announces (`pipeline/market_state.py`).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from quant_platform.alerts.delivery import look_and_deliver
from quant_platform.alerts.queue import raise_alert
from quant_platform.defs.jobs import DAILY_JOB
from quant_platform.defs.processes import close_dead_runs, runs_in_progress
from quant_platform.defs.staleness import report_stale
from quant_platform.defs.tags import (
    PARTITION,
    RANGE_END,
    RANGE_START,
    STALE_TAGS,
    UPDATE_TAG,
    session_tags,
)
from quant_platform.errors import VendorError
from quant_platform.market.announcements import before_closures
from quant_platform.pipeline.computations import last_change
from quant_platform.pipeline.market_state import market_state, note_pending
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.updates import (
    Failures,
    Update,
    closed_sessions,
    next_update,
    stale_update,
)
from quant_platform.quality.staleness import announce
from quant_platform.settings import Settings

ENDS = (dg.AssetKey("market_data"), dg.AssetKey("performance_reports"))
"""A session is done when both ends of the chain are materialised.

The last one alone would not do: a backfill of an asset that others look back on reaches later
sessions of those, for which there may be no market data yet.
"""


FEW = 4
"""Missing sessions of which a tick can learn what is published, after it asked for the market's
status: five requests in all, which the smallest plan answers within the minute that a tick has."""

FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def build_sensors(
    settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[dg.SensorDefinition]:
    """`daily_update_sensor`, `run_failure_alert` and `alert_delivery`.

    Parameters
    ----------
    clock : tells the time; tests set it
    """
    status = (
        dg.DefaultSensorStatus.RUNNING
        if settings.sensor_status == "running"
        else dg.DefaultSensorStatus.STOPPED
    )

    @dg.sensor(
        name="daily_update_sensor",
        job_name=DAILY_JOB,
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=status,
        description="Requests closed, published sessions that are not materialised yet, in order.",
    )
    def daily_update_sensor(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.RunRequest | dg.SkipReason:
        return _stale_update(context, platform, settings) or _evaluate_update(
            context, platform, settings, clock
        )

    @dg.run_failure_sensor(
        name="run_failure_alert",
        default_status=status,
        minimum_interval_seconds=min(settings.sensor_seconds, 60),
        description="Records an alert for every failed run.",
    )
    def run_failure_alert(
        context: dg.RunFailureSensorContext, platform: dg.ResourceParam[Platform]
    ) -> None:
        record_failed_run(platform, context.dagster_run, context.failure_event.message or "")

    @dg.sensor(
        name="alert_delivery",
        default_status=status,
        minimum_interval_seconds=min(settings.sensor_seconds, 60),
        description="Sends the alerts that wait, beside the runs: no channel makes one fail.",
    )
    def alert_delivery(platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
        done = look_and_deliver(settings, platform.database, platform.calendar, clock)
        return dg.SkipReason(str(done))

    return [daily_update_sensor, run_failure_alert, alert_delivery]


def _stale_update(
    context: dg.SensorEvaluationContext, platform: Platform, settings: Settings
) -> dg.RunRequest | dg.SkipReason | None:
    """Ask for what is stale to be computed again; None where an update may go on."""
    # One run at a time: another one may be writing the rows that an update looks back on.
    close_dead_runs(context.instance)
    running = runs_in_progress(context.instance)
    if running:
        run = running[0]
        return dg.SkipReason(f"Run {run.run_id} of {run.job_name} is still in progress")
    stale = announce(platform)
    report_stale(context.instance, platform, stale)
    plan = stale_update(
        stale,
        last_change(platform),
        lambda name: _failures_without_success(context.instance, name),
        now=datetime.now(UTC),
        retry_after=timedelta(minutes=settings.retry_minutes),
    )
    if isinstance(plan, Update):
        return _request(plan)
    return None if plan is None else dg.SkipReason(plan.reason)


def _evaluate_update(
    context: dg.SensorEvaluationContext,
    platform: Platform,
    settings: Settings,
    clock: Callable[[], datetime],
) -> dg.RunRequest | dg.SkipReason:
    now, done = clock(), _materialised(context.instance)
    vendor = platform.vendor
    is_market = vendor.abilities.market is not None
    if is_market and not done:
        return dg.SkipReason(
            "Nothing is stored yet. Begin with: quant-platform backfill --start YYYY-MM-DD"
        )
    closed = closed_sessions(platform, now, done)
    missing = [day for day in closed if day not in done]
    market = market_state(platform, context.cursor, clock, done, missing, warn=context.log.warning)
    if market.is_new:
        context.update_cursor(market.announced.written())
    following = now + timedelta(seconds=settings.sensor_seconds)
    if market.is_new and len(missing) > FEW and not market.announced.is_due(following):
        return _skip("What is missing is asked for at the next look", *market.sentences)
    try:
        plan = next_update(
            before_closures(closed, market.unknown),
            done,
            lambda day: not market.announced.is_trading(day, now) and vendor.is_published(day),
            lambda name: _failures(context.instance, name),
            settings.sensor_max_sessions,
            settings.correction_sessions if is_market else 0,
            # Runs are dated by this clock, not by the one that tests may set.
            now=datetime.now(UTC),
            retry_after=timedelta(minutes=settings.retry_minutes),
        )
    except VendorError as error:
        return dg.SkipReason(f"The vendor cannot be asked. {error}")
    if isinstance(plan, Update):
        return _request(plan)
    reason = plan.reason
    if plan.pending is not None:
        reason = note_pending(platform, market.announced, plan.pending, reason, now)
    return _skip(reason, *market.sentences)


def _skip(*sentences: str) -> dg.SkipReason:
    return dg.SkipReason(". ".join(sentences))


def _materialised(instance: dg.DagsterInstance) -> set[date]:
    done = set.intersection(*(set(instance.get_materialized_partitions(key)) for key in ENDS))
    return {date.fromisoformat(key) for key in done}


def _failures(instance: dg.DagsterInstance, name: str) -> Failures:
    filters = dg.RunsFilter(job_name=DAILY_JOB, tags={UPDATE_TAG: name}, statuses=FAILED)
    records = instance.get_run_records(filters)
    ended = [record.end_time for record in records if record.end_time is not None]
    last = datetime.fromtimestamp(max(ended), UTC) if ended else None
    return Failures(len(records), last)


def _failures_without_success(instance: dg.DagsterInstance, name: str) -> Failures | None:
    """Failed runs of an update; None if one succeeded."""
    done = dg.RunsFilter(tags={UPDATE_TAG: name}, statuses=[dg.DagsterRunStatus.SUCCESS])
    return None if instance.get_runs(done, limit=1) else _failures(instance, name)


def _request(update: Update) -> dg.RunRequest:
    first, last = update.sessions[0].isoformat(), update.sessions[-1].isoformat()
    tags = {UPDATE_TAG: update.name}
    if update.stale:
        span = update.sessions[0], update.sessions[-1]
        keys = [dg.AssetKey.from_user_string(asset) for asset in update.stale]
        tags |= {**STALE_TAGS, **session_tags(*span)}
        return dg.RunRequest(run_key=update.run_key, asset_selection=keys, tags=tags)
    if first == last:
        return dg.RunRequest(run_key=update.run_key, partition_key=first, tags=tags)
    return dg.RunRequest(run_key=update.run_key, tags={**tags, RANGE_START: first, RANGE_END: last})


def record_failed_run(platform: Platform, run: dg.DagsterRun, reason: str) -> None:
    """Insert the alert of a failed run; recording the same run twice changes nothing."""
    session = run.tags.get(PARTITION) or run.tags.get(RANGE_END) or str(datetime.now(UTC).date())
    lines = [line for line in reason.splitlines() if line.strip()] or ["no reason given"]
    raise_alert(
        platform.database, session, "run_failed", run.run_id, f"{run.job_name} failed: {lines[0]}"
    )
