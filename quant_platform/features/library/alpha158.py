"""Alpha158: the features of qlib's data handler of that name, with its definitions.

Names are qlib's in lower case: `KMID` is `kmid`, `ROC60` is `roc60`. Three things are ours:

1. Prices and volumes are in the units of their own session. Older ones are moved into them by the
   splits and the dividends (reinvested at the ex-date's close) in between, as adjusted prices are:
   qlib's own data is adjusted for both. So no value depends on an action after its session.
2. A value exists where its window is full, without an unknown price or volume: qlib's values of
   shorter windows depend on where its data begins. `roc`, and what compares each session with the
   one before it, need one session more than their window.
3. Where the vendor gives no average price of the session, `vwap0` takes (high + low + close) / 3.

All are free of units. `ε` is 1e-12. Source: Yang et al. (2020), "Qlib: An AI-oriented Quantitative
Investment Platform", and its `qlib.contrib.data.loader.Alpha158DL`, version 0.9.7.
"""

from typing import NamedTuple

import numpy as np

from quant_platform.features.context import FeatureContext, shared
from quant_platform.features.feature_registry import feature, feature_family
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_moments import (
    MEAN,
    RESIDUAL,
    RSQUARE,
    SLOPE,
    STD,
    CoMoments,
    comoments,
    comoments_with_log,
    moments,
    trends,
)
from quant_platform.kernels.rolling_order import PLACE, VALUE, maxima, quantiles, ranks
from quant_platform.kernels.windows import Carry, Windows, shift

WINDOWS = (5, 10, 20, 30, 60)
"""Sessions of qlib's windows."""

EPSILON = 1e-12
"""What qlib adds to divisors."""

STANDING_STILL = 2e-5
"""Deviation up to which qlib takes a series for constant: it then has no R² and no correlation."""

QUANTILES = (0.8, 0.2)

PRICES = ("close", "split", "dividend")
VOLUMES = ("volume", *PRICES)


class Actions(NamedTuple):
    """What moves older prices and volumes into the units of a session."""

    price: Carry
    volume: Carry


@shared
def actions(context: FeatureContext) -> Actions | None:
    """Carries over splits and dividends; None without any."""
    has_dividend = context.dividend != 0.0
    if context.price_carry is None and not has_dividend.any():
        return None
    price = 1.0 / context.split
    kept = context.close / (context.close + context.dividend)
    np.multiply(price, kept, out=price, where=has_dividend & ~np.isnan(kept))
    return Actions(Carry(price), Carry(1.0 / price))


def price_carry(context: FeatureContext) -> Carry | None:
    """Carry of prices over splits and dividends."""
    carries = actions(context)
    return None if carries is None else carries.price


def volume_carry(context: FeatureContext) -> Carry | None:
    """Carry of volumes: the reciprocal of that of prices, so that traded values stay."""
    carries = actions(context)
    return None if carries is None else carries.volume


def before(x: FloatArray, carry: Carry | None) -> FloatArray:
    """Return the row before in the units of each row."""
    earlier = shift(x, 1)
    if carry is not None:
        earlier *= carry.x
    return earlier


def place_of(n: int) -> int:
    """Return the place of a window among `WINDOWS`."""
    return WINDOWS.index(n)


@shared
def close_before(context: FeatureContext) -> FloatArray:
    """Close of the session before."""
    return before(context.close, price_carry(context))


@shared
def close_trend(context: FeatureContext) -> FloatArray:
    """Mean, deviation, slope, R² and residual of the closes."""
    return trends(context.close, WINDOWS, price_carry(context))


@shared
def volume_moments(context: FeatureContext) -> FloatArray:
    """Mean and deviation of the volumes."""
    return moments(context.volume, WINDOWS, volume_carry(context))


@shared
def weighted_change_moments(context: FeatureContext) -> FloatArray:
    """Mean and deviation of |close / close before − 1| · volume."""
    change = np.abs(context.close / close_before(context) - 1.0)
    return moments(change * context.volume, WINDOWS, volume_carry(context))


@shared
def highest(context: FeatureContext) -> FloatArray:
    """Highest high and its place in the window, 1 being the oldest session."""
    return maxima(context.high, WINDOWS, price_carry(context))


@shared
def lowest(context: FeatureContext) -> FloatArray:
    """Lowest low, negated, and its place in the window."""
    return maxima(-context.low, WINDOWS, price_carry(context))


@shared
def close_ranks(context: FeatureContext) -> FloatArray:
    """Rank of the close among the closes of the window."""
    return ranks(context.close, WINDOWS, price_carry(context))


@shared
def close_quantiles(context: FeatureContext) -> FloatArray:
    """The quantiles of the closes that `QUANTILES` names."""
    return quantiles(context.close, WINDOWS, QUANTILES, price_carry(context))


