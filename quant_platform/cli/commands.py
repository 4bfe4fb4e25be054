"""demo, dev, backfill, status, doctor, report, ranking and sql."""

import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quant_platform.cli import console

if TYPE_CHECKING:
    from quant_platform.settings import Settings

SQL_LIMIT = 100
"""Rows a table on the screen shows; --csv prints all."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command, example in (
        (demo, "quant-platform demo"),
        (dev, "quant-platform dev --port 3000"),
        (
            backfill,
            "quant-platform backfill --start 2013-01-02 --end 2013-01-31 --select group:features",
        ),
        (status, "quant-platform status"),
        (doctor, "quant-platform doctor"),
        (report, "quant-platform report --date 2013-03-01 --open"),
        (ranking, "quant-platform ranking --date 2013-03-01"),
        (sql, 'quant-platform sql "select symbol, count(*) from market_data group by 1"'),
    ):
        app.command(epilog=f"Example: [bold]{example}[/bold]")(command)


class DemoMarket(StrEnum):
    """Vendors whose markets need nothing from outside."""

    SAMPLE = "sample"
    SYNTHETIC = "synthetic"


def demo(
    market: Annotated[
        DemoMarket | None,
        typer.Option(
            help="Another market than that of the settings: five real stocks, or 500 generated"
            " securities over ten years whose truth is known. The latter takes up to half an hour"
            " and 4 GB of disk; the settings QUANT_PLATFORM_SYNTHETIC_SECURITIES and _LAST make it"
            " smaller.",
        ),
    ] = None,
) -> None:
    """Fill the database with the whole market, by default the sample, and show the result."""
    from quant_platform.cli.demo import run_demo
    from quant_platform.vendors.vendor_registry import VARIABLE

    chosen = None if market is None else market.value
    if chosen is not None:
        # Everything in this process reads the same settings.
        os.environ[VARIABLE] = chosen
    run_demo(_settings(), chosen)


def dev(
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the UI on 127.0.0.1.")
    ] = 3000,
) -> None:
    """Serve the Dagster UI with daemon and code location until Ctrl-C."""
    from quant_platform.cli.services import serve

    serve(_settings(), port)


def backfill(
    start: Annotated[
        str | None, typer.Option(help="First session, YYYY-MM-DD; not with --stale.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="Last session, YYYY-MM-DD; default: the newest.")
    ] = None,
    select: Annotated[str, typer.Option(help="Assets, as a Dagster selection.")] = "*",
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Ask the vendor again for what is stored.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Ask for bars that are missing between stored ones.")
    ] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute again what is finished.")
    ] = False,
    stale: Annotated[
        bool,
        typer.Option("--stale", help="Compute again what follows from changed rows, and no more."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Materialise a range of sessions in one run, checks included; stop and go on at any time."""
    from quant_platform.cli.backfill import Request, run_backfill

    if stale:
        from quant_platform.cli.stale import run_stale

        if start or end or refetch or repair or recompute or dry_run or select != "*":
            raise typer.BadParameter("--stale finds its sessions and assets itself: give it alone")
        run_stale(_settings())
        return
    if start is None:
        raise typer.BadParameter("Give the first session: --start YYYY-MM-DD")
    request = Request(select, refetch=refetch, repair=repair, recompute=recompute)
    run_backfill(_settings(), start, end, request, dry_run=dry_run)


def status() -> None:
    """Show freshness, rows, the last runs and failing checks."""
    from quant_platform.cli.status import show_status

    show_status(_settings())


def doctor() -> None:
    """Say what the key may do, what is configured, and what is stale."""
    from quant_platform.cli.doctor import run_doctor

    run_doctor(_settings())


