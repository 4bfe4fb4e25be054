"""What an audit looks at: features, and signals, portfolio and figures of each model.

What belongs here: how each of them is computed over the whole range, over a history that ends
earlier, and in pieces. What does not: books (`audited_book.py`), and
what is made of it (`audit.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.isolation import limited
from quant_platform.market.facts import with_tickers
from quant_platform.research.audit_laws import DATE, SECURITY, Rows, Subject
from quant_platform.research.feature_data import bars_read, feature_panel
from quant_platform.research.inputs import sessions_before
from quant_platform.research.prepared import Prepared
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.condition_sources import NAMES
from quant_platform.trading.orders import Orders
from quant_platform.trading.simulation import Simulation, simulate

KEYS = (DATE, SECURITY)
MODEL = 1
"""Number of a model while its figures are computed."""


@dataclass(frozen=True)
class AuditedFeatures:
    """Features over the sessions of a market.

    Attributes
    ----------
    market : bars, actions and members
    names : the features; each of them has a session's whole look-back before the first one
    """

    market: Prepared
    names: Sequence[str]

    def subject(self, stored: Callable[[], Rows | None]) -> Subject:
        """What is audited of them."""
        count = len(self.market.inputs.days)
        return Subject(
            "features", KEYS, partial(self.rows, 0, count), self.until, self.piece, stored
        )

    @cached_property
    def _lookback(self) -> int:
        return required_lookback(self.names)

    @cached_property
    def _sessions(self) -> Sequence[str]:
        """Days, with what features look back on."""
        reader, inputs = self.market.reader, self.market.inputs
        stored = inputs.calendar.sessions(*reader.first_and_last_bar())
        return sessions_before(stored, inputs.days, self._lookback)

    @cached_property
    def _facts(self) -> tuple[Members, Rows, Rows]:
        """Whose bars and corporate actions are read, and these."""
        reader, sessions = self.market.reader, self._sessions
        span, ever = (sessions[0], sessions[-1]), Members(BEGINNING, sessions[-1])
        bars = reader.rows("market_data", span, bars_read(self.names), members=ever)
        return ever, bars, reader.rows("corporate_actions", span, members=ever)

    def rows(self, start: int, stop: int, lookback: int | None = None) -> Rows:
        """Rows of days from number `start` to before `stop`, with all that lies before them."""
        sessions = self._sessions
        skipped = len(sessions) - len(self.market.inputs.days)
        first = 0 if lookback is None else max(skipped + start - lookback + 1, 0)
        return self._computed(sessions[first : skipped + stop], stop - start)

    def until(self, end: int) -> Rows:
        """Rows of a day, of a history that ends with it."""
        rows = self.rows(0, end + 1)
        return _of_days(rows, self.market.inputs.days[end : end + 1])

    def piece(self, start: int, stop: int) -> Rows:
        """Rows of some days, with the declared look-back before them and no more."""
        return self.rows(start, stop, self._lookback)

    def _computed(self, sessions: Sequence[str], last: int) -> Rows:
        inputs, reader = self.market.inputs, self.market.reader
        ever, bars, actions = self._facts
        panel, extras = feature_panel(
            reader, inputs.calendar, bars, actions, sessions, self.names, ever
        )
        rows = compute_features(
            panel, last=last, names=self.names, extras=extras, limit=self.market.limit
        )
        return with_tickers(rows, inputs.universe).drop(columns="symbol")


@dataclass(frozen=True)
class AuditedModel:
    """A model over the sessions of a market.

    Attributes
    ----------
    market : bars, actions, members and features
    model : the strategy
    seconds : limit of each call of a strategy that somebody added; 0: none
    """

    market: Prepared
    model: Strategy
    seconds: float = 0.0

    def subjects(self, stored: Callable[[], Rows | None]) -> Iterator[Subject]:
        """Signals, portfolio and figures."""
        count, name = len(self.market.inputs.days), self.model.name
        yield Subject(
            f"signals of {name}",
            KEYS,
            partial(self.signals, 0, count),
            self.signals_until,
            self.signals_piece,
            stored,
        )
        yield Subject(
            f"portfolio of {name}",
            (DATE,),
            lambda: self.simulation.portfolios,
            lambda end: self.simulated(0, end + 1).portfolios,
            self.portfolio_piece,
        )
        yield Subject(
            f"figures of {name}",
            (DATE, "window_name"),
            partial(self.figures, 0, count),
            lambda end: self.figures(end, end + 1),
            self.figures,
        )

    def signals(self, start: int, stop: int, lookback: int | None = None) -> Rows:
        """Rows of days from number `start` to before `stop`, with all that lies before them."""
        inputs = self.market.inputs
        skipped = len(inputs.window) - len(inputs.days)
        first = 0 if lookback is None else max(skipped + start - lookback + 1, 0)
        panel = inputs.strategy_panel.cut(first, skipped + stop)
        model, last = self.model, None if lookback is None else stop - start
        compute = partial(model.run, panel, last=last)
        # A notebook's function is no code of its class, and stays in this process.
        rows = limited(
            partial(self.market.limit.call, f"The strategy {model.name}", compute),
            self.seconds,
            model.signals,
            model.run,
            type(model),
        )
        return _of_days(rows, inputs.days[start:stop])

    def signals_until(self, end: int) -> Rows:
        """Rows of a day, of a history that ends with it."""
        return _of_days(self.signals(0, end + 1), self.market.inputs.days[end : end + 1])

    def signals_piece(self, start: int, stop: int) -> Rows:
        """Rows of some days, with the declared look-back before them and no more."""
        return self.signals(start, stop, self.model.lookback)

    @cached_property
    def _signals(self) -> Rows:
        return self.signals(0, len(self.market.inputs.days))

    @cached_property
    def simulation(self) -> Simulation:
        """The portfolio of all days."""
        return self.simulated(0, len(self.market.inputs.days))

    def portfolio_piece(self, start: int, stop: int) -> Rows:
        """Rows of some days, going on from the state that the session before them left."""
        return self.simulated(start, stop).portfolios

    def orders(self, start: int, stop: int) -> Orders:
        """What the model wants in the days from number `start` to before `stop`."""
        inputs = self.market.inputs
        days = inputs.days[start:stop]
        before = inputs.days[start - 1] if start else None
        known = [*([before] if before else []), *days[:-1]]
        return Orders.from_signals(
            _of_days(self._signals, known),
            days,
            before=before,
            universe=_of_days(inputs.universe, known),
            rules=self.model.trading_rules,
            calendar=inputs.calendar,
        )

    def simulated(self, start: int, stop: int) -> Simulation:
        """The portfolio of these days, going on from the state before them."""
        return simulate(
            orders=self.orders(start, stop),
            state=self.simulation.state(start - 1) if start else None,
            **market_until(self.market, stop),
        )

    def figures(self, start: int, stop: int) -> Rows:
        """Figures of some days, of a history that ends with the last of them."""
        return figures_of(self.market, self.simulation.portfolios, start, stop)


def market_until(market: Prepared, stop: int) -> dict[str, Any]:
    """What a simulation is given of a market whose history ends before day number `stop`."""
    inputs, assumed = market.inputs, market.assumed
    behind = len(inputs.days) - stop
    # What is measured of the bars is measured again.
    conditions = replace(market.conditions, liquidity=None)
    count = len(inputs.panel.sessions) - behind
    known = {name: getattr(conditions, name) for name in (*NAMES, "sectors")}
    cut = {name: values[:count] for name, values in known.items() if values is not None}
    conditions = replace(conditions, **cut)
    return {
        "panel": inputs.panel.cut(0, count),
        "costs": assumed.costs,
        "capital": assumed.capital,
        "endings": market.endings,
        "limits": assumed.limits,
        "conditions": conditions,
        "actions": inputs.actions,
    }


def figures_of(market: Prepared, portfolios: Rows, start: int, stop: int) -> Rows:
    """Figures of the days from number `start` to before `stop`, of a history that ends there."""
    rows = portfolios[:stop]
    returns = rows.set_index(DATE)["daily_return"]
    days = market.inputs.days[start:stop]
    return market.performance({MODEL: rows}, returns, days).drop(columns="model_id")


def stored_rows(market: Prepared, table: str, columns: Sequence[str]) -> Rows | None:
    """Rows that the database holds of a market's days; None where the table lacks a column."""
    reader, days = market.reader, market.inputs.days
    if not reader.has_columns(table, columns):
        return None
    return reader.rows(table, (days[0], days[-1]), columns)


def _of_days(rows: Rows, days: Sequence[str]) -> Rows:
    """Rows of consecutive days."""
    if not days:
        return rows[:0]
    dates = rows[DATE].to_numpy().astype("datetime64[D]").astype(str)
    return rows[(dates >= days[0]) & (dates <= days[-1])].reset_index(drop=True)
