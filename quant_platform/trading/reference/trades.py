"""What is wanted, ordered and filled in a session.

The rules are those of the engine's modules `wishes`, `orders`, `fills` and `exits`.

What does not belong here: what changes without an order (`sessions.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.trading.engine import layout as at
from quant_platform.trading.reference.ledger import Ledger, Numbers, total, whole_shares

PRICES = (at.LIMIT, at.TRIGGER, at.STOP, at.TAKE, at.TRAIL, at.LIFE)
"""Rows of the book that the levels of the wishes set, in their order."""


def take_wishes(ledger: Ledger) -> None:
    """Take the session's weights and levels; who was stopped stays out for the same ask."""
    book, wishes, split = ledger.book, ledger.wishes, ledger.row(ledger.market.split)
    target, asked = ledger.row(wishes.target), ledger.row(wishes.asked)
    reference = ledger.row(wishes.reference)
    book[at.WANTED] = np.where(np.isnan(target), book[at.WANTED], target + 0.0)
    book[at.ASKING] = np.where(np.isnan(asked), book[at.ASKING], asked + 0.0)
    barred = ~np.isnan(book[at.BARRED])
    freed = barred & ~np.isnan(asked) & (asked != book[at.BARRED])
    book[at.BARRED, freed] = np.nan
    book[at.ASKED, freed] = 0.0
    book[at.WHY, freed] = at.BY_TARGET
    book[at.WANTED, barred & ~freed] = 0.0
    unheld = (book[at.SHARES] == 0.0) & (reference > 0.0)
    book[at.PRICE, unheld] = reference[unheld] / split[unheld]
    if wishes.due[ledger.t]:
        book[at.DUE, (book[at.TARGET] != 0.0) | (book[at.WANTED] != 0.0)] = 1.0
    for level, row in enumerate(PRICES if wishes.levels.size else ()):
        given = ledger.row(wishes.levels[level])
        stated = given if row in (at.TRAIL, at.LIFE) else given / split
        book[row] = np.where(np.isnan(given), book[row], stated)


def find_pending(ledger: Ledger) -> None:
    """Say what is to be traded, and why."""
    book, account, market = ledger.book, ledger.account, ledger.market
    shares = book[at.SHARES]
    if ledger.is_closing:
        book[[at.WANTED, at.ASKING, at.DUE]] = 0.0
        book[at.WHY] = at.BY_RUIN if account[at.RUINED] > 0.0 else at.BY_HALT
        book[at.PENDING] = shares != 0.0
        return
    stays = shares * book[at.WANTED] > 0.0
    recalled = np.zeros(len(shares), dtype=bool)
    if market.recalled.size:
        recalled = stays & (shares < 0.0) & ledger.row(market.recalled)
    leaves = recalled | (stays & (book[at.AGE] >= book[at.LIFE]))
    book[at.WHY, ~leaves & (book[at.DUE] == 0.0)] = at.BY_TARGET
    book[at.WHY, leaves] = np.where(recalled[leaves], at.BY_RECALL, at.BY_TIME)
    book[at.WANTED, leaves] = 0.0
    book[at.BARRED, leaves] = book[at.ASKING, leaves]
    book[at.DUE, leaves] = 1.0
    pending = (book[at.DUE] > 0.0) | _has_moved(ledger)
    book[at.PENDING] = pending
    book[at.LIMIT, ~pending] = np.nan
    book[at.TRIGGER, ~pending] = np.nan


def _has_moved(ledger: Ledger) -> BoolArray:
    """Whether the rule of rebalancing trades a security today, due or not."""
    book, rule = ledger.book, ledger.terms[at.T_REBALANCE]
    if rule == at.ON_CHANGE:
        return np.asarray(book[at.ASKING] != book[at.ASKED])
    turned = np.sign(book[at.ASKING]) != np.sign(book[at.ASKED])
    equity = ledger.account[at.EQUITY]
    if rule != at.DRIFT or not equity > 0.0:
        return np.asarray(turned)
    held = book[at.SHARES] != 0.0
    weight = np.where(held, book[at.SHARES] * book[at.PRICE] / equity, 0.0)
    return np.asarray(turned | (np.abs(weight - book[at.WANTED]) > ledger.terms[at.T_BEYOND]))


