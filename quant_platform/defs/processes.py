"""Runs that the command line executes in its own process, and what becomes of a killed one.

Dagster watches only the runs that its daemon launched. A run of a killed command would count as in
progress for ever and hold up every update; its process is noted in a tag, so that anybody on the
same machine can tell that it is gone.
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


def process_tag() -> dict[str, str]:
    """Tag that names this process: machine, id and time of start (ids are used again)."""
    born = psutil.Process().create_time()
    return {PROCESS_TAG: f"{socket.gethostname()}/{os.getpid()}/{born:.2f}"}


def runs_in_progress(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that are under way; those whose process is gone are marked failed instead."""
    records = instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS))
    runs = [record.dagster_run for record in records]
    dead = [run for run in runs if _process_is_gone(run.tags.get(PROCESS_TAG))]
    for run in dead:
        instance.report_run_failed(run, "The process that executed this run is gone")
    return [run for run in runs if run not in dead]


def _process_is_gone(tag: str | None) -> bool:
    """Whether a process of this machine has ended; of others nothing is known."""
    if tag is None:
        return False
    host, pid, born = tag.split("/")
    if host != socket.gethostname():
        return False
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(born)) > 1.0)
    except psutil.NoSuchProcess:
        return True
