"""`backtest`: a strategy over stored sessions, in memory, on what was known at one moment.

The steps are those of the pipeline and give what it stores, bit for bit:

1. Read bars, corporate actions and the universe (and what else a feature uses), all of them as
   known at one moment.
2. Compute the features of the universe's members, by security.
3. Run the strategy, and the benchmark where it is a model, over the features.
4. Simulate them at the next open. They start with their capital in the first session, so that the
   first trades are those of the second one.
5. Compute the figures of every session, against the benchmark.

Nothing is stored, and no model need be registered: a strategy can be tried before it is a file.
What does not belong here: the steps themselves (`inputs.py`, `prepared.py`), how tables are read
(`reader.py`), and the result (`result.py`).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import pandas as pd

from quant_platform.conventions import DEFAULT_BENCHMARK
from quant_platform.errors import SettingsError
from quant_platform.features.feature_registry import known_features
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.research.arguments import Day
from quant_platform.research.benchmark import Benchmark, benchmark_model, benchmark_returns
from quant_platform.research.books import BookRun
from quant_platform.research.inputs import Inputs, Needs, last_tickers
from quant_platform.research.prepared import Assumptions, Prepared
from quant_platform.research.reader import TableReader
from quant_platform.research.rerun import Rerun
from quant_platform.research.result import Backtest
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.function import FunctionStrategy, Weights, features_of
from quant_platform.strategies.strategy_registry import strategy as strategy_of
from quant_platform.time_limit import UNLIMITED, TimeLimit
from quant_platform.trading.simulation import Simulation

STRATEGY, BENCHMARK = 0, 1
"""Numbers of the two models while they are computed."""

USUAL = Assumptions()
"""See `docs/conventions.md`."""


def backtest(
    reader: TableReader,
    strategy: str | Strategy | Weights | Book,
    start: Day,
    end: Day,
    *,
    calendar: Calendar = XNYS,
    assumed: Assumptions = USUAL,
    benchmark: Benchmark | None = None,
    default_benchmark: str = DEFAULT_BENCHMARK,
    named: Callable[[str], Strategy] = strategy_of,
    limit: TimeLimit = UNLIMITED,
) -> Backtest:
    """Run a strategy over the stored sessions from `start` to `end`, as far as there are bars.

    Parameters
    ----------
    reader : reads bars, corporate actions, universe and yields. Corrections that came after its
        moment are not seen, and neither is what was ingested later.
    strategy : one by its name, any `Strategy`, with parameters of its own, or a function that
        returns weights of a panel (`strategies/function.py`), or a `Book` of several
    start, end : first and last session; the sessions looked back on lie before `start`
    calendar, named : sessions of the exchange, and what returns the strategy of a name
    assumed : what is assumed of trading and of money
    benchmark : what alpha and beta refer to: a model or its name, `symbol:TICKER` for a security's
        total return, or returns by session; None: the strategy's own, else `default_benchmark`
    limit : how long each call of the strategy may take, or of a feature that somebody added

    Raises
    ------
    UnknownNameError
        There is no such strategy or benchmark, or no feature that it reads.
    SessionError
        There are no bars in the range, a session is missing, or a date cannot be read.
    ContractError
        The strategy returned something that is not a signal.
    SettingsError
        The strategy is none.
    OverdueError
        It, or a feature, did not end in time.
    """
    model = strategy if isinstance(strategy, Book) else as_strategy(strategy, calendar, named)
    of = model.models if isinstance(model, Book) else {model.name: model}
    models = {name: as_strategy(each, calendar, named) for name, each in of.items()}
    against = benchmark if benchmark is not None else model.benchmark or default_benchmark
    rival = benchmark_model(against, named)
    needed = [*models.values(), *([] if rival is None else [rival])]
    market = Prepared.read(reader, Needs.of(needed), start, end, calendar, assumed, limit)
    if isinstance(model, Book):
        book = BookRun(model, models, market)
        signals, again, parts = book.signals, book.again, book.simulate()
        simulated = [parts.simulation]
    else:
        orders, parts = market.orders(model), None
        signals, again = partial(market.signals, model), partial(market.simulate, orders)
        simulated = [again()]
    if rival is not None:
        simulated.append(market.simulate(market.orders(rival), rows_only=True))
    judged_against, name = _judged_against(reader, rival, against, market.inputs)
    portfolios = {number: each.portfolios for number, each in enumerate(simulated)}
    performance = market.performance(portfolios, judged_against)
    of_strategy = performance[performance["model_id"] == STRATEGY].drop(columns="model_id")
    return Backtest(
        model.name,
        signals,
        simulated[STRATEGY],
        of_strategy.assign(benchmark=name).reset_index(drop=True),
        _returns(simulated[1:], judged_against, name),
        last_tickers(market.inputs.members),
        assumed.costs,
        lambda costs: again(costs).portfolios,
        market.rates,
        parts,
        rerun=Rerun(market, model, models, rival),
    )


def _returns(rivals: Sequence[Simulation], judged_against: object, name: str) -> pd.Series:
    """Session returns of the benchmark, by date."""
    if rivals:
        return rivals[0].portfolios.set_index("date")["daily_return"].rename(name)
    return cast("pd.Series", judged_against)


def as_strategy(
    strategy: object, calendar: Calendar, named: Callable[[str], Strategy] = strategy_of
) -> Strategy:
    """Return a strategy from its name, from one, or from a function of a panel.

    Raises
    ------
    SettingsError
        It is none of these.
    """
    if isinstance(strategy, str):
        return named(strategy)
    if isinstance(strategy, Strategy):
        return strategy
    if callable(strategy) and not isinstance(strategy, type):
        return FunctionStrategy(strategy, features_read(strategy, calendar))
    raise SettingsError(
        f"{strategy!r} is no strategy",
        "Pass its name, an object such as MeanReversion(), or a function of a panel",
    )


def features_read(function: Weights, calendar: Calendar) -> tuple[str, ...]:
    """Return the features that a function states, or is found to read."""
    return features_of(function, tuple(each.name for each in known_features()), calendar)


def _judged_against(
    reader: TableReader, rival: Strategy | None, benchmark: Benchmark, inputs: Inputs
) -> tuple["int | pd.Series[float]", str]:
    """Number of the benchmark's model, or its returns, and its name."""
    if rival is not None:
        return BENCHMARK, rival.name
    returns = benchmark_returns(
        reader, cast("str | pd.Series", benchmark), inputs.days, inputs.panel
    )
    return returns, str(returns.name)
