"""Exposures of securities to the market and to five styles, of bars alone.

1. The market's return is the mean of its members' returns, weighted by what was traded of each up
   to the session before (the mean value traded of `USUAL_SESSIONS` sessions).
2. A security's beta is its slope on that over 252 sessions, moved a third of the way to 1 (Blume,
   "On the Assessment of Risk", *Journal of Finance* 26(1), 1971). What is left over is its residual
   volatility.
3. Size is the logarithm of the mean value traded of 63 sessions: shares outstanding are not known.
   Liquidity is how much more is traded lately than in a year, momentum the mean logarithmic return
   of a year without its last month, reversal the negative one of that month.
4. A style is made comparable among the members of a session: moved to `LIMIT` robust deviations
   (1.4826 · the median absolute deviation) from the median if it lies further away, then centred
   on the mean by value traded and divided by the plain standard deviation. The market, so weighted,
   has no exposure to a style (Menchero, Orr and Wang, "The Barra US Equity Model (USE4)", 2011).

Every window is anchored at its own end, and sums run from security to security, so that a value is
the same bits however history is cut. What does not belong here: rows, and any regression.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR, USUAL_SESSIONS
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.medians import known_median
from quant_platform.kernels.windows import decayed_mean, shift
from quant_platform.market.liquidity import value_traded
from quant_platform.market.panel import Panel
from quant_platform.market.total_return import total_returns

YEAR, QUARTER, MONTH = SESSIONS_PER_YEAR, 63, 21
"""Sessions of the windows."""

LOOKBACK = YEAR + USUAL_SESSIONS + 1
"""Sessions that an exposure depends on: a year, and what weights its first market return."""

KNOWN = 0.5
"""Least share of a window's sessions with a value."""

LIMIT = 3.0
"""Robust deviations from the median at which a characteristic is cut off."""

ROBUST = 1.4826
"""Standard deviations in a median absolute deviation of a normal distribution."""

BETA_SHRINKAGE = 1.0 / 3.0
"""Share of the way that a beta is moved to 1."""

NOISE = 1e-14
"""Variance of returns that is nothing but rounding."""


@dataclass(frozen=True)
class Exposures:
    """Exposures after the close of each session, (sessions, securities); NaN where unknown.

    Attributes
    ----------
    value_traded : mean value traded of `USUAL_SESSIONS` sessions, in currency
    market : beta
    styles : style → exposure
    market_return : (sessions,), of the market that betas refer to
    """

    value_traded: FloatArray
    market: FloatArray
    styles: Mapping[str, FloatArray]
    market_return: FloatArray


def exposures(panel: Panel) -> Exposures:
    """Return the exposures of a panel's members.

    Parameters
    ----------
    panel : bars, actions and universe; values of a session are right if `LOOKBACK` − 1 sessions are
        before it, or all that there are
    """
    where = panel.member & panel.traded
    returns = known_returns(panel)
    value = value_traded(panel)
    usual = decayed_mean(value, 0.0, USUAL_SESSIONS, 1)
    market_return = _market_return(returns, usual, panel.member)
    beta, residual = _beta(returns, market_return)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.where(returns > -1.0, np.log1p(returns), np.nan)
        month, year = _mean(value, MONTH), _mean(value, YEAR)
        raw = {
            "size": np.log(_mean(value, QUARTER)),
            "momentum": _mean(shift(logarithms, MONTH), YEAR - MONTH),
            "residual_volatility": residual,
            "liquidity": np.log(month / year),
            "reversal": -_mean(logarithms, MONTH),
        }
    weights = weights_of(usual, where)
    return Exposures(
        value_traded=np.where(where, usual, np.nan),
        market=np.where(where, beta, np.nan),
        styles={name: standardised(values, weights, where) for name, values in raw.items()},
        market_return=market_return,
    )


