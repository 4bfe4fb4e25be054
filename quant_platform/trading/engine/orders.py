"""From the weights wanted to orders in shares, and their execution in the session.

1. Orders are sized from the account's equity and prices: those of the close before, or those that
   the orders are executed at.
2. What is traded takes the room that the rest of the book leaves; turnover has its limit.
3. Orders are executed in the order of the securities. Where purchases need cash, sales go first,
   and purchases from the smallest to the largest, so that cash is short for few.
   What has no bar, is not reached by its limit or trigger, or exceeds its share of the volume,
   waits. The next session sizes it anew. What leaves a position waits even where rests are
   cancelled, what is not lent waits to be sold short, and what the cash does not buy is no order.

What does not belong here: what is wanted (`wishes.py`), and the price of a fill (`fills.py`).
"""

import numpy as np

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.fills import fill, impact_of, whole_shares
from quant_platform.trading.engine.layout import (
    ASKED,
    ASKING,
    BY_TARGET,
    CASH,
    CLOSE,
    DUE,
    EXCESS,
    HALTED,
    IN_PART,
    LEVERAGE,
    LIMIT,
    MARK,
    MID,
    OPEN,
    ORDER,
    PENDING,
    PRICE,
    R_DIVIDENDS,
    R_RECEIVABLES,
    ROUNDING,
    SCALE,
    SHARES,
    T_ACTIONS,
    T_AT_FILL,
    T_BEFORE_SPREAD,
    T_BUY_TAX,
    T_CARRY,
    T_CASH_ONLY,
    T_COMMISSION,
    T_COSTS_INSIDE,
    T_EXECUTE_AT,
    T_HALF_SPREAD,
    T_LIMITS,
    T_LOT,
    T_MAX_GROSS,
    T_MIN_ORDER,
    T_MINIMUM,
    T_PER_SHARE,
    T_SELL_TAX,
    T_THROUGH,
    T_VOLUME_SHARE,
    T_WHOLE,
    TARGET,
    TRIGGER,
    TURN,
    TURNOVER,
    WEIGHT,
    WHY,
    Bars,
    FixedCube,
    FixedFlags,
    FixedMatrix,
    FixedVector,
    Matrix,
    Vector,
)
from quant_platform.trading.engine.turns import take_turns
from quant_platform.trading.engine.wishes import exceeds

NO_FILL = -1.0
"""Price of an order that its limit or trigger keeps waiting."""


@compiled(plain=True)
def execution_price(terms: FixedVector, bars: Bars, t: int, n: int) -> float:
    """Return the price that orders are executed at, before the spread.

    That is the open, the close, the middle of high and low, or the mean of high, low and close as
    the proxy of the volume-weighted average price.
    """
    if terms[T_EXECUTE_AT] == OPEN:
        return bars.open[t, n]
    if terms[T_EXECUTE_AT] == CLOSE:
        return bars.close[t, n]
    if terms[T_EXECUTE_AT] == MID:
        return (bars.high[t, n] + bars.low[t, n]) / 2.0
    return (bars.high[t, n] + bars.low[t, n] + bars.close[t, n]) / 3.0


@compiled(plain=True)
def cash_to_trade(terms: FixedVector, account: Vector) -> float:
    """Return the part of the equity that is no position, when orders are sized."""
    equity = account[CASH] + account[R_RECEIVABLES]
    if not terms[T_AT_FILL] > 0.0:  # The closes before still hold the session's dividends.
        equity -= account[R_DIVIDENDS]
    return equity


@compiled(plain=True)
def mark_security(terms: FixedVector, book: Matrix, bars: Bars, t: int, n: int) -> None:
    """Set the price that an order of one security is sized at."""
    price = book[n, PRICE]
    if bars.traded[t, n] and (terms[T_AT_FILL] > 0.0 or not price > 0.0):
        price = execution_price(terms, bars, t, n)
    book[n, MARK] = price


@compiled(plain=True)
def mark_book(
    terms: FixedVector, book: Matrix, account: Vector, bars: Bars, t: int, lo: int, hi: int
) -> float:
    """Set the prices that orders are sized at; return the equity at these prices."""
    equity = cash_to_trade(terms, account)
    for n in range(lo, hi):
        mark_security(terms, book, bars, t, n)
        if book[n, SHARES] != 0.0:
            equity += book[n, SHARES] * book[n, MARK]
    return equity


