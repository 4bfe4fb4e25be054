"""`doctor`: what is configured, data of one's own, what the key may do, and what is stale."""

from datetime import UTC, date, datetime
from typing import Any

from quant_platform.cli import console
from quant_platform.errors import QuantPlatformError
from quant_platform.market.calendar import Calendar, platform_calendar
from quant_platform.packages import EXTRAS, missing_packages
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


_NOTHING = "Nothing is stored yet. Begin with: quant-platform backfill --start YYYY-MM-DD"


def run_doctor(settings: Settings) -> None:
    """Print the findings.

    Raises
    ------
    QuantPlatformError
        Why the vendor cannot be used, after all that could be found out was printed.
    """
    from quant_platform.vendors.vendor_registry import vendor_of

    vendor = vendor_of(settings)
    database = _database(settings)
    _show_settings(settings, vendor, database)
    console.out.print()
    _show_own_data(settings, vendor, has_database=database is not None)
    trouble = _show_key(vendor)
    console.out.print()
    if database is None:
        console.out.print(_NOTHING)
    else:
        _show_staleness(platform_calendar(settings), vendor, database)
    if trouble is not None:
        raise trouble


def _database(settings: Settings) -> Database | None:
    """Return the database, up to date; None where there is none with tables, and none is made."""
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.storage.database import existing_database
    from quant_platform.storage.embedded import has_database

    if settings.database_url is None and not has_database(settings.home):
        return None
    return ready_database(settings) if existing_database(settings).has_tables() else None


def _show_settings(settings: Settings, vendor: Vendor, database: Database | None) -> None:
    abilities = vendor.abilities
    rows = [
        ("database", without_password(database.url) if database else "nothing stored yet"),
        ("home", str(settings.home)),
        ("vendor", vendor.name),
        ("abilities", ", ".join(abilities.served()) or "none beyond bars and actions"),
        ("first session", str(vendor.first_session)),
        ("universe", settings.universe or vendor.default_universe or "all"),
        ("closures", ", ".join(map(str, settings.closures)) or "the calendar's own"),
    ]
    if abilities.diagnosis is not None:
        rows += abilities.diagnosis.configured()
    if abilities.market is not None:
        rows += [
            ("identities", f"{settings.reference} lists"),
            ("corrections", f"the last {settings.correction_sessions} sessions, each day"),
        ]
    rows += [(f"extra {extra}", _installed(extra)) for extra in EXTRAS]
    rows.append(("alerts", _alerts(settings)))
    console.table("Configured", ["what", "value"], rows)


def _alerts(settings: Settings) -> str:
    """Names of the channels that alerts are sent to, and what each takes; no URL."""
    from quant_platform.alerts.channels import channels_of

    channels = channels_of(settings)
    return ", ".join(f"{each.name} from {each.severity} on" for each in channels) or "not sent"


def _show_own_data(settings: Settings, vendor: Vendor, *, has_database: bool) -> None:
    """Say of each dataset of the user's own what it holds, or why it cannot be read."""
    from quant_platform.pipeline.own_data import own_findings
    from quant_platform.pipeline.platform import Platform

    found = own_findings(Platform(settings, vendor), has_database=has_database)
    if found:
        console.table("Data of your own", ["dataset", "state"], list(found.items()))
        console.out.print()


def _installed(extra: str) -> str:
    missing = missing_packages(extra)
    if not missing:
        return "installed"
    return f"lacks {', '.join(missing)}: pip install 'quant-platform[{extra}]'"


def _show_key(vendor: Vendor) -> QuantPlatformError | None:
    """Say what the key may do; return why nothing can be had with it, if so."""
    diagnosis = vendor.abilities.diagnosis
    if diagnosis is None:
        console.out.print(f"The vendor {vendor.name} needs no key")
        return None
    try:
        with console.err.status("Asking the vendor …"):
            result = diagnosis.diagnose()
    except QuantPlatformError as error:
        return error
    console.table(
        "What may be had",
        ["what", "granted", "the vendor's reason"],
        [(finding.what, finding.granted, finding.reason) for finding in result.findings],
    )
    return result.failure


def _show_staleness(calendar: Calendar, vendor: Vendor, database: Database) -> None:
    from quant_platform.pipeline.staleness import stale_sessions

    ((newest,),) = _rows(database, "SELECT max(date) FROM market_data")
    closed = calendar.last_closed(datetime.now(UTC), vendor.first_session)
    expected = min(filter(None, (closed, vendor.last_session)), default=None)
    if newest is None:
        console.out.print(_NOTHING)
    elif expected is None or newest >= expected:
        console.out.print(f"Current: the newest session is {newest}")
    else:
        behind = len(calendar.sessions(newest, expected)) - 1
        console.out.print(f"Stale: the newest session is {newest}, {behind} behind {expected}")
    for each in stale_sessions(database, calendar, vendor.first_session):
        console.out.print(f"Stale: {each}: quant-platform backfill --stale", soft_wrap=True)
    trouble = _rows(database, _TROUBLE, RECENT)
    if trouble:
        console.table("Not complete", ["session", "status", "reason"], trouble)
    _show_replaced(vendor, database)


def _show_replaced(vendor: Vendor, database: Database) -> None:
    """Name sessions whose flat file the vendor has replaced since it was read."""
    files = vendor.abilities.files
    if files is None:
        return
    etags: dict[date, str] = dict(_rows(database, _FILES, vendor.name, RECENT))
    for session in files.replaced_files(etags) if etags else ():
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