def set_weights(ledger: Ledger) -> None:
    """Set the weights to trade to, within the limits on weights."""
    book, market = ledger.book, ledger.market
    weight = book[at.WANTED] * ledger.account[at.FACTOR]
    weight *= ledger.factor(at.NAME, np.abs(weight))
    if market.sector.size:
        codes = ledger.row(market.sector)
        known = codes >= 0
        names, number = np.unique(codes[known], return_inverse=True)
        sums = np.zeros(len(names))
        np.add.at(sums, number, np.abs(weight[known]))
        weight[known] *= ledger.factor(at.SECTOR, sums)[number]
    for limit in (at.GROSS, at.NET, at.BETA):
        if ledger.terms[at.T_ACTIONS + limit] == 0.0 or (limit == at.BETA and not market.beta.size):
            continue
        counted = np.abs(weight) if limit == at.GROSS else weight
        if limit == at.BETA:
            beta = ledger.row(market.beta)
            counted = np.where((weight == 0.0) | np.isnan(beta), weight, weight * beta)
        weight = weight * ledger.factor(limit, np.array([abs(total(counted))]))
    book[at.WEIGHT] = weight


def execution_price(ledger: Ledger) -> FloatArray:
    """Return the price that orders are executed at, before the spread."""
    opened, high, low, close = (ledger.row(values) for values in ledger.bars[:4])
    prices: dict[float, FloatArray] = {
        at.OPEN: opened,
        at.CLOSE: close,
        at.MID: (high + low) / 2.0,
        at.VWAP: (high + low + close) / 3.0,
    }
    return prices[ledger.terms[at.T_EXECUTE_AT]]


def mark_book(ledger: Ledger) -> float:
    """Set the prices that orders are sized at; return the equity at these prices."""
    book, account = ledger.book, ledger.account
    at_fill = ledger.terms[at.T_AT_FILL] > 0.0
    unknown = ~(book[at.PRICE] > 0.0)
    book[at.MARK] = np.where(
        ledger.traded & (at_fill | unknown), execution_price(ledger), book[at.PRICE]
    )
    equity = account[at.CASH] + account[at.R_RECEIVABLES]
    if not at_fill:
        equity -= account[at.R_DIVIDENDS]
    held = book[at.SHARES] != 0.0
    return total((book[at.SHARES] * book[at.MARK])[held], equity)


def _room_factor(ledger: Ledger, ordered: BoolArray, equity: float) -> float:
    """Return the factor by which the weights traded to fit beside the rest of the book."""
    book, terms = ledger.book, ledger.terms
    if not equity > 0.0:
        return 1.0
    rest = ~ordered & (book[at.SHARES] != 0.0)
    asked = total(np.abs(book[at.WEIGHT, ordered]))
    others = total(np.abs(book[at.SHARES, rest] * book[at.MARK, rest])) / equity
    room = terms[at.T_MAX_GROSS] - others
    ledger.factor(at.LEVERAGE, np.array([asked + others]))
    if terms[at.T_ACTIONS + at.LEVERAGE] == at.SCALE:
        room = min(room, terms[at.T_LIMITS + at.LEVERAGE] - others)
    return 1.0 if asked == 0.0 or asked <= room + at.EXCESS else max(room, 0.0) / asked


def _size_orders(ledger: Ledger, ordered: BoolArray, equity: float) -> float:
    """Set the orders of the session; return the value that they trade."""
    book, terms = ledger.book, ledger.terms
    weight = book[at.WEIGHT, ordered] * _room_factor(ledger, ordered, equity) + 0.0
    shares, mark = book[at.SHARES, ordered], book[at.MARK, ordered]
    order = weight * equity / mark - shares
    if terms[at.T_COSTS_INSIDE] > 0.0:
        order = (weight * equity - shares * mark) / (mark * _cost_factor(ledger, np.sign(order)))
    order = _in_lots(ledger, order)
    order = np.where(np.abs(order) * mark < terms[at.T_MIN_ORDER], 0.0, order)
    order = np.where(weight == 0.0, -shares, order) if equity > 0.0 else -shares
    if ledger.market.available.size:
        lent = ledger.row(ledger.market.available)[ordered]
        refused = ~lent & (order < 0.0) & (shares + order < 0.0)
        order = np.where(refused, -np.maximum(shares, 0.0) + 0.0, order)
        book[at.PENDING, np.flatnonzero(ordered)[refused]] = at.IN_PART
    book[at.WEIGHT, ordered], book[at.ORDER, ordered] = weight, order
    return total(np.abs(order) * mark)


