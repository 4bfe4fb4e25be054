"""`Plan` and `Task`: what the configurations of a sweep have in common, and what each has alone.

What belongs here: from a plan to a market that configurations run over. What does not: the order in
which they are run (`sweep.py`), and where (`cluster.py`).
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quant_platform.market.calendar import Calendar
from quant_platform.research.benchmark import Benchmark, benchmark_model
from quant_platform.research.configuration_run import Runner
from quant_platform.research.inputs import Needs
from quant_platform.research.prepared import Assumptions, Prepared
from quant_platform.research.reader import TableReader
from quant_platform.research.trials import Template
from quant_platform.storage.trials import Outcome, TrialRun
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.trials import parameters_of
from quant_platform.time_limit import TimeLimit


@dataclass(frozen=True)
class Task:
    """A configuration that is to be run.

    Attributes
    ----------
    run : what it is made of and run on
    parameters : those that were given
    benchmark : what it is judged against
    """

    run: TrialRun
    parameters: Mapping[str, Any]
    benchmark: Benchmark


@dataclass(frozen=True)
class Plan:
    """What is run over, and how.

    Attributes
    ----------
    reader : of tables as they were known at one moment
    template : the strategy
    first, last : first and last session
    calendar : sessions of the exchange
    assumed : what is assumed of trading and of money
    seconds : how long each call of the strategy may take, or of a feature that somebody added; 0:
        as long as it wants
    """

    reader: TableReader
    template: Template
    first: str
    last: str
    calendar: Calendar
    assumed: Assumptions
    seconds: float = 0.0

    def needs(self, tasks: Sequence[Task]) -> tuple[Needs, tuple[Benchmark, ...]]:
        """What the market must hold for these tasks, and what they are judged against."""
        benchmarks = distinct(each.benchmark for each in tasks)
        rivals = (each for each in map(benchmark_model, benchmarks) if each is not None)
        models = (self.template.configured(each.parameters) for each in tasks)
        return Needs.of(itertools.chain(models, rivals)), tuple(benchmarks)

    def runner(self, needs: Needs, benchmarks: Sequence[Benchmark]) -> Runner:
        """Read the market that tasks are run over."""
        limit = TimeLimit(self.seconds)
        market = Prepared.read(
            self.reader, needs, self.first, self.last, self.calendar, self.assumed, limit
        )
        runner = Runner(market)
        runner.prepare(benchmarks)
        return runner

    def outcome(
        self, runner: Runner, parameters: Mapping[str, Any], benchmark: Benchmark
    ) -> Outcome:
        """Run one configuration."""
        return runner.outcome(self.template.configured(parameters), benchmark)

    def given(self, parameters: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """Values of the parameters that vary; where one is not given, its default."""
        if set(names) <= set(parameters):
            return {name: parameters[name] for name in names}
        values = parameters_of(self.template.configured(parameters))
        return {name: values.get(name) for name in names}


def rival_of(
    benchmark: Benchmark | None,
    default_benchmark: Benchmark,
    meant: Callable[[str], Benchmark | None],
) -> Callable[[Strategy], Benchmark]:
    """Return what tells a configuration's benchmark: the one given, its own, or the default."""

    def rival(model: Strategy) -> Benchmark:
        stated = meant(model.benchmark) if benchmark is None and model.benchmark else benchmark
        return default_benchmark if stated is None else stated

    return rival


def distinct(benchmarks: Iterable[Benchmark]) -> list[Benchmark]:
    """Return benchmarks, each once."""
    found: dict[int | str, Benchmark] = {}
    for each in benchmarks:
        found.setdefault(each if isinstance(each, str) else id(each), each)
    return list(found.values())
