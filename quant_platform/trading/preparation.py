"""The engine's arrays from what a simulation is given.

What does not belong here: what is done with them (`simulation.py`, `engine/`).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.trading.conditions import Conditions, liquidity_before
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import Ends
from quant_platform.trading.engine import layout
from quant_platform.trading.engine.cash import DIVIDENDS, RELEASE, SPLITS, STOP_TRADING
from quant_platform.trading.engine.layout import Bars, Market, Wishes
from quant_platform.trading.market_arrays import MarketArrays, widen
from quant_platform.trading.orders import Orders
from quant_platform.trading.payments import Payments
from quant_platform.trading.portfolio_state import PortfolioState
from quant_platform.trading.settlement import settlement_lags

NOTHING = np.zeros((0, 0))
NO_FLAGS = np.zeros((0, 0), dtype=bool)
NO_NUMBERS = np.zeros((0, 0), dtype=np.int64)

MOST_ROOM = 1 << 22
"""Positions after sessions for which there is room before they are counted: 0.7 GB, if all used."""


def bars_of(market: MarketArrays) -> Bars:
    """Return the bars."""
    return Bars(market.open, market.high, market.low, market.close, market.volume, market.traded)


def market_of(
    market: MarketArrays,
    costs: Costs,
    conditions: Conditions,
    payments: Payments,
    ends: Ends,
    state: PortfolioState,
) -> Market:
    """Return what beside the bars is known of the securities."""
    sessions, last = market.sessions, len(market.sessions)
    before = sessions[:1] if state.session is None else np.array([state.session], sessions.dtype)
    days = np.diff(np.concatenate((before, sessions))).astype(np.float64)
    acts = SPLITS * (market.split != 1.0).any(axis=1)
    acts = acts + DIVIDENDS * (market.dividend != 0.0).any(axis=1)
    if conditions.released is not None:
        acts = acts + RELEASE * np.isin(sessions, conditions.released)
    if conditions.halted is not None:
        acts = acts + STOP_TRADING * np.isin(sessions, conditions.halted)
    liquidity = np.zeros((2, 0, 0))
    if costs.impact:
        known = conditions.liquidity
        if known is None:
            known = liquidity_before(market.panel, last)
        if market.panel.security_ids != market.security_ids:
            known = np.stack([_wide(each, market, np.nan) for each in known])
        liquidity = known
    return Market(
        days=days,
        settles=np.arange(last) + settlement_lags(sessions, costs.settlement),
        split=market.split,
        dividend=market.dividend,
        acts=acts.astype(np.int64),
        slot=payments.slot,
        pays=payments.session,
        liquidity=liquidity,
        borrow=_optional(conditions.borrow, market, np.nan, NOTHING),
        available=_optional(conditions.available, market, True, NO_FLAGS),
        recalled=_optional(conditions.recalled, market, False, NO_FLAGS),
        retired=market.retired if market.retired.any() else NO_FLAGS,
        beta=_optional(conditions.beta, market, np.nan, NOTHING),
        sector=_optional(conditions.sectors, market, -1, NO_NUMBERS),
        end_session=ends.session,
        end_security=ends.column,
        end_price=ends.price,
    )


def wishes_of(orders: Orders, market: MarketArrays) -> Wishes:
    """Return what the model wants, for the securities of a market."""
    want, others = market.security_ids, orders.others[:, None]
    asked = orders.targets if orders.asked is None else orders.asked
    targets = widen(orders.targets, orders.security_ids, want, others)
    same = asked is orders.targets
    levels = np.zeros((layout.LEVELS, 0, 0))
    if orders.levels is not None:
        levels = np.stack(
            [widen(each, orders.security_ids, want, np.nan) for each in orders.levels]
        )
    return Wishes(
        target=targets,
        asked=targets if same else widen(asked, orders.security_ids, want, others),
        reference=widen(orders.references, orders.security_ids, want, np.nan),
        due=np.zeros(len(market.sessions), dtype=bool) if orders.due is None else orders.due,
        levels=levels,
    )


def book_of(
    state: PortfolioState, security_ids: tuple[str, ...], payments: Payments
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the engine's book, account and dividends owed of a state."""
    book = np.zeros((len(security_ids), layout.BOOK_SIZE))
    unknown = (layout.PRICE, layout.BEST, layout.STOP, layout.TAKE, layout.TRAIL)
    book[:, [*unknown, layout.LIMIT, layout.TRIGGER, layout.BARRED]] = np.nan
    book[:, layout.LIFE] = math.inf
    row = {security_id: number for number, security_id in enumerate(security_ids)}
    for position in state.positions:
        book[row[position.security_id], : layout.BOOK_STATE] = position.numbers
    account = np.zeros(layout.ACCOUNT_SIZE)
    account[: layout.RING] = (
        state.cash,
        state.equity,
        state.highest_equity,
        state.ruined,
        state.halted,
        state.weight_factor,
    )
    # What is settled in k sessions is settled in the session number k − 1 of this simulation.
    for ahead, amount in enumerate(state.unsettled):
        account[layout.RING + ahead] = amount
    owed = np.zeros(len(payments.dates))
    for day, amount in state.dividends:
        owed[np.searchsorted(payments.dates, day)] += amount
    return book, account, owed


def room_for_fills(wishes: Wishes, traded: BoolArray) -> int:
    """Return about how many fills there will be: the engine is run again where there are more."""
    asked = wishes.asked
    changes = int(np.count_nonzero((asked[1:] != asked[:-1]) & (asked[1:] == asked[1:])))
    regular = int(np.count_nonzero(wishes.due)) * int(asked.shape[1])
    securities = int(asked.shape[1])
    return min(changes + regular + 4 * securities + 16, 2 * int(traded.size) + 16)


def room_for_states(wishes: Wishes, book: FloatArray) -> int:
    """Return for how many positions after sessions there is room at first; not all may be used."""
    held = (book[:, layout.SHARES] != 0.0) | (book[:, layout.TARGET] != 0.0)
    wanted = np.abs(wishes.target) > 0.0
    active = int(np.count_nonzero(held | wanted.any(axis=0)))
    return min(len(wanted) * active + 16, MOST_ROOM)


def _wide(values: NDArray[Any], market: MarketArrays, fill: float | bool) -> NDArray[Any]:
    return widen(values, market.panel.security_ids, market.security_ids, fill)


def _optional(
    values: NDArray[Any] | None, market: MarketArrays, fill: float | bool, nothing: NDArray[Any]
) -> NDArray[Any]:
    return nothing if values is None else _wide(values[market.offset :], market, fill)