@compiled(plain=True)
def room_factor(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    traded: FixedFlags,
    t: int,
    lo: int,
    hi: int,
    equity: float,
) -> float:
    """Return the factor, at most 1, by which the weights traded to fit into the book."""
    asked, others = 0.0, 0.0
    for n in range(lo, hi):
        if book[n, PENDING] > 0.0 and traded[t, n]:
            asked += abs(book[n, WEIGHT])
        elif book[n, SHARES] != 0.0:
            others += abs(book[n, SHARES] * book[n, MARK])
    return factor_to_fit(terms, account, asked, others, equity)


@compiled(plain=True)
def factor_to_fit(
    terms: FixedVector, account: Vector, asked: float, others: float, equity: float
) -> float:
    """Return the same from the weights traded, and the value of what is not traded."""
    if not equity > 0.0:
        return 1.0
    others /= equity
    room = terms[T_MAX_GROSS] - others
    exceeds(terms, account, LEVERAGE, asked + others)
    if terms[T_ACTIONS + LEVERAGE] == SCALE:
        room = min(room, terms[T_LIMITS + LEVERAGE] - others)
    return 1.0 if asked == 0.0 or asked <= room + EXCESS else max(room, 0.0) / asked


@compiled(plain=True)
def order_of(terms: FixedVector, shares: float, weight: float, mark: float, equity: float) -> float:
    """Return the order, in shares, that brings one security to its weight."""
    if weight == 0.0 or not equity > 0.0:
        return -shares
    order = weight * equity / mark - shares
    if terms[T_COSTS_INSIDE] > 0.0:
        side = np.sign(order)
        spread = 1.0 + side * terms[T_HALF_SPREAD]
        charges = terms[T_COMMISSION] + (terms[T_BUY_TAX] if side > 0.0 else terms[T_SELL_TAX])
        charges *= 1.0 if terms[T_BEFORE_SPREAD] > 0.0 else spread
        order = (weight * equity - shares * mark) / (mark * (spread + side * charges))
    if terms[T_WHOLE] > 0.0:
        order = whole_shares(order / terms[T_LOT], ROUNDING) * terms[T_LOT]
    return 0.0 if abs(order) * mark < terms[T_MIN_ORDER] else order


@compiled(plain=True)
def size_order(
    terms: FixedVector,
    book: Matrix,
    available: FixedFlags,
    t: int,
    n: int,
    factor: float,
    equity: float,
) -> None:
    """Set the order of one security, whose weight a factor brings into the book."""
    # Added 0.0: an exit leaves 0, never −0.
    weight = book[n, WEIGHT] * factor + 0.0
    order = order_of(terms, book[n, SHARES], weight, book[n, MARK], equity)
    lent = available.size == 0 or available[t, n]
    if not lent and order < 0.0 and book[n, SHARES] + order < 0.0:
        order = -max(book[n, SHARES], 0.0) + 0.0
        book[n, PENDING] = IN_PART
    book[n, WEIGHT], book[n, ORDER] = weight, order


@compiled(plain=True)
def size_orders(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    traded: FixedFlags,
    available: FixedFlags,
    t: int,
    lo: int,
    hi: int,
    equity: float,
) -> float:
    """Set the orders of the session; return the value that they trade."""
    factor = room_factor(terms, book, account, traded, t, lo, hi, equity)
    total = 0.0
    for n in range(lo, hi):
        if book[n, PENDING] > 0.0 and traded[t, n]:
            size_order(terms, book, available, t, n, factor, equity)
            total += abs(book[n, ORDER]) * book[n, MARK]
    return total


@compiled(plain=True)
def entry_price(
    buys: bool, opened: float, high: float, low: float, limit: float, trigger: float, through: bool
) -> float:
    """Return the price of an entry with a limit or trigger; negative while it is not reached."""
    if buys:
        if limit == limit:
            reached = low < limit or (low == limit and not through)
            return min(opened, limit) if reached else NO_FILL
        return max(opened, trigger) if high >= trigger else NO_FILL
    if limit == limit:
        reached = high > limit or (high == limit and not through)
        return max(opened, limit) if reached else NO_FILL
    return min(opened, trigger) if low <= trigger else NO_FILL


