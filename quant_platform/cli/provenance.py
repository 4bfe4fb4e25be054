"""reproduce, compare and runcard: a run of the ledger again, beside another one, and as one file.

They end with 0 where all is the same (or holds), 1 where it is not, and 2 where it cannot be told.
What does not belong here: how it is done (`research/`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from quant_platform.cli import console
from quant_platform.errors import QuantPlatformError
from quant_platform.isolation import reason_of

DIFFERENT, CANNOT = 1, 2
"""Exit codes."""

Trial = Annotated[
    str, typer.Argument(help="The beginning of a trial's id, or run:NUMBER; see: trials")
]
Consent = Annotated[
    bool,
    typer.Option(
        "--run-stored-source",
        help="Run a strategy's source that is stored with the trial: code out of the database.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command, example in (
        (reproduce, "quant-platform reproduce 0a1b2c3d"),
        (compare, "quant-platform compare 0a1b2c3d run:17"),
        (runcard, "quant-platform runcard 0a1b2c3d -o momentum.zip"),
    ):
        app.command(epilog=f"Example: [bold]{example}[/bold]")(command)


def reproduce(trial: Trial, run_stored_source: Consent = False, json: Json = False) -> None:
    """Run a trial of the ledger again, and compare its returns and figures to the last bit.

    On the data as they were known then. Ends with 0 (the same), 1 (different) or 2 (cannot).
    """
    from quant_platform.research.store import open_store

    with _cannot():
        store = open_store()
        if run_stored_source:
            console.err.print("Source that is stored with the trial may be run", soft_wrap=True)
        again = store.reproduce(trial, run_stored_source=run_stored_source)
    if json:
        _print_json(
            {
                "run": again.record.number,
                "trial": again.record.trial.id,
                "same": again.same,
                "differences": list(again.differences),
                "notes": list(again.notes),
                "digest": again.digest,
            }
        )
    else:
        _print(str(again))
    if not again.same:
        raise typer.Exit(DIFFERENT)


def compare(
    a: Annotated[str, typer.Argument(help="A trial, run:NUMBER, or the file of a run card.")],
    b: Annotated[str, typer.Argument(help="The same, for what it is compared with.")],
    run_stored_source: Consent = False,
    json: Json = False,
) -> None:
    """Say in which session, order and figure two runs differ first, and why.

    Runs of the ledger are run again for it. Ends with 0 (the same), 1 (different) or 2 (cannot).
    """
    from quant_platform.research.reproducible import compare_cards, is_file
    from quant_platform.research.store import open_store

    with _cannot():
        if is_file(a) and is_file(b):  # needs no database
            found = compare_cards(Path(a), Path(b))
        else:
            found = open_store().compare(a, b, run_stored_source=run_stored_source)
    if json:
        _print_json(found.record())
    else:
        _print(str(found))
    if not found.same:
        raise typer.Exit(DIFFERENT)


def runcard(
    trial: Annotated[
        str, typer.Argument(help="A trial, or run:NUMBER; with --verify the file of a card.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; default: the trial's id.zip.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify a card, without any database.")
    ] = False,
    run_stored_source: Consent = False,
) -> None:
    """Write a run with all that it is made of to one file, or verify such a file on any machine.

    Ends with 0, 1 (it does not hold, or the run is another one by now) or 2 (cannot).
    """
    from quant_platform.research.card_check import check_card

    if verify:
        if not Path(trial).is_file():
            console.failure(f"There is no file {trial!r}", "Name the file of a run card")
            raise typer.Exit(CANNOT)
        _print(str(check_card(Path(trial))))
        return
    from quant_platform.research.store import open_store

    with _cannot():
        store = open_store()
        again = store.reproduce(trial, run_stored_source=run_stored_source)
        target = output or Path(f"{again.record.trial.id[:12]}.zip")
        again.result.save_card(target)
    _print(f"{again}\n{target}")
    if not again.same:
        console.err.print("The card is of the run of now, which differs from the ledger's")
        raise typer.Exit(DIFFERENT)


@contextmanager
def _cannot() -> Iterator[None]:
    """End with `CANNOT` where something that is needed is not there."""
    try:
        yield
    except QuantPlatformError as error:
        console.failure(error.message, error.hint)
        raise typer.Exit(CANNOT) from error
    except Exception as error:  # whatever a strategy raises: it is no difference
        console.failure(f"It cannot be run: {reason_of(error)}", "See its source")
        raise typer.Exit(CANNOT) from error


def _print(text: str) -> None:
    console.out.print(text, markup=False, highlight=False, soft_wrap=True)


def _print_json(record: object) -> None:
    import json

    typer.echo(json.dumps(record, indent=1))