@shared
def price_and_volume(context: FeatureContext) -> CoMoments:
    """Co-moments of close and ln(volume + 1)."""
    return comoments_with_log(context.close, context.volume, WINDOWS, price_carry(context))


@shared
def changes_of_price_and_volume(context: FeatureContext) -> CoMoments:
    """Co-moments of close / close before and ln(volume / volume before + 1)."""
    growth = context.volume / before(context.volume, volume_carry(context))
    return comoments(context.close / close_before(context), np.log(growth + 1.0), WINDOWS)


def rises(x: FloatArray, earlier: FloatArray, carry: Carry | None, sign: float) -> Windows:
    """Sums of the positive parts of sign · (x − earlier)."""
    return Windows(np.maximum((x - earlier) * sign, 0.0), np.add, carry)


@shared
def price_moves(context: FeatureContext, sign: float) -> Windows:
    """Sums of gains (sign 1) or losses (sign −1) of the close."""
    return rises(context.close, close_before(context), price_carry(context), sign)


@shared
def volume_moves(context: FeatureContext, sign: float) -> Windows:
    """Sums of rises (sign 1) or falls (sign −1) of the volume."""
    carry = volume_carry(context)
    return rises(context.volume, before(context.volume, carry), carry, sign)


@shared
def counted_moves(context: FeatureContext, sign: float) -> Windows:
    """Numbers of sessions with a gain (sign 1) or a loss (sign −1)."""
    moved = (context.close - close_before(context)) * sign
    return Windows(np.where(np.isnan(moved), np.nan, moved > 0.0), np.add)


def share_of(part: Windows, other: Windows, n: int) -> FloatArray:
    """Return Σ part / (Σ part + Σ other + ε)."""
    return part.of(n) / (part.of(n) + other.of(n) + EPSILON)


def difference_of(part: Windows, other: Windows, n: int) -> FloatArray:
    """Return (Σ part − Σ other) / (Σ part + Σ other + ε)."""
    return (part.of(n) - other.of(n)) / (part.of(n) + other.of(n) + EPSILON)


@feature(lookback=1, inputs=("open", "close"))
def kmid(context: FeatureContext) -> FloatArray:
    """Body of the bar: (close − open) / open."""
    return (context.close - context.open) / context.open


@feature(lookback=1, inputs=("open", "high", "low"))
def klen(context: FeatureContext) -> FloatArray:
    """Length of the bar: (high − low) / open."""
    return (context.high - context.low) / context.open


@feature(lookback=1, inputs=("open", "high", "low", "close"))
def kmid2(context: FeatureContext) -> FloatArray:
    """Body in the bar: (close − open) / (high − low + ε)."""
    return (context.close - context.open) / (context.high - context.low + EPSILON)


@feature(lookback=1, inputs=("open", "high", "close"))
def kup(context: FeatureContext) -> FloatArray:
    """Upper shadow: (high − max(open, close)) / open."""
    return (context.high - np.maximum(context.open, context.close)) / context.open


@feature(lookback=1, inputs=("open", "high", "low", "close"))
def kup2(context: FeatureContext) -> FloatArray:
    """Upper shadow in the bar: (high − max(open, close)) / (high − low + ε)."""
    shadow = context.high - np.maximum(context.open, context.close)
    return shadow / (context.high - context.low + EPSILON)


@feature(lookback=1, inputs=("open", "low", "close"))
def klow(context: FeatureContext) -> FloatArray:
    """Lower shadow: (min(open, close) − low) / open."""
    return (np.minimum(context.open, context.close) - context.low) / context.open


@feature(lookback=1, inputs=("open", "high", "low", "close"))
def klow2(context: FeatureContext) -> FloatArray:
    """Lower shadow in the bar: (min(open, close) − low) / (high − low + ε)."""
    shadow = np.minimum(context.open, context.close) - context.low
    return shadow / (context.high - context.low + EPSILON)


@feature(lookback=1, inputs=("open", "high", "low", "close"))
def ksft(context: FeatureContext) -> FloatArray:
    """Shift of the close from the middle of the bar: (2 · close − high − low) / open."""
    return (2.0 * context.close - context.high - context.low) / context.open


@feature(lookback=1, inputs=("high", "low", "close"))
def ksft2(context: FeatureContext) -> FloatArray:
    """Shift of the close in the bar: (2 · close − high − low) / (high − low + ε)."""
    shifted = 2.0 * context.close - context.high - context.low
    return shifted / (context.high - context.low + EPSILON)


@feature(lookback=1, inputs=("open", "close"))
def open0(context: FeatureContext) -> FloatArray:
    """Open / close."""
    return context.open / context.close


@feature(lookback=1, inputs=("high", "close"))
def high0(context: FeatureContext) -> FloatArray:
    """High / close."""
    return context.high / context.close