def _cost_factor(ledger: Ledger, side: FloatArray) -> FloatArray:
    """Return the value of an order with its costs as a share of its value at the mark."""
    terms = ledger.terms
    spread = 1.0 + side * terms[at.T_HALF_SPREAD]
    charged = 1.0 if terms[at.T_BEFORE_SPREAD] > 0.0 else spread
    tax = np.where(side > 0.0, terms[at.T_BUY_TAX], terms[at.T_SELL_TAX])
    return np.asarray(spread + side * ((terms[at.T_COMMISSION] + tax) * charged))


def _in_lots(ledger: Ledger, order: FloatArray) -> FloatArray:
    """Round orders towards zero to whole lots, where shares are whole."""
    if ledger.terms[at.T_WHOLE] == 0.0:
        return order
    lot = ledger.terms[at.T_LOT]
    return np.asarray(whole_shares(order / lot, at.ROUNDING) * lot)


def trade(ledger: Ledger, equity: float, was_closing: bool) -> None:
    """Size and execute the session's orders."""
    book, account = ledger.book, ledger.account
    ordered = (book[at.PENDING] > 0.0) & ledger.traded
    value = _size_orders(ledger, ordered, equity)
    if not was_closing and equity > 0.0:
        (factor,) = ledger.factor(at.TURNOVER, np.array([value / equity]))
        if factor != 1.0:
            book[at.PENDING, ordered] = at.IN_PART
            book[at.ORDER, ordered] = _in_lots(ledger, book[at.ORDER, ordered] * factor)
    if account[at.HALTED] > 0.0 and not was_closing:
        return
    numbers = np.flatnonzero(ordered)
    if ledger.terms[at.T_CASH_ONLY] == 0.0:
        _execute(ledger, numbers)
        return
    buys = book[at.ORDER, numbers] > 0.0
    _execute(ledger, numbers[~buys])
    purchases = numbers[buys]
    values = book[at.ORDER, purchases] * book[at.MARK, purchases]
    # The largest come last, and of equal ones those with the higher numbers.
    for number in purchases[np.argsort(values, kind="stable")]:
        _execute(ledger, np.array([number]))


def _execute(ledger: Ledger, numbers: Numbers) -> None:
    """Execute orders as far as the session allows."""
    book, terms = ledger.book, ledger.terms
    price, rests, reached = _entries(ledger, numbers)
    numbers, price, rests = numbers[reached], price[reached], rests[reached]
    order, reason = book[at.ORDER, numbers], book[at.WHY, numbers]
    size, waits = np.abs(order), book[at.PENDING, numbers] == at.IN_PART
    with np.errstate(invalid="ignore"):  # No limit on no volume.
        most = terms[at.T_VOLUME_SHARE] * ledger.row(ledger.bars.volume)[numbers]
    cut = size > most
    size = np.where(cut, most, size)
    waits |= cut & ((terms[at.T_CARRY] > 0.0) | (book[at.WEIGHT, numbers] == 0.0))
    moved = np.where(rests, 0.0, impact_of(ledger, numbers, size))
    half = np.where(rests, 0.0, terms[at.T_HALF_SPREAD])
    if terms[at.T_CASH_ONLY] > 0.0 and (order > 0.0).any():
        size = _affordable(ledger, size, price, half + moved)
    less = size < np.abs(order)
    if terms[at.T_WHOLE] > 0.0:
        lots = np.trunc(size / terms[at.T_LOT]) * terms[at.T_LOT]
        size = np.where(less, lots, size)
    order = np.where(less, np.where(order > 0.0, size, -size), order)
    some = order != 0.0
    fill(ledger, numbers[some], order[some], price[some], half[some], moved[some], reason[some])
    book[at.TARGET, numbers] = book[at.WEIGHT, numbers]
    book[at.ASKED, numbers] = book[at.ASKING, numbers]
    book[at.DUE, numbers] = waits
    done = numbers[~waits]
    book[at.WHY, done] = at.BY_TARGET
    book[at.LIMIT, done] = np.nan
    book[at.TRIGGER, done] = np.nan


