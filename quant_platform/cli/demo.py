"""`demo`: run the stages in this process with a progress bar, and show the result."""

import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from quant_platform.cli import console
from quant_platform.cli.failing import show_failing
from quant_platform.cli.interrupts import Interrupts, stoppable
from quant_platform.cli.progress import AssetProgress
from quant_platform.settings import Settings, without_password
from quant_platform.storage.database import Database


def run_demo(settings: Settings, vendor: str | None = None) -> None:
    """Materialise what is missing of the whole market, stage by stage, and print the result.

    Parameters
    ----------
    vendor : named by the command, against the settings of the commands that follow; None: they
        name it themselves
    """
    with stoppable(lambda: "Stopped", "The same command goes on from there") as interrupts:
        from quant_platform.pipeline.platform import Platform
        from quant_platform.vendors.vendor_registry import VARIABLE, vendor_of

        started = time.monotonic()
        with console.err.status("Starting the database …"):
            database = Platform(settings, vendor_of(settings)).database
        console.err.print(f"Database ready: {without_password(database.url)}", soft_wrap=True)
        sessions, seconds = _materialise(settings, interrupts)
        _show_result(settings, database, sessions, seconds, time.monotonic() - started)
        if vendor is not None:
            said = f"{VARIABLE}={vendor}"
            console.out.print(f"Set {said} in .env for the commands that follow, unless it is.")


def _materialise(settings: Settings, interrupts: Interrupts) -> tuple[int, list[tuple[str, float]]]:
    """Run the stages that lack sessions; return the number of sessions, and stage → seconds."""
    with console.err.status("Loading the definitions …"):
        from quant_platform.defs.runs import Runner

    seconds: list[tuple[str, float]] = []
    with AssetProgress(interrupts) as progress:
        runner = Runner.open(settings, progress)
        sessions = runner.sessions
        with runner.instance() as instance:
            ranges = _ranges({stage: runner.missing(instance, stage) for stage in runner.stages})
            progress.expect(sum(len(runner.stage_assets(stage)) for stage in ranges))
            for stage, (first, last) in ranges.items():
                began = time.monotonic()
                progress.say(stage)
                runner.run_stage(instance, stage, first, last)
                interrupts.check()
                seconds.append((stage, time.monotonic() - began))
    return len(sessions), seconds


def _ranges(missing: Mapping[str, Sequence[date]]) -> dict[str, tuple[date, date]]:
    """Sessions to run per stage: what it lacks, and what an earlier stage changes."""
    ranges: dict[str, tuple[date, date]] = {}
    changed: list[date] = []
    for stage, sessions in missing.items():
        changed += [*sessions[:1], *sessions[-1:]]
        if changed:
            ranges[stage] = (min(changed), max(changed))
    return ranges


def _show_result(
    settings: Settings,
    database: Database,
    sessions: int,
    seconds: Sequence[tuple[str, float]],
    total: float,
) -> None:
    from quant_platform.cli.ranking import show_ranking
    from quant_platform.pipeline.page_data import row_counts
    from quant_platform.pipeline.pages import page_path, write_page
    from quant_platform.pipeline.seen import holdout_states
    from quant_platform.strategies.books import books_of
    from quant_platform.strategies.models import models_of

    counts = row_counts(database)
    console.table(
        "Rows", ["table", "rows"], [(name, f"{count:,}") for name, count in counts.items()]
    )
    if seconds:
        console.out.print()
        rows = [(stage, f"{spent:.1f}") for stage, spent in seconds]
        console.table("Seconds", ["stage", "seconds"], [*rows, ("all", f"{total:.1f}")])
    console.out.print()
    states = holdout_states(database, models_of(settings), books_of(settings))
    day = show_ranking(database, holdout=states)
    path = page_path(settings, day)
    if not path.exists():  # the run's newest session, whose page it wrote, is sealed
        write_page(settings, database, day)
    console.out.print()
    show_failing(database)
    console.out.print()
    console.out.print(
        f"{sessions:,} sessions in {total:.1f} s" + ("" if seconds else ", all there already")
    )
    console.out.print(f"Report: {_readable(path)}", soft_wrap=True)
    console.out.print("Next:   [bold]make dev[/bold]  (the Dagster UI on http://127.0.0.1:3000)")


def _readable(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
