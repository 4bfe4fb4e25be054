"""What changes cash without an order, before the open: splits, dividends, interest, borrow fees.

1. Interest on the settled cash and the fee of each short position are those of the calendar days
   since the session before: rate × days / 360.
2. A split changes shares, prices and the levels that wait. Where shares are whole, the rest of a
   share is paid out at the last price.
3. A dividend is owed from its ex-date on, less the tax withheld from long positions, and is cash
   on its pay date. A short position owes all of it.

What does not belong here: trades (`fills.py`).
"""

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.fills import note, whole_shares
from quant_platform.trading.engine.layout import (
    BEST,
    CASH,
    IN_LIEU,
    LIMIT,
    NOISE,
    PRICE,
    R_BORROW,
    R_DIVIDENDS,
    R_INTEREST,
    R_RECEIVABLES,
    RING,
    SETTLEMENTS,
    SHARES,
    STOP,
    T_BORROW_RATE,
    T_CASH_RATE,
    T_MARGIN_RATE,
    T_WHOLE,
    T_WITHHOLDING,
    TAKE,
    TRIGGER,
    FixedCounts,
    FixedMatrix,
    FixedNumbers,
    FixedVector,
    Matrix,
    Vector,
)

YEAR = 360.0
"""Days of a year by which annual rates are divided: actual/360, the money market's convention."""

SPLITS, DIVIDENDS, RELEASE, STOP_TRADING = 1, 2, 4, 8
"""Bits of `Market.acts`."""


@compiled(plain=True)
def finance(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    borrow: FixedMatrix,
    days: float,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Credit interest and charge fees for the days since the session before, then settle."""
    if terms[T_CASH_RATE] != 0.0 or terms[T_MARGIN_RATE] != 0.0:
        waiting = 0.0
        for later in range(SETTLEMENTS):
            waiting += account[RING + (t + later) % SETTLEMENTS]
        settled = account[CASH] - waiting
        rate = terms[T_CASH_RATE] if settled > 0.0 else terms[T_MARGIN_RATE]
        account[R_INTEREST] = settled * rate * (days / YEAR)
        account[CASH] += account[R_INTEREST]
    account[RING + t % SETTLEMENTS] = 0.0
    if terms[T_BORROW_RATE] != 0.0 or borrow.size > 0:
        fees = 0.0
        for n in range(lo, hi):
            if book[n, SHARES] < 0.0:
                rate = terms[T_BORROW_RATE]
                if borrow.size > 0 and borrow[t, n] >= 0.0:
                    rate = borrow[t, n]
                fees += -book[n, SHARES] * book[n, PRICE] * rate * (days / YEAR)
        account[CASH] -= fees
        account[R_BORROW] = fees


@compiled(plain=True)
def split_positions(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    fills: Matrix,
    split: FixedMatrix,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Apply the session's splits."""
    for n in range(lo, hi):
        ratio = split[t, n]
        if ratio == 1.0:
            continue
        book[n, SHARES] *= ratio
        for level in (PRICE, BEST, STOP, TAKE, LIMIT, TRIGGER):
            book[n, level] /= ratio
        if terms[T_WHOLE] > 0.0:
            whole = whole_shares(book[n, SHARES], NOISE)
            rest = book[n, SHARES] - whole
            book[n, SHARES] = whole
            if abs(rest) > NOISE and book[n, PRICE] > 0.0:
                account[CASH] += rest * book[n, PRICE]
                note(account, fills, t, n, -rest, book[n, PRICE], IN_LIEU)


@compiled(plain=True)
def pay_dividends(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    owed: Vector,
    dividend: FixedMatrix,
    slot: FixedNumbers,
    pays: FixedCounts,
    some: bool,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Pay what is due in the session, and owe its dividends; `owed` is by the date of payment."""
    for each in range(len(owed)):
        if pays[each] == t and owed[each] != 0.0:
            account[CASH] += owed[each]
            owed[each] = 0.0
    for n in range(lo, hi if some else lo):
        if dividend[t, n] == 0.0 or book[n, SHARES] == 0.0:
            continue
        amount = book[n, SHARES] * dividend[t, n]
        if amount > 0.0:
            amount *= 1.0 - terms[T_WITHHOLDING]
        account[R_DIVIDENDS] += amount
        on = slot[t, n] if slot.size > 0 else -1
        if on < 0 or pays[on] <= t:
            account[CASH] += amount
        else:
            owed[on] += amount
    account[R_RECEIVABLES] = 0.0
    for each in range(len(owed)):
        account[R_RECEIVABLES] += owed[each]