@compiled(plain=True)
def affordable(
    terms: FixedVector, tiers: FixedMatrix, size: float, price: float, distance: float, cash: float
) -> float:
    """Return how many of `size` shares `cash` buys at a `distance` above `price`, with costs.

    The commission is the dearest up to this size: a smaller order may fall into another tier.
    """
    if not cash > 0.0:
        return 0.0
    filled = price * (1.0 + distance)
    base = price if terms[T_BEFORE_SPREAD] > 0.0 else filled
    taxed = filled + base * terms[T_BUY_TAX]
    rate = terms[T_COMMISSION]
    for tier in range(tiers.shape[1]):
        if size * base >= tiers[0, tier]:
            rate = max(rate, tiers[1, tier])
    each = taxed + base * rate + terms[T_PER_SHARE]
    if size * each <= cash and size * taxed <= cash - terms[T_MINIMUM]:
        return size  # Nearly always: so no purchase waits for the quotients of the one before.
    return max(min(size, cash / each, (cash - terms[T_MINIMUM]) / taxed), 0.0)


@compiled(plain=True)
def execute(
    terms: FixedVector,
    tiers: FixedMatrix,
    book: Matrix,
    account: Vector,
    fills: Matrix,
    bars: Bars,
    liquidity: FixedCube,
    t: int,
    settles: int,
    n: int,
    levels: bool,
) -> None:
    """Execute one order as far as the session allows; `levels`: it may have a limit or trigger."""
    order = book[n, ORDER]
    price = execution_price(terms, bars, t, n)
    limit, trigger, half = book[n, LIMIT], book[n, TRIGGER], terms[T_HALF_SPREAD]
    rests, waits = False, book[n, PENDING] == IN_PART
    has_price = levels and (limit == limit or trigger == trigger)
    if has_price and order != 0.0 and order * book[n, SHARES] >= 0.0:  # It is an entry.
        rests = limit == limit
        opened, high, low = bars.open[t, n], bars.high[t, n], bars.low[t, n]
        through = terms[T_THROUGH] > 0.0
        price = entry_price(order > 0.0, opened, high, low, limit, trigger, through)
        if price == NO_FILL:
            return
    size = abs(order)
    if terms[T_VOLUME_SHARE] < np.inf and size > terms[T_VOLUME_SHARE] * bars.volume[t, n]:
        size = terms[T_VOLUME_SHARE] * bars.volume[t, n]
        waits = waits or terms[T_CARRY] > 0.0 or book[n, WEIGHT] == 0.0
    moved = 0.0 if rests else impact_of(terms, liquidity, t, n, size)
    half = 0.0 if rests else half
    if terms[T_CASH_ONLY] > 0.0 and order > 0.0:
        size = affordable(terms, tiers, size, price, half + moved, account[CASH])
    if size < abs(order):
        if terms[T_WHOLE] > 0.0:
            size = np.trunc(size / terms[T_LOT]) * terms[T_LOT]
        order = size if order > 0.0 else -size
    if order != 0.0:
        reason = book[n, WHY]
        fill(terms, tiers, book, account, fills, t, settles, n, order, price, half, moved, reason)
    book[n, TARGET] = book[n, WEIGHT]
    book[n, ASKED] = book[n, ASKING]
    book[n, DUE] = 1.0 if waits else 0.0
    if not waits:
        book[n, WHY] = BY_TARGET
        if levels:
            book[n, LIMIT], book[n, TRIGGER] = np.nan, np.nan


@compiled(plain=True)
def trade(
    terms: FixedVector,
    tiers: FixedMatrix,
    book: Matrix,
    account: Vector,
    turns: Matrix,
    fills: Matrix,
    bars: Bars,
    liquidity: FixedCube,
    available: FixedFlags,
    t: int,
    settles: int,
    lo: int,
    hi: int,
    equity: float,
    closing: bool,
) -> None:
    """Size and execute the session's orders; an account that a limit halts now makes none."""
    total = size_orders(terms, book, account, bars.traded, available, t, lo, hi, equity)
    if not closing and equity > 0.0:
        factor = exceeds(terms, account, TURNOVER, total / equity)
        for n in range(lo, hi if factor != 1.0 else lo):
            if not (book[n, PENDING] > 0.0 and bars.traded[t, n]):
                continue
            book[n, PENDING] = IN_PART
            book[n, ORDER] *= factor
            if terms[T_WHOLE] > 0.0:
                book[n, ORDER] = (
                    whole_shares(book[n, ORDER] / terms[T_LOT], ROUNDING) * terms[T_LOT]
                )
    if account[HALTED] > 0.0 and not closing:
        return
    end = take_turns(turns, book, bars.traded, terms[T_CASH_ONLY] > 0.0, t, lo, hi)
    for turn in range(lo, end):
        n = int(turns[TURN, turn])
        execute(terms, tiers, book, account, fills, bars, liquidity, t, settles, n, True)
