"""Progress bars of the commands that run stages; the IO manager reports what it stored."""

from collections.abc import Callable

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from quant_platform.cli import console


class AssetBar:
    """A bar that counts assets; use as a context manager."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=40),
            TextColumn("{task.completed:.0f} assets"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console.err,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> "AssetBar":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def expect(self, assets: int) -> None:
        """Set how many assets there will be."""
        self._bar.update(self._task, total=assets)

    def say(self, text: str) -> None:
        """Show what is under way."""
        self._bar.update(self._task, description=text)

    def asset(self, name: str) -> None:
        """Count an asset that is complete."""
        self._bar.update(self._task, advance=1, description=name)

    def sessions(self, table: str, sessions: int, rows: int) -> None:
        """Sessions are not counted here."""


class SessionBar:
    """A bar that counts the sessions of `market_data`, with rows and requests left.

    Parameters
    ----------
    total : sessions that are asked for
    left : tells how many requests the vendor takes at once; None where it sets no limit
    """

    def __init__(self, total: int, left: Callable[[], int | None]) -> None:
        self.done, self.rows = 0, 0
        self._left = left
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} sessions"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("to go"),
            TimeRemainingColumn(),
            console=console.err,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> "SessionBar":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def asset(self, name: str) -> None:
        """Show the asset that was completed last."""
        self._bar.update(self._task, description=f"{self.rows:,} rows, {name} done")

    def sessions(self, table: str, sessions: int, rows: int) -> None:
        """Count sessions of bars that are stored."""
        if table != "market_data":
            return
        self.done += sessions
        self.rows += rows
        left = self._left()
        text = f"{self.rows:,} rows" + ("" if left is None else f", {left} requests left")
        self._bar.update(self._task, completed=self.done, description=text)
