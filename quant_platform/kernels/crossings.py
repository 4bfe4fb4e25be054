"""Crossing averages of one series: many pairs of windows, each in one pass and constant memory.

What does not belong here: what the figures are called (`research/crossings.py`).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled

IntArray = NDArray[np.int64]

GROWTH, TOTAL, SQUARES, LOWEST, TRADES, HELD = range(6)
"""Figures of a pair: final value of 1, sum of the returns and of their squares, lowest value over
the highest one before, trades, and bars after whose close there is a position."""

FIGURES = 6


def cross_by_numpy(
    ratio: FloatArray,
    sums: FloatArray,
    fast: IntArray,
    slow: IntArray,
    fee: float,
    delay: int,
    found: FloatArray,
) -> None:
    """Do what `cross` does, a pair a step."""
    bars = len(sums) - 1
    for pair, (short, long) in enumerate(zip(fast.tolist(), slow.tolist(), strict=True)):
        held = np.zeros(bars, dtype=bool)
        ends = np.arange(max(short, long), bars + 1)
        above = (sums[ends] - sums[ends - short]) * long > (sums[ends] - sums[ends - long]) * short
        at = ends - 1 + delay
        held[at[at < bars]] = above[at < bars]
        before = np.concatenate(([False], held[:-1]))
        factor = np.where(before, ratio, 1.0)
        factor = np.where(held & ~before, factor / (1.0 + fee), factor)
        factor = np.where(before & ~held, factor * (1.0 - fee), factor)
        value = np.cumprod(factor)
        peak = np.maximum(np.maximum.accumulate(value), 1.0)
        returns = factor - 1.0
        found[pair] = (
            value[-1] if bars else 1.0,
            np.cumsum(returns)[-1] if bars else 0.0,
            np.cumsum(returns * returns)[-1] if bars else 0.0,
            np.min(value / peak, initial=1.0),
            np.count_nonzero(held != before),
            np.count_nonzero(held),
        )


@compiled(
    "const float64[::1]",
    "const float64[::1]",
    "const int64[::1]",
    "const int64[::1]",
    "float64",
    "int64",
    "float64[:, ::1]",
    reference=cross_by_numpy,
)
def cross(
    ratio: FloatArray,
    sums: FloatArray,
    fast: IntArray,
    slow: IntArray,
    fee: float,
    delay: int,
    found: FloatArray,
) -> None:
    """Hold the series while its fast average lies above its slow one.

    Parameters
    ----------
    ratio : (T,) each value over the one before, the first 1
    sums : (T + 1,) sums of the values before each
    fast, slow : (K,) windows, in bars; before the longer one is full nothing is held
    fee : share of the value that a trade costs
    delay : bars from the one that decides to the one at whose close it is traded
    found : (K, FIGURES) is written
    """
    bars = len(ratio)
    buying, selling = 1.0 / (1.0 + fee), 1.0 - fee
    for pair in range(len(fast)):
        short, long = fast[pair], slow[pair]
        first = max(short, long) - 1 + delay
        value, peak, lowest = 1.0, 1.0, 1.0
        total, squares, trades, count = 0.0, 0.0, 0, 0
        held = False
        for t in range(first, bars):
            end = t + 1 - delay
            newest = sums[end]
            wants = (newest - sums[end - short]) * long > (newest - sums[end - long]) * short
            if not (held or wants):
                continue
            factor = ratio[t] if held else 1.0
            if wants != held:
                factor *= buying if wants else selling
                trades += 1
                held = wants
            count += held
            value *= factor
            change = factor - 1.0
            total += change
            squares += change * change
            peak = max(peak, value)
            # A quotient is worked out where it may be the lowest.
            if value < lowest * peak:
                lowest = value / peak
        found[pair, GROWTH], found[pair, TOTAL], found[pair, SQUARES] = value, total, squares
        found[pair, LOWEST], found[pair, TRADES], found[pair, HELD] = lowest, trades, count
