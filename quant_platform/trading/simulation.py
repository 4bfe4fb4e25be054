"""Simulate a model's portfolio session by session from its target weights.

Targets set after the close of a session are executed in the next one. What happens in a session,
and in which order, is told by `engine/loop.py`; what is assumed by `Costs` and `Limits`. This
module makes the engine's arrays from a panel and orders, and frames from what it writes.

With all of the state in the rows (`PortfolioState`), a simulation that continues from any session
gives the same bits. What does not belong here: aligning signals with sessions (`orders.py`), and
judging the result (`evaluation/`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.market.panel import Panel
from quant_platform.trading.columns import columns_of, counted, names_of
from quant_platform.trading.conditions import NO_CONDITIONS, Conditions
from quant_platform.trading.costs import DEFAULT_COSTS, Costs
from quant_platform.trading.delistings import Endings, Ends, closed_frame, find_ends
from quant_platform.trading.engine import layout
from quant_platform.trading.engine.layout import Tape
from quant_platform.trading.engine.loop import run
from quant_platform.trading.limits import NO_LIMITS, Limits
from quant_platform.trading.market_arrays import MarketArrays, widen
from quant_platform.trading.orders import Orders
from quant_platform.trading.payments import Payments
from quant_platform.trading.portfolio_state import (
    DIVIDEND,
    SETTLEMENT,
    PortfolioState,
    Position,
    positions_frame,
)
from quant_platform.trading.preparation import (
    bars_of,
    book_of,
    market_of,
    room_for_fills,
    room_for_states,
    wishes_of,
)
from quant_platform.trading.terms import terms_of, tiers_of

START_CAPITAL = 1_000_000.0
"""Cash that every model starts with, in currency."""

NO_REFERENCE = Endings()
"""Nothing is known of delistings but the bars that stay away."""

ROW_COLUMNS = (
    "equity",
    "cash",
    "receivables",
    "daily_return",
    "gross_exposure",
    "net_exposure",
    "turnover",
    "trade_count",
    "costs",
    "dividends",
    "interest",
    "borrow_fees",
    "ruined",
    "halted",
    "limits_exceeded",
    "highest_equity",
    "weight_factor",
)
"""Columns of the table `portfolios` that the engine writes, in its order."""

PORTFOLIO_COLUMNS = (
    "date",
    *ROW_COLUMNS,
    "signals_judged",
    "signals_hit",
)
"""Columns of the table `portfolios` that a simulation fills."""

FILL_COLUMNS = (
    "shares",
    "price",
    "reference_price",
    "commission",
    "tax",
    "spread",
    "impact",
    "delay",
)
"""Columns of the table `fills` that hold the engine's numbers, in its order."""


class Kept(NamedTuple):
    """What of a simulation is kept beside the rows of `portfolios`."""

    states: bool
    shares: bool
    fills: bool


ALL, SHARES_AND_FILLS, NOTHING_MORE = (
    Kept(states=True, shares=False, fills=True),
    Kept(states=False, shares=True, fills=True),
    Kept(states=False, shares=False, fills=False),
)


