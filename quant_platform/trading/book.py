"""A book: one portfolio of several models.

1. Each member's share of the capital is set by the rule (`capital.py`), for the first session of
   each period, from the returns of the members' own portfolios up to the session before.
2. The book's target weight of a security is Σ share × target weight of the member, so that
   opposite orders are netted before they are made. A member's target holds until the member says
   another one; members' stops and rules of rebalancing do not act on the book.
3. A security is traded when what is asked for changes (the same sum, before members' weights are
   scaled), and all are traded when shares are set. Costs, limits and delistings act on the book as
   on any model's portfolio.
4. Gains and costs are attributed to the members (`attribution.py`).

A book goes on from any session's rows with the same bits. What does not belong here: which books
there are (`strategies/books.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.market.panel import Panel
from quant_platform.trading.attribution import Attribution, Holdings, Wanted
from quant_platform.trading.capital import CapitalRule
from quant_platform.trading.conditions import NO_CONDITIONS, Conditions
from quant_platform.trading.costs import DEFAULT_COSTS, Costs
from quant_platform.trading.market_arrays import MarketArrays, widen
from quant_platform.trading.orders import Orders, TradingRules
from quant_platform.trading.portfolio_state import PortfolioState
from quant_platform.trading.simulation import START_CAPITAL, Simulation, simulate

NO_HOLDINGS = pd.DataFrame(columns=["member", "security_id", "shares", "price"])


@dataclass(frozen=True)
class BookState:
    """What a book carries from one session to the next, beside its portfolio.

    Attributes
    ----------
    shares : share of the capital of each member; empty: none were set yet
    returns : (any, M) session returns of the members so far, oldest first; as many as the rule
        looks at
    holdings : rows of `book_holdings` of the session
    """

    shares: tuple[float, ...] = ()
    returns: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    holdings: pd.DataFrame = field(default_factory=lambda: NO_HOLDINGS)


@dataclass(frozen=True)
class Member:
    """A model of a book, in the sessions of a simulation.

    Attributes
    ----------
    name : of the model
    orders : what it wants
    returns : (T,) session returns of its own portfolio
    """

    name: str
    orders: Orders
    returns: FloatArray


@dataclass(frozen=True, eq=False)
class BookSimulation:
    """What a book's simulation gives.

    Attributes
    ----------
    simulation : the book as one portfolio
    attribution : rows of `book_attribution`, without the book
    holdings : rows of `book_holdings`, without the book
    state : what is carried to the next session
    """

    simulation: Simulation
    attribution: pd.DataFrame
    holdings: pd.DataFrame
    state: BookState


def simulate_book(
    panel: Panel,
    rule: CapitalRule,
    members: Sequence[Member],
    *,
    max_gross: float = 1.0,
    calendar: Calendar = XNYS,
    state: PortfolioState | None = None,
    before: BookState | None = None,
    costs: Costs = DEFAULT_COSTS,
    capital: float = START_CAPITAL,
    conditions: Conditions = NO_CONDITIONS,
    **assumed: Any,
) -> BookSimulation:
    """Simulate a book over the sessions of its members' orders.

    Parameters
    ----------
    panel, costs, capital, conditions, assumed : as `simulation.simulate`
    members : in the order of the rule's shares
    max_gross : largest sum of the positions' absolute weights after a trade
    state, before : the portfolio and the members' part of it after the session before
    """
    before = before or BookState(returns=np.zeros((0, len(members))))
    start = PortfolioState.start(capital) if state is None else state
    sessions = members[0].orders.sessions
    # Who left the book is traded out of it, and has its line until then.
    names = [each.name for each in members]
    held = before.holdings
    left = held[held["shares"].to_numpy(dtype=np.float64) != 0.0]["member"]
    gone = sorted(set(left) - set(names))
    earlier = before.returns if len(before.returns) else np.zeros((0, len(members)))
    returns = np.column_stack([each.returns for each in members])
    sets = rule.due(sessions, calendar)
    if not before.shares:
        sets[0] = True
    shares = rule.over(sets, before.shares, earlier, returns)
    wanted, security_ids = _wanted(members, gone, shares, held, start)
    orders = Orders(
        sessions,
        security_ids,
        targets=_netted(wanted.targets, wanted.capital),
        types=np.zeros(wanted.references.shape, dtype=np.int8),
        references=wanted.references,
        others=np.full(len(sessions), np.nan),
        asked=_netted(wanted.asked, wanted.capital),
        rules=TradingRules(max_gross=max_gross),
        due=sets,
    )
    done = simulate(
        panel,
        orders,
        state=start,
        costs=costs,
        capital=capital,
        conditions=conditions,
        **assumed,
    )
    names += gone
    holdings = _holdings(names, security_ids, held, start)
    attribution, rows = _parts(panel, names, done, wanted, holdings, start, costs, conditions)
    after = BookState(
        tuple(shares[-1].tolist()),
        np.vstack((earlier, returns))[-rule.lookback :],
        rows[rows["date"] == pd.Timestamp(sessions[-1])],
    )
    return BookSimulation(done, attribution, rows, after)


def _parts(
    panel: Panel,
    members: Sequence[str],
    done: Simulation,
    wanted: Wanted,
    holdings: Holdings,
    start: PortfolioState,
    costs: Costs,
    conditions: Conditions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide what was simulated among the members."""
    ids, last = done.security_ids, len(done.sessions)
    market = MarketArrays.of(panel, ids, last, np.zeros((0, 0), dtype=bool))
    borrow = conditions.borrow
    if borrow is not None:
        borrow = widen(borrow[-last:], panel.security_ids, ids, np.nan)
    released, halted = conditions.released, conditions.halted
    return Attribution(
        members, done, market, wanted, holdings, start, costs, borrow, released, halted
    ).run()


