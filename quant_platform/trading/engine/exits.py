"""Positions that are left inside a session: stops, trailing stops and profits taken.

Bars tell the highest and the lowest price and not which came first. So the pessimistic rule: where
a bar touches both a stop and the profit to take, the stop is taken to have come first. A bar that
opens beyond a level is left at the open. A stop is a market order and pays the spread; a profit is
taken by a limit order and does not. A trailing stop follows the closes.

Where orders are executed at the open, the levels are judged after them: a position may be left in
the session in which it is entered. One that is entered inside the bar, at a limit or trigger, may
be stopped in it, from that price on, and takes no profit: the best price may have come before.
Where orders are executed later in the session, the levels are judged before them.

What does not belong here: positions left after a time (`wishes.py`), ends of securities
(`close.py`).
"""

import numpy as np

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.fills import fill, impact_of
from quant_platform.trading.engine.layout import (
    AGE,
    ASKED,
    ASKING,
    BARRED,
    BEST,
    BY_PROFIT,
    BY_STOP,
    BY_TARGET,
    BY_TRAIL,
    DUE,
    SHARES,
    STOP,
    T_HALF_SPREAD,
    T_THROUGH,
    TAKE,
    TARGET,
    TRAIL,
    WANTED,
    WHY,
    Bars,
    FixedCube,
    FixedMatrix,
    FixedVector,
    Matrix,
    Vector,
)


@compiled(plain=True)
def reached_level(
    book: Matrix, n: int, opened: float, high: float, low: float, through: bool
) -> tuple[float, int]:
    """Return the price at which a bar leaves a position, NaN if it does not, and the reason."""
    side = 1.0 if book[n, SHARES] > 0.0 else -1.0
    # Seen from a long position: a short one's prices change sign, and high and low places.
    opened, worst, best = side * opened, side * low, side * high
    if side < 0.0:
        worst, best = best, worst
    stop, reason = side * book[n, STOP], BY_STOP
    trail = side * book[n, BEST] * (1.0 - side * book[n, TRAIL])
    if trail == trail and not stop >= trail:
        stop, reason = trail, BY_TRAIL
    take = side * book[n, TAKE]
    if book[n, AGE] == 0.0 and side * book[n, BEST] != opened:
        opened = side * book[n, BEST]
        best = opened
    if opened > take or (opened == take and not through):
        return side * opened, BY_PROFIT
    if worst <= stop:
        return side * min(opened, stop), reason
    if best > take or (best == take and not through):
        return side * take, BY_PROFIT
    return np.nan, BY_STOP


@compiled(plain=True)
def exit_positions(
    terms: FixedVector,
    tiers: FixedMatrix,
    book: Matrix,
    account: Vector,
    fills: Matrix,
    bars: Bars,
    liquidity: FixedCube,
    t: int,
    settles: int,
    lo: int,
    hi: int,
) -> None:
    """Leave the positions whose bars reach a level, and stay out until another weight is asked."""
    through = terms[T_THROUGH] > 0.0
    for n in range(lo, hi):
        shares = book[n, SHARES]
        if shares == 0.0 or not bars.traded[t, n]:
            continue
        price, reason = reached_level(
            book, n, bars.open[t, n], bars.high[t, n], bars.low[t, n], through
        )
        if price != price:
            continue
        half, moved = 0.0, 0.0
        if reason != BY_PROFIT:
            half, moved = terms[T_HALF_SPREAD], impact_of(terms, liquidity, t, n, abs(shares))
        fill(terms, tiers, book, account, fills, t, settles, n, -shares, price, half, moved, reason)
        book[n, WANTED] = 0.0
        book[n, TARGET] = 0.0
        book[n, ASKED] = book[n, ASKING]
        book[n, BARRED] = book[n, ASKING]
        book[n, DUE], book[n, WHY] = 0.0, BY_TARGET
