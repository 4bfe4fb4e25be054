"""factors: what the stored features foretold, as a table and as pages.

What does not belong here: how it is computed (`pipeline/factors.py`, `research/factor.py`).
"""

from typing import TYPE_CHECKING, Annotated

import typer

from quant_platform.cli import console

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.research.store import Store

SHOWN = ("rank_ic", "rank_ic_error", "rank_ic_t", "ic", "spread", "turnover", "autocorrelation")


def register(app: typer.Typer) -> None:
    """Add the command of this module to the application."""
    example = "quant-platform factors momentum_20 rsi_14 --pages"
    app.command(epilog=f"Example: [bold]{example}[/bold]")(factors)


def factors(
    names: Annotated[
        list[str] | None, typer.Argument(help="Features; default: all that are stored.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="First session, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option(help="Last session, YYYY-MM-DD.")] = None,
    horizon: Annotated[int, typer.Option(help="Sessions of the returns: 1, 5 or 21.")] = 5,
    quantiles: Annotated[
        int, typer.Option(help="Groups on the pages; default: 5, in a market of few members 2.")
    ] = 0,
    pages: Annotated[
        bool, typer.Option("--pages", help="Write a page for each, and one that lists them.")
    ] = False,
) -> None:
    """Show what features foretold, the clearest first, by the rows of factor_evaluation."""
    from quant_platform.features.feature_registry import features_of, select
    from quant_platform.pipeline.feature_sets import stored_sets
    from quant_platform.research.factor_pages import write_factor_pages
    from quant_platform.research.store import open_store

    store = open_store()
    wanted = [
        each.name
        for each in (
            select(names)
            if names
            else [each for of in stored_sets(store.settings) for each in features_of(of)]
        )
    ]
    if pages:
        studies = store.factors(wanted, start, end, quantiles=quantiles or _groups(store))
        path = write_factor_pages(studies, store.settings.home / "reports")
        console.out.print(str(path), soft_wrap=True)
        return
    _show(store.table("factor_evaluation", start, end), wanted, horizon)


def _groups(store: "Store") -> int:
    """Groups that the universe is large enough for, as in factor_evaluation."""
    from quant_platform.evaluation.factor_rows import HALVES_BELOW, QUANTILES

    members = store.table("trading_universe", columns=["date"])["date"].value_counts()
    return QUANTILES if len(members) and members.median() >= HALVES_BELOW else 2


def _show(rows: "pd.DataFrame", wanted: list[str], horizon: int) -> None:
    from quant_platform.errors import SessionError, SettingsError
    from quant_platform.evaluation.factor_rows import HORIZONS, summary_of

    if horizon not in HORIZONS:
        raise SettingsError(f"The horizon is {horizon}", f"Stored are: {HORIZONS}")
    found = rows[rows["feature"].isin(wanted) & (rows["horizon"] == horizon)]
    if found.empty:
        raise SessionError(
            "Nothing is stored of these features and sessions",
            "Run: quant-platform backfill --start … --end … --select factor_evaluation;"
            " of a feature that is not stored: --pages",
        )
    table = summary_of(found).droplevel("horizon")
    ordered = table.sort_values("rank_ic_t", key=lambda of: -of.abs())
    days = found["date"]
    cells = [
        (str(name), f"{row['sessions']:,.0f}", *(_text(row[each]) for each in SHOWN))
        for name, row in ordered.iterrows()
    ]
    title = f"Horizon {horizon}, {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
    console.table(title, ["feature", "sessions", *SHOWN], cells)


def _text(value: float) -> str:
    return "–" if value != value else f"{value:.4f}"
