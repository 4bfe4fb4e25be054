"""`sweep`: many configurations of a strategy over the same sessions.

1. Every configuration is made, so that a parameter that the strategy refuses stops the sweep before
   anything is read.
2. Runs that were finished before, of the same source, parameters, code, data and assumptions, are
   taken from the ledger; they count in this study, too.
3. The market is read once, with all features that any configuration needs.
4. The others are run, one thread a core, or in pieces by the workers of a Dask cluster. What is
   finished is counted and stored once a second, so an interruption loses no more than that; the
   next call goes on. A configuration that raises, or does not end in time, is a row with its
   reason.

Memory: the market's arrays; for each thread, some thirty arrays of sessions × securities while a
configuration runs; and for each configuration 4 bytes a session and a few hundred for its figures.
No positions or fills are kept.

What belongs here: that order. What does not: one run (`configuration_run.py`), what is kept of it
(`keeping.py`), what a trial is made of (`trials.py`), workers (`cluster.py`), and the result
(`sweep_result.py`).
"""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from quant_platform.conventions import DEFAULT_BENCHMARK
from quant_platform.errors import SettingsError
from quant_platform.evaluation.risk_free import YIELD, risk_free_rates
from quant_platform.kernels.threads import cores, in_threads
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.research.arguments import Day, iso_day
from quant_platform.research.benchmark import Benchmark, benchmark_model
from quant_platform.research.configurations import Configurations, Space
from quant_platform.research.keeping import Keeper
from quant_platform.research.prepared import Assumptions
from quant_platform.research.progress import Show, in_words
from quant_platform.research.reader import TableReader
from quant_platform.research.sweep_plan import Plan, Task, distinct, rival_of
from quant_platform.research.sweep_result import Sweep
from quant_platform.research.trials import Circumstances, Template
from quant_platform.storage.bulk import BEGINNING
from quant_platform.storage.ledger import Ledger
from quant_platform.storage.trials import Counted, Outcome
from quant_platform.strategies.base import Strategy

MOST_UNASKED = 10_000
"""Configurations beyond which a sweep says first what it will take."""

BYTES_OF_FIGURES = 600
"""Bytes that a configuration takes beside its returns."""


def sweep(
    reader: TableReader,
    strategy: object,
    parameters: Space,
    start: Day,
    end: Day,
    *,
    calendar: Calendar = XNYS,
    assumed: Assumptions | None = None,
    benchmark: Benchmark | None = None,
    default_benchmark: Benchmark = DEFAULT_BENCHMARK,
    meant: Callable[[str], Benchmark | None] = lambda name: name,
    sample: int | None = None,
    seed: int = 0,
    client: Any = None,
    ledger: Ledger | None = None,
    resume: bool = True,
    progress: bool | Show = True,
    confirm: bool = False,
    threads: int | None = None,
    time_limit: float = 0.0,
) -> Sweep:
    """Run every configuration of a strategy over the stored sessions from `start` to `end`.

    Parameters
    ----------
    reader : reads the tables as they were known at one moment
    strategy : name, class or instance of a strategy, whose own parameters an instance keeps where
        none are given; or a function of a panel and parameters that returns weights
    parameters : a grid (name → values), a list of parameters, or, with `sample`, a sampler (name →
        lowest and highest value, values, a function of a random generator, or a distribution of
        SciPy)
    assumed : what is assumed of trading and of money
    benchmark, default_benchmark : as of `backtest`
    meant : what a name means that a strategy states as its benchmark
    sample, seed : how many configurations are drawn, and what from
    client : a `dask.distributed.Client`, whose workers run the configurations
    ledger : where the configurations are counted; None: nowhere, since nobody looks at them
    resume : whether runs that were finished before are taken from there
    progress : whether progress is shown, or a function of the numbers done and in all
    confirm : run more than `MOST_UNASKED` configurations
    threads : default: one per core
    time_limit : seconds that a configuration's call of the strategy may take, or a feature that
        somebody added; 0: no limit

    Raises
    ------
    SettingsError
        A parameter is refused, the configurations are none, or too many to run unasked.
    UnknownNameError, SessionError
        As `backtest`.
    KeyboardInterrupt
        It was stopped; what was finished is kept.
    """
    configurations = Configurations.of(parameters, sample, seed)
    template = Template(strategy, calendar)
    asks = len(configurations) > MOST_UNASKED and not confirm
    first = next(iter(configurations))
    for each in [first] if asks else configurations:
        template.configured(each)  # what is refused stops the sweep before anything is read
    reader.refuse_sealed(iso_day(end))
    stored = calendar.sessions(*reader.first_and_last_bar())
    days = [day.isoformat() for day in calendar.range(iso_day(start), iso_day(end), stored)]
    plan = Plan(reader, template, days[0], days[-1], calendar, assumed or Assumptions(), time_limit)
    common = Circumstances.of(reader, days[0], days[-1], plan.assumed, (stored[0], stored[-1]))
    rival = rival_of(benchmark, default_benchmark, meant)
    if asks:
        _ask(plan, _tasks(plan, common, [first], rival), len(configurations))
    tasks = _tasks(plan, common, configurations, rival)
    keeper = Keeper(ledger, template, tasks, seed if sample is not None else None)

    def pieces(left: Sequence[Task]) -> Generator[tuple[Task, Outcome]]:
        return _pieces(plan, left, client, threads)

    outcomes = keeper.finish(tasks, pieces, resume, progress, "configurations")
    return _result(plan, configurations, tasks, outcomes, _rates(plan, days), keeper.counted)


