"""The close of a session: prices, ends of securities, the account's equity, its limits, its rows.

What does not belong here: trades (`orders.py`), and how an end is found (`trading/delistings.py`).
"""

import numpy as np

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.fills import note
from quant_platform.trading.engine.layout import (
    ACTIVE,
    AGE,
    ASKED,
    ASKING,
    BARRED,
    BEST,
    BOOK_STATE,
    BY_END,
    BY_TARGET,
    CASH,
    DAILY_LOSS,
    DRAWDOWN,
    DUE,
    EQUITY,
    FACTOR,
    HALF,
    HALT,
    HALTED,
    IDLE,
    LIFE,
    LIMIT,
    OWED_DIVIDEND,
    OWED_TRADE,
    PEAK,
    PENDING_COUNT,
    PRICE,
    R_CASH,
    R_EQUITY,
    R_FACTOR,
    R_GROSS,
    R_HALTED,
    R_LIMITS,
    R_NET,
    R_PEAK,
    R_RECEIVABLES,
    R_RETURN,
    R_RUINED,
    R_TURNOVER,
    RETIRED,
    RING,
    RUINED,
    SCALE,
    SETTLEMENTS,
    SHARES,
    STATE_COUNT,
    STOP,
    T_ACTIONS,
    T_LIMITS,
    TAKE,
    TARGET,
    TRAIL,
    TRIGGER,
    WANTED,
    WHY,
    FixedCounts,
    FixedFlags,
    FixedMatrix,
    FixedVector,
    Matrix,
    Vector,
)


@compiled(plain=True)
def ratio(value: float, equity: float) -> float:
    """Return value / equity; NaN for an account whose equity is not positive."""
    return value / equity if equity > 0.0 else np.nan


@compiled(plain=True)
def mark_close(book: Matrix, close: float, is_traded: bool, is_retired: bool, n: int) -> None:
    """Take the close of one security."""
    if is_traded:
        book[n, PRICE] = close
    if book[n, SHARES] == 0.0:
        return
    book[n, AGE] += 1.0
    book[n, IDLE] = 0.0 if is_traded else book[n, IDLE] + 1.0
    left = is_retired or (book[n, RETIRED] > 0.0 and not is_traded)
    book[n, RETIRED] = 1.0 if left else 0.0
    if is_traded:
        best, side = book[n, BEST], 1.0 if book[n, SHARES] > 0.0 else -1.0
        book[n, BEST] = close if side * close > side * best else best


