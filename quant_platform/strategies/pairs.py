"""Pairs of securities that moved alike, and when such a pair is open: plain functions of returns.

What does not belong here: when pairs are chosen, and what an open one weighs
(`library/pairs_distance.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray

SLACK = 4
"""Pairs that are looked at exactly, as a multiple of those wanted; the others are farther apart."""


LEAST_DEVIATION = 1e-6
"""Of prices that begin with 1; a pair that deviates less moves as one and never parts."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of columns, the closest first.

    Attributes
    ----------
    left, right : columns of the securities, left < right
    deviation : standard deviation of the difference of their prices
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    deviation: FloatArray


def closest_pairs(returns: FloatArray, count: int) -> Pairs:
    """Return the pairs whose prices, from 1 on, have the smallest sum of squared differences.

    Parameters
    ----------
    returns : (sessions, securities); securities with an unknown return, or a price that reaches 0,
        are left out
    count : pairs wanted

    Notes
    -----
    A product of matrices finds candidates. Its last bits depend on how many securities there are,
    so the candidates are compared by sums in the order of the sessions.
    """
    usable = np.flatnonzero((np.isfinite(returns) & (returns > -1.0)).all(axis=0))
    prices = np.cumprod(1.0 + returns[:, usable], axis=0)
    left, right = np.triu_indices(len(usable), 1)
    if not len(left):
        nothing = np.zeros(0, dtype=np.intp)
        return Pairs(nothing, nothing, np.zeros(0))
    # Around 1, where differences of squares keep more of their digits.
    away = prices - 1.0
    square = (away * away).sum(axis=0)
    rough = (square[:, None] + square[None, :] - 2.0 * (away.T @ away))[left, right]
    wanted = min(SLACK * count + 16, len(left))
    near = np.sort(np.argpartition(rough, wanted - 1)[:wanted])
    left, right = left[near], right[near]
    total, squares = np.zeros(len(left)), np.zeros(len(left))
    for row in prices:
        difference = row[left] - row[right]
        total += difference
        squares += difference * difference
    sessions = len(prices)
    deviation = np.sqrt(np.maximum(squares - total * total / sessions, 0.0) / (sessions - 1))
    order = np.argsort(squares, kind="stable")
    order = order[deviation[order] > LEAST_DEVIATION][:count]
    return Pairs(usable[left[order]], usable[right[order]], deviation[order])


def pair_positions(returns: FloatArray, pairs: Pairs, beyond: float) -> FloatArray:
    """Return where pairs are open after each session of the period in which they are traded.

    Parameters
    ----------
    returns : (sessions, securities), from the session of the choice on, whose return is not used
    beyond : deviations from each other at which a pair is opened

    Returns
    -------
    (sessions, pairs): 1 where the left security is held and the right one sold short, −1 the other
    way round, else 0.
    """
    position = np.zeros((len(returns), len(pairs.left)))
    state = np.zeros(len(pairs.left))
    left, right = np.ones(len(pairs.left)), np.ones(len(pairs.left))
    for session in range(1, len(returns)):
        of_left, of_right = returns[session, pairs.left], returns[session, pairs.right]
        known = np.isfinite(of_left) & np.isfinite(of_right)
        left = left * (1.0 + np.where(np.isfinite(of_left), of_left, 0.0))
        right = right * (1.0 + np.where(np.isfinite(of_right), of_right, 0.0))
        spread = left - right
        met = spread * state >= 0.0
        kept = np.where(known & ~met, state, 0.0)
        parted = known & (state == 0.0) & (np.abs(spread) > beyond * pairs.deviation)
        state = np.where(parted, -np.sign(spread), kept)
        position[session] = state
    return position