def _result(
    plan: Plan,
    configurations: Configurations,
    tasks: Sequence[Task],
    outcomes: Mapping[str, Outcome],
    rates: pd.Series,
    counted: Counted | None,
) -> Sweep:
    """Put together what came of every configuration, in their order."""
    return Sweep(
        name=tasks[0].run.trial.strategy,
        kind=configurations.kind,
        varied=configurations.names,
        parameters=tuple(plan.given(each.parameters, configurations.names) for each in tasks),
        outcomes=tuple(outcomes[each.run.digest] for each in tasks),
        runs=tuple(each.run for each in tasks),
        rates=rates,
        counted=counted,
    )


def _tasks(
    plan: Plan,
    common: Circumstances,
    configurations: Iterable[Mapping[str, Any]],
    rival: Callable[[Strategy], Benchmark],
) -> list[Task]:
    """Make every configuration, what it is judged against, and what its trial is made of."""
    tasks = []
    for parameters in configurations:
        model = plan.template.configured(parameters)
        against = rival(model)
        run = common.run(model, plan.template.source_of(model), against)
        tasks.append(Task(run, parameters, against))
    for each in distinct(task.benchmark for task in tasks):
        benchmark_model(each)  # an unknown one is refused before anything is read
    return tasks


def _pieces(
    plan: Plan, tasks: Sequence[Task], client: Any, threads: int | None
) -> Generator[tuple[Task, Outcome]]:
    if not tasks:
        return
    if client is not None:
        from quant_platform.research.cluster import on_workers

        yield from on_workers(client, plan, tasks)
        return
    runner = plan.runner(*plan.needs(tasks))

    def work(task: Task) -> tuple[Task, Outcome]:
        return task, plan.outcome(runner, task.parameters, task.benchmark)

    yield from in_threads(work, tasks, threads, runner.market.limit.stop)


def _ask(plan: Plan, tasks: Sequence[Task], count: int) -> None:
    """Refuse a sweep that nobody confirmed, with what it would take, measured on its first one."""
    runner = plan.runner(*plan.needs(tasks))
    begun = time.perf_counter()
    plan.outcome(runner, tasks[0].parameters, tasks[0].benchmark)
    seconds = (time.perf_counter() - begun) * count / cores()
    bytes_each = 4 * len(runner.market.inputs.days) + BYTES_OF_FIGURES
    raise SettingsError(
        f"These are {count:,} configurations: about {in_words(seconds)} on {cores()} cores, and"
        f" {count * bytes_each / 1e9:.1f} GB of returns",
        "Pass confirm=True (--yes) to run them all, or sample=1000 (--sample) to draw from them",
    )


def _rates(plan: Plan, days: Sequence[str]) -> pd.Series:
    """Annual risk-free rate in each session."""
    yields = plan.reader.rows(
        "treasury_yields", (BEGINNING, days[-1]), ("date", "observed_on", YIELD)
    )
    return risk_free_rates(yields, days, default=plan.assumed.risk_free)
