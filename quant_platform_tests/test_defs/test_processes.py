"""Runs of processes that live, that are gone, and that nothing is known of; a real instance."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import psutil
import pytest

from quant_platform.defs.processes import (
    PROCESS_TAG,
    close_dead_runs,
    process_tag,
    runs_in_progress,
)
from quant_platform.storage.database import Database
from quant_platform_tests.support.instance_harness import open_instance

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


def test_a_run_that_waits_to_be_tried_again_is_not_dead(
    instance: dg.DagsterInstance, gone: dict[str, str]
) -> None:
    """Dagster copies its parent's tags, the dead process's included."""
    for run_id, state in (("waiting", dg.DagsterRunStatus.STARTING), ("dead", STARTED)):
        run = dg.DagsterRun(
            "daily_update",
            run_id=run_id,
            status=state,
            tags=gone,
            parent_run_id="before",
            root_run_id="before",
        )
        instance.add_run(run)
    assert [run.run_id for run in close_dead_runs(instance)] == ["dead"]


KILLED = """
import os, signal, sys
from pathlib import Path
import dagster as dg
from quant_platform_tests.support.instance_harness import open_instance

@dg.op
def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

@dg.job
def killed() -> None:
    dies()

with open_instance(sys.argv[1], Path(sys.argv[2])) as instance:
    killed.execute_in_process(instance=instance)
"""


def test_a_run_without_a_tag_is_found_dead_after_its_process_was_killed(
    empty_database: Database, tmp_path: Path
) -> None:
    """As the daemon launches it: in a process of its own that nobody told to say which it is."""
    command = [sys.executable, "-W", "ignore", "-c", KILLED, empty_database.url, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with open_instance(empty_database.url, tmp_path) as instance:
        (run,) = instance.get_runs()
        assert run.status is STARTED
        assert [dead.run_id for dead in close_dead_runs(instance)] == [run.run_id]
        assert status(instance, run.run_id) is FAILED
