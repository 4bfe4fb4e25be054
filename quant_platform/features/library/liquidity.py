"""The set `liquidity`: price impact, trading activity, and spreads estimated from daily bars.

A session that a missing bar was filled in counts with volume 0 (see `market.panel`). Spreads are
fractions of the price: the whole distance from bid to ask. What does not belong here: quotes.
"""

import math

import numpy as np

from quant_platform.features.context import (
    FeatureContext,
    gross_return,
    previous_close,
    shared,
)
from quant_platform.features.feature_registry import feature_family
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import Windows, shift, window_mean, window_sum

LIQUIDITY = FeatureSet(
    "liquidity", "Price impact, trading activity and estimated spreads of each security."
)

SIZES = (20, 60)
"""Sessions over which liquidity is taken: a month and a quarter."""

PER_MILLION = 1e6
"""Traded value in which price impact is measured, in currency."""

ACTIVITY_SESSIONS = 252
"""Sessions whose mean volume is called usual in `turnover_ratio`."""

SKEW = 3.0 - 2.0 * math.sqrt(2.0)
"""The constant 3 − 2√2 of Corwin and Schultz (2012), equations 14 and 18."""


ROUNDING = 1e-12
"""Return below which a price has not moved: what a split leaves of an equal price."""


@shared
def dollar_volume(context: FeatureContext) -> FloatArray:
    """Close · volume of the session."""
    return context.close * context.volume


@shared
def impact_sums(context: FeatureContext) -> Windows:
    """Sums of |return| / traded value, sessions without trading counting 0."""
    value = dollar_volume(context)
    impact = np.abs(gross_return(context) - 1.0) / value
    return Windows(np.where(value == 0.0, 0.0, impact), np.add)


@shared
def idle_sums(context: FeatureContext) -> Windows:
    """Numbers of sessions without volume."""
    return Windows(np.where(np.isnan(context.volume), np.nan, context.volume == 0.0), np.add)


@shared
def corwin_schultz(context: FeatureContext) -> FloatArray:
    """Spread of each pair of sessions after Corwin and Schultz, at least 0.

    The newer range is moved by the gap between the older close and it, if the market jumped
    overnight (their section III.C); both sessions must have a range that is known.
    """
    previous = previous_close(context)
    carry = 1.0 if context.price_carry is None else 1.0 / context.split
    older_high, older_low = shift(context.high, 1) * carry, shift(context.low, 1) * carry
    gap = np.maximum(context.low - previous, 0.0) - np.maximum(previous - context.high, 0.0)
    high, low = context.high - gap, context.low - gap
    one = np.log(high / low) ** 2 + np.log(older_high / older_low) ** 2
    two = np.log(np.maximum(high, older_high) / np.minimum(low, older_low)) ** 2
    alpha = (np.sqrt(2.0 * one) - np.sqrt(one)) / SKEW - np.sqrt(two / SKEW)
    spread: FloatArray = 2.0 * (np.exp(alpha) - 1.0) / (1.0 + np.exp(alpha))
    return np.maximum(spread, 0.0)


@shared
def abdi_ranaldo(context: FeatureContext) -> FloatArray:
    """Spread of each pair of sessions after Abdi and Ranaldo, corrected pair by pair."""
    middle = (np.log(context.high) + np.log(context.low)) / 2.0
    older = (np.log(shift(context.high, 1)) + np.log(shift(context.low, 1))) / 2.0
    close = np.log(previous_close(context))
    if context.price_carry is not None:
        older -= np.log(context.split)
    spread: FloatArray = np.sqrt(np.maximum(4.0 * (close - older) * (close - middle), 0.0))
    return spread


@feature_family(
    SIZES,
    name="amihud_{n}",
    lookback=lambda n: n + 1,
    inputs=("close", "volume", "split", "dividend"),
    of=LIQUIDITY,
)
def amihud(context: FeatureContext, n: int) -> FloatArray:
    """Price impact: mean |return| / traded value of {n} sessions, per million of currency.

    Sessions without volume are left out; null where all are. Source: Amihud (2002), "Illiquidity
    and stock returns", equation 1.
    """
    return PER_MILLION * impact_sums(context).of(n) / (n - idle_sums(context).of(n))


@feature_family(
    (5, 20),
    name="turnover_ratio_{n}",
    lookback=lambda n: ACTIVITY_SESSIONS,
    inputs=("volume", "split"),
    of=LIQUIDITY,
)
def turnover_ratio(context: FeatureContext, n: int) -> FloatArray:
    """Relative turnover: mean volume of {n} sessions / mean volume of 252 sessions.

    The number of shares drops out of the ratio, so that it need not be known.
    """
    usual = window_mean(context.volume, ACTIVITY_SESSIONS, context.volume_carry)
    return window_mean(context.volume, n, context.volume_carry) / usual


@feature_family(SIZES, name="zero_volume_share_{n}", lookback=int, inputs=("volume",), of=LIQUIDITY)
def zero_volume_share(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions without volume."""
    return idle_sums(context).of(n) / n


@feature_family(
    SIZES,
    name="zero_return_share_{n}",
    lookback=lambda n: n + 1,
    inputs=("close", "split", "dividend"),
    of=LIQUIDITY,
)
def zero_return_share(context: FeatureContext, n: int) -> FloatArray:
    """Share of {n} sessions with a total return of 0.

    Source: Lesmond, Ogden and Trzcinka (1999), "A new estimate of transaction costs".
    """
    change = np.abs(gross_return(context) - 1.0)
    return window_sum(np.where(np.isnan(change), np.nan, change < ROUNDING), n) / n


@feature_family(
    SIZES,
    name="corwin_schultz_spread_{n}",
    lookback=lambda n: n + 1,
    inputs=("high", "low", "close", "split"),
    of=LIQUIDITY,
)
def corwin_schultz_spread(context: FeatureContext, n: int) -> FloatArray:
    """Spread from highs and lows: mean over {n} pairs of 2 (e^α − 1) / (1 + e^α), at least 0 each.

    α = (√(2β) − √β) / (3 − 2√2) − √(γ / (3 − 2√2)), with β the sum of two squared ln(high / low)
    and γ the square of that of both sessions together. Source: Corwin and Schultz (2012), "A simple
    way to estimate bid-ask spreads from daily high and low prices".
    """
    return window_mean(corwin_schultz(context), n)


@feature_family(
    SIZES,
    name="abdi_ranaldo_spread_{n}",
    lookback=lambda n: n + 1,
    inputs=("high", "low", "close", "split"),
    of=LIQUIDITY,
)
def abdi_ranaldo_spread(context: FeatureContext, n: int) -> FloatArray:
    """Spread from close, high and low: mean over {n} pairs of √max(4 (c − η)(c − η'), 0).

    c is the older session's ln close, η its middle of ln high and ln low, η' the newer one's.
    Source: Abdi and Ranaldo (2017), "A simple estimation of bid-ask spreads from daily close, high,
    and low prices", equation 11.
    """
    return window_mean(abdi_ranaldo(context), n)


@feature_family(
    (60,), name="roll_spread_{n}", lookback=lambda n: n + 2, inputs=("close", "split"), of=LIQUIDITY
)
def roll_spread(context: FeatureContext, n: int) -> FloatArray:
    """Spread from bounces: 2 √max(−covariance of {n} neighbouring log price changes, 0).

    Source: Roll (1984), "A simple implicit measure of the effective bid-ask spread".
    """
    change = np.log(context.close / previous_close(context))
    older = shift(change, 1)
    product = window_mean(change * older, n) - window_mean(change, n) * window_mean(older, n)
    return 2.0 * np.sqrt(np.maximum(-product, 0.0))
