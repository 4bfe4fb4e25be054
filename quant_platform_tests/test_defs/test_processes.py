"""Runs of processes that live, that are gone, and that nothing is known of; a real instance."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

import dagster as dg
import psutil
import pytest

from quant_platform.defs.processes import (
    PROCESS_TAG,
    close_dead_runs,
    process_tag,
    runs_in_progress,
)

STARTED, FAILED = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def gone() -> dict[str, str]:
    """Tag of a process that has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        born = psutil.Process(process.pid).create_time()
        process.communicate(b"\n")
    return {PROCESS_TAG: f"{socket.gethostname()}/{process.pid}/{born:.2f}"}


def started(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    instance.add_run(dg.DagsterRun("daily_update", run_id=run_id, status=STARTED, tags=tags))


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_the_query_leaves_dead_runs_out_and_changes_nothing(
    instance: dg.DagsterInstance, gone: dict[str, str]
) -> None:
    started(instance, "alive", process_tag())
    started(instance, "dead", gone)
    assert [run.run_id for run in runs_in_progress(instance)] == ["alive"]
    assert status(instance, "dead") is STARTED


def test_dead_runs_are_closed(instance: dg.DagsterInstance, gone: dict[str, str]) -> None:
    started(instance, "alive", process_tag())
    started(instance, "dead", gone)
    assert [run.run_id for run in close_dead_runs(instance)] == ["dead"]
    assert status(instance, "dead") is FAILED
    assert status(instance, "alive") is STARTED
    assert close_dead_runs(instance) == []


def test_runs_of_other_machines_and_of_the_daemon_stay(
    instance: dg.DagsterInstance, gone: dict[str, str]
) -> None:
    _, pid, born = gone[PROCESS_TAG].split("/")
    started(instance, "elsewhere", {PROCESS_TAG: f"elsewhere.invalid/{pid}/{born}"})
    started(instance, "daemon", {})
    assert close_dead_runs(instance) == []
    assert {run.run_id for run in runs_in_progress(instance)} == {"elsewhere", "daemon"}


def test_an_id_that_is_used_again_is_another_process(instance: dg.DagsterInstance) -> None:
    host, pid, born = process_tag()[PROCESS_TAG].split("/")
    started(instance, "before", {PROCESS_TAG: f"{host}/{pid}/{float(born) - 60:.2f}"})
    assert [run.run_id for run in close_dead_runs(instance)] == ["before"]
