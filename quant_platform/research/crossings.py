"""`crossing_sweep`: every pair of moving averages of one series of prices, at compiled speed.

A sweep of a strategy goes through signals, orders and one account of many securities. A rule of one
series needs none of that: its position is known from a few running figures, so a pair takes one
pass over the bars and constant memory, and ten thousand pairs over years of minutes take seconds.
It is for looking at a surface; what is to be traded belongs into a strategy, with all costs.

What does not belong here: the pass itself (`kernels/crossings.py`).
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SettingsError
from quant_platform.evaluation.metrics import ZERO_DEVIATION
from quant_platform.kernels import crossings
from quant_platform.kernels.crossings import cross
from quant_platform.kernels.threads import in_threads

AT_ONCE = 64
"""Pairs of one piece of work."""


def crossing_sweep(
    prices: ArrayLike,
    fast: ArrayLike,
    slow: ArrayLike,
    *,
    commission_bp: float = 5.0,
    delay: int = 1,
    bars_per_year: float = SESSIONS_PER_YEAR,
    threads: int | None = None,
) -> pd.DataFrame:
    """Hold a series while its fast average lies above its slow one, for many pairs of windows.

    All of the value is bought and sold at closes.

    Parameters
    ----------
    prices : (T,) closes of one series, positive, adjusted as they are to be held
    fast, slow : (K,) windows of the pairs, in bars
    commission_bp : cost of a trade, in basis points of the value
    delay : bars from the close that decides to the one at which it is traded; 0 trades at the close
        that decides, which nobody can
    bars_per_year : what figures are annualised by
    threads : default: one per core; no bit depends on it

    Returns
    -------
    pd.DataFrame
        A row per pair: `fast`, `slow`, `total_return`, `sharpe_ratio` (above a rate of 0, sample
        deviation; NaN without one), `max_drawdown`, `trade_count`, `exposure` (share of the bars
        after whose close there is a position).

    Raises
    ------
    SettingsError
        A price is not positive, or a window no whole number from 1 on; or the pairs do not match.

    Notes
    -----
    Memory: two arrays of the bars, and six figures for each pair.

    Examples
    --------
    >>> crossing_sweep([1.0, 2.0, 4.0, 2.0, 1.0, 2.0], [1], [2], commission_bp=0.0)[
    ...     ["total_return", "max_drawdown", "trade_count"]
    ... ].to_numpy().tolist()
    [[-0.75, -0.75, 2.0]]
    """
    values = np.ascontiguousarray(prices, dtype=np.float64)
    if values.ndim != 1 or not ((values > 0.0) & (values < np.inf)).all():
        raise SettingsError("The prices are no series of positive numbers", "Pass one series")
    short, long = (_windows(each) for each in (fast, slow))
    if len(short) != len(long):
        raise SettingsError(
            f"There are {len(short)} fast and {len(long)} slow windows", "Pass one of each a pair"
        )
    if not 0.0 <= commission_bp < 1e4 or delay < 0:
        raise SettingsError(
            f"The commission is {commission_bp!r} and the delay {delay!r}",
            "Allowed: 0 to 9,999 basis points, and a whole number from 0 on",
        )
    ratio = np.ones(len(values))
    ratio[1:] = values[1:] / values[:-1]
    sums = np.concatenate(([0.0], np.cumsum(values)))
    found = np.empty((len(short), crossings.FIGURES))

    def run(start: int) -> None:
        part = slice(start, start + AT_ONCE)
        cross(ratio, sums, short[part], long[part], commission_bp * 1e-4, delay, found[part])

    for _ in in_threads(run, range(0, len(short), AT_ONCE), threads):
        pass
    return _figures(found, short, long, len(values), bars_per_year)


def _windows(windows: ArrayLike) -> np.ndarray:
    given = np.asarray(windows)
    if given.ndim != 1 or given.dtype.kind not in "iu" or (given < 1).any():
        raise SettingsError(f"The windows are {windows!r}", "Allowed: whole numbers from 1 on")
    return np.ascontiguousarray(given, dtype=np.int64)


def _figures(
    found: np.ndarray, fast: np.ndarray, slow: np.ndarray, bars: int, bars_per_year: float
) -> pd.DataFrame:
    count = max(bars, 1)
    mean = found[:, crossings.TOTAL] / count
    variance = (found[:, crossings.SQUARES] - count * mean * mean) / max(count - 1, 1)
    deviation = np.sqrt(np.maximum(variance, 0.0))
    known = deviation > ZERO_DEVIATION
    ratio = np.where(known, mean / np.where(known, deviation, 1.0), np.nan)
    return pd.DataFrame(
        {
            "fast": fast,
            "slow": slow,
            "total_return": found[:, crossings.GROWTH] - 1.0,
            "sharpe_ratio": ratio * np.sqrt(bars_per_year),
            "max_drawdown": found[:, crossings.LOWEST] - 1.0,
            "trade_count": found[:, crossings.TRADES].astype(np.int64),
            "exposure": found[:, crossings.HELD] / count,
        }
    )