def known_returns(panel: Panel) -> FloatArray:
    """Total returns of one session, (sessions, securities); NaN in the first session, too."""
    returns = total_returns(panel)
    returns[:1] = np.nan
    return np.where(np.isfinite(returns), returns, np.nan)


def weights_of(usual: FloatArray, where: BoolArray) -> FloatArray:
    """Weights of the securities `where`, 0 elsewhere: the value traded.

    One without a known value weighs as little as the least known one of its session; where nothing
    is known of any, all weigh 1.
    """
    known = where & (usual > 0.0)
    least = np.where(known, usual, np.inf).min(axis=1, initial=np.inf, keepdims=True)
    rest = np.where(np.isfinite(least), least, 1.0)
    return np.where(known, usual, np.where(where, rest, 0.0))


def standardised(values: FloatArray, weights: FloatArray, where: BoolArray) -> FloatArray:
    """Return robust scores of each session; see step 4 of the module.

    Parameters
    ----------
    values : characteristics, NaN where unknown
    weights : by which scores average to 0; not negative
    where : securities that are compared

    Returns
    -------
    NaN where a value is unknown, and in sessions with fewer than two different ones.
    """
    known = where & np.isfinite(values)
    kept = np.where(known, values, np.nan)
    middle = known_median(kept)[:, None]
    width = LIMIT * ROBUST * known_median(np.abs(kept - middle))[:, None]
    # Where most are alike, the deviation says nothing about the others.
    width = np.where(width > 0.0, width, np.inf)
    kept = np.clip(kept, middle - width, middle + width)
    filled = np.where(known, kept, 0.0)
    of_known = np.where(known, weights, 0.0)
    count = known.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = _across(filled) / count
        away = np.where(known, kept - plain, 0.0)
        deviation = np.sqrt(_across(away * away) / count)
        centre = _across(of_known * filled) / _across(of_known)
        least = np.where(known, kept, np.inf).min(axis=1, initial=np.inf, keepdims=True)
        most = np.where(known, kept, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
        scores = (kept - centre) / np.where(least < most, deviation, np.nan)
    return np.where(known & np.isfinite(scores), scores, np.nan)


def _market_return(returns: FloatArray, usual: FloatArray, member: BoolArray) -> FloatArray:
    """Return the members' mean return by the value traded up to the session before."""
    earlier = np.zeros(member.shape, dtype=bool)
    earlier[1:] = member[:-1]
    known = earlier & np.isfinite(returns)
    weights = weights_of(shift(usual, 1), known)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = _across(weights * np.where(known, returns, 0.0)) / _across(weights)
    result: FloatArray = mean[:, 0]
    return result


def _beta(returns: FloatArray, market: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return shrunk betas, and the deviation of what they leave over, of a year."""
    known = np.isfinite(returns) & np.isfinite(market)[:, None]
    y = np.where(known, returns, np.nan)
    x = np.where(known, market[:, None], np.nan)
    mean_y, mean_x = _mean(y, YEAR), _mean(x, YEAR)
    variance_y = np.maximum(_mean(y * y, YEAR) - mean_y * mean_y, 0.0)
    variance_x = np.maximum(_mean(x * x, YEAR) - mean_x * mean_x, 0.0)
    together = _mean(x * y, YEAR) - mean_x * mean_y
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(variance_x > NOISE, together / variance_x, np.nan)
    left = np.where(variance_x > NOISE, variance_y - slope * together, variance_y)
    beta = slope + BETA_SHRINKAGE * (1.0 - slope)
    return beta, np.sqrt(np.maximum(left, 0.0))


def _mean(values: FloatArray, sessions: int) -> FloatArray:
    """Mean of the known values of a window, where the newest is known and half of them are."""
    return decayed_mean(values, 0.0, sessions, max(int(KNOWN * sessions), 1))


def _across(values: FloatArray) -> FloatArray:
    """Sum of each session from the first security to the last, in that order."""
    if not values.shape[1]:
        return np.zeros((len(values), 1))
    return np.cumsum(values, axis=1)[:, -1:]
