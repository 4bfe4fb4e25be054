"""`Prepared`: a market over which strategies can be run, everything read and computed once.

What belongs here: the way of one strategy through it, signals, orders, simulation and figures, the
same for a single backtest and for each configuration of a sweep. What does not: what is read of
bars and features (`inputs.py`), and the results (`result.py`, `sweep_result.py`).
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from numbers import Real
from typing import TypeVar

import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SettingsError
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.performance import WINDOWS, Against, performance_rows
from quant_platform.evaluation.risk_free import YIELD, risk_free_rates
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import Calendar
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import Panel
from quant_platform.research.arguments import Day, iso_day
from quant_platform.research.forecasts import forecasts_over, with_forecasts
from quant_platform.research.given_conditions import Given, check_conditions, with_given
from quant_platform.research.inputs import (
    IDENTITY_COLUMNS,
    Inputs,
    Needs,
    read_inputs,
    sessions_before,
)
from quant_platform.research.reader import TableReader
from quant_platform.storage.bulk import BEGINNING
from quant_platform.strategies.base import RUN_COLUMNS, Strategy
from quant_platform.strategies.targets import targets_of
from quant_platform.time_limit import UNLIMITED, TimeLimit
from quant_platform.trading.conditions import Conditions, known_sectors, liquidity_before
from quant_platform.trading.costs import DEFAULT_COSTS, Costs
from quant_platform.trading.delistings import DelistingRules, Endings, year_highs
from quant_platform.trading.limits import NO_LIMITS, Limits
from quant_platform.trading.orders import Orders
from quant_platform.trading.simulation import START_CAPITAL, Simulation, simulate

Result = TypeVar("Result")


@dataclass(frozen=True)
class Assumptions:
    """What is assumed of trading and of money.

    Attributes
    ----------
    costs : of trading
    limits : how much the portfolio may hold and lose
    delistings : when a position whose security stops trading is closed, and at what price
    capital : cash to start with, in currency
    risk_free : annual rate, as a fraction, in sessions without a known Treasury yield
    conditions : what short sales and betas of securities are like (`given_conditions.py`)
    """

    costs: Costs = DEFAULT_COSTS
    limits: Limits = NO_LIMITS
    delistings: DelistingRules = field(default_factory=DelistingRules)
    capital: float = START_CAPITAL
    risk_free: float = 0.0
    conditions: Given = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_conditions(self.conditions)
        if not isinstance(self.costs, Costs):
            raise SettingsError(
                f"The costs are {self.costs!r}", "Write them as Costs(commission_bp=5)"
            )
        if not isinstance(self.capital, Real) or not 0.0 < float(self.capital) < math.inf:
            raise SettingsError(f"The capital is {self.capital!r}", "Allowed: a positive number")
        if not isinstance(self.risk_free, Real) or not -1.0 < float(self.risk_free) < math.inf:
            raise SettingsError(
                f"The risk-free rate is {self.risk_free!r}",
                "Allowed: an annual rate as a fraction above -1, such as 0.02",
            )


@dataclass(frozen=True)
class Prepared:
    """A market with what strategies need of it, and what is assumed.

    Attributes
    ----------
    reader : of tables as they were known at one moment
    inputs : what was read and computed
    assumed : what is assumed of trading and of money
    endings : what is known of securities that stop trading
    conditions : sectors of each session and security, where a limit looks at them
    limit : how long each call of a strategy may take
    known_rates : annual risk-free rate of each session, where it is known already
    forecasts : those of forecasters that were trained, by their recipe
    """

    reader: TableReader
    inputs: Inputs
    assumed: Assumptions
    endings: Endings
    conditions: Conditions
    limit: TimeLimit = UNLIMITED
    known_rates: pd.Series | None = None
    forecasts: dict[str, FloatArray] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def read(
        cls,
        reader: TableReader,
        needs: Needs,
        start: Day,
        end: Day,
        calendar: Calendar,
        assumed: Assumptions,
        limit: TimeLimit = UNLIMITED,
    ) -> "Prepared":
        """Read what models need of the stored sessions from `start` to `end`.

        Raises
        ------
        SessionError
            There are no bars in the range, a session is missing, or a date cannot be read.
        UnknownNameError
            There is no such feature.
        OverdueError
            A feature did not end in time.
        """
        reader.refuse_sealed(iso_day(end))
        stored = calendar.sessions(*reader.first_and_last_bar())
        sessions = list(calendar.range(iso_day(start), iso_day(end), stored))
        inputs = read_inputs(reader, needs, stored, sessions, calendar, limit)
        sectors = None
        if assumed.limits.sector:
            sectors = known_sectors(inputs.universe, inputs.panel, inputs.days)
        endings = _endings(reader, assumed.delistings, stored, inputs.days)
        liquidity = None
        if assumed.costs.impact:
            liquidity = liquidity_before(inputs.panel, len(inputs.days))
        conditions = with_given(
            Conditions(sectors=sectors, liquidity=liquidity),
            assumed.conditions,
            reader,
            inputs,
            limit,
        )
        return cls(reader, inputs, assumed, endings, conditions, limit)

    @cached_property
    def rates(self) -> pd.Series:
        """Annual risk-free rate in each session."""
        if self.known_rates is not None:
            return self.known_rates
        days = self.inputs.days
        yields = self.reader.rows(
            "treasury_yields", (BEGINNING, days[-1]), ("date", "observed_on", YIELD)
        )
        return risk_free_rates(yields, days, default=self.assumed.risk_free)

    def signals(self, model: Strategy) -> pd.DataFrame:
        """Return rows of `signals`, ordered by date and symbol."""
        inputs, panel = self.inputs, self.panel_of(model)
        run = self._limited(model, partial(model.run, panel, last=len(inputs.days)))
        rows = with_tickers(run, inputs.universe)
        ordered = rows.sort_values(["date", "symbol"], ignore_index=True)
        return ordered[
            [*IDENTITY_COLUMNS, *(name for name in RUN_COLUMNS if name not in IDENTITY_COLUMNS)]
        ]

    def orders(self, model: Strategy) -> Orders:
        """Return what a model wants in each session, of its arrays where it has them."""
        panel = self.panel_of(model)
        last = len(self.inputs.days)
        # A stop is in the rows alone.
        targets = None
        if not model.trading_rules.stops:
            targets = self._limited(model, partial(targets_of, model, panel, last))
        if targets is None:
            return self._orders_of_rows(model)
        wanted = slice(len(panel.sessions) - last, None)
        return Orders.from_arrays(
            panel.sessions[wanted],
            panel.security_ids,
            rows=targets.rows,
            members=panel.member[wanted],
            types=targets.types,
            weights=targets.weights,
            asked=targets.asked,
            close=panel.close[wanted],
            rules=model.trading_rules,
            calendar=self.inputs.calendar,
        )

    def panel_of(self, model: Strategy) -> Panel:
        """Return what a model sees: with forecasts, where it trades by some."""
        if model.forecaster is None:
            return self.inputs.strategy_panel
        known = self.forecasts.get(model.forecaster.recipe)
        if known is None:
            known = forecasts_over(self.reader, self.inputs, model.forecaster, self.limit)
            self.forecasts[model.forecaster.recipe] = known
        return with_forecasts(self.inputs.strategy_panel, known)

    def _limited(self, model: Strategy, compute: Callable[[], Result]) -> Result:
        """Call a strategy, which is given so much time and no more."""
        return self.limit.call(f"The strategy {model.name}", compute)

    def _orders_of_rows(self, model: Strategy) -> Orders:
        return Orders.from_signals(
            self.signals(model),
            self.inputs.days,
            universe=self.inputs.universe,
            rules=model.trading_rules,
            calendar=self.inputs.calendar,
        )

    def simulate(
        self, orders: Orders, costs: Costs | None = None, *, rows_only: bool = False
    ) -> Simulation:
        """Simulate orders, under other costs than those assumed if any are given.

        Parameters
        ----------
        rows_only : of the result, nothing but the rows of `portfolios` is wanted
        """
        return simulate(
            self.inputs.panel,
            orders,
            costs=costs or self.assumed.costs,
            capital=self.assumed.capital,
            endings=self.endings,
            limits=self.assumed.limits,
            conditions=self.conditions,
            actions=self.inputs.actions,
            rows_only=rows_only,
        )

    def portfolio(self, model: Strategy) -> pd.DataFrame:
        """Run a model, and return its rows of `portfolios`."""
        return self.simulate(self.orders(model), rows_only=True).portfolios

    def performance(
        self,
        portfolios: Mapping[int, pd.DataFrame],
        benchmark: Against,
        sessions: Sequence[str] | None = None,
        windows: Collection[str] = WINDOWS,
    ) -> pd.DataFrame:
        """Return rows of `model_performance` of portfolios by number; default: all of them."""
        return performance_rows(
            pd.concat(
                [rows.assign(model_id=number) for number, rows in portfolios.items()],
                ignore_index=True,
            ),
            benchmark,
            self.inputs.days if sessions is None else sessions,
            risk_free=self.rates,
            metrics=METRICS,
            windows=windows,
        )


def _endings(
    reader: TableReader, rules: DelistingRules, stored: Sequence[date], days: Sequence[str]
) -> Endings:
    """What the tables know of securities that stop trading."""

    def highs(session: object, security_ids: Sequence[str]) -> dict[str, float]:
        window = sessions_before(stored, [str(session)], SESSIONS_PER_YEAR)
        bars, actions = (
            reader.rows(table, (window[0], window[-1]), among={"security_id": security_ids})
            for table in ("market_data", "corporate_actions")
        )
        return year_highs(Panel.from_frames(bars, actions, window), security_ids)

    retired = reader.rows("securities", (days[0], days[-1]), ("date", "security_id", "delisted_on"))
    return Endings(rules, retired, highs)
