"""Which process executes a run, and how a run whose process is gone is recognised.

Dagster cannot tell that a run's process was killed. The run would count as under way, for hours or
for ever, and block every update. So each run has a tag that names its process: the command gives it
(`runs.py`), or the start of the run does (`instance/storages.py`). `close_dead_runs` marks a run
failed once that process is gone. Executing runs does not belong here.
"""

import os
import socket

import dagster as dg
import psutil

PROCESS_TAG = "quant_platform/process"

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

EXECUTED = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
"""Statuses of a run that a process has taken up."""


def process_tag() -> dict[str, str]:
    """Tag that names this process: machine, id and time of start (ids are used again)."""
    born = psutil.Process().create_time()
    return {PROCESS_TAG: f"{socket.gethostname()}/{os.getpid()}/{born:.2f}"}


def runs_in_progress(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that are under way; those whose process is gone are left out. Changes nothing."""
    return [run for run in _open_runs(instance) if not _is_dead(run)]


def close_dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Mark the runs failed whose process is gone; return them."""
    dead = [run for run in _open_runs(instance) if _is_dead(run)]
    for run in dead:
        instance.report_run_failed(run, "The process that executed this run is gone")
    return dead


def _open_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that have not ended by Dagster's record."""
    records = instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
    return [record.dagster_run for record in records]


def _is_dead(run: dg.DagsterRun) -> bool:
    """Whether the run's process has ended. False where it is on another machine or has no tag.

    A run that is executed again has its parent's tags until it starts.
    """
    tag = run.tags.get(PROCESS_TAG)
    if tag is None or (run.parent_run_id is not None and run.status not in EXECUTED):
        return False
    host, pid, born = tag.split("/")
    if host != socket.gethostname():
        return False
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(born)) > 1.0)
    except psutil.NoSuchProcess:
        return True
