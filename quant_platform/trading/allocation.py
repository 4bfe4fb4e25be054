"""What each member of a book holds of a security, of which the book holds the sum.

A member that wants the weight w of the book's equity E at a price p wants w · E / p shares, and
trades the difference to what it holds. Where one member buys and another sells, they trade with
each other first, at the price that the book trades at; the market is asked for the rest alone. What
the market gives, or does not give, is that of the members on the heavier side, by what each of them
trades:

    heavier side, each:  trade × (filled − Σ trades of the lighter side) / Σ trades of this side

Where nobody wants to trade and the book does, it is divided by the size of the holdings. The sum is
the book's trade in every case. What does not belong here: gains and costs (`attribution.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray


def total(values: FloatArray) -> FloatArray:
    """Sum of the members, (N,) of (M, N), in their order: the same bits for any N."""
    result = np.zeros(values.shape[1])
    for row in values:
        result = result + row
    return result


def shares_of_sum(sizes: FloatArray) -> FloatArray:
    """Return each member's part of the sum of sizes, (M, N); the same for all where it is 0."""
    whole = total(sizes)
    some = whole > 0.0
    return np.where(some, sizes / np.where(some, whole, 1.0), 1.0 / len(sizes))


def allocate(held: FloatArray, wanted: FloatArray, book: FloatArray) -> FloatArray:
    """Return the members' shares after a trade, (M, N).

    Parameters
    ----------
    held : (M, N) shares before
    wanted : (M, N) shares that each member wants
    book : (N,) shares of the book after the trade
    """
    trades = wanted - held
    filled = book - total(held)
    net = total(trades)
    side = np.where(net != 0.0, np.sign(net), np.where(filled < 0.0, -1.0, 1.0))
    is_heavy = trades * side > 0.0
    heavy = total(np.where(is_heavy, trades, 0.0))
    light = total(np.where(is_heavy, 0.0, trades))
    some = heavy != 0.0
    factor = (filled - light) / np.where(some, heavy, 1.0)
    traded = np.where(is_heavy, trades * factor, trades)
    after = held + np.where(some, traded, shares_of_sum(np.abs(held)) * filled)
    over = (book == 0.0) & ~(wanted != 0.0).any(axis=0)
    return np.where(over, 0.0, after)