def _entries(ledger: Ledger, numbers: Numbers) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Return prices of orders, which of them rest in the book, and which are reached.

    A limit is filled at its price or, where the bar opens beyond it, at the open; so is a trigger,
    which becomes a market order. Both are for what opens or enlarges a position. With both, the
    limit counts.
    """
    book = ledger.book
    opened, high, low = (ledger.row(values)[numbers] for values in ledger.bars[:3])
    order, limit = book[at.ORDER, numbers], book[at.LIMIT, numbers]
    trigger = book[at.TRIGGER, numbers]
    price = execution_price(ledger)[numbers]
    enters = (order != 0.0) & (order * book[at.SHARES, numbers] >= 0.0)
    rests = enters & ~np.isnan(limit)
    waits = enters & np.isnan(limit) & ~np.isnan(trigger)
    buys, through = order > 0.0, ledger.terms[at.T_THROUGH] > 0.0
    touched = np.where(buys, low <= limit, high >= limit)
    beyond = np.where(buys, low < limit, high > limit)
    set_off = np.where(buys, high >= trigger, low <= trigger)
    price = np.where(
        rests, np.where(buys, np.minimum(opened, limit), np.maximum(opened, limit)), price
    )
    price = np.where(
        waits, np.where(buys, np.maximum(opened, trigger), np.minimum(opened, trigger)), price
    )
    reached = np.where(rests, beyond if through else touched, np.where(waits, set_off, True))
    return price, rests, reached.astype(bool)


def _affordable(
    ledger: Ledger, size: FloatArray, price: FloatArray, distance: FloatArray
) -> FloatArray:
    """Return how many of `size` shares the cash buys at a distance above the price, with costs."""
    terms, cash = ledger.terms, ledger.account[at.CASH]
    if not cash > 0.0:
        return np.zeros_like(size)
    filled = price * (1.0 + distance)
    base = price if terms[at.T_BEFORE_SPREAD] > 0.0 else filled
    taxed = filled + base * terms[at.T_BUY_TAX]
    rate = np.full_like(size, terms[at.T_COMMISSION])
    for start, tier in ledger.tiers.T:
        rate = np.where(size * base >= start, np.maximum(rate, tier), rate)
    each = taxed + base * rate + terms[at.T_PER_SHARE]
    most = np.minimum(np.minimum(size, cash / each), (cash - terms[at.T_MINIMUM]) / taxed)
    enough = (size * each <= cash) & (size * taxed <= cash - terms[at.T_MINIMUM])
    return np.where(enough, size, np.maximum(most, 0.0))


def impact_of(ledger: Ledger, numbers: Numbers, size: FloatArray) -> FloatArray:
    """Return coefficient × daily volatility × √(shares / usual volume), where both are known."""
    coefficient = ledger.terms[at.T_IMPACT]
    if coefficient == 0.0:
        return np.zeros_like(size)
    volatility, usual = (ledger.row(each)[numbers] for each in ledger.market.liquidity)
    known = (usual > 0.0) & (volatility > 0.0)
    share = size / np.where(known, usual, 1.0)
    moved = coefficient * volatility * np.sqrt(share)
    return np.where(known, np.minimum(moved, at.LARGEST_IMPACT), 0.0)


def fill(
    ledger: Ledger,
    numbers: Numbers,
    order: FloatArray,
    reference: FloatArray,
    half: FloatArray,
    moved: FloatArray,
    reason: FloatArray,
) -> None:
    """Trade `order` shares, `half` a spread and `moved` from `reference`."""
    book, terms, account = ledger.book, ledger.terms, ledger.account
    size = np.abs(order)
    price = reference * (1.0 + np.where(order > 0.0, 1.0, -1.0) * (half + moved))
    value = size * price
    base = size * reference if terms[at.T_BEFORE_SPREAD] > 0.0 else value
    rate = np.full_like(size, terms[at.T_COMMISSION])
    for start, tier in ledger.tiers.T:
        rate = np.where(base >= start, tier, rate)
    commission = np.maximum(base * rate + size * terms[at.T_PER_SHARE], terms[at.T_MINIMUM])
    tax = base * np.where(order > 0.0, terms[at.T_BUY_TAX], terms[at.T_SELL_TAX])
    spread, impact = size * reference * half, size * reference * moved
    known = book[at.PRICE, numbers]
    flow = -order * price - commission - tax
    ledger.add(at.CASH, flow)
    settles = ledger.market.settles[ledger.t]
    if settles > ledger.t:
        ledger.add(at.RING + settles % at.SETTLEMENTS, flow)
    before = book[at.SHARES, numbers]
    after = before + order
    book[at.SHARES, numbers] = after
    opens = (before == 0.0) | (before * after < 0.0)
    book[at.AGE, numbers[opens]] = 0.0
    book[at.BEST, numbers[opens]] = reference[opens]
    account[at.R_TRADES] += len(numbers)
    ledger.add(at.R_TURNOVER, value)
    ledger.add(at.R_COSTS, commission + tax + spread + impact)
    columns = {
        at.F_REASON: reason,
        at.F_SHARES: order,
        at.F_PRICE: price,
        at.F_REFERENCE: reference,
        at.F_COMMISSION: commission,
        at.F_TAX: tax,
        at.F_SPREAD: spread,
        at.F_IMPACT: impact,
        at.F_DELAY: np.where(known > 0.0, order * (reference - known), 0.0),
    }
    ledger.write_fills(numbers, columns)


def exit_positions(ledger: Ledger) -> None:
    """Leave the positions whose bar reaches a stop or a profit; a bar that reaches both, a stop."""
    book, terms = ledger.book, ledger.terms
    numbers = np.flatnonzero((book[at.SHARES] != 0.0) & ledger.traded)
    part = book[:, numbers]
    side = np.where(part[at.SHARES] > 0.0, 1.0, -1.0)
    opened, high, low = (side * ledger.row(values)[numbers] for values in ledger.bars[:3])
    worst, best = np.minimum(high, low), np.maximum(high, low)
    start = side * part[at.BEST]
    inside = (part[at.AGE] == 0.0) & (start != opened)
    opened, best = np.where(inside, start, opened), np.where(inside, start, best)
    stop = side * part[at.STOP]
    trail = side * part[at.BEST] * (1.0 - side * part[at.TRAIL])
    trails = ~np.isnan(trail) & ~(stop >= trail)
    stop, take = np.where(trails, trail, stop), side * part[at.TAKE]
    touches = np.greater if terms[at.T_THROUGH] else np.greater_equal
    gains_first, loses, gains = touches(opened, take), worst <= stop, touches(best, take)
    price = np.where(loses, np.minimum(opened, stop), take)
    price = side * np.where(gains_first, opened, price)
    reason = np.where(trails, float(at.BY_TRAIL), float(at.BY_STOP))
    reason = np.where(gains_first | ~loses, float(at.BY_PROFIT), reason)
    left = gains_first | loses | gains
    numbers, price, reason = numbers[left], price[left], reason[left]
    order = -book[at.SHARES, numbers]
    market = reason != at.BY_PROFIT
    half = np.where(market, terms[at.T_HALF_SPREAD], 0.0)
    moved = np.where(market, impact_of(ledger, numbers, np.abs(order)), 0.0)
    fill(ledger, numbers, order, price, half, moved, reason)
    for row in (at.WANTED, at.TARGET, at.DUE):
        book[row, numbers] = 0.0
    book[at.WHY, numbers] = at.BY_TARGET
    book[at.ASKED, numbers] = book[at.ASKING, numbers]
    book[at.BARRED, numbers] = book[at.ASKING, numbers]
