"""Configurations of a strategy, each run over several windows of one reading of the market.

A run over a window is that of a backtest from its first to its last session, bit for bit, with
fresh capital and the look-back before it for features, and a row of the ledger like any other. One
that was finished before is taken from there. What is not simulated twice: a strategy of the library
over windows that begin with the same session, since a part of its run is the run over that part
(law 1, which the platform's tests hold for it). Of other strategies nobody knows that, so each
window is run alone, and later sessions are cut off before.

What belongs here: which runs there are, and what comes of them. What does not: windows and choices
(`validation.py`), and the market's parts (`market_part.py`).
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.threads import in_threads
from quant_platform.research.benchmark import Benchmark, benchmark_model
from quant_platform.research.configuration_run import Runner
from quant_platform.research.market_part import MarketParts
from quant_platform.research.sweep_plan import Plan, Task, distinct
from quant_platform.research.trials import Circumstances
from quant_platform.storage.trials import Outcome
from quant_platform.strategies.base import Strategy
from quant_platform.time_limit import TimeLimit

LIBRARY = "quant_platform.strategies.library."
"""Where strategies lie of which tests hold that no run depends on what comes later."""


class Window(NamedTuple):
    """Numbers of the first and the last session of a run."""

    first: int
    last: int


@dataclass(frozen=True)
class WindowTask(Task):
    """A configuration over a window.

    Attributes
    ----------
    configuration : its number
    window : the sessions of the run
    """

    configuration: int
    window: Window


Group = list[WindowTask]
"""Windows of one configuration that one run serves."""


def window_tasks(
    plan: Plan,
    days: Sequence[str],
    stored: tuple[date, date],
    configurations: Sequence[Mapping[str, Any]],
    windows: Sequence[Window],
    rival: Callable[[Strategy], Benchmark],
) -> list[WindowTask]:
    """Make the run of every configuration over every window, window by window.

    Parameters
    ----------
    days : all sessions, ISO dates
    stored : the first and last session with a bar
    rival : returns what a configuration is judged against
    """
    models = [plan.template.configured(each) for each in configurations]
    sources = [plan.template.source_of(model) for model in models]
    against = [rival(model) for model in models]
    for benchmark in distinct(against):
        benchmark_model(benchmark)  # an unknown one is refused before anything is read
    tasks = []
    for window in windows:
        first, last = days[window.first], days[window.last]
        common = Circumstances.of(plan.reader, first, last, plan.assumed, stored)
        for number, model in enumerate(models):
            run = common.run(model, sources[number], against[number])
            tasks.append(WindowTask(run, configurations[number], against[number], number, window))
    return tasks


@dataclass(frozen=True)
class WindowRunner:
    """Runs configurations over windows of one market.

    Attributes
    ----------
    plan : what is run over, and how
    parts : of the market
    threads : default: one per core; their number changes no bit
    """

    plan: Plan
    parts: MarketParts
    threads: int | None = None

    @classmethod
    def read(
        cls, plan: Plan, tasks: Sequence[WindowTask], threads: int | None = None
    ) -> "WindowRunner":
        """Read the market, with all that any of the tasks needs."""
        once = {each.configuration: each for each in tasks}
        needs, benchmarks = plan.needs(list(once.values()))
        return cls(plan, MarketParts(plan.runner(needs, benchmarks).market, needs), threads)

    @property
    def rates(self) -> "pd.Series[float]":
        """Annual risk-free rate of each session."""
        return self.parts.market.rates

    def benchmark(self, window: Window, benchmark: Benchmark) -> FloatArray:
        """Session returns of a benchmark over a window; a model's with capital of its own."""
        part = self.parts.part(*window)
        returns = Runner(part).rival(benchmark)
        known = pd.Series(returns.to_numpy(), pd.DatetimeIndex(returns.index))
        return np.array(known.reindex(pd.DatetimeIndex(list(part.inputs.days))), dtype=np.float64)

    def pieces(self, tasks: Sequence[Task]) -> Generator[tuple[Task, Outcome]]:
        """Run tasks, one part of the market after the other, and yield what came of each."""
        for window, groups in self._groups(tasks).items():
            # A limit that ended the work of one part lets no call of the next one begin.
            limit = TimeLimit(self.plan.seconds)
            runner = Runner(replace(self.parts.part(*window), limit=limit))
            runner.prepare(distinct(each.benchmark for group in groups for each in group))

            def work(group: Group, runner: Runner = runner) -> list[Outcome]:
                model = self.plan.template.configured(group[0].parameters)
                sizes = [each.window.last - each.window.first + 1 for each in group]
                return runner.outcomes(model, group[0].benchmark, sizes)

            done = in_threads(work, groups, self.threads, limit.stop)
            for group, outcomes in zip(groups, done, strict=True):
                yield from zip(group, outcomes, strict=True)

    def _groups(self, tasks: Sequence[Task]) -> dict[Window, list[Group]]:
        """Tasks that one run serves, by the window of that run."""
        whole: dict[tuple[int, Window | int], Group] = {}
        for task in tasks:
            assert isinstance(task, WindowTask)  # noqa: S101 — no other is made
            alike = task.window.first if self._is_causal(task) else task.window
            whole.setdefault((task.configuration, alike), []).append(task)
        found: dict[Window, list[Group]] = {}
        for group in whole.values():
            last = max(each.window.last for each in group)
            found.setdefault(Window(group[0].window.first, last), []).append(group)
        return found

    def _is_causal(self, task: Task) -> bool:
        """Whether the run over a part of the sessions is a part of the run over all of them."""
        models = [self.plan.template.configured(task.parameters), benchmark_model(task.benchmark)]
        return all(each is None or type(each).__module__.startswith(LIBRARY) for each in models)
