"""`run`: the order of events in a session, and what changes without an order.

What does not belong here: what is wanted and filled (`trades.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.trading.engine import layout as at
from quant_platform.trading.engine.cash import RELEASE, STOP_TRADING
from quant_platform.trading.engine.layout import Bars, Market, Tape, Wishes
from quant_platform.trading.reference.ledger import Ledger, total, whole_shares
from quant_platform.trading.reference.trades import (
    exit_positions,
    find_pending,
    mark_book,
    set_weights,
    take_wishes,
    trade,
)

YEAR = 360.0
"""Days by which annual rates are divided."""


def run(
    terms: FloatArray,
    tiers: FloatArray,
    bars: Bars,
    market: Market,
    wishes: Wishes,
    book: FloatArray,
    account: FloatArray,
    owed: FloatArray,
    tape: Tape,
    lo: int,
    hi: int,
    levels: bool,
) -> None:
    """Simulate one account over all sessions of the market, as `engine.loop.run` does."""
    own = book[lo:hi].T  # One column a security here.
    ledger = Ledger(terms, tiers, bars, market, wishes, own, account, owed, tape, lo)
    at_open, equity = terms[at.T_EXECUTE_AT] == at.OPEN, 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for ledger.t in range(len(market.days)):
            account[at.ROW :] = 0.0
            finance(ledger)
            split_positions(ledger)
            pay_dividends(ledger)
            take_wishes(ledger)
            release(ledger)
            was_closing = ledger.is_closing
            if levels and not at_open:
                exit_positions(ledger)
            find_pending(ledger)
            set_weights(ledger)
            equity = mark_book(ledger)
            trade(ledger, equity, was_closing)
            if levels and at_open:
                exit_positions(ledger)
            mark_closes(ledger)
            end_securities(ledger)
            value_account(ledger, equity)
            limit_losses(ledger)
            write(ledger)


def release(ledger: Ledger) -> None:
    """Have a halted account go on where a person said so, its drawdown anew; or halt it."""
    account, acts = ledger.account, ledger.market.acts[ledger.t]
    if acts & RELEASE and account[at.HALTED] > 0.0:
        account[at.HALTED] = 0.0
        account[at.PEAK] = account[at.EQUITY]
    if acts & STOP_TRADING:
        account[at.HALTED] = 1.0


def finance(ledger: Ledger) -> None:
    """Credit interest and charge borrow fees, actual/360; then settle the session's trades."""
    terms, account, book, t = ledger.terms, ledger.account, ledger.book, ledger.t
    years = ledger.market.days[t] / YEAR
    due = at.RING + (t + np.arange(at.SETTLEMENTS)) % at.SETTLEMENTS
    settled = account[at.CASH] - total(account[due])
    rate = terms[at.T_CASH_RATE] if settled > 0.0 else terms[at.T_MARGIN_RATE]
    if terms[at.T_CASH_RATE] != 0.0 or terms[at.T_MARGIN_RATE] != 0.0:
        account[at.R_INTEREST] = settled * rate * years
        account[at.CASH] += account[at.R_INTEREST]
    account[due[0]] = 0.0
    short = book[at.SHARES] < 0.0
    fee = np.full(book.shape[1], terms[at.T_BORROW_RATE])
    if ledger.market.borrow.size:
        dated = ledger.row(ledger.market.borrow)
        fee = np.where(dated >= 0.0, dated, fee)
    account[at.R_BORROW] = total((-book[at.SHARES] * book[at.PRICE] * fee * years)[short])
    account[at.CASH] -= account[at.R_BORROW]


def split_positions(ledger: Ledger) -> None:
    """Apply the session's splits; of whole shares, the rest of one is paid out."""
    book, split = ledger.book, ledger.row(ledger.market.split)
    numbers = np.flatnonzero(split != 1.0)
    book[at.SHARES, numbers] *= split[numbers]
    for level in (at.PRICE, at.BEST, at.STOP, at.TAKE, at.LIMIT, at.TRIGGER):
        book[level, numbers] /= split[numbers]
    if ledger.terms[at.T_WHOLE] == 0.0:
        return
    shares, price = book[at.SHARES, numbers], book[at.PRICE, numbers]
    whole = whole_shares(shares, at.NOISE)
    rest = shares - whole
    book[at.SHARES, numbers] = whole
    paid = (np.abs(rest) > at.NOISE) & (price > 0.0)
    ledger.add(at.CASH, rest[paid] * price[paid])
    _note(ledger, numbers[paid], -rest[paid], price[paid], at.IN_LIEU)


