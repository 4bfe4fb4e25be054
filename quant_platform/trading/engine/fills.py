"""One fill: its price, what it costs, and what it changes.

1. The price lies half a spread and the impact from the reference, against the trade. The impact is
   coefficient × daily volatility × √(shares / usual volume): the square-root law, B. Tóth et al.,
   "Anomalous price impact and the critical nature of liquidity in financial markets", Physical
   Review X 1, 2011. A limit order that waits in the book pays neither.
2. The commission is a share of the value, by the tier that the value falls into, plus an amount per
   share, and at least a minimum. Taxes are shares of the value bought or sold. The value is that at
   the fill's price, or before the spread.
3. What the price did between the decision (the close before) and the reference is the delay.

What does not belong here: which orders there are (`orders.py`, `exits.py`).
"""

import numpy as np

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.layout import (
    AGE,
    BEST,
    BY_TARGET,
    CASH,
    F_COMMISSION,
    F_DELAY,
    F_IMPACT,
    F_PRICE,
    F_REASON,
    F_REFERENCE,
    F_SECURITY,
    F_SESSION,
    F_SHARES,
    F_SPREAD,
    F_TAX,
    FILL_COUNT,
    LARGEST_IMPACT,
    PRICE,
    R_COSTS,
    R_TRADES,
    R_TURNOVER,
    RING,
    SETTLEMENTS,
    SHARES,
    T_BEFORE_SPREAD,
    T_BUY_TAX,
    T_COMMISSION,
    T_IMPACT,
    T_MINIMUM,
    T_PER_SHARE,
    T_SELL_TAX,
    FixedCube,
    FixedMatrix,
    FixedVector,
    Matrix,
    Vector,
)


@compiled(plain=True)
def whole_shares(shares: float, within: float) -> float:
    """Return shares rounded towards zero; what lies `within` of a whole number is that."""
    near = np.round(shares)
    return near if abs(shares - near) <= within else np.trunc(shares)


@compiled(plain=True)
def impact_of(terms: FixedVector, liquidity: FixedCube, t: int, n: int, size: float) -> float:
    """Return the share of the price by which an order of `size` shares moves it."""
    if terms[T_IMPACT] == 0.0:
        return 0.0
    volatility, usual = liquidity[0, t, n], liquidity[1, t, n]
    if not (usual > 0.0 and volatility > 0.0):
        return 0.0
    return min(terms[T_IMPACT] * volatility * np.sqrt(size / usual), LARGEST_IMPACT)


@compiled(plain=True)
def commission_rate(terms: FixedVector, tiers: FixedMatrix, value: float) -> float:
    """Return the share of an order's value that is commission; `tiers`: values from, and rates."""
    rate = terms[T_COMMISSION]
    for tier in range(tiers.shape[1]):
        if value >= tiers[0, tier]:
            rate = tiers[1, tier]
    return rate


@compiled(plain=True)
def fill(
    terms: FixedVector,
    tiers: FixedMatrix,
    book: Matrix,
    account: Vector,
    fills: Matrix,
    t: int,
    settles: int,
    n: int,
    order: float,
    reference: float,
    half: float,
    moved: float,
    reason: float,
) -> None:
    """Trade `order` shares (negative: sell), `half` a spread and `moved` from `reference`."""
    size, side = abs(order), 1.0 if order > 0.0 else -1.0
    price = reference * (1.0 + side * (half + moved))
    value = size * price
    base = size * reference if terms[T_BEFORE_SPREAD] > 0.0 else value
    commission = base * commission_rate(terms, tiers, base) + size * terms[T_PER_SHARE]
    commission = max(commission, terms[T_MINIMUM])
    of_purchases, of_sales = terms[T_BUY_TAX], terms[T_SELL_TAX]
    tax = base * (of_purchases if order > 0.0 else of_sales)
    spread, impact = size * reference * half, size * reference * moved
    known = book[n, PRICE]
    delay = order * (reference - known) if known > 0.0 else 0.0
    flow = -order * price - commission - tax
    account[CASH] += flow
    if settles > t:
        account[RING + settles % SETTLEMENTS] += flow
    before, after = book[n, SHARES], book[n, SHARES] + order
    book[n, SHARES] = after
    if before == 0.0 or before * after < 0.0:
        book[n, AGE] = 0.0
        book[n, BEST] = reference
    account[R_TRADES] += 1.0
    account[R_TURNOVER] += value
    account[R_COSTS] += commission + tax + spread + impact
    at = int(account[FILL_COUNT])
    account[FILL_COUNT] += 1.0
    if at < fills.shape[1]:
        fills[F_SESSION, at], fills[F_SECURITY, at] = t, n
        fills[F_SHARES, at], fills[F_PRICE, at], fills[F_REFERENCE, at] = order, price, reference
        fills[F_COMMISSION, at], fills[F_SPREAD, at], fills[F_DELAY, at] = commission, spread, delay
        # What is nearly always 0 stays the 0 that is there: memory that is not written is free.
        if reason != BY_TARGET:
            fills[F_REASON, at] = reason
        if tax != 0.0:
            fills[F_TAX, at] = tax
        if impact != 0.0:
            fills[F_IMPACT, at] = impact


@compiled(plain=True)
def note(
    account: Vector, fills: Matrix, t: int, n: int, shares: float, price: float, reason: float
) -> None:
    """Write a change of shares that is no trade and costs nothing."""
    at = int(account[FILL_COUNT])
    account[FILL_COUNT] += 1.0
    if at < fills.shape[1]:
        fills[F_SESSION, at], fills[F_SECURITY, at], fills[F_REASON, at] = t, n, reason
        fills[F_SHARES, at], fills[F_PRICE, at], fills[F_REFERENCE, at] = shares, price, price
