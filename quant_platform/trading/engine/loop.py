"""`run`: one account over consecutive sessions, in this order of events.

1. Interest and borrow fees for the days since the session before; trades are settled (`cash.py`).
2. Splits, then dividends that are due today or become owed (`cash.py`).
3. The model's wishes, its rule of rebalancing and the limits say what is pending (`wishes.py`).
4. Orders are sized and executed (`orders.py`, `fills.py`).
5. Positions whose bar reaches a stop or a profit are left (`exits.py`); that comes before 3 where
   orders are executed later than at the open.
6. Everything is marked at the close; ended securities become cash; the account is valued, its
   losses are judged, and its rows are written (`close.py`).

Without limits and levels, 3 to 6 are done in fewer passes (`passes.py`), with the same bits.

Where Numba is missing, `trading/reference/` works in its place, with the same bits.

What does not belong here: any formula.
"""

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.cash import (
    DIVIDENDS,
    RELEASE,
    SPLITS,
    STOP_TRADING,
    finance,
    pay_dividends,
    split_positions,
)
from quant_platform.trading.engine.close import (
    end_securities,
    limit_losses,
    look_at_all,
    mark_closes,
    value_account,
    write_owed,
    write_states,
)
from quant_platform.trading.engine.exits import exit_positions
from quant_platform.trading.engine.layout import (
    EQUITY,
    FACTOR,
    HALTED,
    OPEN,
    PEAK,
    ROW,
    ROW_SIZE,
    RUINED,
    T_EXECUTE_AT,
    Bars,
    FixedMatrix,
    FixedVector,
    Market,
    Matrix,
    Tape,
    Vector,
    Wishes,
)
from quant_platform.trading.engine.orders import mark_book, trade
from quant_platform.trading.engine.passes import has_limits, pass_session
from quant_platform.trading.engine.wishes import (
    find_pending,
    set_weights,
    take_levels,
    take_wishes,
)
from quant_platform.trading.reference import sessions as reference


@compiled(plain=True)
def write(account: Vector, owed: Vector, tape: Tape, t: int) -> None:
    """Write the session's row of the account, and the cash that is owed after it."""
    for column in range(ROW_SIZE):
        tape.rows[t, column] = account[ROW + column]
    if len(tape.pending) > 0:
        write_owed(account, owed, tape.pending, t)


@compiled(plain=True)
def let_go_or_halt(account: Vector, acts: int) -> None:
    """Let a halted account go on, from its present equity; or halt it."""
    if acts & RELEASE and account[HALTED] > 0.0:
        account[HALTED], account[PEAK] = 0.0, account[EQUITY]
    if acts & STOP_TRADING:
        account[HALTED] = 1.0


@compiled(plain=True)
def trade_in_steps(
    terms: FixedVector,
    tiers: FixedMatrix,
    book: Matrix,
    account: Vector,
    turns: Matrix,
    fills: Matrix,
    bars: Bars,
    market: Market,
    t: int,
    lo: int,
    hi: int,
    closing: bool,
) -> float:
    """Find what is pending, within the limits, and trade it; return the equity before."""
    find_pending(terms, book, account, market.recalled, t, lo, hi)
    set_weights(terms, book, account, turns, market.beta, market.sector, t, lo, hi)
    equity = mark_book(terms, book, account, bars, t, lo, hi)
    liquidity, available, settles = market.liquidity, market.available, market.settles[t]
    trade(
        terms,
        tiers,
        book,
        account,
        turns,
        fills,
        bars,
        liquidity,
        available,
        t,
        settles,
        lo,
        hi,
        equity,
        closing,
    )
    return equity


@compiled(
    "const float64[::1]",
    "const float64[:, ::1]",
    Bars,
    Market,
    Wishes,
    "float64[:, ::1]",
    "float64[::1]",
    "float64[::1]",
    Tape,
    "int64",
    "int64",
    "boolean",
    reference=reference.run,
    plain=True,
)
def run(
    terms: FixedVector,
    tiers: FixedMatrix,
    bars: Bars,
    market: Market,
    wishes: Wishes,
    book: Matrix,
    account: Vector,
    owed: Vector,
    tape: Tape,
    lo: int,
    hi: int,
    levels: bool,
) -> None:
    """Simulate one account over all sessions of the market.

    Parameters
    ----------
    terms : (TERMS_SIZE,) what is assumed of trading
    tiers : (2, any) values from which a commission holds, and the commissions
    bars, market, wishes : what is read
    book, account, owed : the state before the first session, which becomes that after the last:
        (N, BOOK_SIZE), (ACCOUNT_SIZE,), and (P,) dividends by the date on which they are paid
    tape : is written
    lo, hi : the securities from `lo` to before `hi` are the account's
    levels : limits, triggers, stops, profits or lives are to be looked at
    """
    at_open, equity, end = terms[T_EXECUTE_AT] == OPEN, 0.0, 0
    turns, fills = tape.turns, tape.fills
    in_passes = not (levels or has_limits(terms))
    split, dividend, slot, pays = market.split, market.dividend, market.slot, market.pays
    target, asked, reference = wishes.target, wishes.asked, wishes.reference
    ended, paid, liquidity = market.end_security, market.end_price, market.liquidity
    look_at_all(book, lo, hi)
    for t in range(len(market.days)):
        settles, acts = market.settles[t], market.acts[t]
        for column in range(ROW_SIZE):
            account[ROW + column] = 0.0
        finance(terms, book, account, market.borrow, market.days[t], t, lo, hi)
        if acts & SPLITS:
            split_positions(terms, book, account, fills, split, t, lo, hi)
        some = (acts & DIVIDENDS) > 0
        pay_dividends(terms, book, account, owed, dividend, slot, pays, some, t, lo, hi)
        let_go_or_halt(account, acts)
        ends = end < len(ended) and market.end_session[end] <= t
        if in_passes and account[FACTOR] == 1.0 and not ends:
            pass_session(terms, tiers, book, account, tape, bars, market, wishes, t, lo, hi)
            write(account, owed, tape, t)
            continue
        take_wishes(book, target, asked, reference, split, wishes.due[t], t, lo, hi)
        if levels:
            take_levels(book, wishes.levels, split, t, lo, hi)
        closing = account[RUINED] > 0.0 or account[HALTED] > 0.0
        for step in range(2):
            # Stops come after orders at the open, and before later ones.
            if (step == 0) == at_open:
                equity = trade_in_steps(
                    terms, tiers, book, account, turns, fills, bars, market, t, lo, hi, closing
                )
            elif levels:
                exit_positions(
                    terms, tiers, book, account, fills, bars, liquidity, t, settles, lo, hi
                )
        mark_closes(book, bars.close, bars.traded, market.retired, t, lo, hi)
        end = end_securities(book, account, fills, market.end_session, ended, paid, end, t, lo, hi)
        value_account(book, account, lo, hi, equity)
        limit_losses(terms, book, account, lo, hi)
        write_states(book, account, tape.states, tape.held, t, lo, hi)
        write(account, owed, tape, t)
