"""audit: proves or refutes that features, signals, portfolios and figures do not look ahead."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from quant_platform.cli import console

if TYPE_CHECKING:
    from quant_platform.research.audit_laws import Finding

EXAMPLE = "Example: [bold]quant-platform audit --model mean_reversion --start 2012-01-03[/bold]"


def register(app: typer.Typer) -> None:
    """Add the command of this module to the application."""
    app.command(epilog=EXAMPLE)(audit)


def audit(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="Model or book; may be repeated. Default: all."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="First session, YYYY-MM-DD; default: a year before the last.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="Last session, YYYY-MM-DD; default: the newest.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Chooses the sessions with which the history is made to end.")
    ] = 0,
) -> None:
    """Prove or refute, on stored data, that nothing looks ahead or depends on how it is cut."""
    from quant_platform.errors import ContractError
    from quant_platform.research.store import open_store
    from quant_platform.settings import Settings

    def show(finding: "Finding") -> None:
        verdict = "[green]holds[/green]" if finding.holds else "[bold red]REFUTED[/bold red]"
        console.out.print(
            f"{finding.subject}: {finding.law}, {finding.compared:,} values: {verdict}"
            + (f"\n  {escape(finding.where)}" if finding.where else ""),
            soft_wrap=True,
        )

    done = open_store(Settings.load()).audit(model or None, start, end, seed=seed, on_finding=show)
    refuted = [each for each in done.findings if not each.holds]
    if refuted:
        raise ContractError(
            f"{len(refuted)} of {len(done.findings)} are refuted from {done.first} to {done.last}",
            "Each names the first value that differs",
        )
    console.out.print(f"All {len(done.findings)} hold from {done.first} to {done.last}")
