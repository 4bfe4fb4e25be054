"""Alerts that come from operation and not from a rule over the figures: origin `run`."""

from datetime import UTC, datetime

import dagster as dg

from quant_platform.defs.resources import Platform

RANGE_END, PARTITION = "dagster/asset_partition_range_end", "dagster/partition"


def record_failed_run(platform: Platform, run: dg.DagsterRun, reason: str) -> None:
    """Insert the alert of a failed run; recording the same run twice changes nothing."""
    session = run.tags.get(PARTITION) or run.tags.get(RANGE_END) or str(datetime.now(UTC).date())
    lines = [line for line in reason.splitlines() if line.strip()] or ["no reason given"]
    raise_alert(platform, session, "run_failed", run.run_id, f"{run.job_name} failed: {lines[0]}")


def raise_alert(platform: Platform, day: str, rule: str, subject: str, message: str) -> None:
    """Insert a critical alert; one that is there already stays as it is."""
    connection = platform.database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO alerts (date, origin, rule, subject, severity, message)"
                " VALUES (%s, 'run', %s, %s, 'critical', %s) ON CONFLICT DO NOTHING",
                (day, rule, subject, message),
            )
    finally:
        connection.close()
