"""The set `patterns` against TA-Lib, on the bars of `support/talib_bars.py`."""

from collections.abc import Callable

import numpy as np
import pytest
import talib

from quant_platform.features.feature_registry import select
from quant_platform.kernels.arrays import FloatArray
from quant_platform_tests.support.talib_bars import (
    WAIT_UNTIL_STORED,
    Adjusted,
    adjusted,
    ours,
)

Study = Callable[[Adjusted], FloatArray]

SIMPLE = 0
"""TA-Lib's number of the simple average."""

CONVERGED = 900
"""Bars after which the starts of nested recursive averages weigh nothing."""


def of_close(function: Callable[..., FloatArray], *sizes: float) -> Study:
    return lambda bars: function(bars.close, *sizes)


def of_range(function: Callable[..., FloatArray], n: int = 14) -> Study:
    return lambda bars: function(bars.high, bars.low, n)


def of_bars(function: Callable[..., FloatArray], *sizes: int) -> Study:
    return lambda bars: function(bars.high, bars.low, bars.close, *sizes)


def part(function: Callable[..., tuple[FloatArray, ...]], index: int) -> Study:
    return lambda bars: function(bars)[index]


def change(total: FloatArray, n: int = 20) -> FloatArray:
    return np.concatenate((np.full(n, np.nan), total[n:] - total[:-n]))


def accumulation(bars: Adjusted) -> FloatArray:
    return talib.AD(bars.high, bars.low, bars.close, bars.volume)


PRICES: dict[str, Study] = {
    "dema_20": of_close(talib.DEMA, 20),
    "tema_20": of_close(talib.TEMA, 20),
    "t3_5": of_close(talib.T3, 5, 0.7),
    "wma_20": of_close(talib.WMA, 20),
    "trima_20": of_close(talib.TRIMA, 20),
    "midpoint_14": of_close(talib.MIDPOINT, 14),
    "midprice_14": of_range(talib.MIDPRICE),
    "apo": of_close(talib.APO, 12, 26, SIMPLE),
    "mom_10": of_close(talib.MOM, 10),
    "plus_dm_14": of_range(talib.PLUS_DM),
    "minus_dm_14": of_range(talib.MINUS_DM),
    "trange": of_bars(talib.TRANGE),
}
"""In currency per share: compared in the units of each session, relative to the close."""

SHARES: dict[str, Study] = {
    "ad_change_20": lambda bars: change(accumulation(bars)),
    "adosc_3_10": lambda bars: talib.ADOSC(bars.high, bars.low, bars.close, bars.volume, 3, 10),
    "obv_change_20": lambda bars: change(talib.OBV(bars.close, bars.volume)),
}
"""In shares: compared in the units of each session, relative to the volume of 20 sessions."""

RATIOS: dict[str, Study] = {
    "ppo": of_close(talib.PPO, 12, 26, SIMPLE),
    "trix_15": of_close(talib.TRIX, 15),
    "cmo_14": of_close(talib.CMO, 14),
    "plus_di_14": of_bars(talib.PLUS_DI, 14),
    "minus_di_14": of_bars(talib.MINUS_DI, 14),
    "dx_14": of_bars(talib.DX, 14),
    "adx_14": of_bars(talib.ADX, 14),
    "adxr_14": of_bars(talib.ADXR, 14),
    "bop": lambda bars: talib.BOP(bars.open, bars.high, bars.low, bars.close),
    "aroon_down_14": part(lambda bars: talib.AROON(bars.high, bars.low, 14), 0),
    "aroon_up_14": part(lambda bars: talib.AROON(bars.high, bars.low, 14), 1),
    "aroon_oscillator_14": of_range(talib.AROONOSC),
    "stochf_k": part(lambda bars: talib.STOCHF(bars.high, bars.low, bars.close), 0),
    "stochf_d": part(lambda bars: talib.STOCHF(bars.high, bars.low, bars.close), 1),
    "stoch_d": part(lambda bars: talib.STOCH(bars.high, bars.low, bars.close), 1),
    "stochrsi_k": part(lambda bars: talib.STOCHRSI(bars.close), 0),
    "stochrsi_d": part(lambda bars: talib.STOCHRSI(bars.close), 1),
    "willr_14": of_bars(talib.WILLR, 14),
    "cci_14": of_bars(talib.CCI, 14),
    "ultosc": of_bars(talib.ULTOSC),
    "mfi_14": lambda bars: talib.MFI(bars.high, bars.low, bars.close, bars.volume, 14),
    "natr_14": of_bars(talib.NATR, 14),
}
"""Free of units, between −100 and 100 or a few hundreds: compared by difference."""

NESTED = {"dema_20", "tema_20", "t3_5", "trix_15", "adx_14", "adxr_14"}

RECURSIVE = NESTED | {
    *("plus_dm_14", "minus_dm_14", "plus_di_14", "minus_di_14", "dx_14"),
    *("cmo_14", "stochrsi_k", "stochrsi_d", "natr_14", "adosc_3_10"),
}

TIED = {"mfi_14": 14}
"""Values that a tie decides: two typical prices of MSFT are equal but for rounding."""

TOLERANCE = 1e-9

LOOSE = {"stochrsi_k": 1e-8, "stochrsi_d": 1e-8}
"""Where the RSI has hardly moved, the last digits of both sides count."""


def compared(name: str, expected: FloatArray, symbol: str) -> slice:
    """Bars from which on values count."""
    if name in RECURSIVE:
        return slice(CONVERGED if name in NESTED else WAIT_UNTIL_STORED, None)
    first = int(np.isnan(ours(symbol, name)).sum())
    assert first <= int(np.isnan(expected).sum()), "TA-Lib has a value where there is none"
    return slice(int(np.isnan(expected).sum()), None)


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
@pytest.mark.parametrize("name", [*PRICES, *SHARES, *RATIOS])
def test_study(name: str, symbol: str) -> None:
    bars = adjusted(symbol)
    scale = np.ones_like(bars.close)
    if name in PRICES:
        expected, scale = PRICES[name](bars) * bars.later, bars.close * bars.later
    elif name in SHARES:
        expected = SHARES[name](bars) / bars.later
        scale = talib.SMA(bars.volume, 20) * 20 / bars.later
    else:
        expected, scale = RATIOS[name](bars), 100.0 * scale
    chosen = compared(name, expected, symbol)
    mine, theirs = ours(symbol, name)[chosen], expected[chosen]
    assert len(mine) > 1_000
    far = np.abs(mine - theirs) > LOOSE.get(name, TOLERANCE) * scale[chosen]
    assert not np.isnan(mine).any()
    assert far.sum() <= TIED.get(name, 0), (name, np.flatnonzero(far)[:5])


def test_all_studies_are_compared() -> None:
    assert {each.name for each in select(["patterns"])} == {*PRICES, *SHARES, *RATIOS}
