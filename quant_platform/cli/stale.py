"""Stale sessions as the commands name them, and `backfill --stale`, which computes them again.

What does not belong here: what makes a session stale (`pipeline/staleness.py`).
"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from quant_platform.cli import console
from quant_platform.cli.interrupts import stoppable
from quant_platform.cli.progress import SessionProgress
from quant_platform.settings import Settings

if TYPE_CHECKING:
    from quant_platform.pipeline.staleness import Stale

TITLE = "Stale, computed from rows that have changed; mended by: quant-platform backfill --stale"


def show_stale(stale: Sequence["Stale"]) -> None:
    """Print which sessions of which assets are stale, and because of what; none: nothing."""
    if not stale:
        return
    rows = [
        (
            *(each.asset, f"{len(each.sessions):,}", each.sessions[0], each.sessions[-1]),
            each.because,
        )
        for each in stale
    ]
    console.out.print()
    console.table(TITLE, ["asset", "sessions", "first", "last", "what changed"], rows)


def run_stale(settings: Settings) -> None:
    """Compute again, in one run, what was computed from rows that changed afterwards."""
    from quant_platform.defs.runs import Runner
    from quant_platform.defs.tags import STALE_TAGS

    def stopped() -> str:
        return "Stopped: what is stored already is no longer stale"

    with (
        stoppable(stopped, "The same command goes on from there") as interrupts,
        SessionProgress(0, lambda: None, interrupts) as progress,
    ):
        runner = Runner.open(settings, progress)
        with runner.instance() as instance:
            stale = runner.announce_stale(instance)
            if not stale:
                console.out.print("Nothing is stale: all rows follow from what is stored")
                return
            days = sorted({date.fromisoformat(day) for each in stale for day in each.sessions})
            keys = runner.keys_of(stale)
            run = runner.run_assets(instance, keys, days[0], days[-1], STALE_TAGS)
            left = runner.announce_stale(instance)
    count = sum(len(each.sessions) for each in stale)
    console.out.print(
        f"{count:,} stale sessions of {len(stale)} assets, from {days[0]} to {days[-1]}:"
        f" run {run} succeeded"
    )
    show_stale(left)
