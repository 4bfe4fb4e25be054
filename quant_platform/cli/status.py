"""`status`: what is stored and whether it is current.

Read from two databases and the calendar, without Dagster.
"""

from datetime import UTC, date, datetime
from typing import Any

from quant_platform.cli import console
from quant_platform.cli.failing import show_failing
from quant_platform.cli.stale import show_stale
from quant_platform.market.calendar import Calendar, platform_calendar
from quant_platform.settings import Settings, without_password
from quant_platform.storage.database import (
    Database,
    existing_dagster_database,
    filled_database,
)
from quant_platform.storage.schema import tables_with_history

RUNS = 5

TABLES = (
    "trading_universe",
    "corporate_actions",
    "market_data",
    "features",
    "signals",
    "portfolios",
    "model_performance",
    "performance_statistics",
    "performance_reports",
    "alerts",
)
"""Tables that are shown first, even where they are empty; further ones of assets follow."""

ESTIMATED_FROM = 5_000_000
"""Rows from which on counting them would take seconds."""

VERDICTS = "data_quality"
"""Shown as failing checks."""

SPARSE = ("corporate_actions", "alerts")
"""Tables of which a session need not have a row."""

_COMPUTED = "SELECT split_part(asset, '/', 1), max(date) FROM computations GROUP BY 1"

_ESTIMATES = """
SELECT relname::text, reltuples::bigint FROM pg_class
WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p')
"""

_RUNS = """
SELECT pipeline_name, status, create_timestamp, end_time - start_time
FROM runs ORDER BY id DESC LIMIT %s
"""


def show_status(settings: Settings) -> None:
    """Print freshness, rows per table, the last runs and failing checks."""
    database = filled_database(settings)
    console.out.print(f"Database  {without_password(database.url)}", soft_wrap=True)
    _show_tables(settings, database)
    _show_trials(database)
    _show_states(database)
    runs = _last_runs(settings)
    console.out.print()
    console.table(
        "Last runs",
        ["job", "status", "started (UTC)", "seconds"],
        [
            (job, status.lower(), f"{at:%Y-%m-%d %H:%M}", f"{spent or 0:.1f}")
            for job, status, at, spent in runs
        ],
    )
    _show_stale(settings, database)
    console.out.print()
    show_failing(database)


def _show_tables(settings: Settings, database: Database) -> None:
    calendar = platform_calendar(settings)
    expected = _expected_session(settings, calendar)
    computed = _last_computed(database)
    others = [name for name in tables_with_history(database) if name not in (*TABLES, VERDICTS)]
    estimates = dict(_rows(database, _ESTIMATES))
    rows = []
    for table in (*TABLES, *others):
        count, first, last = _extent(database, table, estimates.get(table, 0))
        if count == "0" and table in others:
            continue
        until = computed.get(table, last)
        tells = table in computed or (table in TABLES and table not in SPARSE)
        freshness = _freshness(calendar, until, expected) if tells else ""
        rows.append((table, count, first or "", last or "", freshness))
    console.table("", ["table", "rows", "first", "last", "freshness"], rows)


def _show_trials(database: Database) -> None:
    if _rows(database, "SELECT to_regclass('study_trials')::text")[0][0] is None:
        return
    counting = "SELECT (SELECT count(*) FROM trials), (SELECT count(*) FROM studies)"
    trials, studies = _rows(database, counting)[0]
    console.out.print(f"Trials    {trials:,}, studies {studies:,}")


def _show_states(database: Database) -> None:
    if _rows(database, "SELECT to_regclass('model_monitor')::text")[0][0] is None:
        return
    from quant_platform.storage.models_in_use import states_line

    if states := states_line(database):
        console.out.print(f"Models    {states}", markup=False)


def _show_stale(settings: Settings, database: Database) -> None:
    if _rows(database, "SELECT to_regclass('computation_inputs')::text")[0][0] is None:
        return
    from quant_platform.pipeline.staleness import stale_sessions
    from quant_platform.vendors.vendor_registry import vendor_of

    first = vendor_of(settings).first_session
    show_stale(stale_sessions(database, platform_calendar(settings), first))


def _extent(database: Database, table: str, estimate: int) -> tuple[str, date | None, date | None]:
    """Number of rows, first and last date; a large number is the server's estimate, with a ~."""
    # The dates alone come from the index of the key, which begins with them.
    is_large = estimate >= ESTIMATED_FROM
    counting = f"{estimate}::bigint" if is_large else "count(*)"
    sql = f'SELECT {counting}, min(date), max(date) FROM "{table}"'  # noqa: S608 — names of the catalogue
    count, first, last = _rows(database, sql)[0]
    return f"{'~' if is_large else ''}{count:,}", first, last


def _last_computed(database: Database) -> dict[str, date]:
    """Last session that was computed, by table; a session need not have given a row."""
    if _rows(database, "SELECT to_regclass('computations')::text")[0][0] is None:
        return {}
    return dict(_rows(database, _COMPUTED))


def _freshness(calendar: Calendar, last: date | None, expected: date | None) -> str:
    if last is None or expected is None:
        return "empty"
    behind = len(calendar.sessions(last, expected)) - 1 if last < expected else 0
    return "current" if behind == 0 else f"{behind:,} behind"


def _expected_session(settings: Settings, calendar: Calendar) -> date | None:
    from quant_platform.vendors.vendor_registry import vendor_of

    vendor = vendor_of(settings)
    closed = calendar.last_closed(datetime.now(UTC), vendor.first_session)
    return (
        closed
        if vendor.last_session is None or closed is None
        else min(closed, vendor.last_session)
    )


def _last_runs(settings: Settings) -> list[tuple[Any, ...]]:
    instance = existing_dagster_database(settings)
    if instance is None or _rows(instance, "SELECT to_regclass('runs')::text")[0][0] is None:
        return []
    return _rows(instance, _RUNS, RUNS)


def _rows(database: Database, sql: str, *parameters: int) -> list[tuple[Any, ...]]:
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return list(cursor.fetchall())
    finally:
        connection.close()
