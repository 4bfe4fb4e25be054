"""What is to be traded in a session: the model's wishes, its rule of rebalancing, and the limits.

1. Wishes replace those before; NaN leaves them. A security that was left by a stop stays out until
   the model asks for another weight.
2. What is pending: targets that the rule of rebalancing names (`rebalancing.py`), positions older
   than their life, recalled short positions, and everything of a ruined or halted account.
3. Limits on weights scale what is wanted, are noted, or halt the account.

What does not belong here: orders in shares (`orders.py`).
"""

import numpy as np

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.layout import (
    AGE,
    ASKED,
    ASKING,
    BARRED,
    BETA,
    BY_HALT,
    BY_RECALL,
    BY_RUIN,
    BY_TARGET,
    BY_TIME,
    DRIFT,
    DUE,
    EQUITY,
    EXCESS,
    FACTOR,
    GROSS,
    HALT,
    HALTED,
    L_LIFE,
    L_LIMIT,
    L_STOP,
    L_TAKE,
    L_TRAIL,
    L_TRIGGER,
    LIFE,
    LIMIT,
    NAME,
    NET,
    ON_CHANGE,
    PENDING,
    PLACE,
    PRICE,
    R_LIMITS,
    RUINED,
    SCALE,
    SECTOR,
    SHARES,
    STOP,
    T_ACTIONS,
    T_BEYOND,
    T_LIMITS,
    T_REBALANCE,
    TAKE,
    TARGET,
    TRAIL,
    TRIGGER,
    TURN,
    VALUE,
    WANTED,
    WEIGHT,
    WHY,
    FixedCube,
    FixedFlags,
    FixedMatrix,
    FixedNumbers,
    FixedVector,
    Matrix,
    Vector,
)


@compiled(plain=True)
def take_wish(
    book: Matrix,
    target: float,
    asked: float,
    reference: FixedMatrix,
    split: FixedMatrix,
    due: bool,
    t: int,
    n: int,
) -> None:
    """Take the weight of one security."""
    # Added 0.0: a weight is 0, never −0.
    if target == target:
        book[n, WANTED] = target + 0.0
    if asked == asked:
        book[n, ASKING] = asked + 0.0
        if book[n, BARRED] == book[n, BARRED] and asked != book[n, BARRED]:
            # An entry, whatever the rule of rebalancing.
            book[n, BARRED], book[n, ASKED], book[n, WHY] = np.nan, 0.0, BY_TARGET
    if book[n, BARRED] == book[n, BARRED]:
        book[n, WANTED] = 0.0
    if book[n, SHARES] == 0.0 and reference[t, n] > 0.0:
        book[n, PRICE] = reference[t, n] / split[t, n]
    if due and (book[n, TARGET] != 0.0 or book[n, WANTED] != 0.0):
        book[n, DUE] = 1.0


