"""Agreement with TA-Lib on thirteen years of real bars, over three real splits.

TA-Lib knows no splits: it gets prices adjusted to the last session, made here. Levels are compared
in the units of each session, so TA-Lib's are multiplied by the splits that were still to come.
TA-Lib starts its recursive averages from a plain mean of the first bars, the features from the
weights alone: they are compared once both starts weigh less than 1e-10.
"""

from collections.abc import Callable

import numpy as np
import pytest
import talib

from quant_platform.kernels.arrays import FloatArray
from quant_platform_tests.support.talib_bars import WAIT_UNTIL_STORED, Adjusted, adjusted, ours

TOLERANCE = 1e-9

Indicator = Callable[[Adjusted], FloatArray]


def macd(bars: Adjusted, part: int) -> FloatArray:
    return talib.MACD(bars.close, 12, 26, 9)[part]


def band(bars: Adjusted, part: int) -> FloatArray:
    return talib.BBANDS(bars.close, 20, 2.0, 2.0)[part]


def of_close(function: Callable[[FloatArray, int], FloatArray], n: int) -> Indicator:
    return lambda bars: function(bars.close, n)


LEVELS: dict[str, Indicator] = {
    **{f"sma_{n}": of_close(talib.SMA, n) for n in (10, 20, 50, 200)},
    **{f"ema_{n}": of_close(talib.EMA, n) for n in (12, 26)},
    "macd": lambda bars: macd(bars, 0),
    "macd_signal": lambda bars: macd(bars, 1),
    "macd_histogram": lambda bars: macd(bars, 2),
    "bollinger_upper": lambda bars: band(bars, 0),
    "bollinger_middle": lambda bars: band(bars, 1),
    "bollinger_lower": lambda bars: band(bars, 2),
    "atr_14": lambda bars: talib.ATR(bars.high, bars.low, bars.close, 14),
}
"""Prices: compared in the units of each session, relative to the close."""

RATIOS: dict[str, Indicator] = {
    **{f"momentum_{n}": of_close(talib.ROCP, n) for n in (1, 5, 10, 20, 60, 120, 252)},
    "rsi_14": lambda bars: talib.RSI(bars.close, 14),
    "high_252_distance": lambda bars: bars.close / talib.MAX(bars.high, 252) - 1,
    "low_252_distance": lambda bars: bars.close / talib.MIN(bars.low, 252) - 1,
    "volume_ratio_20": lambda bars: bars.volume / talib.SMA(bars.volume, 20),
    "dollar_volume_20": lambda bars: talib.SMA(bars.close * bars.volume, 20),
    "bollinger_percent_b": lambda bars: (
        (bars.close - band(bars, 2)) / (band(bars, 0) - band(bars, 2))
    ),
    "bollinger_bandwidth": lambda bars: (band(bars, 0) - band(bars, 2)) / band(bars, 1),
}
"""Free of units. Those that can be near zero are compared by difference, their scale being 1."""

ABSOLUTE = ("momentum", "high", "low", "bollinger_percent_b")

RECURSIVE = ("ema_12", "ema_26", "macd", "macd_signal", "macd_histogram", "rsi_14", "atr_14")


def compared(name: str, expected: FloatArray, symbol: str) -> tuple[FloatArray, FloatArray]:
    """Our and TA-Lib's values from the first that counts on; both must begin together."""
    mine = ours(symbol, name)
    # TA-Lib shows the MACD line only where the signal line exists, eight bars later.
    late = 8 if name == "macd" else 0
    assert int(np.isnan(expected).sum()) == int(np.isnan(mine).sum()) + late
    start = WAIT_UNTIL_STORED if name in RECURSIVE else int(np.isnan(mine).sum())
    return mine[start:], expected[start:]


@pytest.mark.parametrize("symbol", ["AAPL", "GOOG", "IBM", "MSFT"])
@pytest.mark.parametrize("name", LEVELS)
def test_levels(name: str, symbol: str) -> None:
    bars = adjusted(symbol)
    mine, theirs = compared(name, LEVELS[name](bars) * bars.later, symbol)
    close = (bars.close * bars.later)[-len(mine) :]
    assert len(mine) > 1_000
    assert (np.abs(mine - theirs) <= TOLERANCE * close).all()
    if not name.startswith("macd"):
        np.testing.assert_allclose(mine, theirs, rtol=TOLERANCE)


@pytest.mark.parametrize("symbol", ["AAPL", "GOOG", "IBM", "MSFT"])
@pytest.mark.parametrize("name", RATIOS)
def test_ratios(name: str, symbol: str) -> None:
    mine, theirs = compared(name, RATIOS[name](adjusted(symbol)), symbol)
    assert len(mine) > 1_000
    if name.startswith(ABSOLUTE):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=TOLERANCE)
    else:
        np.testing.assert_allclose(mine, theirs, rtol=TOLERANCE)


@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_realized_volatility(symbol: str, n: int) -> None:
    """No dividends are given here, so that total returns are price changes."""
    changes = np.diff(np.log(adjusted(symbol).close))
    population = talib.STDDEV(changes, n)[n - 1 :]
    expected = population * np.sqrt(n / (n - 1) * 252)
    np.testing.assert_allclose(ours(symbol, f"realized_volatility_{n}")[n:], expected, rtol=1e-9)