def report(
    session: Annotated[
        str | None, typer.Option("--date", help="Report date, YYYY-MM-DD; default: the newest.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    single_file: Annotated[
        bool,
        typer.Option("--single-file", help="Put the charts' script into the page."),
    ] = False,
    reader: Annotated[
        str,
        typer.Option(
            "--for", help="Who reads it: manager, researcher or risk; the page can switch."
        ),
    ] = "researcher",
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print it to a PDF too, by a Chromium of the system.")
    ] = False,
) -> None:
    """Write the HTML page of a report date and print its path."""
    from quant_platform.pipeline.index import write_index
    from quant_platform.pipeline.pages import newest_report_date, write_page
    from quant_platform.pipeline.printing import print_page
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.reports.sections.section import READERS
    from quant_platform.storage.database import filled_database
    from quant_platform.storage.holdout import refusal, sealed_from

    if reader not in READERS:
        raise typer.BadParameter(f"{reader!r} is none of {', '.join(READERS)}", param_hint="--for")
    settings = _settings()
    day = "" if session is None else _report_date(settings, session)
    filled_database(settings)
    database = ready_database(settings)
    shown = day or newest_report_date(database)
    sealed = sealed_from(database)
    if sealed is not None and shown >= sealed.isoformat():
        raise refusal(sealed)
    path = write_page(settings, database, shown, single_file=single_file, reader=reader).path
    console.out.print(str(path), soft_wrap=True)
    if pdf:
        console.out.print(str(print_page(path)), soft_wrap=True)
        write_index(path.parent, database, sealed)
    if show:
        import webbrowser

        webbrowser.open(path.as_uri())


def ranking(
    session: Annotated[
        str | None, typer.Option("--date", help="Report date, YYYY-MM-DD; default: the newest.")
    ] = None,
) -> None:
    """Show the models in sets: which cannot be told from the best, and which were not compared."""
    from quant_platform.cli.ranking import show_ranking
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.pipeline.seen import holdout_states
    from quant_platform.storage.database import filled_database
    from quant_platform.strategies.books import books_of
    from quant_platform.strategies.models import models_of

    settings = _settings()
    day = "" if session is None else _report_date(settings, session)
    filled_database(settings)
    database = ready_database(settings)
    show_ranking(database, day, holdout_states(database, models_of(settings), books_of(settings)))


def sql(
    statement: Annotated[
        str | None, typer.Argument(help="One statement that reads; - for standard input.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read the statement from a file.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print all rows as JSON.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave CSV as it is, even what a spreadsheet would run.")
    ] = False,
    known_at: Annotated[
        str | None,
        typer.Option(
            help="Read the tables as they were known at this moment, as 2024-03-01T22:00Z."
        ),
    ] = None,
) -> None:
    """Run a read-only SQL statement and print its rows."""
    from quant_platform.cli.rows import csv_text, json_text, table_rows, the_statement
    from quant_platform.research.store import open_store

    text = the_statement(statement, file)
    store = open_store(_settings())
    frame = (store if known_at is None else store.at(known_at)).sql(text)
    if json:
        typer.echo(json_text(frame))
        return
    if csv:
        typer.echo(csv_text(frame, raw=raw), nl=False)
        return
    shown = frame.head(SQL_LIMIT)
    console.table("", [str(name) for name in frame.columns], table_rows(shown))
    if len(frame) > len(shown):
        console.err.print(f"… {len(frame) - len(shown):,} more rows; --csv prints all")


def _report_date(settings: "Settings", session: str) -> str:
    """A session of the vendor's market (ISO date) that a report can be of."""
    from quant_platform.market.calendar import platform_calendar
    from quant_platform.vendors.vendor_registry import vendor_of

    calendar = platform_calendar(settings)
    day = calendar.parse(session).isoformat()
    vendor = vendor_of(settings)
    today = datetime.now(UTC).date()
    calendar.range(day, day, calendar.sessions(vendor.first_session, vendor.last_session or today))
    return day


def _settings() -> "Settings":
    """Settings of this process, refused if they name a closure that cannot be one."""
    from quant_platform.market.calendar import platform_calendar
    from quant_platform.settings import Settings

    settings = Settings.load()
    platform_calendar(settings)
    return settings