def _netted(weights: FloatArray, capital: FloatArray) -> FloatArray:
    """Σ share × weight, (T, N), member by member: the same bits for any securities beside."""
    result = np.zeros((weights.shape[0], weights.shape[2]))
    for member in range(weights.shape[1]):
        result = result + capital[:, member, None] * weights[:, member]
    return result


def _wanted(
    members: Sequence[Member],
    gone: Sequence[str],
    shares: FloatArray,
    held: pd.DataFrame,
    start: PortfolioState,
) -> tuple[Wanted, tuple[str, ...]]:
    """What the members want, and the securities of it, sorted."""
    ids = {name for each in members for name in each.orders.security_ids}
    ids |= {*held["security_id"], *(each.security_id for each in start.positions)}
    security_ids = tuple(sorted(ids))
    last, width = len(shares), len(members) + len(gone)
    targets, asked = (np.zeros((last, width, len(security_ids))) for _ in range(2))
    references = np.full((last, len(security_ids)), np.nan)
    for number, member in enumerate(members):
        orders = member.orders
        others = orders.others[:, None]
        known = _columns(held, member.name, security_ids, ("target_weight", "asked_weight"))
        for into, said, first in (
            (targets, orders.targets, known[0]),
            (asked, orders.targets if orders.asked is None else orders.asked, known[1]),
        ):
            into[:, number] = _kept(widen(said, orders.security_ids, security_ids, others), first)
        closes = widen(orders.references, orders.security_ids, security_ids, np.nan)
        references = np.where(np.isnan(references), closes, references)
    capital = np.hstack((shares, np.zeros((last, len(gone)))))
    return Wanted(targets, asked, capital, references), security_ids


def _kept(said: FloatArray, first: FloatArray) -> FloatArray:
    """Weights that hold until another one is said (NaN: nothing is)."""
    result = np.empty(said.shape)
    current = first
    for t, row in enumerate(said):
        current = np.where(np.isnan(row), current, row)
        result[t] = current
    return result


def _columns(
    held: pd.DataFrame, member: str, security_ids: tuple[str, ...], names: Sequence[str]
) -> FloatArray:
    """Columns of a member's holdings by security, (columns, N); 0 where there is none."""
    result = np.zeros((len(names), len(security_ids)))
    rows = held[held["member"] == member]
    if len(rows):
        places = np.searchsorted(np.array(security_ids, dtype=object), rows["security_id"])
        for number, name in enumerate(names):
            result[number, places] = rows[name].to_numpy(dtype=np.float64)
    return result


def _holdings(
    members: Sequence[str],
    security_ids: tuple[str, ...],
    held: pd.DataFrame,
    start: PortfolioState,
) -> Holdings:
    """What the members held after the session before."""
    parts = [
        _columns(held, member, security_ids, ("shares", "traded_ask", "price"))
        for member in members
    ]
    shares, asked = (np.stack([each[number] for each in parts]) for number in (0, 1))
    price = np.full(len(security_ids), np.nan)
    for number, each in enumerate(parts):
        price = np.where(shares[number] != 0.0, each[2], price)
    book = np.zeros(len(security_ids))
    column: Mapping[str, int] = {name: number for number, name in enumerate(security_ids)}
    for position in start.positions:
        book[column[position.security_id]] = position.shares
    return Holdings(shares, asked, price, book)
