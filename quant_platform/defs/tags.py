"""Tags by which runs are known: their sessions, what they are part of, what they ask for."""

from datetime import date

import dagster as dg
from dagster._core.storage.tags import CODE_LOCATION_TAG, MAX_RETRIES_TAG

from quant_platform.pipeline.ingest import Fetch

LOCATION = "quant_platform"
"""Name of the code location, which `dev` and the workspace files give it too."""

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

FETCH_TAG = "quant_platform/fetch"
"""What the run asks the vendor for: a value of `Fetch`."""

RECOMPUTE_TAG = "quant_platform/recompute"
"""On a run that asks the vendor for nothing that is stored, and computes everything again."""

STALE_TAG = "quant_platform/stale"
"""On a run that asks the vendor for nothing that is stored, and computes what is stale."""

STALE_TAGS = {FETCH_TAG: Fetch.MISSING.value, STALE_TAG: "all"}

UPDATE_TAG = "quant_platform/update"
"""First and last session of a run that the daily sensor requested."""

BACKFILL_TAG = "dagster/backfill"


def command_tags() -> dict[str, str]:
    """Tags of a run of the command: whose code it is, and that the daemon never starts it again.

    By the code location, of which the run storage makes the run's origin, Overview, Timeline and
    Jobs of the UI know it. A run that Ctrl-C ended is the person's to go on with.
    """
    return {CODE_LOCATION_TAG: LOCATION, MAX_RETRIES_TAG: "0"}


def lineage(run: dg.DagsterRun) -> str:
    """Name what a run and its retries share: the update, the backfill, or the first run."""
    tags = run.tags
    return tags.get(UPDATE_TAG) or tags.get(BACKFILL_TAG) or run.root_run_id or run.run_id


def fetch_of(run: dg.DagsterRun) -> Fetch:
    """What a run asks the vendor for; without a tag, everything again."""
    return Fetch(run.tags.get(FETCH_TAG, Fetch.AGAIN))


def wants_only_missing(run: dg.DagsterRun) -> bool:
    """Whether a run leaves alone what is finished."""
    return fetch_of(run) is Fetch.MISSING and RECOMPUTE_TAG not in run.tags


def wants_only_stale(run: dg.DagsterRun) -> bool:
    """Whether a run computes nothing but what was computed from earlier rows."""
    return STALE_TAG in run.tags


def session_tags(first: date, last: date) -> dict[str, str]:
    """Tags by which Dagster knows the sessions of a run.

    A single session is cheaper for it than a range.
    """
    if first == last:
        return {PARTITION: first.isoformat()}
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
