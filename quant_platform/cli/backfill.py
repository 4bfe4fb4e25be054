"""`backfill`: a range of sessions in one run; what is stored already is not computed again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from quant_platform.cli import console
from quant_platform.cli.failing import show_failing
from quant_platform.cli.interrupts import Interrupts, stoppable
from quant_platform.cli.progress import SessionProgress
from quant_platform.cli.stale import show_stale
from quant_platform.errors import SessionError
from quant_platform.market.calendar import Calendar, platform_calendar
from quant_platform.pipeline.updates import published
from quant_platform.settings import Settings
from quant_platform.vendors.base import Vendor

if TYPE_CHECKING:
    import dagster as dg

    from quant_platform.defs.runs import Runner


@dataclass(frozen=True)
class Request:
    """What is asked for besides the range.

    Attributes
    ----------
    select : assets, as a Dagster selection
    refetch : ask the vendor again for what is stored
    repair : ask for bars that are missing between stored ones
    recompute : compute again what is finished
    """

    select: str = "*"
    refetch: bool = False
    repair: bool = False
    recompute: bool = False

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the run, which its assets read."""
        from quant_platform.defs.tags import FETCH_TAG, RECOMPUTE_TAG
        from quant_platform.pipeline.ingest import Fetch

        fetch = Fetch.REPAIR if self.repair else Fetch.MISSING
        tags = {} if self.refetch else {FETCH_TAG: fetch.value}
        return tags | ({RECOMPUTE_TAG: "all"} if self.recompute else {})


def run_backfill(
    settings: Settings, start: str, end: str | None, request: Request, *, dry_run: bool = False
) -> None:
    """Materialise the selected assets from `start` to `end` (default: the newest) in one run.

    With `dry_run`, say what would be done, and do nothing.
    """
    from quant_platform.vendors.vendor_registry import vendor_of

    vendor = vendor_of(settings)
    sessions = _sessions(platform_calendar(settings), vendor, start, end)
    work = _Backfill(settings, vendor, sessions, request)
    if dry_run:
        work.describe()
        return
    with stoppable(work.stopped, "The same command goes on from there") as interrupts:
        work.run(interrupts)


class _Backfill:
    """One range of sessions, and how far it is."""

    def __init__(
        self, settings: Settings, vendor: Vendor, sessions: Sequence[date], request: Request
    ) -> None:
        self._settings, self._vendor, self._request = settings, vendor, request
        self._sessions = sessions
        self._stored = 0
        self._progress: SessionProgress | None = None

    def run(self, interrupts: Interrupts) -> None:
        """Do what is left to do, and print how it ended."""
        from quant_platform.defs.runs import Runner
        from quant_platform.pipeline.provision import ready_database

        database = ready_database(self._settings)
        self._stored = self._count_stored()
        if 0 < self._stored < len(self._sessions):
            console.err.print(
                f"{self._stored:,} of {len(self._sessions):,} sessions are stored already"
            )
        rationed = self._vendor.abilities.rationed
        left = rationed.remaining if rationed is not None else lambda: None
        to_fetch = len(self._sessions) - self._stored
        first, last = self._sessions[0], self._sessions[-1]
        with SessionProgress(to_fetch, left, interrupts) as progress:
            self._progress = progress
            runner = Runner.open(self._settings, progress)
            with runner.instance() as instance:
                keys = self._keys(runner, instance)
                if not keys:
                    console.out.print(
                        f"All {len(self._sessions)} sessions from {first} to {last} are finished"
                        " already; --recompute computes them again"
                    )
                    show_stale(runner.announce_stale(instance))
                    return
                run = runner.run_assets(instance, keys, first, last, self._request.tags)
                stale = runner.announce_stale(instance)
        console.out.print(
            f"{len(self._sessions)} sessions from {first} to {last}: run {run} succeeded"
        )
        show_failing(database, first, last)
        show_stale(stale)

    def describe(self) -> None:
        """Print what `run` would do."""
        from quant_platform.defs.runs import Runner
        from quant_platform.storage.database import existing_database

        existing_database(self._settings)
        stored = self._count_stored()
        runner = Runner.open(self._settings)
        with runner.instance() as instance:
            keys = self._keys(runner, instance)
        first, last = self._sessions[0], self._sessions[-1]
        console.out.print(
            f"{len(self._sessions):,} sessions from {first} to {last},"
            f" {stored:,} of them stored already"
        )
        names = [key.to_user_string() for key in keys]
        console.out.print(f"Assets with something to do: {', '.join(names) or 'none'}")

    def stopped(self) -> str:
        """Say how far it is, for a person who stopped it."""
        stored = self._stored + (self._progress.done if self._progress else 0)
        return f"Stopped: {stored:,} of {len(self._sessions):,} sessions are stored"

    def _count_stored(self) -> int:
        """Sessions that need not be asked for."""
        from quant_platform.storage.database import platform_database
        from quant_platform.storage.ingestions import completed

        if self._request.refetch or self._request.repair:
            return 0
        keys = [session.isoformat() for session in self._sessions]
        return len(completed(platform_database(self._settings), self._vendor.name, keys))

    def _keys(self, runner: "Runner", instance: "dg.DagsterInstance") -> list["dg.AssetKey"]:
        """Assets that have something to do."""
        again = self._request.refetch or self._request.repair or self._request.recompute
        if again:
            return runner.selected(self._request.select)
        return runner.unfinished(instance, self._request.select, self._sessions)


def _sessions(calendar: Calendar, vendor: Vendor, start: str, end: str | None) -> Sequence[date]:
    """Sessions of the range that have closed and are published."""
    calendar.check_start(vendor.first_session, vendor.name)
    if vendor.last_session is not None:
        available = calendar.sessions(vendor.first_session, vendor.last_session)
        return calendar.range(start, end or vendor.last_session.isoformat(), available)
    closed = calendar.last_closed(datetime.now(UTC), vendor.first_session)
    if closed is None:
        raise SessionError(
            f"No session has closed since {vendor.first_session}",
            "Choose an earlier QUANT_PLATFORM_START",
        )
    available = calendar.sessions(vendor.first_session, closed)
    chosen = calendar.range(start, end or closed.isoformat(), available)
    if end is None:
        there = published(chosen, vendor.is_published)
        if len(there) < len(chosen):
            left_out = " to ".join(dict.fromkeys(f"{day}" for day in (chosen[len(there)], closed)))
            console.err.print(f"Not published yet and left out: {left_out}")
        chosen = there
    if not chosen:
        raise SessionError("Nothing of the range is published yet", "Try again in the morning")
    if end is not None and end > closed.isoformat():
        console.err.print(f"{closed} is the last session that has closed")
    return chosen
