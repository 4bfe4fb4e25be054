"""The turn of purchases where cash may be short: by rising value, equal ones by their numbers.

1. Purchases are dealt into as many stacks as there are of them, by where their values lie between
   the smallest and the largest. Most stacks then hold one or two.
2. Shell's sort (D. L. Shell, "A high-speed sorting procedure", Communications of the ACM 2, 1959)
   puts all in order. No purchase is farther from its place than the largest stack is high, so that
   is where its gaps begin; values that lie badly cost time and are in order all the same.

It needs no memory but rows of the book. What does not belong here: orders (`orders.py`).
"""

from quant_platform.kernels.compiled import compiled
from quant_platform.trading.engine.layout import (
    MARK,
    ORDER,
    PENDING,
    PLACE,
    TURN,
    TURN_BEFORE,
    VALUE,
    VALUE_BEFORE,
    FixedFlags,
    Matrix,
)

FEW = 16
"""Purchases, or fewer, that are put in order without stacks, and in a stack without large gaps."""


@compiled(plain=True)
def take_turn(book: Matrix, end: int, n: int) -> int:
    """Put the purchase of a security behind those before; return the end of all of them."""
    book[TURN, end], book[VALUE, end] = n, book[ORDER, n] * book[MARK, n]
    return end + 1


@compiled(plain=True)
def stack_of(value: float, low: float, scale: float, count: int) -> int:
    """Return the number of a value's stack."""
    part = (value - low) * scale
    # Not a number, where values are not, is in the first one.
    return min(int(part), count - 1) if part > 0.0 else 0


@compiled(plain=True)
def deal(book: Matrix, lo: int, end: int) -> int:
    """Deal the purchases into stacks that follow each other; return how high the largest is."""
    count, low, high = end - lo, book[VALUE, lo], book[VALUE, lo]
    for at in range(lo, end):
        low, high = min(low, book[VALUE, at]), max(high, book[VALUE, at])
        book[TURN_BEFORE, at], book[VALUE_BEFORE, at] = book[TURN, at], book[VALUE, at]
        book[PLACE, at] = 0.0
    if not high - low > 0.0:
        return count
    scale, largest = count / (high - low), 0.0
    for at in range(lo, end):
        book[PLACE, lo + stack_of(book[VALUE, at], low, scale, count)] += 1.0
    place = float(lo)
    for stack in range(lo, end):
        size = book[PLACE, stack]
        largest = max(largest, size)
        book[PLACE, stack] = place
        place += size
    for at in range(lo, end):
        stack = lo + stack_of(book[VALUE_BEFORE, at], low, scale, count)
        to = int(book[PLACE, stack])
        book[PLACE, stack] += 1.0
        book[TURN, to], book[VALUE, to] = book[TURN_BEFORE, at], book[VALUE_BEFORE, at]
    return int(largest)


@compiled(plain=True)
def line_up(book: Matrix, lo: int, end: int) -> None:
    """Put the purchases from `lo` to before `end` of `TURN` in order."""
    gap = end - lo
    if gap > FEW:
        gap = deal(book, lo, end)
        gap = 2 if gap <= FEW else gap
    # Every gap but the last, 1, is about 4/9 of the one before.
    while gap > 1:
        gap = max(gap * 4 // 9, 1)
        for at in range(lo + gap, end):
            security, value, to = book[TURN, at], book[VALUE, at], at
            while to >= lo + gap and (
                book[VALUE, to - gap] > value
                or (book[VALUE, to - gap] == value and book[TURN, to - gap] > security)
            ):
                book[TURN, to], book[VALUE, to] = book[TURN, to - gap], book[VALUE, to - gap]
                to -= gap
            book[TURN, to], book[VALUE, to] = security, value


@compiled(plain=True)
def take_turns(book: Matrix, traded: FixedFlags, t: int, lo: int, hi: int) -> int:
    """Put every purchase of a session into `TURN` from `lo` on, in turn; return their end."""
    end = lo
    for n in range(lo, hi):
        if book[PENDING, n] > 0.0 and traded[t, n] and book[ORDER, n] > 0.0:
            end = take_turn(book, end, n)
    line_up(book, lo, end)
    return end
