"""The Typer application, and how failures are shown.

A failure is one line and a hint, or all of it with --debug.
"""

import gc
import sys
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer

from quant_platform import __version__
from quant_platform.cli import console
from quant_platform.cli.interrupts import waits_ended
from quant_platform.cli.open_secrets import warn_of_open_secrets
from quant_platform.errors import QuantPlatformError

COLLECT_AFTER = (50_000, 20, 100)
"""Thresholds of the garbage collector.

Start-up makes objects by the hundred thousand, and they all stay. By Python's own thresholds they
are looked through again and again, for a second.
"""

INTERRUPTED = 130
"""Exit code with which Typer ends when Ctrl-C came where no command was at work yet."""

app = typer.Typer(
    name="quant-platform",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Market data, features, signals and performance reports as Dagster assets in Postgres.",
    epilog="Example: [bold]quant-platform demo[/bold]",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.out.print(__version__)
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Options of every command; `run` reads --debug itself."""
    warn_of_open_secrets(Path.cwd())


def _fail_by_known_cause(error: Exception) -> None:
    """End with one line where a server or the files' system says why."""
    from quant_platform.storage.failures import file_remedy, server_failure

    failure = server_failure(error)
    if failure is not None:
        console.failure(failure.message, failure.hint)
        sys.exit(1)
    if isinstance(error, OSError) and (hint := file_remedy(str(error))):
        console.failure(str(error), hint)
        sys.exit(1)


@cache
def complete_app() -> typer.Typer:
    """Return the application with all of its commands."""
    from quant_platform.cli import (
        alerts,
        audit,
        commands,
        database,
        dividends,
        factors,
        listing,
        models,
        new,
        provenance,
        release,
        research,
        trials,
        validation,
    )

    modules = (
        *(commands, listing, database, dividends, new, models, release),
        *(research, validation, factors, trials, provenance, audit, alerts),
    )
    for module in modules:
        module.register(app)
    return app


def run() -> None:
    """Run the command that the arguments name.

    Exits with 0 on success, 1 on failure or interruption, 2 on wrong usage (which Typer reports
    itself).
    """
    gc.set_threshold(*COLLECT_AFTER)
    complete_app()
    # Before the command: what follows it may be somebody else's, as in `db psql -- --debug`.
    debug = "--debug" in takewhile(lambda word: word.startswith("-"), sys.argv[1:])
    try:
        with waits_ended():
            app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            console.err.print("Stopped.")
        raise
    except QuantPlatformError as error:
        if debug:
            raise
        console.failure(error.message, error.hint)
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _fail_by_known_cause(error)
        # A fault of the platform: one line, and the traceback only with --debug.
        lines = str(error).splitlines() or [""]
        console.failure(
            f"{type(error).__name__}: {lines[0]}", "Run it again with --debug for all of it"
        )
        sys.exit(1)
