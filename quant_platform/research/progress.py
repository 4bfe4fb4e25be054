"""How far a long computation is: a bar in a notebook or on a terminal, a line a minute elsewhere.

What does not belong here: the bars of commands (`cli/progress.py`).
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 60.0
"""Seconds between two lines where no bar can be drawn."""

Show = Callable[[int, int], None]
"""Is told how many are done, and of how many."""


@contextmanager
def shown(progress: bool | Show, unit: str) -> Iterator[Show]:
    """Lend a function that shows progress.

    Parameters
    ----------
    progress : whether anything is shown, or what shows it
    unit : what is counted
    """
    if not progress:
        yield lambda done, total: None
    elif callable(progress):
        yield progress
    else:
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        if console.is_terminal or console.is_jupyter:
            yield from _bar(console, unit)
        else:
            yield _lines(unit)


def _bar(console: object, unit: str) -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as RemainingColumn

    columns = (
        BarColumn(bar_width=30),
        TextColumn("{task.completed:.0f} of {task.total:.0f} " + unit),
        TimeElapsedColumn(),
        TextColumn("to go"),
        RemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:  # type: ignore[arg-type]
        task = bar.add_task(unit, total=1)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(unit: str) -> Show:
    begun = last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS and done:
            last = now
            left = (now - begun) / done * (total - done)
            sys.stderr.write(f"{done:,} of {total:,} {unit}, {in_words(left)} to go\n")

    return show


def in_words(seconds: float) -> str:
    """Return a time as a person says it.

    Examples
    --------
    >>> in_words(42.0), in_words(150.0), in_words(9000.0)
    ('42 s', '2 min', '2.5 hours')
    """
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400.0 else f"{seconds / 3600:.1f} hours"
