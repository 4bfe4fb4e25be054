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
What does not belong here: how tables are read (`reader.py`), and the result (`result.py`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from numbers import Real
from typing import cast

import pandas as pd

from quant_platform.conventions import DEFAULT_BENCHMARK, SESSIONS_PER_YEAR
from quant_platform.errors import SettingsError
from quant_platform.evaluation.performance import performance_rows
from quant_platform.evaluation.risk_free import YIELD, risk_free_rates
from quant_platform.features.compute import required_lookback
from quant_platform.features.feature_registry import known_features
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import Panel
from quant_platform.research.arguments import Day, iso_day
from quant_platform.research.benchmark import Benchmark, benchmark_model, benchmark_returns
from quant_platform.research.feature_data import bars_read, compute_rows
from quant_platform.research.reader import TableReader
from quant_platform.research.result import Backtest
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.strategies.base import RUN_COLUMNS, Strategy
from quant_platform.strategies.function import FunctionStrategy, Weights, features_of
from quant_platform.strategies.strategy_registry import strategy as strategy_of
from quant_platform.trading.conditions import LIQUIDITY_LOOKBACK, Conditions, known_sectors
from quant_platform.trading.costs import DEFAULT_COSTS, Costs
from quant_platform.trading.delistings import DelistingRules, Endings, year_highs
from quant_platform.trading.limits import NO_LIMITS, Limits
from quant_platform.trading.orders import Orders
from quant_platform.trading.simulation import START_CAPITAL, Simulation, simulate

STRATEGY, BENCHMARK = 0, 1
"""Numbers of the two models while they are computed."""

USUAL_RULES = DelistingRules()
"""See `docs/conventions.md`."""

IDENTITY_COLUMNS = ("date", "symbol", "security_id")


def backtest(
    reader: TableReader,
    strategy: str | Strategy | Weights,
    start: Day,
    end: Day,
    *,
    calendar: Calendar = XNYS,
    costs: Costs = DEFAULT_COSTS,
    limits: Limits = NO_LIMITS,
    delistings: DelistingRules = USUAL_RULES,
    capital: float = START_CAPITAL,
    risk_free: float = 0.0,
    benchmark: Benchmark | None = None,
    default_benchmark: str = DEFAULT_BENCHMARK,
    named: Callable[[str], Strategy] = strategy_of,
) -> Backtest:
    """Run a strategy over the stored sessions from `start` to `end`, as far as there are bars.

    Parameters
    ----------
    reader : reads bars, corporate actions, universe and yields. Corrections that came after its
        moment are not seen, and neither is what was ingested later.
    strategy : one by its name, any `Strategy`, with parameters of its own, or a function that
        returns weights of a panel (`strategies/function.py`)
    start, end : first and last session; the sessions looked back on lie before `start`
    calendar, named : sessions of the exchange, and what returns the strategy of a name
    costs, capital : what is assumed of trading, and the cash to start with, in currency
    limits : how much the portfolio may hold and lose
    delistings : when a position whose security stops trading is closed, and at what price
    risk_free : annual rate, as a fraction, in sessions without a known Treasury yield
    benchmark : what alpha and beta refer to: a model or its name, `symbol:TICKER` for a security's
        total return, or returns by session; None: the strategy's own, else `default_benchmark`

    Raises
    ------
    UnknownNameError
        There is no such strategy or benchmark, or no feature that it reads.
    SessionError
        There are no bars in the range, a session is missing, or a date cannot be read.
    ContractError
        The strategy returned something that is not a signal.
    SettingsError
        The strategy is none, the costs are no `Costs`, or the capital is not positive.
    """
    _check_money(costs, capital)
    model = as_strategy(strategy, calendar, named)
    against = benchmark if benchmark is not None else model.benchmark or default_benchmark
    rival = benchmark_model(against, named)
    models = (model,) if rival is None else (model, rival)
    stored = calendar.sessions(*reader.first_and_last_bar())
    sessions = list(calendar.range(iso_day(start), iso_day(end), stored))
    inputs = _inputs(reader, models, stored, sessions, calendar)
    signals = [_signals(each, inputs, calendar) for each in models]
    orders = [
        _orders(rows, each, inputs, calendar) for each, rows in zip(models, signals, strict=True)
    ]
    sectors = known_sectors(inputs.universe, inputs.panel, inputs.days) if limits.sector else None
    run = partial(
        simulate,
        inputs.panel,
        capital=capital,
        endings=_endings(reader, delistings, stored, inputs.days),
        limits=limits,
        conditions=Conditions(sectors=sectors),
        actions=inputs.actions,
    )
    simulated = [run(each, costs=costs) for each in orders]
    judged_against, name = _judged_against(reader, rival, against, inputs)
    performance = _performance(reader, simulated, inputs, judged_against, risk_free)
    of_strategy = performance[performance["model_id"] == STRATEGY].drop(columns="model_id")
    return Backtest(
        model.name,
        signals[STRATEGY],
        simulated[STRATEGY],
        of_strategy.assign(benchmark=name).reset_index(drop=True),
        _returns(simulated[1:], judged_against, name),
        _tickers(inputs.universe),
        costs,
        lambda assumed: run(orders[STRATEGY], costs=assumed).portfolios,
    )


def _returns(rivals: Sequence[Simulation], judged_against: object, name: str) -> pd.Series:
    """Session returns of the benchmark, by date."""
    if rivals:
        return rivals[0].portfolios.set_index("date")["daily_return"].rename(name)
    return cast("pd.Series", judged_against)


def _tickers(universe: pd.DataFrame) -> dict[str, str]:
    """Security → its last ticker."""
    newest = universe.drop_duplicates("security_id", keep="last")
    return dict(zip(newest["security_id"], newest["symbol"], strict=True))


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
        names = tuple(feature.name for feature in known_features())
        return FunctionStrategy(strategy, features_of(strategy, names, calendar))
    raise SettingsError(
        f"{strategy!r} is no strategy",
        "Pass its name, an object such as MeanReversion(), or a function of a panel",
    )


def _judged_against(
    reader: TableReader, rival: Strategy | None, benchmark: Benchmark, inputs: "_Inputs"
) -> tuple["int | pd.Series[float]", str]:
    """Number of the benchmark's model, or its returns, and its name."""
    if rival is not None:
        return BENCHMARK, rival.name
    returns = benchmark_returns(reader, cast("str | pd.Series", benchmark), inputs.days)
    return returns, str(returns.name)


@dataclass(frozen=True)
class _Inputs:
    """What both models are computed from.

    Attributes
    ----------
    days : the sessions of the backtest (ISO dates)
    window : these and the ones a signal looks back on
    panel : bars and corporate actions of `days` and of the sessions before that impact looks back
        on, by security
    actions : corporate actions, with the days on which dividends are paid
    features, bars : rows of `window` (bars: and of sessions before it), by security
    universe : the members of each session of `window`, with their tickers
    """

    days: Sequence[str]
    window: Sequence[str]
    panel: Panel
    actions: pd.DataFrame
    features: pd.DataFrame
    bars: pd.DataFrame
    universe: pd.DataFrame


def _inputs(
    reader: TableReader,
    models: Sequence[Strategy],
    stored: Sequence[date],
    sessions: Sequence[date],
    calendar: Calendar,
) -> _Inputs:
    names = tuple(dict.fromkeys(name for model in models for name in model.features))
    days = [day.isoformat() for day in sessions]
    window = _before(stored, days, max(model.lookback for model in models))
    traded = _before(stored, days, LIQUIDITY_LOOKBACK + 1)
    deep = min(_before(stored, window, required_lookback(names)), traded, key=lambda each: each[0])
    reader.refuse_gaps("market_data", deep)
    reader.refuse_gaps("trading_universe", window)
    span = (deep[0], deep[-1])
    # Bars of a security from before it was a member count, too, and positions outlive membership.
    ever = Members(BEGINNING, days[-1])
    bars = reader.rows("market_data", span, bars_read(names), members=ever)
    actions = reader.rows("corporate_actions", span, members=ever)
    universe = reader.rows(
        "trading_universe", (window[0], window[-1]), (*IDENTITY_COLUMNS, "sector")
    )
    computed = compute_rows(
        reader, calendar, bars, actions, deep, names, last=len(window), members=ever
    )
    return _Inputs(
        days,
        window,
        Panel.from_frames(bars, actions, traded),
        actions,
        with_tickers(computed, universe),
        bars,
        universe,
    )


def _signals(model: Strategy, inputs: _Inputs, calendar: Calendar) -> pd.DataFrame:
    panel = Panel.from_frames(
        inputs.bars,
        None,
        inputs.window,
        universe=inputs.universe,
        features=inputs.features,
        calendar=calendar,
    )
    rows = with_tickers(model.run(panel, last=len(inputs.days)), inputs.universe)
    ordered = rows.sort_values(["date", "symbol"], ignore_index=True)
    return ordered[
        [*IDENTITY_COLUMNS, *(name for name in RUN_COLUMNS if name not in IDENTITY_COLUMNS)]
    ]


def _orders(signals: pd.DataFrame, model: Strategy, inputs: _Inputs, calendar: Calendar) -> Orders:
    return Orders.from_signals(
        signals,
        inputs.days,
        universe=inputs.universe,
        rules=model.trading_rules,
        calendar=calendar,
    )


def _performance(
    reader: TableReader,
    simulated: Sequence[Simulation],
    inputs: _Inputs,
    benchmark: int | pd.Series,
    risk_free: float,
) -> pd.DataFrame:
    """Figures of every session, of each model that was simulated."""
    yields = reader.rows(
        "treasury_yields", (BEGINNING, inputs.days[-1]), ("date", "observed_on", YIELD)
    )
    return performance_rows(
        pd.concat(
            [each.portfolios.assign(model_id=number) for number, each in enumerate(simulated)],
            ignore_index=True,
        ),
        benchmark,
        inputs.days,
        risk_free=risk_free_rates(yields, inputs.days, default=risk_free),
    )


def _endings(
    reader: TableReader, rules: DelistingRules, stored: Sequence[date], days: Sequence[str]
) -> Endings:
    """What the tables know of securities that stop trading."""

    def highs(session: object, security_ids: Sequence[str]) -> dict[str, float]:
        window = _before(stored, [str(session)], SESSIONS_PER_YEAR)
        bars, actions = (
            reader.rows(table, (window[0], window[-1]), among={"security_id": security_ids})
            for table in ("market_data", "corporate_actions")
        )
        return year_highs(Panel.from_frames(bars, actions, window), security_ids)

    retired = reader.rows("securities", (days[0], days[-1]), ("date", "security_id", "delisted_on"))
    return Endings(rules, retired, highs)


def _check_money(costs: object, capital: object) -> None:
    if not isinstance(costs, Costs):
        raise SettingsError(
            f"The costs are {costs!r}", "Write them as Costs(commission_bp=5, slippage_bp=5)"
        )
    if not isinstance(capital, Real) or not 0.0 < float(capital) < math.inf:
        raise SettingsError(f"The capital is {capital!r}", "Allowed: a positive number")


def _before(stored: Sequence[date], days: Sequence[str], lookback: int) -> list[str]:
    """Days, with the stored sessions before them that a look-back reaches."""
    first = stored.index(date.fromisoformat(days[0]))
    before = [day.isoformat() for day in stored[max(first - (lookback - 1), 0) : first]]
    return [*before, *days]