def _fixed(value: Any) -> Any:
    """A read-only view of an array, or of each array of a named tuple."""
    if isinstance(value, tuple):
        return type(value)(*map(_fixed, value))
    view = np.ascontiguousarray(value).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Simulation:
    """What a simulation gives: the engine's arrays, and frames made of them when asked for.

    Attributes
    ----------
    sessions, security_ids : of the rows and columns of `tape`
    tape : the engine's rows, fills, positions and cash owed, or shares
    payments : dates on which dividends are paid
    ends : securities that stopped trading
    hits : (2, T) signals judged and borne out by each session's return
    """

    sessions: SessionArray
    security_ids: tuple[str, ...]
    tape: Tape
    payments: Payments
    ends: Ends
    hits: NDArray[np.int64]

    @cached_property
    def portfolios(self) -> pd.DataFrame:
        """One row per session with `PORTFOLIO_COLUMNS`.

        `turnover` is the value filled (shares × fill price) over the equity that orders are sized
        from; `costs` are commission, tax, spread and impact; `limits_exceeded` has a bit for each
        field of `Limits`, from the lowest.
        """
        columns: dict[str, Any] = {"date": self.sessions.astype("datetime64[s]")}
        columns.update(zip(ROW_COLUMNS, columns_of(self.tape.rows), strict=True))
        for name in ("trade_count", "limits_exceeded"):
            columns[name] = columns[name].astype(np.int64)
        for name in ("ruined", "halted"):
            columns[name] = columns[name] != 0.0
        columns["signals_judged"], columns["signals_hit"] = self.hits.copy()
        return pd.DataFrame(columns, copy=False)

    @cached_property
    def fills(self) -> pd.DataFrame:
        """One row per fill: date, security_id, number, reason and `FILL_COLUMNS`.

        `number` counts the fills of a security in a session from 1, in their order.
        """
        session, column, reason, *numbers = self.tape.fills
        return pd.DataFrame(
            {
                "date": self.sessions[session.astype(np.intp)].astype("datetime64[s]"),
                "security_id": names_of(self.security_ids, column),
                "number": counted(session * len(self.security_ids) + column),
                "reason": names_of(layout.REASONS, reason),
                **dict(zip(FILL_COLUMNS, numbers, strict=True)),
            },
            copy=False,
        )

    @cached_property
    def positions(self) -> pd.DataFrame:
        """One row per session and security with shares, a target or an order that waits."""
        frame = positions_frame(self.tape.states, self.security_ids)
        session = frame.pop("session").to_numpy()
        frame.insert(0, "date", self.sessions[session].astype("datetime64[s]"))
        held = frame["shares"].to_numpy() != 0.0
        value = np.where(held, frame["shares"] * frame["price"].fillna(0.0), 0.0)
        equity = self.tape.rows[session, layout.R_EQUITY - layout.ROW]
        frame.insert(4, "value", value)
        weight = np.where(equity > 0.0, value, np.nan) / np.where(equity > 0.0, equity, 1.0)
        frame.insert(5, "weight", weight)
        return frame

    @cached_property
    def pending_cash(self) -> pd.DataFrame:
        """One row per session and day of cash that is owed: kind, due_on, due_in, amount.

        A dividend is owed on a day, `due_on`; a trade is settled in `due_in` sessions.
        """
        tape = self.tape.pending
        is_dividend = tape[:, 1] == layout.OWED_DIVIDEND
        days = self.sessions[tape[:, 0].astype(np.intp)].astype("datetime64[s]")
        due_on = days.copy()
        due_on[is_dividend] = self.payments.dates[tape[is_dividend, 2].astype(np.intp)]
        return pd.DataFrame(
            {
                "date": days,
                "kind": names_of((DIVIDEND, SETTLEMENT), tape[:, 1]),
                "due_on": due_on,
                "due_in": np.where(is_dividend, 0, tape[:, 2]).astype(np.int64),
                "amount": tape[:, 3],
            }
        )

    @cached_property
    def closed(self) -> pd.DataFrame:
        """One row per position whose security stopped trading, with `CLOSED_COLUMNS`."""
        tape = self.tape.fills.T
        ended = tape[tape[:, layout.F_REASON] == layout.BY_END]
        shares = {
            (int(row[layout.F_SESSION]), int(row[layout.F_SECURITY])): -float(row[layout.F_SHARES])
            for row in ended
        }
        return closed_frame(self.ends, self.sessions, self.security_ids, shares)

    @property
    def shares(self) -> FloatArray:
        """Shares after each session, (T, N); empty unless they were asked for."""
        return self.tape.held

    def state(self, session: int = -1) -> PortfolioState:
        """Return the state after a session, by its number; the last one if none is named."""
        at = range(len(self.sessions))[session]
        day = self.portfolios["date"].iloc[at]
        row = {str(name): value for name, value in self.portfolios.iloc[at].items()}
        return PortfolioState.from_rows(
            row,
            self.positions[self.positions["date"] == day],
            self.pending_cash[self.pending_cash["date"] == day],
        )


def simulate(
    panel: Panel,
    orders: Orders,
    *,
    state: PortfolioState | None = None,
    costs: Costs = DEFAULT_COSTS,
    capital: float = START_CAPITAL,
    endings: Endings = NO_REFERENCE,
    limits: Limits = NO_LIMITS,
    conditions: Conditions = NO_CONDITIONS,
    actions: pd.DataFrame | None = None,
    shares_only: bool = False,
    rows_only: bool = False,
) -> Simulation:
    """Simulate one model over the sessions of its orders.

    Parameters
    ----------
    panel : bars and corporate actions of these sessions. It may begin earlier: an order's impact
        looks back on `conditions.LIQUIDITY_LOOKBACK` sessions.
    orders : what the model wants in each session
    state : the portfolio after the session before the first one; None to start with `capital` in
        cash
    costs, limits : what is assumed of trading, and how much the portfolio may hold and lose
    capital : start capital, in currency; read only without a state
    endings : which securities stopped trading, and what is paid for them
    conditions : what is known of short sales, betas and sectors, in the panel's shape
    actions : rows of `corporate_actions` with pay dates; None: none is known
    shares_only : keep the shares after each session instead of full positions and cash owed, of
        which a state is made: faster, and less memory
    rows_only : keep nothing but the rows of `portfolios`

    Raises
    ------
    ContractError
        The panel does not end with the sessions of the orders.
    """
    last = len(orders.sessions)
    if not np.array_equal(panel.sessions[len(panel.sessions) - last :], orders.sessions):
        raise ContractError(
            "The bars and the orders are not of the same sessions",
            "Build the orders with the last sessions of the panel.",
        )
    state = PortfolioState.start(capital) if state is None else state
    held = (position.security_id for position in state.positions)
    security_ids = tuple(sorted({*orders.security_ids, *held}))
    retired = endings.retired_in(orders.sessions, security_ids)
    arrays = MarketArrays.of(panel, security_ids, last, retired)
    payments = Payments.of(
        costs,
        arrays.dividend,
        arrays.sessions,
        security_ids,
        actions,
        (day for day, _ in state.dividends),
    )
    book = book_of(state, security_ids, payments)[0]
    ends = find_ends(
        arrays,
        endings,
        book[:, layout.IDLE].astype(np.int64),
        book[:, layout.PRICE],
        book[:, layout.RETIRED] > 0.0,
    )
    kept = NOTHING_MORE if rows_only else SHARES_AND_FILLS if shares_only else ALL
    tape = _run(arrays, orders, state, costs, limits, conditions, payments, ends, kept)
    hits = np.stack(count_hits(arrays, orders))
    return Simulation(arrays.sessions, security_ids, tape, payments, ends, hits)


