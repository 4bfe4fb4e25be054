"""walk-forward: parameters chosen in training and tested after it, from the command line.

What does not belong here: how it is computed (`research/validation.py`).
"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant_platform.cli import console
from quant_platform.cli.research_arguments import (
    TOGETHER,
    End,
    InStudy,
    KnownAt,
    Name,
    Start,
    cell,
    in_study,
    pairs_of,
    several,
    store_as_of,
    warn,
)

if TYPE_CHECKING:
    from quant_platform.research.store import Store
    from quant_platform.research.validation_result import Validation

SHOWN = ("in_sample", "out_of_sample", "best", "place")
"""Columns of the folds' table on the screen, after the parameters."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    example = (
        "quant-platform walk-forward enhanced_momentum --start 2004-01-02 --end 2012-12-31"
        " --train 504 --test 252 --grid stop_atr=1,2,3"
    )
    app.command(
        "walk-forward", epilog=f"Example: [bold]{example}[/bold]", context_settings=TOGETHER
    )(walk_forward)


def walk_forward(
    context: typer.Context,
    name: Name,
    start: Start,
    end: End,
    train: Annotated[int, typer.Option(help="Sessions that parameters are chosen in.")],
    test: Annotated[int, typer.Option(help="Sessions after them that the choice is tested in.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(help="Values of parameters: stop_atr=1,2 max_holding=20,40."),
    ] = None,
    growing: Annotated[
        bool, typer.Option("--growing", help="Choose in all sessions before the test.")
    ] = False,
    embargo: Annotated[int, typer.Option(help="Sessions left out between training and test.")] = 0,
    metric: Annotated[
        str, typer.Option(help="The figure by which parameters are chosen.")
    ] = "sharpe_ratio",
    csv: Annotated[bool, typer.Option("--csv", help="Print the folds as CSV.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the page to this file, too.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Run more than 10,000 runs.")] = False,
    study: InStudy = None,
    known_at: KnownAt = None,
) -> None:
    """Choose parameters in training, test them in the sessions after it, and move on."""
    pairs = pairs_of(grid, context.args, "--grid")
    if not pairs:
        raise typer.BadParameter("Give parameters and their values: --grid stop_atr=1,2")
    space = {key: several(key, text, is_sample=False) for key, text in pairs}
    options: dict[str, Any] = {
        "train": train,
        "test": test,
        "growing": growing,
        "embargo": embargo,
        "metric": metric,
        "confirm": yes,
    }
    store = store_as_of(known_at)
    with in_study(study):
        found = _run(store, name, space, start, end, options)
    warn(found.warning)
    if csv:
        from quant_platform.cli.rows import csv_text

        typer.echo(csv_text(found.table), nl=False)
    else:
        _show(found)
    if html is not None:
        console.err.print(str(found.to_html(html)), soft_wrap=True)


def _run(
    store: "Store",
    name: str,
    space: dict[str, Any],
    start: str,
    end: str,
    options: dict[str, Any],
) -> "Validation":
    """Run it with a bar, or lines; Ctrl-C is one line that says how far it is."""
    from quant_platform.cli.interrupts import stoppable
    from quant_platform.cli.progress import display

    done, of = 0, 0

    def stopped() -> str:
        return f"Stopped: {done:,} of {of:,} runs are finished"

    with ExitStack() as stack:
        interrupts = stack.enter_context(
            stoppable(stopped, "Finished ones are kept: the same command goes on there")
        )
        bar = stack.enter_context(display("runs", with_remaining=True))

        def show(finished: int, total: int) -> None:
            nonlocal done, of
            done, of = finished, total
            bar.show(finished, total, name)
            interrupts.check()

        return store.walk_forward(name, space, start, end, progress=show, **options)


def _show(found: "Validation") -> None:
    columns = ["test_first", "test_last", *found.varied, *SHOWN]
    console.table(
        "",
        ["fold", *(each.replace("_", " ") for each in columns)],
        [
            [str(number), *(cell(row[each]) for each in columns)]
            for number, row in found.table.iterrows()
        ],
    )
    for number, reason in found.failures.items():
        console.err.print(f"Fold {number} failed: {reason}", soft_wrap=True, markup=False)
    console.out.print(found.sentence, soft_wrap=True)
