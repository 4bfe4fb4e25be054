"""A book in a backtest: its members over a market that is read once, then the book of them.

What does not belong here: how a book is traded (`trading/book.py`), and what a backtest is
(`backtest.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from quant_platform.research.prepared import Prepared
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.trading.book import BookSimulation, Member, simulate_book
from quant_platform.trading.costs import Costs
from quant_platform.trading.orders import Orders
from quant_platform.trading.simulation import Simulation


@dataclass(frozen=True, eq=False)
class BookRun:
    """A book over a market.

    Attributes
    ----------
    book : its name, members and rule of capital
    models : the strategy of each member, by the member's name
    market : with what the members need
    """

    book: Book
    models: Mapping[str, Strategy]
    market: Prepared

    @cached_property
    def _orders(self) -> dict[str, Orders]:
        return {name: self.market.orders(model) for name, model in self.models.items()}

    def signals(self) -> pd.DataFrame:
        """Signals of the members, with a column `member`."""
        parts = [
            self.market.signals(model).assign(member=name) for name, model in self.models.items()
        ]
        return pd.concat(parts, ignore_index=True)

    def again(self, costs: Costs | None = None) -> Simulation:
        """Simulate the book as one portfolio."""
        return self.simulate(costs).simulation

    def simulate(self, costs: Costs | None = None) -> BookSimulation:
        """Simulate the members, then the book, under other costs than those assumed if given."""
        market, assumed = self.market, self.market.assumed
        members = []
        for name, orders in self._orders.items():
            own = market.simulate(orders, costs, rows_only=True).portfolios
            members.append(Member(name, orders, own["daily_return"].to_numpy()))
        return simulate_book(
            market.inputs.panel,
            self.book.capital,
            members,
            max_gross=max(each.max_gross for each in self.models.values()),
            calendar=market.inputs.calendar,
            costs=costs or assumed.costs,
            capital=assumed.capital,
            endings=market.endings,
            limits=assumed.limits,
            conditions=market.conditions,
            actions=market.inputs.actions,
        )
