"""`walk_forward` and `cross_validate`: parameters chosen in training, judged where they were not.

1. The sessions are cut into folds (`learning/folds.py`). What is judged of a session is its return,
   which is known at its close, so nothing need be purged unless `horizon` says that more sessions
   tell of it; the embargo leaves out sessions beside a test, whose features share its bars.
2. Every configuration is run over every window alone, with fresh capital (`window_runs.py`). Each
   of these runs is a trial of the ledger, in training and in the test.
   Walking forward, the windows are each fold's training part and its test. In cross-validation they
   are the blocks: a part is put together of the returns of its blocks.
3. The account of a test, or of a block, opens at the close of the session before: its first trades
   are those of its first session, on what was known before. A training part begins as a backtest
   does, and so does a block that has no session before it.
4. In each fold the configuration with the highest figure in training is chosen, the first one of
   equal ones. Nothing of the test, or after the training part of a walk, has a say in it.
5. The tests of what was chosen are put together: walking forward to one series, in cross-validation
   to as many paths as there are tests of a block.

That every configuration is run in the tests as well is for the figures that compare them (place,
rank correlation, probability of overfitting, surface); none of it enters a choice.

What belongs here: that order. What does not: folds, runs, and the result (`validation_result.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.errors import SettingsError
from quant_platform.evaluation.out_of_sample import CHOOSABLE, figure, largest
from quant_platform.kernels.arrays import FloatArray, IntArray
from quant_platform.learning.folds import (
    Fold,
    combinatorial_folds,
    combinatorial_paths,
    walk_forward_folds,
)
from quant_platform.market.calendar import Calendar
from quant_platform.research.arguments import Day, iso_day
from quant_platform.research.benchmark import Benchmark
from quant_platform.research.configurations import Configurations, Space
from quant_platform.research.keeping import Keeper
from quant_platform.research.prepared import Assumptions
from quant_platform.research.progress import Show
from quant_platform.research.reader import TableReader
from quant_platform.research.sweep import MOST_UNASKED
from quant_platform.research.sweep_plan import Plan
from quant_platform.research.trials import Template
from quant_platform.research.validation_result import FoldResult, Validation
from quant_platform.research.window_runs import Window, WindowRunner, WindowTask, window_tasks
from quant_platform.storage.ledger import Ledger
from quant_platform.storage.trials import Counted, Outcome
from quant_platform.strategies.base import Strategy

WALK_FORWARD, PURGED, COMBINATORIAL = "walk-forward", "purged", "combinatorial"


@dataclass(frozen=True)
class Search:
    """What is chosen among, over which sessions, and how it is run.

    Attributes
    ----------
    reader, strategy, parameters, start, end : as of `research.sweep.sweep`
    rival : returns what a configuration is judged against
    calendar, assumed, sample, seed, ledger, resume, progress, confirm, threads, time_limit : as
        there; `confirm` allows more than 10,000 runs
    metric : the figure by which parameters are chosen
    """

    reader: TableReader
    strategy: object
    parameters: Space
    start: Day
    end: Day
    rival: Callable[[Strategy], Benchmark]
    calendar: Calendar
    assumed: Assumptions
    metric: str = "sharpe_ratio"
    sample: int | None = None
    seed: int = 0
    ledger: Ledger | None = None
    resume: bool = True
    progress: bool | Show = True
    confirm: bool = False
    threads: int | None = None
    time_limit: float = 0.0


def walk_forward(
    search: Search,
    *,
    train: int,
    test: int,
    growing: bool = False,
    embargo: int = 0,
    horizon: int = 0,
) -> Validation:
    """Choose parameters in one stretch of sessions, test them in the next, and move on.

    Parameters
    ----------
    search : what is chosen among
    train, test, growing, embargo : as of `learning.folds.walk_forward_folds`
    horizon : sessions after one that what is judged of it reaches

    Raises
    ------
    SettingsError
        There is no such figure; a parameter is refused; there is no fold; too many runs.
    UnknownNameError, SessionError
        As `backtest`.
    KeyboardInterrupt
        It was stopped; what was finished is kept.
    """
    market = _Sessions.of(search)
    ends = _ends(len(market.days), horizon)
    folds = walk_forward_folds(ends, train=train, test=test, growing=growing, embargo=embargo)
    training = [Window(int(each.train[0]), int(each.train[-1])) for each in folds]
    tests = [_opened(each.test) for each in folds]
    runs = market.run([*training, *tests])
    first = int(folds[0].test[0])
    tested, benchmark = runs.series(first, len(market.days), tests)
    results = []
    for number, fold in enumerate(folds):
        inside = runs.recorded(training[number])
        here = slice(int(fold.test[0]) - first, int(fold.test[-1]) + 1 - first)
        outside = figure(search.metric, tested[here].T, benchmark[here], runs.rates[fold.test])
        reasons = runs.reasons([training[number]]), runs.reasons([tests[number]])
        results.append(_fold(number, fold, market.days, inside, outside, *reasons))
    chosen = np.concatenate(
        [np.full(len(fold.test), each.chosen) for fold, each in zip(folds, results, strict=True)]
    )
    return runs.result(WALK_FORWARD, results, chosen[None], first, tested, benchmark)


def cross_validate(
    search: Search,
    *,
    blocks: int,
    test_blocks: int = 1,
    embargo: int = 0,
    horizon: int = 0,
) -> Validation:
    """Choose parameters in some blocks of sessions, and test them in the others, in every way.

    Parameters
    ----------
    search : what is chosen among
    blocks, test_blocks, embargo : as of `learning.folds.combinatorial_folds`
    horizon : as of `walk_forward`

    Raises
    ------
    SettingsError, UnknownNameError, SessionError, KeyboardInterrupt
        As `walk_forward`.
    """
    market = _Sessions.of(search)
    ends = _ends(len(market.days), horizon)
    folds = combinatorial_folds(ends, blocks=blocks, test_blocks=test_blocks, embargo=embargo)
    parts = np.array_split(np.arange(len(market.days)), blocks)
    windows = [_opened(each) for each in parts]
    runs = market.run(windows)
    tested, benchmark = runs.series(0, len(market.days), windows)
    results = []
    for number, fold in enumerate(folds):
        inside, outside = (
            figure(search.metric, tested[at].T, benchmark[at], runs.rates[at])
            for at in (fold.train, fold.test)
        )
        has = [[np.isin(part, at).any() for part in parts] for at in (fold.train, fold.test)]
        reasons = (
            runs.reasons([each for each, is_in in zip(windows, of, strict=True) if is_in])
            for of in has
        )
        results.append(_fold(number, fold, market.days, inside, outside, *reasons))
    chosen = np.array([each.chosen for each in results])
    of_blocks = chosen[combinatorial_paths(blocks, test_blocks)]
    paths = np.repeat(of_blocks, [len(each) for each in parts], axis=1)
    method = PURGED if test_blocks == 1 else COMBINATORIAL
    return runs.result(method, results, paths, 0, tested, benchmark)


def _ends(sessions: int, horizon: int) -> IntArray:
    """Last session that what is judged of each one reaches."""
    if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 0:
        raise SettingsError(f"horizon is {horizon!r}", "Allowed: a whole number, ≥ 0")
    return np.minimum(np.arange(sessions) + horizon, sessions - 1)


def _opened(sessions: IntArray) -> Window:
    """Sessions of a test, with the one at whose close its account opens, if there is one."""
    return Window(max(int(sessions[0]) - 1, 0), int(sessions[-1]))


def _fold(
    number: int,
    fold: Fold,
    days: Sequence[str],
    inside: FloatArray,
    outside: FloatArray,
    in_training: Mapping[int, str],
    in_test: Mapping[int, str],
) -> FoldResult:
    """Choose in a fold, and say why there is no choice, or no result of it."""
    chosen = largest(inside)
    failed = ""
    if chosen < 0:
        failed = next(iter(in_training.values()), "no configuration has this figure in training")
    elif not np.isfinite(outside[chosen]):
        failed = in_test.get(chosen, "what was chosen does not have this figure in the test")
    train, test = ((days[at[0]], days[at[-1]], len(at)) for at in (fold.train, fold.test))
    return FoldResult(number + 1, train, test, chosen, inside, outside, failed)


@dataclass(frozen=True)
class _Sessions:
    """The sessions that folds are made of, before anything is run."""

    search: Search
    plan: Plan
    configurations: Configurations
    days: Sequence[str]
    stored: Any

    @classmethod
    def of(cls, search: Search) -> "_Sessions":
        """Check what is asked for, and find the sessions."""
        if search.metric not in CHOOSABLE:
            raise SettingsError(
                f"Parameters cannot be chosen by {search.metric!r}",
                f"Choose from: {', '.join(CHOOSABLE)}",
            )
        configurations = Configurations.of(search.parameters, search.sample, search.seed)
        template = Template(search.strategy, search.calendar)
        first = next(iter(configurations))
        many = len(configurations) > MOST_UNASKED
        for each in [first] if many and not search.confirm else configurations:
            template.configured(each)  # what is refused stops it before anything is read
        search.reader.refuse_sealed(iso_day(search.end))
        ends = search.reader.first_and_last_bar()
        stored = search.calendar.sessions(*ends)
        sessions = search.calendar.range(iso_day(search.start), iso_day(search.end), stored)
        days = [day.isoformat() for day in sessions]
        plan = Plan(
            search.reader,
            template,
            days[0],
            days[-1],
            search.calendar,
            search.assumed,
            search.time_limit,
        )
        return cls(search, plan, configurations, days, (stored[0], stored[-1]))

    def run(self, windows: Sequence[Window]) -> "_Runs":
        """Run every configuration over every window."""
        search, different = self.search, list(dict.fromkeys(windows))
        count = len(self.configurations) * len(different)
        if count > MOST_UNASKED and not search.confirm:
            raise SettingsError(
                f"These are {count:,} runs: {len(self.configurations):,} configurations over"
                f" {len(different):,} windows",
                "Pass confirm=True (--yes) to run them all, or sample=1000 to draw from them",
            )
        given = list(self.configurations)
        tasks = window_tasks(self.plan, self.days, self.stored, given, different, search.rival)
        seed = search.seed if search.sample is not None else None
        keeper = Keeper(search.ledger, self.plan.template, tasks, seed)
        runner = WindowRunner.read(self.plan, tasks, search.threads)
        outcomes = keeper.finish(tasks, runner.pieces, search.resume, search.progress, "runs")
        found = {(each.configuration, each.window): outcomes[each.run.digest] for each in tasks}
        return _Runs(self, runner, tasks, found, keeper.counted)


@dataclass(frozen=True)
class _Runs:
    """What came of every configuration over every window."""

    market: _Sessions
    runner: WindowRunner
    tasks: Sequence[WindowTask]
    outcomes: Mapping[tuple[int, Window], Outcome]
    counted: Counted | None

    @property
    def rates(self) -> FloatArray:
        """Annual risk-free rate of each session."""
        return np.array(self.runner.rates, dtype=np.float64)

    def recorded(self, window: Window) -> FloatArray:
        """The figure of each configuration over a window, as the ledger has it."""
        metric, count = self.market.search.metric, len(self.market.configurations)
        of_each = [self.outcomes[number, window].metrics for number in range(count)]
        return np.array([each.get(metric, np.nan) for each in of_each])

    def reasons(self, windows: Sequence[Window]) -> dict[int, str]:
        """Why configurations failed in one of the windows, by their numbers."""
        count = len(self.market.configurations)
        found: dict[int, str] = {}
        for number in range(count):
            for window in windows:
                failed = self.outcomes[number, window].failed
                if failed is not None:
                    found.setdefault(number, failed)
        return found

    def series(
        self, first: int, stop: int, windows: Sequence[Window]
    ) -> tuple[FloatArray, FloatArray]:
        """Returns of every configuration, (T, K), and of the benchmark, put together of windows.

        Of each window the sessions after those of the window before count.
        """
        values = np.full((stop - first, len(self.market.configurations)), np.nan)
        benchmark = np.full(stop - first, np.nan)
        against, begin = self.tasks[0].benchmark, first
        for window in windows:
            skipped, here = begin - window.first, slice(begin - first, window.last + 1 - first)
            for number in range(values.shape[1]):
                outcome = self.outcomes[number, window]
                if outcome.failed is None:
                    values[here, number] = outcome.returns[skipped:]
            benchmark[here] = self.runner.benchmark(window, against)[skipped:]
            begin = window.last + 1
        return values, benchmark

    def result(
        self,
        method: str,
        folds: Sequence[FoldResult],
        choices: IntArray,
        first: int,
        tested: FloatArray,
        benchmark: FloatArray,
    ) -> Validation:
        """Put the result together."""
        market, against = self.market, self.tasks[0].benchmark
        days = pd.DatetimeIndex(list(market.days[first:]), name="date").as_unit("s")
        name = against if isinstance(against, str) else getattr(against, "name", "benchmark")
        return Validation(
            name=self.tasks[0].run.trial.strategy,
            method=method,
            kind=market.configurations.kind,
            metric=market.search.metric,
            varied=market.configurations.names,
            parameters=[
                market.plan.given(each, market.configurations.names)
                for each in market.configurations
            ],
            folds=tuple(folds),
            choices=choices,
            tested=tested,
            benchmark=pd.Series(benchmark, days, name=str(name)),
            rates=pd.Series(self.rates[first:], days, name="risk_free"),
            runs=tuple(dict.fromkeys(each.run for each in self.tasks)),
            counted=self.counted,
        )