@feature(lookback=1, inputs=("low", "close"))
def low0(context: FeatureContext) -> FloatArray:
    """Low / close."""
    return context.low / context.close


@feature(lookback=1, inputs=("high", "low", "close"))
def vwap0(context: FeatureContext) -> FloatArray:
    """Volume-weighted average price / close; where it is unknown, (high + low + close) / 3."""
    return (context.high + context.low + context.close) / 3.0 / context.close


@feature_family(WINDOWS, name="roc{n}", lookback=lambda n: n + 1, inputs=PRICES)
def roc(context: FeatureContext, n: int) -> FloatArray:
    """Earlier close ({n} sessions back) / close."""
    earlier = shift(context.close, n)
    carry = price_carry(context)
    if carry is not None:
        earlier *= carry.of(n)
    return earlier / context.close


@feature_family(WINDOWS, name="ma{n}", lookback=int, inputs=PRICES)
def ma(context: FeatureContext, n: int) -> FloatArray:
    """Mean of {n} closes / close."""
    return close_trend(context)[MEAN, place_of(n)] / context.close


@feature_family(WINDOWS, name="std{n}", lookback=int, inputs=PRICES)
def std(context: FeatureContext, n: int) -> FloatArray:
    """Sample deviation of {n} closes / close."""
    return close_trend(context)[STD, place_of(n)] / context.close


@feature_family(WINDOWS, name="beta{n}", lookback=int, inputs=PRICES)
def beta(context: FeatureContext, n: int) -> FloatArray:
    """Slope a session of the regression of {n} closes on time / close."""
    return close_trend(context)[SLOPE, place_of(n)] / context.close


@feature_family(WINDOWS, name="rsqr{n}", lookback=int, inputs=PRICES)
def rsqr(context: FeatureContext, n: int) -> FloatArray:
    """R² of the regression of {n} closes on time; null where their deviation is ≤ 2e-5."""
    trend = close_trend(context)
    moving = trend[STD, place_of(n)] > STANDING_STILL
    return np.where(moving, trend[RSQUARE, place_of(n)], np.nan)


@feature_family(WINDOWS, name="resi{n}", lookback=int, inputs=PRICES)
def resi(context: FeatureContext, n: int) -> FloatArray:
    """Residual of the close in the regression of {n} closes on time / close."""
    return close_trend(context)[RESIDUAL, place_of(n)] / context.close


@feature_family(WINDOWS, name="max{n}", lookback=int, inputs=("high", *PRICES))
def maximum(context: FeatureContext, n: int) -> FloatArray:
    """Highest high of {n} sessions / close."""
    return highest(context)[VALUE, place_of(n)] / context.close


@feature_family(WINDOWS, name="min{n}", lookback=int, inputs=("low", *PRICES))
def minimum(context: FeatureContext, n: int) -> FloatArray:
    """Lowest low of {n} sessions / close."""
    return -lowest(context)[VALUE, place_of(n)] / context.close


@feature_family(WINDOWS, name="qtlu{n}", lookback=int, inputs=PRICES)
def qtlu(context: FeatureContext, n: int) -> FloatArray:
    """Upper quantile (0.8, linear) of {n} closes / close."""
    return close_quantiles(context)[0, place_of(n)] / context.close


@feature_family(WINDOWS, name="qtld{n}", lookback=int, inputs=PRICES)
def qtld(context: FeatureContext, n: int) -> FloatArray:
    """Lower quantile (0.2, linear) of {n} closes / close."""
    return close_quantiles(context)[1, place_of(n)] / context.close


@feature_family(WINDOWS, name="rank{n}", lookback=int, inputs=PRICES)
def rank(context: FeatureContext, n: int) -> FloatArray:
    """Rank of the close among {n} closes / {n}, ties averaged."""
    return close_ranks(context)[place_of(n)]


@feature_family(WINDOWS, name="rsv{n}", lookback=int, inputs=("high", "low", *PRICES))
def rsv(context: FeatureContext, n: int) -> FloatArray:
    """Place of the close in the range of {n} sessions: (close − low) / (high − low + ε)."""
    low = -lowest(context)[VALUE, place_of(n)]
    return (context.close - low) / (highest(context)[VALUE, place_of(n)] - low + EPSILON)


@feature_family(WINDOWS, name="imax{n}", lookback=int, inputs=("high", *PRICES))
def imax(context: FeatureContext, n: int) -> FloatArray:
    """Place of the highest high of {n} sessions, from 1 for the oldest to {n}, / {n}."""
    return highest(context)[PLACE, place_of(n)] / n


@feature_family(WINDOWS, name="imin{n}", lookback=int, inputs=("low", *PRICES))
def imin(context: FeatureContext, n: int) -> FloatArray:
    """Place of the lowest low of {n} sessions, from 1 for the oldest to {n}, / {n}."""
    return lowest(context)[PLACE, place_of(n)] / n


