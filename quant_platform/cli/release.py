"""release: has the halted account of a model trade again, by a person's word."""

import getpass
from typing import Annotated

import typer

from quant_platform.cli import console

EXAMPLE = "Example: [bold]quant-platform release mean_reversion[/bold]"


def register(app: typer.Typer) -> None:
    """Add the command of this module to the application."""
    app.command(epilog=EXAMPLE)(release)


def release(
    model: Annotated[str, typer.Argument(help="The model whose account a limit halted.")],
    by: Annotated[
        str, typer.Option("--by", help="Who releases it; default: the user of the system.")
    ] = "",
) -> None:
    """Release an account that a limit halted: it trades again from the next session on."""
    from quant_platform.pipeline.platform import Platform
    from quant_platform.pipeline.releases import release
    from quant_platform.settings import Settings
    from quant_platform.storage.database import filled_database
    from quant_platform.vendors.vendor_registry import vendor_of

    settings = Settings.load()
    filled_database(settings)
    session, is_new = release(
        Platform(settings, vendor_of(settings)), model, by or getpass.getuser()
    )
    already = "" if is_new else "already "
    console.out.print(
        f"{model} is {already}released from {session} on; its drawdown counts from there"
    )
