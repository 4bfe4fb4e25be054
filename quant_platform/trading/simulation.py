"""Simulate a model's portfolio session by session from its target weights.

Targets set after the close of a session are executed in the next one, in this order:

1. At the open, splits with that ex-date change the shares held, then cash dividends of that ex-date
   are paid on the shares held overnight (paid *by* a short position).
2. Securities that the model's rule of rebalancing names (`rebalancing.py`) are traded at the open:
   shares = weight × equity at the open / open price. Whether a target changed is judged on the
   weights that the strategy asked for, not on scaled ones. The fill price lies one slippage from
   the open, against the trade; the commission is taken on the value filled. Fractional shares are
   allowed, cash may turn negative, and cash earns and costs nothing.
3. What is traded takes what room the rest of the book leaves: with the absolute weights of all
   positions at the open beyond the model's `max_gross`, the weights traded to are scaled until it
   is met. So a position that waits for a bar keeps its capital.
4. A security without a bar cannot be traded; it is tried again in the next session.
5. At the close everything is marked: at the close price, or without a bar at the last known price,
   adjusted for splits. A position whose security stopped trading is then turned into cash
   (`delistings.py`).

A portfolio whose equity is not positive at the open opens no position: its targets count as 0
then. One whose equity is not positive at a close is ruined: it is closed out at the next open and
trades no more. What is a share of an equity that is not positive is NaN.

Sums over securities are exact (`math.fsum`), hence independent of the order and of which other
securities are looked at; with all of the state in the row (`PortfolioState`), a simulation that
continues from any row gives the same bits. What does not belong here: aligning signals with
sessions (`orders.py`), and judging the result (`evaluation/`).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import WEIGHT_NOISE
from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.panel import Panel
from quant_platform.trading.costs import DEFAULT_COSTS, Costs
from quant_platform.trading.delistings import (
    ClosedPosition,
    Endings,
    closed_frame,
    closed_positions,
    year_highs,
)
from quant_platform.trading.market_arrays import MarketArrays, widen
from quant_platform.trading.orders import Orders, TradingRules
from quant_platform.trading.portfolio_state import (
    PortfolioState,
    Position,
    compact_json,
    positions_json,
    ratio,
)
from quant_platform.trading.rebalancing import DRIFT, ON_CHANGE

START_CAPITAL = 1_000_000.0
"""Cash that every model starts with, in currency."""

NO_REFERENCE = Endings()
"""Nothing is known of delistings but the bars that stay away."""

PORTFOLIO_COLUMNS = (
    "date",
    "equity",
    "cash",
    "daily_return",
    "gross_exposure",
    "net_exposure",
    "turnover",
    "trade_count",
    "costs",
    "dividends",
    "signals_judged",
    "signals_hit",
    "ruined",
    "positions",
    "trades",
)
"""Columns of the table `portfolios` that a simulation fills."""


@dataclass(frozen=True, eq=False)
class Simulation:
    """What a simulation gives.

    Attributes
    ----------
    portfolios : one row per session with `PORTFOLIO_COLUMNS`; `positions` and `trades` are JSON
        text. `turnover` is the value filled (shares × fill price) over the equity at the open;
        `costs` are commission and slippage.
    closed : one row per position whose security stopped trading, with `CLOSED_COLUMNS`
    """

    portfolios: pd.DataFrame
    closed: pd.DataFrame


def simulate(
    panel: Panel,
    orders: Orders,
    *,
    state: PortfolioState | None = None,
    costs: Costs = DEFAULT_COSTS,
    capital: float = START_CAPITAL,
    endings: Endings = NO_REFERENCE,
) -> Simulation:
    """Simulate one model over the sessions of the panel.

    Parameters
    ----------
    panel : bars and corporate actions of the sessions
    orders : what the model wants in each of these sessions
    state : the portfolio after the session before the first one; None to start with `capital` in
        cash
    costs : commission and slippage
    capital : start capital, in currency; read only without a state
    endings : which securities stopped trading, and what is paid for them

    Raises
    ------
    ContractError
        The panel and the orders are not of the same sessions.
    """
    if not np.array_equal(panel.sessions, orders.sessions):
        raise ContractError(
            "The bars and the orders are not of the same sessions",
            "Build the orders with the sessions of the panel.",
        )
    state = PortfolioState.start(capital) if state is None else state
    held = (position.security_id for position in state.positions)
    security_ids = tuple(sorted({*orders.security_ids, *held}))
    market = MarketArrays.of(panel, security_ids, endings)
    wanted, asked = (
        widen(weights, orders.security_ids, security_ids, orders.others[:, None])
        for weights in (orders.targets, orders.targets if orders.asked is None else orders.asked)
    )
    due = np.zeros(len(panel.sessions), dtype=bool) if orders.due is None else orders.due
    judged, hits = count_hits(panel, orders)
    book = _Book(state, security_ids, costs, orders.rules, endings)
    rows = []
    for t in range(len(panel.sessions)):
        book.want(wanted[t], asked[t], due=bool(due[t]))
        rows.append(book.session(market, t))
    frame = pd.DataFrame(rows, columns=list(PORTFOLIO_COLUMNS[1:]))
    frame["signals_judged"] = judged
    frame["signals_hit"] = hits
    frame.insert(0, "date", panel.sessions.astype("datetime64[s]"))
    portfolios = frame.astype({"ruined": "bool", "positions": "str", "trades": "str"})
    return Simulation(portfolios, closed_frame(book.closed))


def count_hits(panel: Panel, orders: Orders) -> tuple[np.ndarray, np.ndarray]:
    """Count, per session, the signals that its return judges and those that it bears out.

    A buy or sell signal of the session before is judged by the sign of the total return from that
    session's close to this one's, (close + dividend) × split / previous close − 1. It is not judged
    if the security has no bar in this session, or if the return is exactly zero.
    """
    security_ids = orders.security_ids
    close = widen(panel.close, panel.security_ids, security_ids, np.nan)
    split = widen(panel.split, panel.security_ids, security_ids, 1.0)
    dividend = widen(panel.dividend, panel.security_ids, security_ids, 0.0)
    traded = widen(panel.traded.astype(np.float64), panel.security_ids, security_ids, 0.0) > 0.0
    change = np.sign((close + dividend) * split - orders.references)
    judged = traded & (orders.types != 0.0) & (np.abs(change) > 0.0)
    hit = judged & (change == orders.types)
    return judged.sum(axis=1), hit.sum(axis=1)


class _Book:
    """The portfolio while it is simulated: arrays over securities, changed session by session."""

    def __init__(
        self,
        state: PortfolioState,
        security_ids: tuple[str, ...],
        costs: Costs,
        rules: TradingRules,
        endings: Endings,
    ) -> None:
        self.security_ids = security_ids
        self.trading_costs = costs
        self.rules = rules
        self.endings = endings
        self.closed: list[ClosedPosition] = []
        self.ruined = state.ruined
        self.cash = state.cash
        self.equity = state.equity
        column = {security_id: number for number, security_id in enumerate(security_ids)}
        self.shares, self.target, self.wanted, self.asked, self.asking = np.zeros(
            (5, len(security_ids))
        )
        self.due = np.zeros(len(security_ids), dtype=bool)
        self.price = np.full(len(security_ids), np.nan)
        self.idle = np.zeros(len(security_ids), dtype=np.int64)
        self.retired = np.zeros(len(security_ids), dtype=bool)
        for position in state.positions:
            at = column[position.security_id]
            self.shares[at] = position.shares
            self.price[at] = position.price
            self.target[at] = position.target
            self.wanted[at] = position.wanted
            self.asked[at] = position.asked
            self.asking[at] = position.asking
            self.due[at] = position.due
            self.idle[at] = position.idle
            self.retired[at] = position.retired

    def want(self, targets: FloatArray, asked: FloatArray, *, due: bool) -> None:
        """Take what the model wants from the next open on, and what is to be traded for it."""
        np.copyto(self.wanted, targets, where=~np.isnan(targets))
        np.copyto(self.asking, asked, where=~np.isnan(asked))
        if due:
            self.due |= (self.target != 0.0) | (self.wanted != 0.0)
        self.pending = self.due | self._moved()

    def _moved(self) -> BoolArray:
        """Securities that the rule of rebalancing trades outside its regular sessions."""
        rebalance = self.rules.rebalance
        if rebalance.rule == ON_CHANGE:
            return np.asarray(self.asking != self.asked)
        moved = np.sign(self.asking) != np.sign(self.asked)
        if rebalance.rule == DRIFT and self.equity > 0.0:
            weight = np.where(self.shares == 0.0, 0.0, self.shares * self.price) / self.equity
            moved |= np.abs(weight - self.wanted) > rebalance.beyond
        return np.asarray(moved)

    def session(self, market: MarketArrays, t: int) -> tuple[object, ...]:
        """Go through session t; return its row without the date."""
        before = self.equity
        dividends = self._corporate_actions(market, t)
        trades, turnover, paid = self._trade(market, t)
        np.copyto(self.price, market.close[t], where=market.traded[t])
        self._close_ended(market, t)
        self.price[self.shares == 0.0] = np.nan
        values = self._values(self.price)
        self.equity = math.fsum([self.cash, *values])
        self.ruined = self.ruined or self.equity <= 0.0
        return (
            self.equity,
            self.cash,
            ratio(self.equity - before, before),
            ratio(math.fsum(map(abs, values)), self.equity),
            ratio(math.fsum(values), self.equity),
            turnover,
            len(trades),
            paid,
            dividends,
            0,
            0,
            self.ruined,
            positions_json(self._positions(), self.equity),
            compact_json(trades) if trades else "[]",
        )

    def _corporate_actions(self, market: MarketArrays, t: int) -> float:
        """Apply splits to shares and prices, then pay dividends; return the dividends."""
        if market.has_split[t]:
            self.shares *= market.split[t]
            self.price /= market.split[t]
        if not market.has_dividend[t]:
            return 0.0
        dividends = math.fsum((self.shares * market.dividend[t]).tolist()) + 0.0
        self.cash += dividends
        return dividends

    def _trade(self, market: MarketArrays, t: int) -> tuple[list[dict[str, object]], float, float]:
        """Trade what is pending at the open; return the fills, the turnover and the costs."""
        if self.ruined:
            self.wanted[:] = self.asking[:] = 0.0
            self.pending = self.shares != 0.0
        at = np.flatnonzero(self.pending & market.traded[t])
        if len(at) == 0:
            return [], 0.0, 0.0
        mark = np.where(market.traded[t], market.open[t], self.price)
        equity = math.fsum([self.cash, *self._values(mark)])
        opens = market.open[t][at]
        # Added 0.0: an exit leaves 0, never the −0 that JSON columns do not keep.
        targets = self.wanted[at] * self._room(at, mark, equity) + 0.0
        shares = targets * max(equity, 0.0) / opens + 0.0
        bought = shares - self.shares[at]
        fill = self.trading_costs.fill_price(opens, bought)
        commission = self.trading_costs.commission(fill, bought)
        slippage = np.abs(bought) * np.abs(fill - opens)
        self.shares[at] = shares
        self.target[at] = targets
        self.asked[at] = self.asking[at]
        self.due[at] = False
        self.cash = math.fsum([self.cash, *(-bought * fill).tolist(), *(-commission).tolist()])
        trades = [
            {
                "symbol": self.security_ids[column],
                "shares": count,
                "price": price,
                "commission": fee,
                "slippage": slip,
            }
            for column, count, price, fee, slip in zip(
                at.tolist(),
                bought.tolist(),
                fill.tolist(),
                commission.tolist(),
                slippage.tolist(),
                strict=True,
            )
            if count
        ]
        turnover = ratio(math.fsum((np.abs(bought) * fill).tolist()), equity)
        return trades, turnover, math.fsum([*commission.tolist(), *slippage.tolist()])

    def _room(self, at: NDArray[np.intp], mark: FloatArray, equity: float) -> float:
        """Factor, at most 1, by which the weights traded to at `mark` fit into the book."""
        traded = math.fsum(np.abs(self.wanted[at]).tolist())
        if traded == 0.0 or equity <= 0.0:
            return 1.0
        kept = self.shares != 0.0
        kept[at] = False
        others = math.fsum(np.abs(self.shares[kept] * mark[kept]).tolist()) / equity
        room = self.rules.max_gross - others
        return 1.0 if traded <= room + WEIGHT_NOISE else max(room, 0.0) / traded

    def _close_ended(self, market: MarketArrays, t: int) -> None:
        """Turn positions into cash whose security stopped trading."""
        held, traded = self.shares != 0.0, market.traded[t]
        self.idle = np.where(held & ~traded, self.idle + 1, 0)
        self.retired = held & (market.retired[t] | (self.retired & ~traded))
        rules = self.endings.rules
        at = np.flatnonzero((self.idle > 0) & (self.retired | (self.idle >= rules.sessions)))
        if len(at) == 0:
            return
        names, session = [self.security_ids[column] for column in at], market.panel.sessions[t]
        highs = self.endings.year_highs
        held_rows = pd.DataFrame(
            {
                "security_id": names,
                "retired": self.retired[at],
                "idle": self.idle[at],
                "shares": self.shares[at],
                "price": self.price[at],
            }
        )
        ended = closed_positions(
            session,
            held_rows,
            highs(session, names) if highs else year_highs(market.panel, names, t),
            rules,
        )
        self.closed += ended
        self.cash = math.fsum([self.cash, *(each.proceeds for each in ended)])
        for weights in (self.shares, self.target, self.wanted, self.asked, self.asking):
            weights[at] = 0.0
        self.idle[at] = 0
        self.retired[at] = self.due[at] = False

    def _values(self, price: FloatArray) -> list[float]:
        """Return the value of each holding at `price`."""
        held = self.shares != 0.0
        values: list[float] = (self.shares[held] * price[held]).tolist()
        return values

    def _positions(self) -> list[Position]:
        """Return the positions that a row keeps: with shares, a target or a waiting order."""
        numbers = (self.shares, self.price, self.target, self.wanted, self.asked, self.asking)
        weights = (self.target, self.wanted, self.asked, self.asking)
        active = self.shares != 0.0
        for weight in weights:
            active = active | (weight != 0.0)
        columns = np.flatnonzero(active)
        return [
            Position(self.security_ids[column], *values)
            for column, *values in zip(
                columns.tolist(),
                *(
                    array[columns].tolist()
                    for array in (*numbers, self.due, self.idle, self.retired)
                ),
                strict=True,
            )
        ]
