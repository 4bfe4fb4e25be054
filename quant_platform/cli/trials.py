"""trials, studies and unseal: what was tried, for which question, and the hold-out of it.

What does not belong here: how trials are counted (`storage/ledger.py`).
"""

from typing import TYPE_CHECKING, Annotated

import typer

from quant_platform.cli import console

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 100
"""Rows that a table on the screen shows; --json prints all."""

Json = Annotated[bool, typer.Option("--json", help="Print all rows as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    group = typer.Typer(invoke_without_command=True, callback=studies)
    example = "quant-platform studies show 'momentum in small caps'"
    group.command(epilog=f"Example: [bold]{example}[/bold]")(show)
    app.add_typer(group, name="studies", epilog="Example: [bold]quant-platform studies[/bold]")
    for command, example in (
        (trials, "quant-platform trials --study 'momentum in small caps'"),
        (unseal, "quant-platform unseal 'momentum in small caps' --trial 0a1b2c3d"),
    ):
        app.command(epilog=f"Example: [bold]{example}[/bold]")(command)


def trials(
    study: Annotated[
        str | None, typer.Option(help="Those of this study; see: quant-platform studies")
    ] = None,
    json: Json = False,
) -> None:
    """List the configurations that were simulated, with the figures of the newest run of each."""
    from quant_platform.research.store import open_store

    rows = open_store().trials(study)
    if json:
        _print_json(rows)
        return
    rows = rows.assign(
        id=rows["id"].str[:12],
        first_session=rows["first_session"].astype(object).fillna("first"),
        last_session=rows["last_session"].astype(object).fillna("last"),
    )
    _show(rows.drop(columns=["parameters", "failed"]), "trial")


def studies(
    context: typer.Context,
    json: Json = False,
) -> None:
    """List the studies, how many trials each has, and which are exploratory."""
    from quant_platform.research.store import open_store

    if context.invoked_subcommand is not None:
        return
    rows = open_store().studies()
    if json:
        _print_json(rows)
        return
    _show(rows.drop(columns=["hypothesis", "give_up"]), "study")


def show(
    name: Annotated[str, typer.Argument(help="A study; see: quant-platform studies")],
    json: Annotated[bool, typer.Option("--json", help="Print its trials as JSON.")] = False,
) -> None:
    """Show what a study found: false discoveries, and tests of its trials against the benchmark."""
    from quant_platform.research.store import open_store

    report = open_store().study_report(name)
    if json:
        _print_json(report.trials)
        return
    from quant_platform.reports.studies import HEADERS

    console.out.print(str(report), markup=False, highlight=False)
    if not report.trials.empty:
        console.out.print()
        console.table("", HEADERS, report.rows())


def unseal(
    study: Annotated[str, typer.Argument(help="A declared study; see: quant-platform studies")],
    trial: Annotated[
        str | None,
        typer.Option(help="Its configuration, by the beginning of its id; default: the best one."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Open the sealed hold-out for a study, once and for one configuration, for everybody to see.

    A backtest of that configuration in that study (--study, qp.study) may then end in the hold-out.
    """
    from quant_platform.provenance import person
    from quant_platform.settings import Settings
    from quant_platform.storage.database import filled_database
    from quant_platform.storage.holdout import unseal

    database = filled_database(Settings.load())
    if not yes:
        typer.confirm(f"Open the hold-out for {study!r}? It can be done once", abort=True)
    opening = unseal(database, study, trial, person())
    console.out.print(f"The hold-out is {opening}", soft_wrap=True)


def _print_json(rows: "pd.DataFrame") -> None:
    from quant_platform.cli.rows import json_text

    typer.echo(json_text(rows))


def _show(rows: "pd.DataFrame", what: str) -> None:
    from quant_platform.cli.rows import table_rows

    if rows.empty:
        console.out.print(f"There is no {what} yet")
        return
    shown = rows.head(LIMIT)
    console.table("", [str(name).replace("_", " ") for name in rows.columns], table_rows(shown))
    if len(rows) > len(shown):
        console.err.print(f"… {len(rows) - len(shown):,} more rows; --json prints all")
