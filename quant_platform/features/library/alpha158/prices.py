"""Alpha158: trends, extremes, ranks and moves of prices over windows.

What does not belong here: volumes (`volumes.py`).
"""

import numpy as np

from quant_platform.features.context import FeatureContext
from quant_platform.features.library.alpha158.common import (
    EPSILON,
    PRICES,
    STANDING_STILL,
    close_quantiles,
    close_ranks,
    close_trend,
    counted_moves,
    difference_of,
    highest,
    lowest,
    of_window,
    of_windows,
    price_carry,
    price_moves,
    share_of,
)
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_moments import MEAN, RESIDUAL, RSQUARE, SLOPE, STD
from quant_platform.kernels.rolling_order import PLACE, VALUE
from quant_platform.kernels.rolling_sums import FALLS, RISES
from quant_platform.kernels.windows import shift


@of_windows(name="roc{n}", lookback=lambda n: n + 1, inputs=PRICES)
def roc(context: FeatureContext, n: int) -> FloatArray:
    """Earlier close ({n} sessions back) / close."""
    earlier = shift(context.close, n)
    carry = price_carry(context)
    if carry is not None:
        earlier *= carry.of(n)
    return earlier / context.close


@of_windows(name="ma{n}", lookback=int, inputs=PRICES)
def ma(context: FeatureContext, n: int) -> FloatArray:
    """Mean of {n} closes / close."""
    return of_window(close_trend(context), n, MEAN) / context.close


@of_windows(name="std{n}", lookback=int, inputs=PRICES)
def std(context: FeatureContext, n: int) -> FloatArray:
    """Sample deviation of {n} closes / close."""
    return of_window(close_trend(context), n, STD) / context.close


@of_windows(name="beta{n}", lookback=int, inputs=PRICES)
def beta(context: FeatureContext, n: int) -> FloatArray:
    """Slope a session of the regression of {n} closes on time / close."""
    return of_window(close_trend(context), n, SLOPE) / context.close


@of_windows(name="rsqr{n}", lookback=int, inputs=PRICES)
def rsqr(context: FeatureContext, n: int) -> FloatArray:
    """R² of the regression of {n} closes on time; null where their deviation is ≤ 2e-5."""
    trend = close_trend(context)
    moving = of_window(trend, n, STD) > STANDING_STILL
    return np.where(moving, of_window(trend, n, RSQUARE), np.nan)


@of_windows(name="resi{n}", lookback=int, inputs=PRICES)
def resi(context: FeatureContext, n: int) -> FloatArray:
    """Residual of the close in the regression of {n} closes on time / close."""
    return of_window(close_trend(context), n, RESIDUAL) / context.close


@of_windows(name="max{n}", lookback=int, inputs=("high", *PRICES))
def maximum(context: FeatureContext, n: int) -> FloatArray:
    """Highest high of {n} sessions / close."""
    return of_window(highest(context), n, VALUE) / context.close


@of_windows(name="min{n}", lookback=int, inputs=("low", *PRICES))
def minimum(context: FeatureContext, n: int) -> FloatArray:
    """Lowest low of {n} sessions / close."""
    return -of_window(lowest(context), n, VALUE) / context.close


@of_windows(name="qtlu{n}", lookback=int, inputs=PRICES)
def qtlu(context: FeatureContext, n: int) -> FloatArray:
    """Upper quantile (0.8, linear) of {n} closes / close."""
    return of_window(close_quantiles(context), n, 0) / context.close


@of_windows(name="qtld{n}", lookback=int, inputs=PRICES)
def qtld(context: FeatureContext, n: int) -> FloatArray:
    """Lower quantile (0.2, linear) of {n} closes / close."""
    return of_window(close_quantiles(context), n, 1) / context.close


@of_windows(name="rank{n}", lookback=int, inputs=PRICES)
def rank(context: FeatureContext, n: int) -> FloatArray:
    """Rank of the close among {n} closes / {n}, ties averaged."""
    return of_window(close_ranks(context), n)


@of_windows(name="rsv{n}", lookback=int, inputs=("high", "low", *PRICES))
def rsv(context: FeatureContext, n: int) -> FloatArray:
    """Place of the close in the range of {n} sessions: (close − low) / (high − low + ε)."""
    low = -of_window(lowest(context), n, VALUE)
    return (context.close - low) / (of_window(highest(context), n, VALUE) - low + EPSILON)


@of_windows(name="imax{n}", lookback=int, inputs=("high", *PRICES))
def imax(context: FeatureContext, n: int) -> FloatArray:
    """Place of the highest high of {n} sessions, from 1 for the oldest to {n}, / {n}."""
    return of_window(highest(context), n, PLACE) / n


@of_windows(name="imin{n}", lookback=int, inputs=("low", *PRICES))
def imin(context: FeatureContext, n: int) -> FloatArray:
    """Place of the lowest low of {n} sessions, from 1 for the oldest to {n}, / {n}."""
    return of_window(lowest(context), n, PLACE) / n


@of_windows(name="imxd{n}", lookback=int, inputs=("high", "low", *PRICES))
def imxd(context: FeatureContext, n: int) -> FloatArray:
    """Sessions from the lowest low to the highest high of {n} sessions / {n}."""
    return (of_window(highest(context), n, PLACE) - of_window(lowest(context), n, PLACE)) / n


@of_windows(name="cntp{n}", lookback=lambda n: n + 1, inputs=PRICES)
def cntp(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions with a close above the one before."""
    return of_window(counted_moves(context), n, RISES) / n


@of_windows(name="cntn{n}", lookback=lambda n: n + 1, inputs=PRICES)
def cntn(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions with a close below the one before."""
    return of_window(counted_moves(context), n, FALLS) / n


@of_windows(name="cntd{n}", lookback=lambda n: n + 1, inputs=PRICES)
def cntd(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions with a gain minus share of those with a loss."""
    moves = counted_moves(context)
    return of_window(moves, n, RISES) / n - of_window(moves, n, FALLS) / n


@of_windows(name="sump{n}", lookback=lambda n: n + 1, inputs=PRICES)
def sump(context: FeatureContext, n: int) -> FloatArray:
    """Gains of {n} sessions / (gains + losses + ε)."""
    return share_of(RISES, price_moves(context), n)


@of_windows(name="sumn{n}", lookback=lambda n: n + 1, inputs=PRICES)
def sumn(context: FeatureContext, n: int) -> FloatArray:
    """Losses of {n} sessions / (gains + losses + ε)."""
    return share_of(FALLS, price_moves(context), n)


@of_windows(name="sumd{n}", lookback=lambda n: n + 1, inputs=PRICES)
def sumd(context: FeatureContext, n: int) -> FloatArray:
    """Gains minus losses of {n} sessions / (gains + losses + ε)."""
    return difference_of(price_moves(context), n)
