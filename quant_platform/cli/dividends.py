"""dividends list, confirm and reject: what a person decides about doubtful dividends."""

from typing import TYPE_CHECKING, Annotated

import typer

from quant_platform.cli import console

if TYPE_CHECKING:
    from quant_platform.pipeline.platform import Platform

group = typer.Typer(
    name="dividends",
    no_args_is_help=True,
    help="Decide about dividends that the price did not follow.",
    rich_markup_mode="rich",
)

EXAMPLES = {
    "list": "quant-platform dividends list",
    "confirm": "quant-platform dividends confirm ABC 2019-02-22",
    "reject": "quant-platform dividends reject ABC 2019-02-22",
}

Symbol = Annotated[str, typer.Argument(help="Ticker in the session.")]
Session = Annotated[str, typer.Argument(help="Ex-date, YYYY-MM-DD.")]
By = Annotated[str, typer.Option("--by", help="Who decides; default: the user of the system.")]


def register(app: typer.Typer) -> None:
    """Add the group `dividends` to the application."""
    for name, command in (("list", show), ("confirm", confirm), ("reject", reject)):
        group.command(name, epilog=f"Example: [bold]{EXAMPLES[name]}[/bold]")(command)
    app.add_typer(group, epilog=f"Example: [bold]{EXAMPLES['list']}[/bold]")


def show(
    everything: Annotated[
        bool, typer.Option("--all", help="Those that were decided about, too.")
    ] = False,
) -> None:
    """Show the dividends that are held until somebody decides about them."""
    from quant_platform.cli.rows import table_rows
    from quant_platform.pipeline.dividends import HELD, states
    from quant_platform.storage.bulk import BEGINNING
    from quant_platform.storage.database import filled_database

    platform = _platform()
    filled_database(platform.settings)
    rows = states(platform, BEGINNING, "9999-12-31")
    if not everything:
        rows = rows[rows["state"] == HELD].drop(columns=["decided_by", "decided_at"])
    if rows.empty:
        console.out.print("No dividend is held")
        return
    console.table("", [str(name) for name in rows.columns], table_rows(rows))


def confirm(symbol: Symbol, session: Session, by: By = "") -> None:
    """Say that a doubtful dividend was paid: it counts from now on."""
    _decide(symbol, session, "confirmed", by)


def reject(symbol: Symbol, session: Session, by: By = "") -> None:
    """Say that a doubtful dividend was not paid: it stays out."""
    _decide(symbol, session, "rejected", by)


def _decide(symbol: str, session: str, state: str, by: str) -> None:
    from getpass import getuser

    from quant_platform.pipeline.dividends import ACTIONS, decide
    from quant_platform.quality.check_registry import all_checks
    from quant_platform.quality.judging import judge_run

    platform = _platform()
    day = platform.calendar.parse(session).isoformat()
    count, changed = decide(platform, day, symbol, state, by or getuser())
    checks = all_checks(platform.settings, platform.vendor)
    judge_run(platform, [check for check in checks if check.asset == ACTIONS], [day])
    console.out.print(f"{symbol} {day}: {count} {state}")
    if changed:
        console.out.print(
            "What follows is computed by: quant-platform backfill --stale", soft_wrap=True
        )


def _platform() -> "Platform":
    from quant_platform.pipeline.platform import Platform
    from quant_platform.settings import Settings
    from quant_platform.vendors.vendor_registry import vendor_of

    settings = Settings.load()
    return Platform(settings, vendor_of(settings))
