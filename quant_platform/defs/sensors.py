"""Sensors: one keeps the market current, the other turns a failed run into an alert."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from quant_platform.defs.announced import before_closures
from quant_platform.defs.ingest import UPDATE_TAG
from quant_platform.defs.jobs import DAILY_JOB
from quant_platform.defs.market_state import market_state, note_pending
from quant_platform.defs.processes import runs_in_progress
from quant_platform.defs.resources import Platform
from quant_platform.defs.run_alerts import PARTITION, RANGE_END, record_failed_run
from quant_platform.defs.updates import Failures, Update, next_update
from quant_platform.errors import VendorError
from quant_platform.market.sessions import last_closed_session, sessions_between
from quant_platform.settings import Settings

ENDS = (dg.AssetKey("market_data"), dg.AssetKey("performance_reports"))
"""A session is done when both ends of the chain are materialised.

The last one alone would not do: a backfill of an asset that others look back on reaches later
sessions of those, for which there may be no market data yet.
"""

RANGE_START = "dagster/asset_partition_range_start"

FEW = 4
"""Missing sessions of which a tick can learn what is published, after it asked for the market's
status: five requests in all, which the smallest plan answers within the minute that a tick has."""

FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def build_sensors(
    settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[dg.SensorDefinition]:
    """`daily_update_sensor` and `run_failure_alert`.

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
        return _look(context, platform, settings, clock)

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

    return [daily_update_sensor, run_failure_alert]


def _look(
    context: dg.SensorEvaluationContext,
    platform: Platform,
    settings: Settings,
    clock: Callable[[], datetime],
) -> dg.RunRequest | dg.SkipReason:
    # Whatever runs may be writing what an update would look back on: one at a time.
    running = runs_in_progress(context.instance)
    if running:
        run = running[0]
        return dg.SkipReason(f"Run {run.run_id} of {run.job_name} is still in progress")
    now, done = clock(), _materialised(context.instance)
    vendor = platform.vendor
    is_market = vendor.abilities.market is not None
    if is_market and not done:
        return dg.SkipReason(
            "Nothing is stored yet. Begin with: quant-platform backfill --start YYYY-MM-DD"
        )
    closed = _closed_sessions(platform, now, done)
    missing = [day for day in closed if day not in done]
    market = market_state(context, platform, clock, done, missing)
    following = now + timedelta(seconds=settings.sensor_seconds)
    if market.is_new and len(missing) > FEW and not market.announced.is_due(following):
        return _skip("What is missing is asked for at the next look", *market.words)
    try:
        plan = next_update(
            before_closures(closed, market.unknown),
            done,
            lambda day: not market.announced.is_trading(day, now) and vendor.is_published(day),
            lambda name: _failures(context.instance, name),
            settings.sensor_max_sessions,
            settings.correction_sessions if is_market else 0,
            # By the clock that dates the runs, and not by the one that tests may set.
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
    return _skip(reason, *market.words)


def _skip(*sentences: str) -> dg.SkipReason:
    return dg.SkipReason(". ".join(sentences))


def _closed_sessions(platform: Platform, now: datetime, done: set[date]) -> tuple[date, ...]:
    """Sessions that could be there: of a whole market, those since the first one that was stored.

    How far back a market goes is the user's choice, made with the first backfill.
    """
    vendor = platform.vendor
    closed = last_closed_session(now, vendor.first_session)
    if closed is None:
        return ()
    last = closed if vendor.last_session is None else min(closed, vendor.last_session)
    first = vendor.first_session if vendor.abilities.market is None else min(done)
    return sessions_between(first, last)


def _materialised(instance: dg.DagsterInstance) -> set[date]:
    done = set.intersection(*(set(instance.get_materialized_partitions(key)) for key in ENDS))
    return {date.fromisoformat(key) for key in done}


def _failures(instance: dg.DagsterInstance, name: str) -> Failures:
    filters = dg.RunsFilter(job_name=DAILY_JOB, tags={UPDATE_TAG: name}, statuses=FAILED)
    records = instance.get_run_records(filters)
    ended = [record.end_time for record in records if record.end_time is not None]
    last = datetime.fromtimestamp(max(ended), UTC) if ended else None
    return Failures(len(records), last)


def session_tags(first: date, last: date) -> dict[str, str]:
    """Tags by which Dagster knows the sessions of a run.

    A single session is cheaper for it than a range.
    """
    if first == last:
        return {PARTITION: first.isoformat()}
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def _request(update: Update) -> dg.RunRequest:
    first, last = update.sessions[0].isoformat(), update.sessions[-1].isoformat()
    tags = {UPDATE_TAG: update.name}
    if first == last:
        return dg.RunRequest(run_key=update.run_key, partition_key=first, tags=tags)
    return dg.RunRequest(run_key=update.run_key, tags={**tags, RANGE_START: first, RANGE_END: last})