def _note(
    ledger: Ledger,
    numbers: np.ndarray,
    shares: FloatArray,
    price: FloatArray,
    reason: int,
) -> None:
    """Write changes of shares that are no trades."""
    columns: dict[int, FloatArray | float] = {
        at.F_REASON: float(reason),
        at.F_SHARES: shares,
        at.F_PRICE: price,
        at.F_REFERENCE: price,
    }
    ledger.write_fills(numbers, columns)


def pay_dividends(ledger: Ledger) -> None:
    """Pay what is due; owe the session's dividends until their day."""
    account, book, market, owed = ledger.account, ledger.book, ledger.market, ledger.owed
    due = (market.pays == ledger.t) & (owed != 0.0)
    ledger.add(at.CASH, owed[due])
    owed[due] = 0.0
    dividend = ledger.row(market.dividend)
    numbers = np.flatnonzero((dividend != 0.0) & (book[at.SHARES] != 0.0))
    amount = book[at.SHARES, numbers] * dividend[numbers]
    amount = np.where(amount > 0.0, amount * (1.0 - ledger.terms[at.T_WITHHOLDING]), amount)
    ledger.add(at.R_DIVIDENDS, amount)
    slot = np.full(len(numbers), -1)
    if market.slot.size:
        slot = ledger.row(market.slot)[numbers]
    later = slot >= 0
    later[later] = market.pays[slot[later]] > ledger.t
    ledger.add(at.CASH, amount[~later])
    np.add.at(owed, slot[later], amount[later])
    account[at.R_RECEIVABLES] = total(owed)


def mark_closes(ledger: Ledger) -> None:
    """Take the closes, and count the sessions of positions, and those without a bar."""
    book, traded = ledger.book, ledger.traded
    close = ledger.row(ledger.bars.close)
    book[at.PRICE] = np.where(traded, close, book[at.PRICE])
    held = book[at.SHARES] != 0.0
    book[at.AGE, held] += 1.0
    book[at.IDLE, held] = np.where(traded, 0.0, book[at.IDLE] + 1.0)[held]
    retired = (book[at.RETIRED] > 0.0) & ~traded
    if ledger.market.retired.size:
        retired |= ledger.row(ledger.market.retired)
    book[at.RETIRED, held] = retired[held]
    best, up = book[at.BEST], book[at.SHARES] > 0.0
    better = held & traded & np.where(up, close > best, close < best)
    book[at.BEST, better] = close[better]


def end_securities(ledger: Ledger) -> None:
    """Turn positions into cash whose security stopped trading."""
    book, market = ledger.book, ledger.market
    for end in np.flatnonzero(market.end_session == ledger.t):
        number, price = market.end_security[end] - ledger.first, market.end_price[end]
        if not (0 <= number < book.shape[1]) or book[at.SHARES, number] == 0.0:
            continue
        shares = book[at.SHARES, number]
        ledger.account[at.CASH] += shares * price
        _note(ledger, np.array([number]), np.array([-shares]), price, at.BY_END)
        book[[at.SHARES, at.TARGET, at.WANTED, at.ASKED, at.ASKING, at.DUE], number] = 0.0
        book[at.BARRED, number] = np.nan


