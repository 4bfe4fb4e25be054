"""`on_workers`: the configurations of a sweep, run by the workers of a Dask cluster.

Each worker reads the market from the database itself, once for a sweep, and keeps it for the next
piece; only pieces of parameters and results travel. A piece whose worker dies is run by another
one, and what ends every worker that runs it is a row with its reason. What workers are handed holds
the address of the database, its password included: the cluster must be one's own. What does not
belong here: one configuration (`configuration_run.py`).

A notebook's strategy and features are sent as they are written, with what they refer to. Workers
need this package in the same version, the same extensions, and a way to the database: a
server of our own is reached on its own machine alone.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from quant_platform.errors import SettingsError
from quant_platform.features.feature_registry import (
    Feature,
    notebook_features,
    take_notebook_features,
)
from quant_platform.provenance import code_version
from quant_platform.research.benchmark import Benchmark
from quant_platform.research.configuration_run import Runner
from quant_platform.research.inputs import Needs
from quant_platform.research.reader import TableReader
from quant_platform.research.sweep_plan import Plan, Task
from quant_platform.storage.database import Database
from quant_platform.storage.known_at import Moment
from quant_platform.storage.trials import Outcome, digest_of

PIECES_PER_CORE = 8
"""Pieces for each core of the cluster, so that none waits long for the last ones."""

MOST_IN_PIECE = 32
"""Configurations of a piece at most: what a worker that dies has to do again."""

_market = threading.Lock()
_kept: dict[str, Runner] = {}
"""The market of the last sweep that this worker worked for."""


def on_workers(client: Any, plan: Plan, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
    """Yield what came of each task, in the order in which they are finished.

    Parameters
    ----------
    client : a `dask.distributed.Client`

    Raises
    ------
    SettingsError
        It is none, or the workers have another version of the code.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise SettingsError(
            "Dask is not installed", "Install it: pip install 'quant-platform[dask]'"
        ) from None
    if not isinstance(client, Client):
        raise SettingsError(
            f"The client is {client!r}", "Pass a dask.distributed.Client(...) of the cluster"
        )
    _refuse_other_code(client)
    needs = plan.needs(tasks)
    work = Work(
        plan=replace(plan, reader=None),  # type: ignore[arg-type]  # a connection cannot travel
        url=plan.reader.database.url,
        moment=plan.reader.moment,
        sealed=plan.reader.sealed,
        needs=needs[0],
        written=notebook_features(),
        benchmarks=needs[1],
        name=digest_of(" ".join([*(each.run.digest for each in tasks), repr(needs[0])])),
    )
    cores = max(sum(client.nthreads().values()), 1)
    size = min(max(len(tasks) // (cores * PIECES_PER_CORE), 1), MOST_IN_PIECE)
    pieces: dict[Any, Sequence[Task]] = {}

    def submit(piece: Sequence[Task]) -> Any:
        given = [(each.parameters, each.benchmark) for each in piece]
        future = client.submit(work.run, given, pure=False)
        pieces[future] = piece
        return future

    running = as_completed(
        [submit(tasks[start : start + size]) for start in range(0, len(tasks), size)]
    )
    suspects: list[Task] = []
    try:
        for future in running:
            piece = pieces.pop(future)
            try:
                yield from zip(piece, future.result(), strict=True)
            except KilledWorker:
                suspects += piece
        # Dask gives up pieces that only waited on a worker that another one ended, too: run with
        # nothing beside it, each is judged by itself.
        for task in suspects:
            future = submit([task])
            try:
                yield task, future.result()[0]
            except KilledWorker as error:
                yield task, Outcome({}, np.empty(0, np.float32), f"It ended its worker: {error}")
    finally:
        client.cancel(list(pieces))


@dataclass(frozen=True)
class Work:
    """What a worker is told of a sweep.

    Attributes
    ----------
    plan : without a reader
    url, moment, sealed : what is read, as known when, and from which session on it is not
    needs, benchmarks : what the market must hold
    written : features of the notebook, with their code
    name : by which the market is kept
    """

    plan: Plan
    url: str
    moment: Moment | None
    sealed: date | None
    needs: Needs
    written: tuple[Feature, ...]
    benchmarks: tuple[Benchmark, ...]
    name: str

    def run(self, given: Sequence[tuple[Mapping[str, Any], Benchmark]]) -> list[Outcome]:
        """Run some configurations, on a worker."""
        with _market:  # of several threads, one reads
            if self.name not in _kept:
                take_notebook_features(self.written)
                reader = TableReader(
                    Database(self.url), self.moment, find_sealed=lambda: self.sealed
                )
                _kept.clear()
                plan = replace(self.plan, reader=reader)
                _kept[self.name] = plan.runner(self.needs, self.benchmarks)
            runner = _kept[self.name]
        return [self.plan.outcome(runner, *each) for each in given]


def _refuse_other_code(client: Any) -> None:
    mine = code_version()
    versions = client.run(code_version, on_error="return")
    others = {worker: each for worker, each in versions.items() if each != mine}
    if others:
        worker, other = next(iter(others.items()))
        found = f"cannot load it: {other}" if isinstance(other, Exception) else f"has {other}"
        raise SettingsError(
            f"This process has version {mine} of the platform; the worker {worker} {found}",
            "Install the same version, and the same extensions, on every worker",
        )
