"""The turn of a session's orders: as the securities stand, and last the purchases that wait.

Where cash may be short, sales go first, and purchases by rising value, equal ones by their numbers.

1. Purchases are dealt into as many stacks as there are of them, by where their values lie between
   the smallest and the largest. Most stacks then hold one or two.
2. Shell's sort (D. L. Shell, "A high-speed sorting procedure", Communications of the ACM 2, 1959)
   puts all in order. No purchase is farther from its place than the largest stack is high, so that
   is where its gaps begin; values that lie badly cost time and are in order all the same.

It needs no memory but `Tape.turns`. What does not belong here: orders (`orders.py`).
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
def take_turn(
    turns: Matrix, book: Matrix, in_turns: bool, end: int, others: int, n: int
) -> tuple[int, int]:
    """Put an order behind the purchases that wait or the others; return where these two end."""
    # Both are written, and one of them grows: which one is too hard to foresee to branch.
    turns[TURN, others] = turns[TURN_BEFORE, end] = n
    turns[VALUE_BEFORE, end] = book[n, ORDER] * book[n, MARK]
    waits = in_turns and book[n, ORDER] > 0.0
    return end + 1 if waits else end, others if waits else others + 1


@compiled(plain=True)
def stack_of(value: float, low: float, scale: float, count: int) -> int:
    """Return the number of a value's stack."""
    part = (value - low) * scale
    # Not a number, where values are not, is in the first one.
    return min(int(part), count - 1) if part > 0.0 else 0


@compiled(plain=True)
def copy(turns: Matrix, lo: int, end: int, to: int) -> None:
    """Put the purchases behind the others as they are."""
    for at in range(end - lo):
        turns[TURN, to + at] = turns[TURN_BEFORE, lo + at]
        turns[VALUE, to + at] = turns[VALUE_BEFORE, lo + at]


@compiled(plain=True)
def deal(turns: Matrix, lo: int, end: int, to: int) -> int:
    """Deal the purchases into stacks behind the others; return how high the largest is."""
    count, low, high = end - lo, turns[VALUE_BEFORE, lo], turns[VALUE_BEFORE, lo]
    for at in range(lo, end):
        low, high = min(low, turns[VALUE_BEFORE, at]), max(high, turns[VALUE_BEFORE, at])
        turns[PLACE, at] = 0.0
    if not high - low > 0.0:
        copy(turns, lo, end, to)
        return count
    scale, largest = count / (high - low), 0.0
    for at in range(lo, end):
        turns[PLACE, lo + stack_of(turns[VALUE_BEFORE, at], low, scale, count)] += 1.0
    place = float(to)
    for stack in range(lo, end):
        size = turns[PLACE, stack]
        largest = max(largest, size)
        turns[PLACE, stack] = place
        place += size
    for at in range(lo, end):
        stack = lo + stack_of(turns[VALUE_BEFORE, at], low, scale, count)
        place = turns[PLACE, stack]
        turns[PLACE, stack] = place + 1.0
        turns[TURN, int(place)] = turns[TURN_BEFORE, at]
        turns[VALUE, int(place)] = turns[VALUE_BEFORE, at]
    return int(largest)


@compiled(plain=True)
def line_up(turns: Matrix, lo: int, end: int, first: int) -> int:
    """Put the purchases from `lo` to before `end` in order, from `first` on; return their end."""
    gap, last = 2, first + end - lo
    if end - lo > FEW:
        highest = deal(turns, lo, end, first)
        gap = highest if highest > FEW else gap
    else:
        copy(turns, lo, end, first)
    # Every gap but the last, 1, is about 4/9 of the one before.
    while gap > 1:
        gap = max(gap * 4 // 9, 1)
        for at in range(first + gap, last):
            security, value, to = turns[TURN, at], turns[VALUE, at], at
            while to >= first + gap and (
                turns[VALUE, to - gap] > value
                or (turns[VALUE, to - gap] == value and turns[TURN, to - gap] > security)
            ):
                turns[TURN, to], turns[VALUE, to] = turns[TURN, to - gap], turns[VALUE, to - gap]
                to -= gap
            turns[TURN, to], turns[VALUE, to] = security, value
    return last


@compiled(plain=True)
def take_turns(
    turns: Matrix, book: Matrix, traded: FixedFlags, in_turns: bool, t: int, lo: int, hi: int
) -> int:
    """Put every order of a session into `TURN` from `lo` on, in turn; return their end."""
    end, others = lo, lo
    for n in range(lo, hi):
        if book[n, PENDING] > 0.0 and traded[t, n]:
            end, others = take_turn(turns, book, in_turns, end, others, n)
    return line_up(turns, lo, end, others)
