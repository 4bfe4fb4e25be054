"""Progress of the commands that run stages; the IO manager reports what it stored.

On a terminal a bar that moves; elsewhere (a log, cron, a container) a line for each asset and one a
minute. Both count, and both stop the work when Ctrl-C was heard (`interrupts.py`).
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as RemainingColumn

from quant_platform.cli import console
from quant_platform.cli.interrupts import Interrupts

LINE_SECONDS = 60.0
"""Seconds between two lines where there is no terminal."""


class Display(Protocol):
    """What shows how far the work is."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *error: object) -> None: ...

    def show(self, completed: int, total: int | None, text: str) -> None:
        """Show the count and what is under way."""
        ...

    def finished(self, text: str) -> None:
        """Show that something is complete."""
        ...


class Bar:
    """A bar on a terminal."""

    def __init__(self, unit: str, *, with_remaining: bool) -> None:
        remaining = (TextColumn("to go"), RemainingColumn()) if with_remaining else ()
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f} of {task.fields[goal]} " + unit),
            TimeElapsedColumn(),
            *remaining,
            TextColumn("{task.description}"),
            console=console.err,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, goal="?")

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, completed: int, total: int | None, text: str) -> None:
        """Move the bar."""
        goal = "?" if total is None else f"{total:,}"
        self._bar.update(self._task, completed=completed, total=total, description=text, goal=goal)

    def finished(self, text: str) -> None:
        """The bar itself shows it."""


class Lines:
    """Lines with the time of day (UTC): one as soon as something is complete, and one a minute."""

    def __init__(self, unit: str, seconds: float = LINE_SECONDS) -> None:
        self._unit, self._seconds = unit, seconds
        self._latest = "starting"
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "Lines":
        self._ticker.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._ticker.join()

    def show(self, completed: int, total: int | None, text: str) -> None:
        """Take down what the next line will say."""
        goal = "" if total is None else f" of {total:,}"
        self._latest = f"{completed:,}{goal} {self._unit}; {text}"

    def finished(self, text: str) -> None:
        """Print a line."""
        self._print(text)

    def _tick(self) -> None:
        while not self._ended.wait(self._seconds):
            self._print(self._latest)

    def _print(self, text: str) -> None:
        console.err.print(f"{datetime.now(UTC):%H:%M:%S} {text}", soft_wrap=True, markup=False)


def display(unit: str, *, with_remaining: bool = False) -> Display:
    """Return the display that fits where standard error goes."""
    if console.err.is_terminal:
        return Bar(unit, with_remaining=with_remaining)
    return Lines(unit)


class AssetProgress:
    """Counts assets; use as a context manager."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._display = display("assets")
        self._done, self._total = 0, 0
        self._stored: tuple[str, int, int] = ("", 0, 0)

    def __enter__(self) -> "AssetProgress":
        self._display.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.__exit__(*error)

    def expect(self, assets: int) -> None:
        """Set how many assets there will be."""
        self._total = assets

    def say(self, text: str) -> None:
        """Show what is under way."""
        self._display.show(self._done, self._total, text)

    def asset(self, name: str) -> None:
        """Count an asset that is complete."""
        self._done += 1
        self._display.finished(f"{name} done, {self._done} of {self._total} assets")
        self.say(name)
        self._interrupts.check()

    def sessions(self, table: str, sessions: int, rows: int) -> None:
        """Show how much of a table is stored."""
        name, before, rows_before = self._stored
        if name != table:
            before, rows_before = 0, 0
        self._stored = (table, before + sessions, rows_before + rows)
        self.say(f"{table}: {before + sessions:,} sessions, {rows_before + rows:,} rows")
        self._interrupts.check()


class SessionProgress:
    """Counts the sessions of `market_data`, with rows and requests left; a context manager.

    Parameters
    ----------
    total : sessions that are asked for
    left : tells how many requests the vendor takes at once; None where it sets no limit
    """

    def __init__(self, total: int, left: Callable[[], int | None], interrupts: Interrupts) -> None:
        self.done, self.rows = 0, 0
        self._total, self._left, self._interrupts = total, left, interrupts
        self._display = display("sessions", with_remaining=True)
        self._began = time.monotonic()

    def __enter__(self) -> "SessionProgress":
        self._display.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.__exit__(*error)

    def asset(self, name: str) -> None:
        """Show the asset that was completed last."""
        self._display.finished(f"{name} done after {time.monotonic() - self._began:,.0f} s")
        self._display.show(self.done, self._total, f"{self.rows:,} rows, {name} done")
        self._interrupts.check()

    def sessions(self, table: str, sessions: int, rows: int) -> None:
        """Count sessions of bars that are stored, and show what is stored of other tables."""
        if table == "market_data":
            self.done += sessions
            self.rows += rows
            left = self._left()
            text = f"{self.rows:,} rows" + ("" if left is None else f", {left} requests left")
        else:
            text = f"{table}: {rows:,} rows of {sessions:,} sessions"
        self._display.show(self.done, self._total, text)
        self._interrupts.check()