@compiled(plain=True)
def take_wishes(
    book: Matrix,
    target: FixedMatrix,
    asked: FixedMatrix,
    reference: FixedMatrix,
    split: FixedMatrix,
    due: bool,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Take the weights of the session; `due`: all positions are to be traded."""
    for n in range(lo, hi):
        take_wish(book, target[t, n], asked[t, n], reference, split, due, t, n)


@compiled(plain=True)
def take_levels(
    book: Matrix, levels: FixedCube, split: FixedMatrix, t: int, lo: int, hi: int
) -> None:
    """Take the prices and times at which positions are entered and left."""
    for level, row in (
        (L_LIMIT, LIMIT),
        (L_TRIGGER, TRIGGER),
        (L_STOP, STOP),
        (L_TAKE, TAKE),
        (L_TRAIL, TRAIL),
        (L_LIFE, LIFE),
    ):
        for n in range(lo, hi if levels.size > 0 else lo):
            value = levels[level, t, n]
            if value == value:
                book[n, row] = value / split[t, n] if level < L_TRAIL else value


@compiled(plain=True)
def has_moved(terms: FixedVector, book: Matrix, equity: float, n: int) -> bool:
    """Whether the rule of rebalancing trades a security outside its regular sessions."""
    asking, asked = book[n, ASKING], book[n, ASKED]
    if terms[T_REBALANCE] == ON_CHANGE:
        return bool(asking != asked)
    if np.sign(asking) != np.sign(asked):
        return True
    if terms[T_REBALANCE] != DRIFT or not equity > 0.0:
        return False
    weight = 0.0 if book[n, SHARES] == 0.0 else book[n, SHARES] * book[n, PRICE] / equity
    return bool(abs(weight - book[n, WANTED]) > terms[T_BEYOND])


@compiled(plain=True)
def mark_pending(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    recalled: FixedFlags,
    t: int,
    n: int,
    levels: bool,
) -> None:
    """Mark whether one security is to be traded; `levels`: it may have a life or an entry price."""
    if account[RUINED] > 0.0 or account[HALTED] > 0.0:
        book[n, WANTED] = 0.0
        book[n, ASKING] = 0.0
        book[n, DUE] = 0.0
        book[n, WHY] = BY_RUIN if account[RUINED] > 0.0 else BY_HALT
        book[n, PENDING] = 1.0 if book[n, SHARES] != 0.0 else 0.0
        return
    recall = recalled.size > 0 and recalled[t, n] and book[n, SHARES] < 0.0
    # Who changes sides leaves the position anyway.
    old = levels and book[n, AGE] >= book[n, LIFE]
    if (recall or old) and book[n, SHARES] * book[n, WANTED] > 0.0:
        book[n, WANTED] = 0.0
        book[n, BARRED] = book[n, ASKING]
        book[n, DUE] = 1.0
        book[n, WHY] = BY_RECALL if recall else BY_TIME
    elif book[n, DUE] == 0.0:
        book[n, WHY] = BY_TARGET
    pending = book[n, DUE] > 0.0 or has_moved(terms, book, account[EQUITY], n)
    book[n, PENDING] = 1.0 if pending else 0.0
    if levels and not pending:  # The price of an entry is that of an order which waits.
        book[n, LIMIT], book[n, TRIGGER] = np.nan, np.nan


@compiled(plain=True)
def find_pending(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    recalled: FixedFlags,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Mark what is to be traded."""
    for n in range(lo, hi):
        mark_pending(terms, book, account, recalled, t, n, True)


@compiled(plain=True)
def exceeds(terms: FixedVector, account: Vector, limit: int, value: float) -> float:
    """Return the factor that meets a limit: 1 where it is met, or only warned of or halted by."""
    most, action = terms[T_LIMITS + limit], terms[T_ACTIONS + limit]
    if action == 0.0 or not value > most + EXCESS:
        return 1.0
    account[R_LIMITS] = float(int(account[R_LIMITS]) | (1 << limit))
    if action == HALT:
        account[HALTED] = 1.0
    return most / value if action == SCALE else 1.0


@compiled(plain=True)
def limit_sectors(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    turns: Matrix,
    sector: FixedNumbers,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Scale the weights of each sector to its limit."""
    # Sectors are numbered as they are met: TURN has the first security of each, VALUE its sum and
    # then its factor. PLACE has the number of each security's.
    end = lo
    for n in range(lo, hi):
        if sector[t, n] < 0:
            continue
        at = lo
        while at < end and sector[t, int(turns[TURN, at])] != sector[t, n]:
            at += 1
        if at == end:
            turns[TURN, at], turns[VALUE, at] = n, 0.0
            end += 1
        turns[PLACE, n] = at
        turns[VALUE, at] += abs(book[n, WEIGHT])
    for at in range(lo, end):
        turns[VALUE, at] = exceeds(terms, account, SECTOR, turns[VALUE, at])
    for n in range(lo, hi):
        if sector[t, n] >= 0:
            book[n, WEIGHT] *= turns[VALUE, int(turns[PLACE, n])]


@compiled(plain=True)
def limit_total(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    beta: FixedMatrix,
    limit: int,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Scale all weights to the limit of their gross, net or beta; an unknown beta counts as 1."""
    total = 0.0
    for n in range(lo, hi):
        weight = book[n, WEIGHT]
        if limit == GROSS:
            weight = abs(weight)
        elif limit == BETA and weight != 0.0 and beta[t, n] == beta[t, n]:
            weight *= beta[t, n]
        total += weight
    factor = exceeds(terms, account, limit, abs(total))
    if factor != 1.0:
        for n in range(lo, hi):
            book[n, WEIGHT] *= factor


@compiled(plain=True)
def set_weights(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    turns: Matrix,
    beta: FixedMatrix,
    sector: FixedNumbers,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Set the weights wanted, within the limits on weights."""
    for n in range(lo, hi):
        book[n, WEIGHT] = book[n, WANTED] * account[FACTOR]
    if terms[T_ACTIONS + NAME] > 0.0:
        for n in range(lo, hi):
            book[n, WEIGHT] *= exceeds(terms, account, NAME, abs(book[n, WEIGHT]))
    if terms[T_ACTIONS + SECTOR] > 0.0 and sector.size > 0 and hi > lo:
        limit_sectors(terms, book, account, turns, sector, t, lo, hi)
    for limit in (GROSS, NET, BETA):
        if terms[T_ACTIONS + limit] > 0.0 and (limit != BETA or beta.size > 0):
            limit_total(terms, book, account, beta, limit, t, lo, hi)
