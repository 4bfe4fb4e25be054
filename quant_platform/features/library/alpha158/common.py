"""What several features of Alpha158 are made of: carries over actions, and figures of windows.

What does not belong here: features.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from quant_platform.features.context import FeatureContext, shared
from quant_platform.features.feature_registry import feature, feature_family
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_moments import (
    CoMoments,
    comoments,
    comoments_with_log,
    moments,
    trends,
)
from quant_platform.kernels.rolling_order import maxima, quantiles, ranks
from quant_platform.kernels.rolling_sums import FALLS, RISES, sums_by_sign
from quant_platform.kernels.windows import Carry, shift

ALPHA158 = FeatureSet(
    "alpha158",
    "qlib's Alpha158 (Yang et al., 2020; version 0.9.7), its names in lower case; ε is 1e-12.",
    "float4",
)

WINDOWS = (5, 10, 20, 30, 60)
"""Sessions of qlib's windows."""

EPSILON = 1e-12
"""What qlib adds to divisors."""

STANDING_STILL = 2e-5
"""Deviation up to which qlib takes a series for constant: it then has no R² and no correlation."""

QUANTILES = (0.8, 0.2)

PRICES = ("close", "split", "dividend")
VOLUMES = ("volume", *PRICES)

of_session = partial(feature, lookback=1, of=ALPHA158)
"""Makes a feature of a session's own bar."""

of_windows = partial(feature_family, WINDOWS, of=ALPHA158)
"""Makes a feature of each window."""


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


def of_window(figures: FloatArray, n: int, part: int | None = None) -> FloatArray:
    """Return the figures of the window of n sessions: of some `part`, where there are several."""
    place = place_of(n)
    chosen: FloatArray = figures[place] if part is None else figures[part, place]
    return chosen


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
def price_and_volume(context: FeatureContext) -> FloatArray:
    """Correlations of close and ln(volume + 1)."""
    pair = comoments_with_log(context.close, context.volume, WINDOWS, price_carry(context))
    return correlations(pair)


@shared
def changes_of_price_and_volume(context: FeatureContext) -> FloatArray:
    """Correlations of close / close before and ln(volume / volume before + 1)."""
    growth = context.volume / before(context.volume, volume_carry(context))
    change = context.close / close_before(context)
    return correlations(comoments(change, np.log(growth + 1.0), WINDOWS))


def correlations(pair: CoMoments) -> FloatArray:
    """Return the correlations of all windows, NaN where either series stands still."""
    still = STANDING_STILL * STANDING_STILL
    moving = (pair.variance_x > still) & (pair.variance_y > still)
    return np.where(moving, pair.correlation(), np.nan)


@shared
def price_moves(context: FeatureContext) -> FloatArray:
    """Sums of gains and of losses of the close."""
    change = context.close - close_before(context)
    return sums_by_sign(change, WINDOWS, price_carry(context))


@shared
def volume_moves(context: FeatureContext) -> FloatArray:
    """Sums of rises and of falls of the volume."""
    carry = volume_carry(context)
    return sums_by_sign(context.volume - before(context.volume, carry), WINDOWS, carry)


@shared
def counted_moves(context: FeatureContext) -> FloatArray:
    """Numbers of sessions with a gain and with a loss."""
    return sums_by_sign(np.sign(context.close - close_before(context)), WINDOWS)


def share_of(part: int, moves: FloatArray, n: int) -> FloatArray:
    """Return Σ part / (Σ rises + Σ falls + ε)."""
    both = of_window(moves, n, RISES) + of_window(moves, n, FALLS)
    return of_window(moves, n, part) / (both + EPSILON)


def difference_of(moves: FloatArray, n: int) -> FloatArray:
    """Return (Σ rises − Σ falls) / (Σ rises + Σ falls + ε)."""
    rises, falls = of_window(moves, n, RISES), of_window(moves, n, FALLS)
    return (rises - falls) / (rises + falls + EPSILON)
