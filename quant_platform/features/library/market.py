"""The set `market`: how a security moves with the market, and without it.

The market's return is that of the context (`features/extras.py`); returns are total returns of one
session. Regressions are by ordinary least squares with an intercept, over windows that must be
full. What does not belong here: what the market is.
"""

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.features.context import FeatureContext, gross_return, shared
from quant_platform.features.feature_registry import feature_family
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_moments import CoMoments, comoments
from quant_platform.kernels.windows import shift, window_sum

MARKET = FeatureSet(
    "market", "Beta, correlation, residual risk and idiosyncratic momentum of each security."
)

SIZES = (60, SESSIONS_PER_YEAR)

INPUTS = ("close", "split", "dividend", "market_return")

SKIPPED = 21
"""Newest sessions that momentum leaves out: a month."""


@shared
def security_return(context: FeatureContext) -> FloatArray:
    """One-session total return of each security."""
    return gross_return(context) - 1.0


@shared
def market_return(context: FeatureContext) -> FloatArray:
    """One-session return of the market beside each security."""
    return np.broadcast_to(context.market_return[:, None], context.close.shape)


@shared
def with_market(context: FeatureContext) -> CoMoments:
    """Co-moments of the security's return (x) and the market's (y), over each of `SIZES`."""
    return comoments(security_return(context), market_return(context), SIZES)


def pair_over(context: FeatureContext, n: int) -> CoMoments:
    """Return the co-moments of n sessions."""
    return CoMoments(*(each[SIZES.index(n)] for each in with_market(context)))


def beta_over(context: FeatureContext, n: int) -> FloatArray:
    """Return covariance / variance of the market."""
    pair = pair_over(context, n)
    return pair.covariance / pair.variance_y


@feature_family(SIZES, name="beta_{n}", lookback=lambda n: n + 1, inputs=INPUTS, of=MARKET)
def beta(context: FeatureContext, n: int) -> FloatArray:
    """Market beta: covariance of return and market return / variance of the latter, {n} sessions.

    Source: Sharpe (1964), "Capital asset prices".
    """
    return beta_over(context, n)


@feature_family(
    SIZES, name="market_correlation_{n}", lookback=lambda n: n + 1, inputs=INPUTS, of=MARKET
)
def market_correlation(context: FeatureContext, n: int) -> FloatArray:
    """Correlation of return and market return over {n} sessions."""
    return pair_over(context, n).correlation()


@feature_family(
    SIZES, name="residual_volatility_{n}", lookback=lambda n: n + 1, inputs=INPUTS, of=MARKET
)
def residual_volatility(context: FeatureContext, n: int) -> FloatArray:
    """Annual residual risk: √(252 · Σ e² / (n − 2)), residuals e of {n} sessions on the market.

    Source: Ang, Hodrick, Xing and Zhang (2006), "The cross-section of volatility and expected
    returns", with one factor.
    """
    pair = pair_over(context, n)
    unexplained = np.maximum(pair.variance_x - pair.covariance**2 / pair.variance_y, 0.0)
    volatility: FloatArray = np.sqrt(SESSIONS_PER_YEAR * unexplained * ((n - 1) / (n - 2)))
    return volatility


@feature_family(
    SIZES[1:], name="idiosyncratic_momentum_{n}", lookback=lambda n: n + 1, inputs=INPUTS, of=MARKET
)
def idiosyncratic_momentum(context: FeatureContext, n: int) -> FloatArray:
    """Momentum beside the market: Σ (return − β · market return), {n} sessions but the last 21.

    β is that of the {n} sessions; the intercept stays in. A sum of fractions. Source: Gutierrez and
    Prinsky (2007), "Momentum, reversal, and the trading behaviors of institutions"; Blitz, Huij and
    Martens (2011), "Residual momentum", with one factor.
    """
    own, market = (
        window_sum(shift(values, SKIPPED), n - SKIPPED)
        for values in (security_return(context), market_return(context))
    )
    return own - beta_over(context, n) * market
