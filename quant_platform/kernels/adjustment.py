"""Factors of adjustment along (sessions, securities) arrays.

The rules are stated in `market/adjustment.py`. What does not belong here: panels, frames, and
which session a series is as of.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray

Reinvested = Literal["close", "previous_close"]
"""At which price a dividend is reinvested."""


def later_product(values: FloatArray) -> FloatArray:
    """Product of the rows after each row."""
    later = np.ones_like(values)
    later[:-1] = np.cumprod(values[:0:-1], axis=0)[::-1]
    return later


def reinvestment_factors(
    close: FloatArray, dividend: FloatArray, traded: BoolArray, reinvested: Reinvested
) -> FloatArray:
    """Factor of each cell's dividend, 1 without one.

    Parameters
    ----------
    close, dividend : in the same share units in all sessions
    traded : where a real bar exists
    """
    factors = np.ones_like(close)
    rows, columns = np.nonzero(dividend)
    if not len(rows):
        return factors
    bar = first_bar_from(traded) if reinvested == "close" else last_bar_before(traded)
    # The row of NaN is that of no bar: index -1 and index len(close) are the same.
    padded = np.vstack((close, np.full(close.shape[1], np.nan)))
    price = padded[bar[rows, columns], columns]
    factors[rows, columns] = reinvestment_factor(dividend[rows, columns], price, reinvested)
    return factors


def first_bar_from(traded: BoolArray) -> NDArray[np.int64]:
    """Row of the first real bar in or after each row; one past the last row where there is none."""
    rows = np.where(traded, np.arange(len(traded))[:, None], len(traded))
    first: NDArray[np.int64] = np.minimum.accumulate(rows[::-1], axis=0)[::-1]
    return first


def last_bar_before(traded: BoolArray) -> NDArray[np.int64]:
    """Row of the last real bar before each row; -1 where there is none."""
    rows = np.where(traded, np.arange(len(traded))[:, None], -1)
    last = np.full(traded.shape, -1)
    last[1:] = np.maximum.accumulate(rows, axis=0)[:-1]
    return last


def reinvestment_factor(paid: FloatArray, price: FloatArray, reinvested: Reinvested) -> FloatArray:
    """Factor of a dividend; 1 where there is no price to reinvest it at."""
    if reinvested == "close":
        factor = price / (price + paid)
    else:
        factor = np.where(paid < price, 1.0 - paid / price, np.nan)
    return np.where(np.isnan(price), 1.0, factor)