@compiled(plain=True)
def mark_closes(
    book: Matrix,
    close: FixedMatrix,
    traded: FixedFlags,
    retired: FixedFlags,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Take the closes, and count the sessions of positions, and those without a bar."""
    for n in range(lo, hi):
        mark_close(book, close[t, n], traded[t, n], retired.size > 0 and retired[t, n], n)


@compiled(plain=True)
def end_securities(
    book: Matrix,
    account: Vector,
    fills: Matrix,
    end_session: FixedCounts,
    end_security: FixedCounts,
    end_price: FixedVector,
    end: int,
    t: int,
    lo: int,
    hi: int,
) -> int:
    """Turn positions into cash whose security stopped trading; return the next end's number."""
    while end < len(end_session) and end_session[end] <= t:
        n, price = end_security[end], end_price[end]
        if end_session[end] == t and lo <= n < hi and book[n, SHARES] != 0.0:
            account[CASH] += book[n, SHARES] * price
            note(account, fills, t, n, -book[n, SHARES], price, BY_END)
            for row in (SHARES, TARGET, WANTED, ASKED, ASKING, DUE):
                book[n, row] = 0.0
            book[n, BARRED] = np.nan
        end += 1
    return end


@compiled(plain=True)
def value_account(book: Matrix, account: Vector, lo: int, hi: int, traded_at: float) -> None:
    """Value the account at the close; `traded_at`: its equity when orders were sized."""
    value, gross = 0.0, 0.0
    for n in range(lo, hi):
        if book[n, SHARES] != 0.0:
            worth = book[n, SHARES] * book[n, PRICE]
            value += worth
            gross += abs(worth)
    set_equity(account, value, gross, traded_at)


@compiled(plain=True)
def set_equity(account: Vector, value: float, gross: float, traded_at: float) -> None:
    """Value the account by the value of its positions, and the sum of their sizes."""
    before = account[EQUITY]
    equity = account[CASH] + account[R_RECEIVABLES] + value
    account[EQUITY] = equity
    if not equity > 0.0:
        account[RUINED] = 1.0
    account[R_EQUITY], account[R_CASH] = equity, account[CASH]
    account[R_RETURN] = ratio(equity - before, before)
    account[R_GROSS], account[R_NET] = ratio(gross, equity), ratio(value, equity)
    if account[R_TURNOVER] != 0.0:
        account[R_TURNOVER] = ratio(account[R_TURNOVER], traded_at)
    account[R_RUINED] = account[RUINED]


@compiled(plain=True)
def limit_losses(terms: FixedVector, book: Matrix, account: Vector, lo: int, hi: int) -> None:
    """Judge the drawdown and the session's loss."""
    account[PEAK] = max(account[PEAK], account[EQUITY])
    factor = 1.0
    for limit in (DRAWDOWN, DAILY_LOSS):
        action = terms[T_ACTIONS + limit]
        loss = -account[R_RETURN]
        if limit == DRAWDOWN:
            loss = 1.0 - account[EQUITY] / account[PEAK]
        if action > 0.0 and loss > terms[T_LIMITS + limit]:
            account[R_LIMITS] = float(int(account[R_LIMITS]) | (1 << limit))
            if action == HALT:
                account[HALTED] = 1.0
            elif action == SCALE:
                factor = HALF
    account[R_HALTED], account[R_PEAK] = account[HALTED], account[PEAK]
    account[R_FACTOR] = factor
    if factor != account[FACTOR]:
        account[FACTOR] = factor
        for n in range(lo, hi):
            if book[n, TARGET] != 0.0 or book[n, WANTED] != 0.0:
                book[n, DUE] = 1.0


@compiled(plain=True)
def forget(book: Matrix, n: int) -> None:
    """Forget what belongs to a position that is there no more, or never was."""
    for row in (IDLE, RETIRED, AGE):
        book[n, row] = 0.0
    book[n, BEST] = np.nan
    if book[n, WANTED] == 0.0:
        for row in (STOP, TAKE, TRAIL, LIMIT, TRIGGER):
            book[n, row] = np.nan
        book[n, LIFE] = np.inf


@compiled(plain=True)
def is_active(book: Matrix, n: int) -> bool:
    """Whether a security has shares, a target or a waiting order."""
    return (
        book[n, SHARES] != 0.0
        or book[n, TARGET] != 0.0
        or book[n, WANTED] != 0.0
        or book[n, ASKED] != 0.0
        or book[n, ASKING] != 0.0
    )


@compiled(plain=True)
def look_at_all(book: Matrix, lo: int, hi: int) -> None:
    """Take every security as active: the first session finds those that are not."""
    for n in range(lo, hi):
        book[n, ACTIVE] = 1.0


@compiled(plain=True)
def write_state(
    book: Matrix, account: Vector, states: Matrix, held: Matrix, t: int, n: int
) -> None:
    """Write one security if it is active, and forget what of it no longer matters."""
    book[n, ACTIVE] = 1.0
    if held.size > 0:
        held[t, n] = book[n, SHARES]
    if book[n, SHARES] == 0.0:
        forget(book, n)
        if not is_active(book, n):
            book[n, PRICE], book[n, BARRED] = np.nan, np.nan
            book[n, DUE], book[n, WHY] = 0.0, BY_TARGET
            book[n, ACTIVE] = 0.0
            return
    if len(states) == 0:
        return
    at = int(account[STATE_COUNT])
    account[STATE_COUNT] += 1.0
    if at < len(states):
        states[at, 0], states[at, 1] = t, n
        for row in range(BOOK_STATE):
            states[at, 2 + row] = book[n, row]


@compiled(plain=True)
def write_states(
    book: Matrix, account: Vector, states: Matrix, held: Matrix, t: int, lo: int, hi: int
) -> None:
    """Write the active securities of the book, and forget what no longer matters."""
    for n in range(lo, hi):
        write_state(book, account, states, held, t, n)


@compiled(plain=True)
def write_pending(
    account: Vector, pending: Matrix, t: int, kind: float, key: float, amount: float
) -> None:
    """Write one amount of cash that is owed after the session, unless it is 0."""
    if amount == 0.0:
        return
    at = int(account[PENDING_COUNT])
    account[PENDING_COUNT] += 1.0
    if at < len(pending):
        pending[at, 0], pending[at, 1] = t, kind
        pending[at, 2], pending[at, 3] = key, amount


@compiled(plain=True)
def write_owed(account: Vector, owed: Vector, pending: Matrix, t: int) -> None:
    """Write the cash that is owed after the session."""
    for each in range(len(owed)):
        write_pending(account, pending, t, OWED_DIVIDEND, each, owed[each])
    for later in range(1, SETTLEMENTS):
        amount = account[RING + (t + later) % SETTLEMENTS]
        write_pending(account, pending, t, OWED_TRADE, later, amount)