def _run(
    arrays: MarketArrays,
    orders: Orders,
    state: PortfolioState,
    costs: Costs,
    limits: Limits,
    conditions: Conditions,
    payments: Payments,
    ends: Ends,
    kept: Kept,
) -> Tape:
    """Run the engine, again with more room where its first tape was too short."""
    last, securities = arrays.traded.shape
    wishes = wishes_of(orders, arrays)
    levels = orders.levels is not None or any(_has_levels(each) for each in state.positions)
    terms, tiers = _fixed(terms_of(costs, orders.rules, limits)), _fixed(tiers_of(costs))
    bars = _fixed(bars_of(arrays))
    market = _fixed(market_of(arrays, costs, conditions, payments, ends, state))
    fixed = _fixed(wishes)
    fills = room_for_fills(wishes, arrays.traded) if kept.fills else 0
    book, account, owed = book_of(state, arrays.security_ids, payments)
    states, pending = (room_for_states(wishes, book), 8 * last + 16) if kept.states else (0, 0)
    while True:
        tape = Tape(
            np.empty((last, layout.ROW_SIZE)),
            np.zeros((layout.FILL_SIZE, fills)),
            np.empty((states, layout.STATE_SIZE)),
            np.empty((pending, layout.PENDING_SIZE)),
            np.zeros((last, securities) if kept.shares else (0, 0)),
            np.empty((layout.TURNS_SIZE, securities)),
        )
        run(terms, tiers, bars, market, fixed, book, account, owed, tape, 0, securities, levels)
        counts = [
            int(account[place])
            for place in (layout.FILL_COUNT, layout.STATE_COUNT, layout.PENDING_COUNT)
        ]
        if not kept.fills:
            counts = [0, 0, 0]
        if all(c <= room for c, room in zip(counts, (fills, states, pending), strict=True)):
            break
        fills, states, pending = (
            max(count, room) for count, room in zip(counts, (fills, states, pending), strict=True)
        )
        book, account, owed = book_of(state, arrays.security_ids, payments)
    return tape._replace(
        fills=tape.fills[:, : counts[0]],
        states=tape.states[: counts[1]],
        pending=tape.pending[: counts[2]],
    )


def _has_levels(position: Position) -> bool:
    """Whether a position is entered or left at a price or after a time."""
    prices = (
        position.stop_price,
        position.profit_price,
        position.trailing_stop,
        position.limit_price,
        position.trigger_price,
    )
    return any(price == price for price in prices) or position.longest_hold < np.inf


def count_hits(market: MarketArrays, orders: Orders) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count, per session, the signals that its return judges and those that it bears out.

    A buy or sell signal of the session before is judged by the sign of the total return from that
    session's close to this one's, (close + dividend) × split / previous close − 1. It is not judged
    if the security has no bar in this session, or if the return is exactly zero.
    """
    if not orders.types.any():
        nothing = np.zeros(len(orders.sessions), dtype=np.int64)
        return nothing, nothing
    want = market.security_ids
    types = widen(orders.types, orders.security_ids, want, 0)
    references = widen(orders.references, orders.security_ids, want, np.nan)
    at = np.nonzero(types)
    total = (market.close[at] + market.dividend[at]) * market.split[at]
    change = np.sign(total - references[at])
    judged = market.traded[at] & (np.abs(change) > 0.0)
    hit = judged & (change == types[at])
    counts = [np.bincount(at[0][each], minlength=len(types)) for each in (judged, hit)]
    return counts[0], counts[1]
