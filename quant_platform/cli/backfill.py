"""`backfill`: a range of sessions in one run; what is stored already is not computed again."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from quant_platform.cli import console
from quant_platform.cli.progress import SessionBar
from quant_platform.errors import QuantPlatformError, SessionError
from quant_platform.market.calendar import Calendar, platform_calendar
from quant_platform.settings import Settings
from quant_platform.vendors.base import Vendor


def run_backfill(
    settings: Settings,
    start: str,
    end: str | None,
    select: str,
    *,
    refetch: bool = False,
    repair: bool = False,
    recompute: bool = False,
) -> None:
    """Materialise the selected assets from `start` to `end` (default: the newest) in one run."""
    from quant_platform.vendors.vendor_registry import vendor_of

    vendor = vendor_of(settings)
    chosen = _sessions(platform_calendar(settings), vendor, start, end)
    from quant_platform.defs.runs import Runner
    from quant_platform.defs.tags import FETCH_TAG, RECOMPUTE_TAG
    from quant_platform.pipeline.ingest import Fetch
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.storage.ingestions import completed

    keys = [session.isoformat() for session in chosen]
    again = refetch or repair
    ready = set() if again else completed(ready_database(settings), vendor.name, keys)
    if ready and len(ready) < len(keys):
        console.err.print(f"{len(ready):,} of {len(keys):,} sessions are stored already")
    fetch = Fetch.REPAIR if repair else Fetch.MISSING
    tags = {} if refetch else {FETCH_TAG: fetch.value}
    if recompute:
        tags[RECOMPUTE_TAG] = "all"
    rationed = vendor.abilities.rationed
    left = rationed.remaining if rationed is not None else lambda: None
    with SessionBar(len(keys) - len(ready), left) as bar:
        runner = Runner.open(settings, bar)
        with runner.instance() as instance:
            keys_to_run = runner.selected(select)
            if not (refetch or repair or recompute):
                keys_to_run = runner.unfinished(instance, select, chosen)
            try:
                run = (
                    runner.run_assets(instance, keys_to_run, chosen[0], chosen[-1], tags)
                    if keys_to_run
                    else None
                )
            except KeyboardInterrupt:
                raise QuantPlatformError(
                    f"Stopped: {len(ready) + bar.done:,} of {len(keys):,} sessions are stored",
                    "The same command goes on from there",
                ) from None
    if run is None:
        console.out.print(
            f"All {len(chosen)} sessions from {chosen[0]} to {chosen[-1]} are finished already;"
            " --recompute computes them again"
        )
        return
    console.out.print(
        f"{len(chosen)} sessions from {chosen[0]} to {chosen[-1]}: run {run} succeeded"
    )


def _sessions(calendar: Calendar, vendor: Vendor, start: str, end: str | None) -> Sequence[date]:
    """Sessions of the range that have closed and are published."""
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
    if end is None and not vendor.is_published(chosen[-1]):
        console.err.print(f"{chosen[-1]} is not published yet and is left out")
        chosen = chosen[:-1]
    if not chosen:
        raise SessionError("Nothing of the range is published yet", "Try again in the morning")
    if end is not None and end > closed.isoformat():
        console.err.print(f"{closed} is the last session that has closed")
    return chosen
