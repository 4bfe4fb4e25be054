"""model list, show, promote, demote and retire: what each model is used for, and its monitor.

What does not belong here: which change is allowed (`pipeline/model_states.py`).
"""

from typing import TYPE_CHECKING, Annotated

import typer

from quant_platform.cli import console

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.pipeline.platform import Platform

group = typer.Typer(
    name="model",
    no_args_is_help=True,
    help="What each model is used for, and whether it still holds what it promised.",
    rich_markup_mode="rich",
)

EXAMPLES = {
    "list": "quant-platform model list",
    "show": "quant-platform model show mean_reversion",
    "promote": 'quant-platform model promote mean_reversion --why "best of the study on reversals"',
    "demote": 'quant-platform model demote mean_reversion --why "its promise broke"',
    "retire": 'quant-platform model retire mean_reversion --why "replaced"',
}

Name = Annotated[str, typer.Argument(help="The model; see: quant-platform model list")]
Why = Annotated[str, typer.Option("--why", help="The reason, kept with the change.")]
By = Annotated[str, typer.Option("--by", help="Who says so; default: the user of the system.")]
Session = Annotated[
    str,
    typer.Option(
        "--session",
        help="Session after which it holds, YYYY-MM-DD; default: the newest. A promise is made by"
        " the rows of this session.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print all rows as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group `model` to the application."""
    for name, command in (
        ("list", show_all),
        ("show", show),
        ("promote", promote),
        ("demote", demote),
        ("retire", retire),
    ):
        group.command(name, epilog=f"Example: [bold]{EXAMPLES[name]}[/bold]")(command)
    app.add_typer(group, epilog=f"Example: [bold]{EXAMPLES['list']}[/bold]")


def show_all(json: Json = False) -> None:
    """List the models with their state, and where the test of their promise stands."""
    from quant_platform.pipeline.model_listing import listed

    _print(listed(_platform().database), json, "There is no model yet")


def show(name: Name, json: Json = False) -> None:
    """Show every change of a model's state, by whom and why, and the newest row of its monitor."""
    from quant_platform.pipeline.model_listing import changes_of, standing_of

    database = _platform().database
    rows = changes_of(database, name)
    _print(rows, json, f"{name} is a candidate: nobody has promoted it")
    if not json:
        console.out.print()
        console.out.print(standing_of(database, name), soft_wrap=True, markup=False)


def promote(name: Name, why: Why, by: By = "", session: Session = "") -> None:
    """Make a candidate a challenger, or a challenger a champion, and monitor its promise.

    From the next session on its returns are tested, at every session, against the lower bound of
    what its backtest promises, less what the best of the trials it was chosen from would show
    without skill.
    """
    _change("promote", name, why, by, session)


def demote(name: Name, why: Why, by: By = "", session: Session = "") -> None:
    """Take a challenger or champion out of use; it can be promoted again."""
    _change("demote", name, why, by, session)


def retire(name: Name, why: Why, by: By = "", session: Session = "") -> None:
    """Take a model out of use for good; it is computed and compared on, and never in use again."""
    _change("retire", name, why, by, session)


def _change(what: str, name: str, why: str, by: str, session: str) -> None:
    from quant_platform.pipeline.model_states import change_state, sentences
    from quant_platform.provenance import person

    platform = _platform()
    changed = change_state(platform, name, what, why, by or person(), session)
    for line in sentences(changed, platform.settings.monitor):
        console.out.print(line, soft_wrap=True, markup=False, highlight=False)


def _platform() -> "Platform":
    from quant_platform.pipeline.platform import Platform
    from quant_platform.settings import Settings
    from quant_platform.storage.database import filled_database
    from quant_platform.vendors.vendor_registry import vendor_of

    settings = Settings.load()
    filled_database(settings)
    return Platform(settings, vendor_of(settings))


def _print(rows: "pd.DataFrame", json: bool, nothing: str) -> None:
    from quant_platform.cli.rows import json_text, table_rows

    if json:
        typer.echo(json_text(rows))
    elif rows.empty:
        console.out.print(nothing, markup=False)
    else:
        console.table("", [str(name).replace("_", " ") for name in rows.columns], table_rows(rows))
