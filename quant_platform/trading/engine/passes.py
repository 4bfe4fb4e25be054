"""The same session in fewer passes over the securities, where nothing looks at all of them between.

The loop's steps are one pass each, since a limit or a stop may need all of one step before the next
(`loop.py`). Where no limit is set and no level is to be looked at, three passes do: what is wanted
and the equity; orders and trades; the close. They call the same functions of one security in the
same order, so the bits are the same. They leave out the securities that are not active: of those
nothing changes.

What does not belong here: any formula.
"""

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.close import limit_losses, mark_close, set_equity, write_state
from quant_platform.trading.engine.layout import (
    ACTIVE,
    FACTOR,
    LIMITS,
    MARK,
    PENDING,
    PRICE,
    SHARES,
    T_ACTIONS,
    T_CASH_ONLY,
    TURN,
    WANTED,
    WEIGHT,
    Bars,
    FixedCube,
    FixedFlags,
    FixedMatrix,
    FixedVector,
    Market,
    Matrix,
    Tape,
    Vector,
    Wishes,
)
from quant_platform.trading.engine.orders import (
    cash_to_trade,
    execute,
    factor_to_fit,
    mark_security,
    size_order,
)
from quant_platform.trading.engine.turns import line_up, take_turn
from quant_platform.trading.engine.wishes import mark_pending, take_wish


@compiled(plain=True)
def has_limits(terms: FixedVector) -> bool:
    """Whether some limit is set."""
    actions = 0.0
    for limit in range(LIMITS):
        actions += terms[T_ACTIONS + limit]
    return actions > 0.0


@compiled(plain=True)
def open_session(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    bars: Bars,
    wishes: Wishes,
    split: FixedMatrix,
    recalled: FixedFlags,
    t: int,
    lo: int,
    hi: int,
) -> tuple[float, float]:
    """Find what is wanted and pending; return the equity, and the factor of the weights traded."""
    due, factor = wishes.due[t], account[FACTOR]
    equity, asked, others = cash_to_trade(terms, account), 0.0, 0.0
    for n in range(lo, hi):
        target, asking = wishes.target[t, n], wishes.asked[t, n]
        if book[n, ACTIVE] == 0.0:
            book[n, PENDING] = 0.0
            if not (abs(target) > 0.0 or abs(asking) > 0.0):
                continue
            book[n, ACTIVE] = 1.0
        take_wish(book, target, asking, wishes.reference, split, due, t, n)
        mark_pending(terms, book, account, recalled, t, n, False)
        book[n, WEIGHT] = book[n, WANTED] * factor
        mark_security(terms, book, bars, t, n)
        if book[n, SHARES] != 0.0:
            equity += book[n, SHARES] * book[n, MARK]
        if book[n, PENDING] > 0.0 and bars.traded[t, n]:
            asked += abs(book[n, WEIGHT])
        elif book[n, SHARES] != 0.0:
            others += abs(book[n, SHARES] * book[n, MARK])
    return equity, factor_to_fit(terms, account, asked, others, equity)


@compiled(plain=True)
def trade_session(
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
    factor: float,
) -> None:
    """Size and execute the session's orders."""
    in_turns, end, others = terms[T_CASH_ONLY] > 0.0, lo, lo
    for n in range(lo, hi):
        if not (book[n, PENDING] > 0.0 and bars.traded[t, n]):
            continue
        size_order(terms, book, available, t, n, factor, equity)
        end, others = take_turn(turns, book, in_turns, end, others, n)
    for turn in range(lo, line_up(turns, lo, end, others)):
        n = int(turns[TURN, turn])
        execute(terms, tiers, book, account, fills, bars, liquidity, t, settles, n, False)


@compiled(plain=True)
def close_session(
    terms: FixedVector,
    book: Matrix,
    account: Vector,
    bars: Bars,
    retired: FixedFlags,
    tape: Tape,
    t: int,
    lo: int,
    hi: int,
    equity: float,
) -> None:
    """Mark everything at the close, value the account and write its securities."""
    value, gross = 0.0, 0.0
    for n in range(lo, hi):
        if book[n, ACTIVE] == 0.0:
            continue
        left = retired.size > 0 and retired[t, n]
        mark_close(book, bars.close[t, n], bars.traded[t, n], left, n)
        if book[n, SHARES] != 0.0:
            worth = book[n, SHARES] * book[n, PRICE]
            value += worth
            gross += abs(worth)
        write_state(book, account, tape.states, tape.held, t, n)
    set_equity(account, value, gross, equity)
    limit_losses(terms, book, account, lo, hi)


@compiled(plain=True)
def pass_session(
    terms: FixedVector,
    tiers: FixedMatrix,
    book: Matrix,
    account: Vector,
    tape: Tape,
    bars: Bars,
    market: Market,
    wishes: Wishes,
    t: int,
    lo: int,
    hi: int,
) -> None:
    """Take a session's wishes, trade and close."""
    equity, factor = open_session(
        terms, book, account, bars, wishes, market.split, market.recalled, t, lo, hi
    )
    trade_session(
        terms,
        tiers,
        book,
        account,
        tape.turns,
        tape.fills,
        bars,
        market.liquidity,
        market.available,
        t,
        market.settles[t],
        lo,
        hi,
        equity,
        factor,
    )
    close_session(terms, book, account, bars, market.retired, tape, t, lo, hi, equity)
