"""Daily volatility and usual volume of the sessions before each one.

Sums run over a window of fixed length, oldest first, so their bits do not depend on where a panel
begins. What does not belong here: what they are needed for (`fills.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled


def measure_by_numpy(
    returns: FloatArray, volume: FloatArray, split: FloatArray, window: int, found: FloatArray
) -> None:
    """Do what `measure_liquidity` does, with the same bits."""
    last = found.shape[1]
    first = len(returns) - last
    total, squares, count, shares, bars = np.zeros((5, *found.shape[1:]))
    for back in range(window, 0, -1):
        change = _earlier(returns, first, last, back)
        known = ~np.isnan(change)
        total += np.where(known, change, 0.0)
        count += known
        traded = _earlier(volume, first, last, back)
        has_bar = ~np.isnan(traded)
        shares += np.where(has_bar, traded, 0.0)
        bars += has_bar
        shares *= np.nan_to_num(_earlier(split, first, last, back - 1), nan=1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        for back in range(window, 0, -1):
            change = _earlier(returns, first, last, back) - mean
            squares += np.where(np.isnan(change), 0.0, change * change)
        found[0] = np.sqrt(squares / np.where(count > 1.0, count - 1.0, np.nan))
        found[1] = np.where(bars > 0.0, shares / bars, np.nan)


def _earlier(values: FloatArray, first: int, last: int, back: int) -> FloatArray:
    """Return the last sessions' values of `back` sessions earlier, NaN before the panel."""
    start = first - back
    missing = min(max(-start, 0), last)
    found = values[max(start, 0) : max(start + last, 0)]
    return np.vstack((np.full((missing, values.shape[1]), np.nan), found)) if missing else found


@compiled(
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "int64",
    "float64[:, :, ::1]",
    reference=measure_by_numpy,
)
def measure_liquidity(
    returns: FloatArray, volume: FloatArray, split: FloatArray, window: int, found: FloatArray
) -> None:
    """Measure volatility and usual volume before each of the last sessions.

    Parameters
    ----------
    returns, volume : (T, N) of each session, NaN where there is none
    split : (T, N) new shares per old one, from the session on
    window : how many sessions are looked back on
    found : (2, last, N) is written: standard deviation (divisor n − 1), and the mean of the volumes
        in shares of the session
    """
    first = len(returns) - found.shape[1]
    for t in range(first, len(returns)):
        for n in range(returns.shape[1]):
            total, squares, count, shares, bars = 0.0, 0.0, 0.0, 0.0, 0.0
            for s in range(max(t - window, 0), t):
                if returns[s, n] == returns[s, n]:
                    total += returns[s, n]
                    count += 1.0
                if volume[s, n] == volume[s, n]:
                    shares += volume[s, n]
                    bars += 1.0
                # Into the shares of the next session, and at last of the session itself.
                shares *= split[s + 1, n]
            mean = total / count if count > 0.0 else 0.0
            for s in range(max(t - window, 0), t):
                if returns[s, n] == returns[s, n]:
                    squares += (returns[s, n] - mean) * (returns[s, n] - mean)
            found[0, t - first, n] = np.sqrt(squares / (count - 1.0)) if count > 1.0 else np.nan
            found[1, t - first, n] = shares / bars if bars > 0.0 else np.nan
