"""db upgrade, url, psql, serve and reset."""

import signal
from threading import Event
from typing import Annotated

import typer

from quant_platform.cli import console
from quant_platform.errors import SettingsError

group = typer.Typer(
    name="db", no_args_is_help=True, help="Look after the database.", rich_markup_mode="rich"
)


def register(app: typer.Typer) -> None:
    """Add the group `db` to the application."""
    for command in (upgrade, url, psql, serve, reset):
        # What psql is told is psql's to understand.
        others = {"ignore_unknown_options": True} if command is psql else None
        group.command(
            epilog=f"Example: [bold]quant-platform db {command.__name__}[/bold]",
            context_settings=others,
        )(command)
    app.add_typer(group, epilog="Example: [bold]quant-platform db upgrade[/bold]")


def upgrade() -> None:
    """Create or update the schema: migrations, and columns of new features and metrics."""
    from quant_platform.pipeline.feature_sets import stored_sets
    from quant_platform.pipeline.pages import seal_pages
    from quant_platform.pipeline.provision import provision
    from quant_platform.provenance import person
    from quant_platform.settings import Settings
    from quant_platform.storage.database import platform_database
    from quant_platform.storage.holdout import keep_holdout
    from quant_platform.strategies.books import books_of
    from quant_platform.strategies.models import models_of

    settings = Settings.load()
    sets, models = stored_sets(settings), models_of(settings)
    books = books_of(settings)
    database = platform_database(settings)
    applied = provision(database, settings.benchmark, sets, models, books)
    sealed = keep_holdout(database, settings.holdout, person())
    for name in applied:
        console.out.print(f"applied {name}")
    if not applied:
        console.out.print("The schema is up to date")
    if sealed is not None:
        seal_pages(settings, database, sealed)
        console.out.print(f"Sealed from {sealed} on")


def url(
    dagster: Annotated[bool, typer.Option("--dagster", help="Dagster's own database.")] = False,
) -> None:
    """Print the URL of the database, with its password if it has one."""
    from quant_platform.settings import Settings
    from quant_platform.storage.database import existing_dagster_database, existing_database

    settings = Settings.load()
    found = existing_dagster_database(settings) if dagster else existing_database(settings)
    if found is None:
        raise SettingsError("Dagster has no database yet", "Run: quant-platform demo")
    typer.echo(found.url)
    if settings.database_url is None:
        console.err.print(
            "This server lives as long as a command runs; quant-platform db serve keeps it up"
        )


def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to psql.")] = None,
) -> None:
    """Open psql on the database; options such as -c go to psql."""
    import os
    import subprocess

    from quant_platform.settings import Settings
    from quant_platform.storage.addresses import for_a_process_list
    from quant_platform.storage.database import existing_database
    from quant_platform.storage.embedded import client_program

    with for_a_process_list(existing_database(Settings.load()).url) as (address, secrets):
        # Not exec: this process must stay, since the embedded server stops with its last user.
        done = subprocess.run(  # noqa: S603 — the user's own words
            [client_program("psql"), "-d", address, *(arguments or [])],
            env=os.environ | secrets,
            check=False,
        )
    raise typer.Exit(done.returncode)


def serve(
    port: Annotated[
        int | None,
        typer.Option(
            min=1024,
            max=65_535,
            help="Open this port of 127.0.0.1 too, for a login that may only read.",
        ),
    ] = None,
) -> None:
    """Keep the embedded server up, for psql, notebooks and BI, until Ctrl-C."""
    from quant_platform.settings import Settings
    from quant_platform.storage.database import platform_url

    settings = Settings.load()
    if settings.database_url is not None:
        raise SettingsError(
            "DATABASE_URL names a server that is not the platform's own", "It needs no serving"
        )
    if port is None:
        _serve_until_stopped(platform_url(settings))
        return
    from quant_platform.pipeline.provision import provision
    from quant_platform.storage.serving import on_port, reader_url

    with on_port(settings, port) as database:
        provision(database)
        with reader_url(settings, database, port) as address:
            _serve_until_stopped(address)


def _serve_until_stopped(address: str) -> None:
    typer.echo(address)
    console.err.print("The server is up; Ctrl-C ends this command")
    # Asked to end in this way it cleans up, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        Event().wait()
    except KeyboardInterrupt:
        console.err.print("Stopped")


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete what the platform and Dagster made in their databases."""
    from quant_platform.settings import Settings, without_password
    from quant_platform.storage.database import existing_database
    from quant_platform.storage.reset import drop_everything

    settings = Settings.load()
    address = without_password(existing_database(settings).url)
    if not yes:
        typer.confirm(f"Delete all tables and runs of {address}?", abort=True)
    for name in drop_everything(settings):
        console.out.print(f"deleted {name}")
    for pattern in ("*.html", "*.pdf"):
        for page in (settings.home / "reports").glob(pattern):
            page.unlink()