@feature_family(WINDOWS, name="imxd{n}", lookback=int, inputs=("high", "low", *PRICES))
def imxd(context: FeatureContext, n: int) -> FloatArray:
    """Sessions from the lowest low to the highest high of {n} sessions / {n}."""
    return (highest(context)[PLACE, place_of(n)] - lowest(context)[PLACE, place_of(n)]) / n


@feature_family(WINDOWS, name="corr{n}", lookback=int, inputs=VOLUMES)
def corr(context: FeatureContext, n: int) -> FloatArray:
    """Correlation of close and ln(volume + 1) over {n} sessions; null where either stands still."""
    return _correlation(price_and_volume(context), n)


@feature_family(WINDOWS, name="cord{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def cord(context: FeatureContext, n: int) -> FloatArray:
    """Correlation of close / close before and ln(volume / volume before + 1) over {n} sessions."""
    return _correlation(changes_of_price_and_volume(context), n)


@feature_family(WINDOWS, name="cntp{n}", lookback=lambda n: n + 1, inputs=PRICES)
def cntp(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions with a close above the one before."""
    return counted_moves(context, 1.0).of(n) / n


@feature_family(WINDOWS, name="cntn{n}", lookback=lambda n: n + 1, inputs=PRICES)
def cntn(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions with a close below the one before."""
    return counted_moves(context, -1.0).of(n) / n


@feature_family(WINDOWS, name="cntd{n}", lookback=lambda n: n + 1, inputs=PRICES)
def cntd(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions with a gain minus share of those with a loss."""
    return counted_moves(context, 1.0).of(n) / n - counted_moves(context, -1.0).of(n) / n


@feature_family(WINDOWS, name="sump{n}", lookback=lambda n: n + 1, inputs=PRICES)
def sump(context: FeatureContext, n: int) -> FloatArray:
    """Gains of {n} sessions / (gains + losses + ε)."""
    return share_of(price_moves(context, 1.0), price_moves(context, -1.0), n)


@feature_family(WINDOWS, name="sumn{n}", lookback=lambda n: n + 1, inputs=PRICES)
def sumn(context: FeatureContext, n: int) -> FloatArray:
    """Losses of {n} sessions / (gains + losses + ε)."""
    return share_of(price_moves(context, -1.0), price_moves(context, 1.0), n)


@feature_family(WINDOWS, name="sumd{n}", lookback=lambda n: n + 1, inputs=PRICES)
def sumd(context: FeatureContext, n: int) -> FloatArray:
    """Gains minus losses of {n} sessions / (gains + losses + ε)."""
    return difference_of(price_moves(context, 1.0), price_moves(context, -1.0), n)


@feature_family(WINDOWS, name="vma{n}", lookback=int, inputs=VOLUMES)
def vma(context: FeatureContext, n: int) -> FloatArray:
    """Mean of {n} volumes / (volume + ε)."""
    return volume_moments(context)[MEAN, place_of(n)] / (context.volume + EPSILON)


@feature_family(WINDOWS, name="vstd{n}", lookback=int, inputs=VOLUMES)
def vstd(context: FeatureContext, n: int) -> FloatArray:
    """Sample deviation of {n} volumes / (volume + ε)."""
    return volume_moments(context)[STD, place_of(n)] / (context.volume + EPSILON)


@feature_family(WINDOWS, name="wvma{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def wvma(context: FeatureContext, n: int) -> FloatArray:
    """Sample deviation / (mean + ε) of |close / close before − 1| · volume over {n} sessions."""
    weighted = weighted_change_moments(context)
    return weighted[STD, place_of(n)] / (weighted[MEAN, place_of(n)] + EPSILON)


@feature_family(WINDOWS, name="vsump{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def vsump(context: FeatureContext, n: int) -> FloatArray:
    """Rises of the volume over {n} sessions / (rises + falls + ε)."""
    return share_of(volume_moves(context, 1.0), volume_moves(context, -1.0), n)


@feature_family(WINDOWS, name="vsumn{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def vsumn(context: FeatureContext, n: int) -> FloatArray:
    """Falls of the volume over {n} sessions / (rises + falls + ε)."""
    return share_of(volume_moves(context, -1.0), volume_moves(context, 1.0), n)


@feature_family(WINDOWS, name="vsumd{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def vsumd(context: FeatureContext, n: int) -> FloatArray:
    """Rises minus falls of the volume over {n} sessions / (rises + falls + ε)."""
    return difference_of(volume_moves(context, 1.0), volume_moves(context, -1.0), n)


def _correlation(pair: CoMoments, n: int) -> FloatArray:
    at = place_of(n)
    still = STANDING_STILL * STANDING_STILL
    moving = (pair.variance_x[at] > still) & (pair.variance_y[at] > still)
    return np.where(moving, pair.correlation()[at], np.nan)
