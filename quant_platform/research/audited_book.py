"""What an audit looks at of a book: its portfolio, its members' gains, and its figures.

What belongs here: how they are computed over the whole range, over a history that ends earlier, and
in pieces, each of which goes on from what the session before it left. What does not: the members,
which are audited as models (`audited.py`), and how a book is traded (`trading/book.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from quant_platform.research.audit_laws import DATE, Rows, Subject
from quant_platform.research.audited import AuditedModel, figures_of, market_until
from quant_platform.research.prepared import Prepared
from quant_platform.strategies.book import Book
from quant_platform.trading.attribution import CASH_LINE
from quant_platform.trading.book import BookSimulation, BookState, Member, simulate_book

MEMBER = "member"


@dataclass(frozen=True)
class AuditedBook:
    """A book over the sessions of a market.

    Attributes
    ----------
    market : with what its members need
    book : its name and its rule of capital
    members : what is audited of each member, by its name in the book
    """

    market: Prepared
    book: Book
    members: Mapping[str, AuditedModel]

    def subjects(self) -> Iterator[Subject]:
        """Portfolio, gains of the members, and figures."""
        count, name = len(self.market.inputs.days), self.book.name
        yield Subject(
            f"portfolio of {name}",
            (DATE,),
            lambda: self._simulation.simulation.portfolios,
            lambda end: self._simulated(0, end + 1).simulation.portfolios,
            lambda start, stop: self._simulated(start, stop).simulation.portfolios,
        )
        yield Subject(
            f"gains of the members of {name}",
            (DATE, MEMBER),
            lambda: self._simulation.attribution,
            lambda end: self._simulated(0, end + 1).attribution,
            lambda start, stop: self._simulated(start, stop).attribution,
        )
        yield Subject(
            f"figures of {name}",
            (DATE, "window_name"),
            partial(self._figures, 0, count),
            lambda end: self._figures(end, end + 1),
            self._figures,
        )

    @cached_property
    def _simulation(self) -> BookSimulation:
        return self._simulated(0, len(self.market.inputs.days))

    def _simulated(self, start: int, stop: int) -> BookSimulation:
        """The book of these days, going on from the state before them."""
        members = [
            Member(
                name,
                each.orders(start, stop),
                each.simulated(start, stop).portfolios["daily_return"].to_numpy(),
            )
            for name, each in self.members.items()
        ]
        return simulate_book(
            rule=self.book.capital,
            members=members,
            max_gross=max(each.model.max_gross for each in self.members.values()),
            calendar=self.market.inputs.calendar,
            state=self._simulation.simulation.state(start - 1) if start else None,
            before=self._before(start) if start else None,
            **market_until(self.market, stop),
        )

    def _before(self, start: int) -> BookState:
        """What the day before number `start` left, as the tables have it."""
        done, day = self._simulation, pd.Timestamp(self.market.inputs.days[start - 1])
        lines = done.attribution[done.attribution[DATE] == day].set_index(MEMBER)
        shares = lines["capital_share"].drop(CASH_LINE, errors="ignore")
        returns = np.column_stack(
            [
                each.simulation.portfolios["daily_return"].to_numpy()[:start]
                for each in self.members.values()
            ]
        )
        return BookState(
            tuple(float(shares[name]) for name in self.members),
            returns[-self.book.capital.lookback :],
            done.holdings[done.holdings[DATE] == day],
        )

    def _figures(self, start: int, stop: int) -> Rows:
        return figures_of(self.market, self._simulation.simulation.portfolios, start, stop)
