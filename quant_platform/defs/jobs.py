"""Jobs: one per stage (a group of assets), and `daily_update` for everything.

In one run of a job all assets run in order, look-backs are read from Postgres, and a failed
blocking check stops everything downstream of it. What does not belong here: which stages there are
(`asset_registry.py`).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

DAILY_JOB = "daily_update"

HOW_TO_BACKFILL = "For a range: Partitions, Materialize…; it is one run, of exactly the range."


def stage_job(stage: str) -> str:
    """Name of the job of one stage."""
    return f"{stage}_stage"


def build_jobs(stages: Sequence[str]) -> list[Any]:  # Dagster does not export the type
    """One job per stage and one for everything."""
    jobs = [
        dg.define_asset_job(
            stage_job(stage),
            selection=dg.AssetSelection.groups(stage),
            description=f"Materialise the group {stage} and run its checks. {HOW_TO_BACKFILL}",
        )
        for stage in stages
    ]
    everything = dg.define_asset_job(
        DAILY_JOB,
        selection=dg.AssetSelection.groups(*stages),
        description=(
            "Materialise every asset of a session, each blocking check gating what follows."
            f" {HOW_TO_BACKFILL}"
        ),
    )
    return [*jobs, everything]
