"""alerts list, test and deliver: what needs attention, and what became of the messages about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from quant_platform.cli import console

if TYPE_CHECKING:
    import pandas as pd

group = typer.Typer(
    name="alerts",
    no_args_is_help=True,
    help="What needs attention, and the messages about it.",
    rich_markup_mode="rich",
)

EXAMPLES = {
    "list": "quant-platform alerts list",
    "test": "quant-platform alerts test",
    "deliver": "quant-platform alerts deliver",
}

Json = Annotated[bool, typer.Option("--json", help="Print all rows as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group `alerts` to the application."""
    for name, command in (("list", show), ("test", test), ("deliver", deliver)):
        group.command(name, epilog=f"Example: [bold]{EXAMPLES[name]}[/bold]")(command)
    app.add_typer(group, epilog=f"Example: [bold]{EXAMPLES['list']}[/bold]")


def show(
    everything: Annotated[
        bool, typer.Option("--all", help="Events that are over and sent, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the events that last, or whose messages wait, with what became of each message."""
    from quant_platform.alerts.queue import queued
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.settings import Settings
    from quant_platform.storage.database import filled_database

    settings = Settings.load()
    filled_database(settings)
    rows = queued(ready_database(settings), everything=everything)
    _print(rows, json, "No event lasts, and no message waits")


def test(
    channel: Annotated[
        str | None, typer.Argument(help="Name of the channel; default: every channel.")
    ] = None,
    json: Json = False,
) -> None:
    """Send a message that says that it is a test; nothing of it is stored."""
    import pandas as pd

    from quant_platform.alerts.channels import channel_called, channels_of
    from quant_platform.alerts.sending import send, trial_message
    from quant_platform.settings import Settings

    settings = Settings.load()
    chosen = channels_of(settings) if channel is None else (channel_called(settings, channel),)
    results = [(each, send(each, trial_message())) for each in chosen]
    rows = pd.DataFrame(
        {
            "channel": [each.name for each, _ in results],
            "service": [each.service for each, _ in results],
            "severity": [each.severity for each, _ in results],
            "result": [reason or "sent" for _, reason in results],
        }
    )
    _print(rows, json, "No channel is set: QUANT_PLATFORM_ALERT_URLS")
    if any(reason for _, reason in results):
        raise typer.Exit(1)


def deliver(json: Json = False) -> None:
    """Send now what is due; the sensor `alert_delivery` does the same each minute."""
    from datetime import UTC, datetime

    import pandas as pd

    from quant_platform.alerts.delivery import look_and_deliver
    from quant_platform.market.calendar import platform_calendar
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.settings import Settings
    from quant_platform.storage.database import filled_database

    settings = Settings.load()
    filled_database(settings)
    database, calendar = ready_database(settings), platform_calendar(settings)
    done = look_and_deliver(settings, database, calendar, lambda: datetime.now(UTC))
    if json:
        rows = pd.DataFrame(
            {"sent": [done.sent], "waiting": [done.waiting], "refused": [dict(done.refused)]}
        )
        _print(rows, json, "")
    else:
        console.out.print(str(done), soft_wrap=True, markup=False)
    if done.refused:
        raise typer.Exit(1)


def _print(rows: "pd.DataFrame", json: bool, nothing: str) -> None:
    from quant_platform.cli.rows import json_text, table_rows

    if json:
        typer.echo(json_text(rows))
    elif rows.empty:
        console.out.print(nothing)
    else:
        console.table("", [str(name) for name in rows.columns], table_rows(rows))