def value_account(ledger: Ledger, traded_at: float) -> None:
    """Value the account at the close."""
    account, book = ledger.account, ledger.book
    held = book[at.SHARES] != 0.0
    worth = book[at.SHARES, held] * book[at.PRICE, held]
    before, value = account[at.EQUITY], total(worth)
    equity = account[at.CASH] + account[at.R_RECEIVABLES] + value
    account[at.EQUITY] = account[at.R_EQUITY] = equity
    account[at.R_CASH] = account[at.CASH]
    if not equity > 0.0:
        account[at.RUINED] = 1.0
    account[at.R_RUINED] = account[at.RUINED]
    account[at.R_RETURN] = _share(equity - before, before)
    account[at.R_GROSS] = _share(total(np.abs(worth)), equity)
    account[at.R_NET] = _share(value, equity)
    if account[at.R_TURNOVER] != 0.0:
        account[at.R_TURNOVER] = _share(account[at.R_TURNOVER], traded_at)


def _share(value: float, equity: float) -> float:
    """Return value / equity; NaN of an equity that is not positive."""
    return float(value / equity) if equity > 0.0 else np.nan


def limit_losses(ledger: Ledger) -> None:
    """Judge drawdown and daily loss; while one scales, all weights count half."""
    account, book, terms = ledger.account, ledger.book, ledger.terms
    account[at.PEAK] = max(account[at.PEAK], account[at.EQUITY])
    fallen = 1.0 - account[at.EQUITY] / account[at.PEAK]
    factor = 1.0
    for limit, loss in ((at.DRAWDOWN, fallen), (at.DAILY_LOSS, -account[at.R_RETURN])):
        action = terms[at.T_ACTIONS + limit]
        if action > 0.0 and loss > terms[at.T_LIMITS + limit]:
            ledger.exceeded(limit)
            factor = at.HALF if action == at.SCALE else factor
    account[at.R_HALTED], account[at.R_PEAK] = account[at.HALTED], account[at.PEAK]
    account[at.R_FACTOR] = factor
    if factor != account[at.FACTOR]:
        account[at.FACTOR] = factor
        book[at.DUE, (book[at.TARGET] != 0.0) | (book[at.WANTED] != 0.0)] = 1.0


def write(ledger: Ledger) -> None:
    """Forget what no longer matters, and write the session's rows."""
    account, book, tape, t = ledger.account, ledger.book, ledger.tape, ledger.t
    tape.rows[t] = account[at.ROW : at.ROW + at.ROW_SIZE]
    empty = book[at.SHARES] == 0.0
    for row in (at.IDLE, at.RETIRED, at.AGE):
        book[row, empty] = 0.0
    book[at.BEST, empty] = np.nan
    unwanted = empty & (book[at.WANTED] == 0.0)
    for row in (at.STOP, at.TAKE, at.TRAIL, at.LIMIT, at.TRIGGER):
        book[row, unwanted] = np.nan
    book[at.LIFE, unwanted] = np.inf
    active = (book[[at.SHARES, at.TARGET, at.WANTED, at.ASKED, at.ASKING]] != 0.0).any(axis=0)
    book[at.PRICE, ~active] = np.nan
    book[at.BARRED, ~active] = np.nan
    book[at.DUE, ~active] = 0.0
    book[at.WHY, ~active] = at.BY_TARGET
    if len(tape.states):
        numbers = np.flatnonzero(active)
        states = np.vstack((np.full(len(numbers), t), numbers, book[: at.BOOK_STATE, numbers])).T
        states[:, 1] += ledger.first
        _append(tape.states, states, account, at.STATE_COUNT)
    if len(tape.pending):
        later = np.arange(1, at.SETTLEMENTS)
        trades = account[at.RING + (t + later) % at.SETTLEMENTS]
        dates = np.arange(len(ledger.owed))
        for kind, key, amount in (
            (at.OWED_DIVIDEND, dates, ledger.owed),
            (at.OWED_TRADE, later, trades),
        ):
            rows = np.vstack((np.full((2, len(key)), [[t], [kind]]), key, amount)).T
            _append(tape.pending, rows[amount != 0.0], account, at.PENDING_COUNT)
    if tape.held.size:
        tape.held[t, ledger.first : ledger.first + book.shape[1]] = book[at.SHARES]


def _append(room: FloatArray, rows: FloatArray, account: FloatArray, count: int) -> None:
    """Write rows after those before, as far as there is room, and count them all."""
    begin = int(account[count])
    account[count] += len(rows)
    space = room[begin : begin + len(rows)]
    space[:] = rows[: len(space)]
