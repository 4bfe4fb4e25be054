"""backtest and sweep: a strategy over stored sessions, from the command line.

What does not belong here: how they are computed (`research/`).
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
    Traded,
    cell,
    in_study,
    one_value,
    pairs_of,
    several,
    store_as_of,
    warn,
)
from quant_platform.errors import QuantPlatformError

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.research.store import Store
    from quant_platform.research.sweep_result import Sweep

SHOWN = ("sharpe_ratio", "annualized_return", "annualized_volatility", "max_drawdown", "turnover")
"""Figures of a sweep's table on the screen."""

TOP = 20
"""Configurations that the screen shows; --csv writes all."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command, example in (
        (
            backtest,
            "quant-platform backtest enhanced_momentum --start 2005-01-03 --end 2012-12-31"
            " --set stop_atr=3",
        ),
        (
            sweep,
            "quant-platform sweep enhanced_momentum --start 2005-01-03 --end 2012-12-31"
            " --grid stop_atr=1,2 min_volume_ratio=1,1.2",
        ),
    ):
        app.command(epilog=f"Example: [bold]{example}[/bold]", context_settings=TOGETHER)(command)


def backtest(
    context: typer.Context,
    name: Traded,
    start: Start,
    end: End,
    given: Annotated[
        list[str] | None, typer.Option("--set", help="Parameters: stop_atr=2 max_holding=40.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page to this file, too.")] = None,
    study: InStudy = None,
    known_at: KnownAt = None,
) -> None:
    """Run a strategy, model or book over stored sessions and print its figures."""
    from quant_platform.isolation import reason_of
    from quant_platform.settings import Settings
    from quant_platform.strategies.books import books_of
    from quant_platform.strategies.models import model_of

    parameters = {key: one_value(key, text) for key, text in pairs_of(given, context.args, "--set")}
    settings = Settings.load()
    is_book = not parameters and name in [book.name for book in books_of(settings)]
    model = name if is_book else model_of(settings, name, parameters)
    try:
        with in_study(study):
            result = store_as_of(known_at).backtest(model, start, end)
    except QuantPlatformError:
        raise
    except Exception as error:
        raise QuantPlatformError(
            f"The backtest of {name} failed: {reason_of(error)}", "--debug shows all of it"
        ) from error
    rows = [(str(label).replace("_", " "), cell(value)) for label, value in result.shown.items()]
    days = result.portfolios["date"]
    title = f"{name}, {days.iloc[0]:%Y-%m-%d} to {days.iloc[-1]:%Y-%m-%d}"
    console.out.print(f"{title}, against {result.benchmark_returns.name}", soft_wrap=True)
    console.table("", ["figure", "value"], rows)
    warn(result.warning)
    if html is not None:
        console.out.print(str(result.to_html(html)), soft_wrap=True)


def sweep(
    context: typer.Context,
    name: Name,
    start: Start,
    end: End,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            help="Values of parameters: stop_atr=1,2 max_holding=20,40; with --sample also ranges:"
            " stop_atr=1..3."
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Draw so many configurations, instead of all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What they are drawn from.")] = 0,
    csv: Annotated[bool, typer.Option("--csv", help="Print all configurations as CSV.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Run more than 10,000 configurations.")
    ] = False,
    study: InStudy = None,
    known_at: KnownAt = None,
) -> None:
    """Run a strategy with many parameters over stored sessions; stop and go on at any time."""
    pairs = pairs_of(grid, context.args, "--grid")
    if not pairs:
        raise typer.BadParameter("Give parameters and their values: --grid stop_atr=1,2")
    space = {key: several(key, text, is_sample=sample is not None) for key, text in pairs}
    store = store_as_of(known_at)
    with in_study(study):
        result = _run(store, name, space, start, end, sample, seed, yes)
    warn(result.warning)
    if csv:
        from quant_platform.cli.rows import csv_text

        typer.echo(csv_text(result.table), nl=False)
        return
    _show(result)


def _run(
    store: "Store",
    name: str,
    space: dict[str, Any],
    start: str,
    end: str,
    sample: int | None,
    seed: int,
    yes: bool,
) -> "Sweep":
    """Run the sweep with a bar, or lines; Ctrl-C is one line that says how far it is."""
    from quant_platform.cli.interrupts import stoppable
    from quant_platform.cli.progress import display

    done, of = 0, 0

    def stopped() -> str:
        return f"Stopped: {done:,} of {of:,} configurations are finished"

    with ExitStack() as stack:
        interrupts = stack.enter_context(
            stoppable(stopped, "Finished ones are kept: the same command goes on there")
        )
        bar = stack.enter_context(display("configurations", with_remaining=True))

        def show(finished: int, total: int) -> None:
            nonlocal done, of
            done, of = finished, total
            bar.show(finished, total, name)
            interrupts.check()

        return store.sweep(
            name, space, start, end, sample=sample, seed=seed, progress=show, confirm=yes
        )


def _show(result: "Sweep") -> None:
    columns = [*result.varied, *SHOWN]
    ranked = result.table.sort_values("sharpe_ratio", ascending=False, kind="stable")
    failed: pd.Series = ranked["failed"] != ""
    top = ranked[~failed].head(TOP)
    console.table(
        "",
        [each.replace("_", " ") for each in columns],
        [[cell(row[each]) for each in columns] for _, row in top.iterrows()],
    )
    left = len(ranked) - len(top) - int(failed.sum())
    if left:
        console.err.print(f"… {left:,} more configurations; --csv prints all")
    for _, row in ranked[failed].head(TOP).iterrows():
        values = ", ".join(f"{each}={cell(row[each])}" for each in result.varied)
        console.err.print(f"{values} failed: {row['failed']}", soft_wrap=True, markup=False)
    console.out.print(str(result.verdict), soft_wrap=True)
