"""What exposures, covariances and specific volatilities mean for portfolios.

With weights w of the positions, exposures X, the covariance F of factor returns and specific
volatilities d: the variance of a session is w′X F X′w + Σ w² d². A factor's contribution is its
exposure times its covariance with the portfolio, so that contributions and the specific part add up
to the variance.

A position without exposures (its security left the universe, or did not trade) counts as the
average one: a beta of 1, no other exposure, and the mean specific volatility of the session. How
much of the portfolio is not of this kind is said beside each forecast. What does not belong here:
how securities and factors vary (`covariance.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.risk.regression import PLAIN

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Market:
    """What is known of securities and factors after the close of several sessions.

    Attributes
    ----------
    design : (sessions, securities, 1 + styles); NaN where a security has no exposures, and no NaN
        where it has some (`regression.filled`)
    sector : (sessions, securities) number of the sector, −1 for none
    specific : (sessions, securities) specific volatilities; NaN where there is none
    covariance : (sessions, factors, factors) of factor returns, 0 for factors not known
    known : (sessions, factors) which factors are known
    """

    design: FloatArray
    sector: Integers
    specific: FloatArray
    covariance: FloatArray
    known: BoolArray


@dataclass(frozen=True)
class Positions:
    """Positions of portfolios, a row each.

    Attributes
    ----------
    portfolio, session, security : numbers, from 0; a security of −1 is none of the market's
    weight : share of the equity; NaN where unknown
    portfolios : (portfolios, sessions) which portfolios there are in which session
    """

    portfolio: Integers
    session: Integers
    security: Integers
    weight: FloatArray
    portfolios: BoolArray


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of the next session, each (portfolios, sessions); NaN where there is none.

    Attributes
    ----------
    volatility : standard deviation of the return of one session
    market_share, style_share, sector_share, specific_share : shares of the variance
    covered : share of the gross weight with exposures of its own
    positions : positions that are not 0
    exposures : (portfolios, sessions, 1 + styles)
    """

    volatility: FloatArray
    market_share: FloatArray
    style_share: FloatArray
    sector_share: FloatArray
    specific_share: FloatArray
    covered: FloatArray
    positions: Integers
    exposures: FloatArray


def forecasts(market: Market, held: Positions) -> Forecasts:
    """Forecast the risk of portfolios; see the module."""
    count, sessions = held.portfolios.shape
    factors = market.covariance.shape[1]
    keys = held.portfolio * sessions + held.session

    def sums(values: FloatArray) -> FloatArray:
        total = np.bincount(keys, values, minlength=count * sessions)
        return total.astype(np.float64).reshape(count, sessions)

    session, security = held.session, np.maximum(held.security, 0)
    own, sector, specific = _of_rows(market, session, security, held.security >= 0)
    weight = held.weight
    exposure = np.zeros((count, sessions, factors))
    for number in range(PLAIN):
        neutral = 1.0 if number == 0 else 0.0
        exposure[:, :, number] = sums(
            weight * np.where(own[:, 0] > 0.0, own[:, 1 + number], neutral)
        )
    for number in np.unique(sector[sector >= 0]).tolist():
        exposure[:, :, PLAIN + number] = sums(np.where(sector == number, weight, 0.0))
    with_factor = np.zeros(exposure.shape)
    for number in range(factors):  # In the order of the factors, whichever there are.
        with_factor += exposure[:, :, number, None] * market.covariance[None, :, number, :]
    contribution = exposure * with_factor
    variance_of_factors = _last_sum(contribution)
    alone = sums(weight * weight * specific * specific)
    variance = np.maximum(variance_of_factors + alone, 0.0)
    gross = sums(np.abs(weight))
    is_known = held.portfolios & (market.known[:, 0][None, :] | (gross == 0.0))
    variance = np.where(is_known & np.isfinite(variance), variance, np.nan)

    def share(part: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(variance > 0.0, part / variance, np.nan)

    with np.errstate(divide="ignore", invalid="ignore"):
        covered = sums(np.abs(weight) * own[:, 0]) / gross
    return Forecasts(
        volatility=np.sqrt(variance),
        market_share=share(contribution[:, :, 0]),
        style_share=share(_last_sum(contribution[:, :, 1:PLAIN])),
        sector_share=share(_last_sum(contribution[:, :, PLAIN:])),
        specific_share=share(alone),
        covered=np.where(held.portfolios & (gross > 0.0), covered, np.nan),
        positions=sums((weight != 0.0).astype(np.float64)).astype(np.int64),
        exposures=np.where(held.portfolios[:, :, None], exposure[:, :, :PLAIN], np.nan),
    )


def _of_rows(
    market: Market, session: Integers, security: Integers, is_any: BoolArray
) -> tuple[FloatArray, Integers, FloatArray]:
    """Of each position whether it has exposures, then these; its sector; specific volatility."""
    if not market.specific.shape[1]:
        nothing = np.zeros((len(session), 1 + PLAIN))
        return nothing, np.full(len(session), -1), np.full(len(session), np.nan)
    design = market.design[session, security]
    has = is_any & np.isfinite(design[:, 0])
    sector = np.where(has, market.sector[session, security], -1)
    known = np.isfinite(market.specific)
    filled = np.cumsum(np.where(known, market.specific, 0.0), axis=1)[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled / known.sum(axis=1)
    own = np.where(has, market.specific[session, security], np.nan)
    specific = np.where(np.isfinite(own), own, mean[session])
    return np.column_stack((has.astype(np.float64), design)), sector, specific


def _last_sum(values: FloatArray) -> FloatArray:
    """Sum over the last axis, from the first element to the last."""
    if not values.shape[-1]:
        return np.zeros(values.shape[:-1])
    return np.cumsum(values, axis=-1)[..., -1]
