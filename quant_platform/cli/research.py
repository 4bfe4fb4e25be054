"""backtest and sweep: a strategy over stored sessions, from the command line.

What does not belong here: how they are computed (`research/`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant_platform.cli import console
from quant_platform.errors import QuantPlatformError, SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.research.store import Store
    from quant_platform.research.sweep_result import Sweep

SHOWN = ("sharpe_ratio", "annualized_return", "annualized_volatility", "max_drawdown", "turnover")
"""Figures of a sweep's table on the screen."""

TOP = 20
"""Configurations that the screen shows; --csv writes all."""

Name = Annotated[str, typer.Argument(help="A strategy; see: quant-platform list strategies")]
Traded = Annotated[str, typer.Argument(help="A strategy, model or book.")]
Start = Annotated[str, typer.Option(help="First session, YYYY-MM-DD.")]
End = Annotated[str, typer.Option(help="Last session, YYYY-MM-DD.")]
InStudy = Annotated[
    str | None, typer.Option("--study", help="Count it in this study; default: one of the day.")
]
KnownAt = Annotated[
    str | None,
    typer.Option(help="On what was known at this moment, as 2024-03-01T22:00Z."),
]
TOGETHER = {"ignore_unknown_options": False, "allow_extra_args": True}
"""Further words of a command belong to the option before them."""


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

    parameters = {key: _one(key, text) for key, text in _pairs(given, context.args, "--set")}
    settings = Settings.load()
    is_book = not parameters and name in [book.name for book in books_of(settings)]
    model = name if is_book else model_of(settings, name, parameters)
    try:
        with _study(study):
            result = _store(known_at).backtest(model, start, end)
    except QuantPlatformError:
        raise
    except Exception as error:
        raise QuantPlatformError(
            f"The backtest of {name} failed: {reason_of(error)}", "--debug shows all of it"
        ) from error
    rows = [(str(label).replace("_", " "), _text(value)) for label, value in result.shown.items()]
    days = result.portfolios["date"]
    title = f"{name}, {days.iloc[0]:%Y-%m-%d} to {days.iloc[-1]:%Y-%m-%d}"
    console.out.print(f"{title}, against {result.benchmark_returns.name}", soft_wrap=True)
    console.table("", ["figure", "value"], rows)
    _warn(result.warning)
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
    pairs = _pairs(grid, context.args, "--grid")
    if not pairs:
        raise typer.BadParameter("Give parameters and their values: --grid stop_atr=1,2")
    space = {key: _several(key, text, is_sample=sample is not None) for key, text in pairs}
    store = _store(known_at)
    with _study(study):
        result = _run(store, name, space, start, end, sample, seed, yes)
    _warn(result.warning)
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
        [[_text(row[each]) for each in columns] for _, row in top.iterrows()],
    )
    left = len(ranked) - len(top) - int(failed.sum())
    if left:
        console.err.print(f"… {left:,} more configurations; --csv prints all")
    for _, row in ranked[failed].head(TOP).iterrows():
        values = ", ".join(f"{each}={_text(row[each])}" for each in result.varied)
        console.err.print(f"{values} failed: {row['failed']}", soft_wrap=True, markup=False)
    console.out.print(str(result.verdict), soft_wrap=True)


def _store(known_at: str | None) -> "Store":
    from quant_platform.research.store import open_store

    store = replace(open_store(), origin="command")
    return store if known_at is None else store.at(known_at)


def _study(name: str | None) -> "AbstractContextManager[object]":
    from quant_platform.research.study import study

    return nullcontext() if name is None else study(name)


def _warn(warning: str) -> None:
    if warning:
        console.err.print(warning, soft_wrap=True, markup=False)


def _pairs(given: Sequence[str] | None, more: Sequence[str], option: str) -> list[tuple[str, str]]:
    """Names and values of an option that takes several words."""
    words = [*(given or ()), *more]
    if more and not given:
        raise typer.BadParameter(f"What is {more[0]!r}? Parameters come after {option}")
    pairs = []
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key or not value:
            raise typer.BadParameter(f"{word!r} is no parameter; write {option} name=value")
        pairs.append((key.strip(), value.strip()))
    twice = sorted({key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1})
    if twice:
        raise typer.BadParameter(f"The parameter {twice[0]} is given twice")
    return pairs


def _several(key: str, text: str, *, is_sample: bool) -> Any:
    """Values of a parameter; of a sample, a range from one to another."""
    low, dots, high = text.partition("..")
    if dots:
        if not is_sample:
            raise SettingsError(f"{key}={text} is a range", "Give --sample, or a list of values")
        return _one(key, low), _one(key, high)
    return [_one(key, part) for part in text.split(",")]


def _one(key: str, text: str) -> Any:
    """Read a value as a person writes it: a number, true or false, or a word."""
    plain = text.strip()
    if not plain:
        raise SettingsError(f"A value of {key} is empty", "Write --grid name=1,2")
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    for kind in (int, float):
        try:
            return kind(plain)
        except ValueError:
            continue
    return plain


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)
