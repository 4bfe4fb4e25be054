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
    securities = returns.shape[1]
    first = len(returns) - found.shape[1]
    mean, squares, count, shares, bars = (
        np.empty(securities),
        np.empty(securities),
        np.empty(securities),
        np.empty(securities),
        np.empty(securities),
    )
    # A session after the other for all securities at once, in which memory lies side by side.
    for t in range(first, len(returns)):
        for n in range(securities):
            mean[n], squares[n], count[n], shares[n], bars[n] = 0.0, 0.0, 0.0, 0.0, 0.0
        for s in range(max(t - window, 0), t):
            for n in range(securities):
                known, has_bar = returns[s, n] == returns[s, n], volume[s, n] == volume[s, n]
                mean[n] += returns[s, n] if known else 0.0
                count[n] += 1.0 if known else 0.0
                bars[n] += 1.0 if has_bar else 0.0
                # Into the shares of the next session, and at last of the session itself.
                shares[n] = (shares[n] + (volume[s, n] if has_bar else 0.0)) * split[s + 1, n]
        for n in range(securities):
            mean[n] = mean[n] / count[n] if count[n] > 0.0 else 0.0
        for s in range(max(t - window, 0), t):
            for n in range(securities):
                apart = returns[s, n] - mean[n]
                squares[n] += apart * apart if apart == apart else 0.0
        for n in range(securities):
            few, known = count[n] <= 1.0, bars[n] > 0.0
            found[0, t - first, n] = np.nan if few else np.sqrt(squares[n] / (count[n] - 1.0))
            found[1, t - first, n] = shares[n] / bars[n] if known else np.nan
