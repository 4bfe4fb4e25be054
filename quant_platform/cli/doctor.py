"""`doctor`: what the key may do, what is configured, and what is stale, in plain words."""

from datetime import UTC, date, datetime
from typing import Any

from quant_platform.cli import console
from quant_platform.errors import QuantPlatformError
from quant_platform.market.calendar import Calendar, platform_calendar
from quant_platform.settings import Settings, without_password
from quant_platform.storage.database import Database
from quant_platform.vendors.base import Vendor

RECENT = 20
"""Newest sessions that are looked at."""

_TROUBLE = """
SELECT date::text, status, reason FROM ingestions WHERE status <> 'complete' ORDER BY date DESC
LIMIT %s
"""

_FILES = """
SELECT date, etag FROM ingestions WHERE source = %s AND etag <> '' ORDER BY date DESC LIMIT %s
"""


def run_doctor(settings: Settings) -> None:
    """Print the findings.

    Raises
    ------
    QuantPlatformError
        Why the vendor cannot be used, after all that could be found out was printed.
    """
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.vendors.registry import vendor_of

    vendor = vendor_of(settings)
    database = ready_database(settings)
    _show_settings(settings, vendor, database)
    console.out.print()
    trouble = _show_key(vendor)
    console.out.print()
    _show_staleness(platform_calendar(settings), vendor, database)
    if trouble is not None:
        raise trouble


def _show_settings(settings: Settings, vendor: Vendor, database: Database) -> None:
    rule = settings.universe or getattr(vendor, "default_universe", "all")
    rows = [
        ("database", without_password(database.url)),
        ("vendor", settings.vendor),
        ("first session", str(vendor.first_session)),
        ("universe", str(rule)),
        ("closures", ", ".join(map(str, settings.closures)) or "the calendar's own"),
    ]
    if settings.vendor == "polygon":
        polygon = settings.polygon
        limit = polygon.calls_per_minute
        held = "in the settings" if polygon.key else polygon.ssm_parameter and "in AWS SSM"
        rows += [
            ("address", polygon.base_url),
            ("key", held or "none"),
            ("limit", f"{limit} requests a minute" if limit else "none"),
            ("flat files", "configured" if polygon.s3_key_id else "no keys"),
            ("identities", f"{settings.reference} lists"),
            ("corrections", f"the last {settings.correction_sessions} sessions, each day"),
        ]
    console.table("Configured", ["what", "value"], rows)


def _show_key(vendor: Vendor) -> QuantPlatformError | None:
    """Say what the key may do; return why nothing can be had with it, if so."""
    probe = getattr(vendor, "probe", None)
    if probe is None:
        console.out.print(f"The vendor {vendor.name} needs no key")
        return None
    try:
        with console.err.status("Asking the vendor …"):
            found = probe()
    except QuantPlatformError as error:
        return error
    reach = f"yes, from {found.history_from}" if found.history_from else "no"
    rows = [
        ("bars of the whole market", _granted(found.grouped_daily), "grouped_daily"),
        ("history", reach, "history"),
        ("reference as of a session", _granted(found.reference), "reference"),
        ("news", _granted(found.news), "news"),
        ("economic series", _granted(found.economy), "economy"),
        ("flat files", "keys are configured" if found.flat_files else "no keys", ""),
    ]
    console.table(
        "The key may have",
        ["what", "granted", "the vendor's reason"],
        [(what, said, found.reasons.get(name, "")) for what, said, name in rows],
    )
    if found.grouped_daily:
        return None
    return QuantPlatformError(
        "The key may not read the bars of the whole market",
        "The plans are listed at https://massive.com/pricing",
    )


def _granted(allowed: bool) -> str:
    return "yes" if allowed else "no"


def _show_staleness(calendar: Calendar, vendor: Vendor, database: Database) -> None:
    ((newest,),) = _rows(database, "SELECT max(date) FROM market_data")
    closed = calendar.last_closed(datetime.now(UTC), vendor.first_session)
    expected = min(filter(None, (closed, vendor.last_session)), default=None)
    if newest is None:
        console.out.print(
            "Nothing is stored yet. Begin with: quant-platform backfill --start YYYY-MM-DD"
        )
    elif expected is None or newest >= expected:
        console.out.print(f"Current: the newest session is {newest}")
    else:
        behind = len(calendar.sessions(newest, expected)) - 1
        console.out.print(f"Stale: the newest session is {newest}, {behind} behind {expected}")
    trouble = _rows(database, _TROUBLE, RECENT)
    if trouble:
        console.table("Not complete", ["session", "status", "reason"], trouble)
    _show_replaced(vendor, database)


def _show_replaced(vendor: Vendor, database: Database) -> None:
    """Name sessions whose flat file the vendor has replaced since it was read."""
    etags: dict[date, str] = dict(_rows(database, _FILES, vendor.name, RECENT))
    compare = getattr(vendor, "replaced_files", None)
    if not etags or compare is None:
        return
    for session in compare(etags):
        console.out.print(
            f"The flat file of {session} was replaced: quant-platform backfill --start {session}"
            f" --end {session} --refetch"
        )


def _rows(database: Database, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return list(cursor.fetchall())
    finally:
        connection.close()
