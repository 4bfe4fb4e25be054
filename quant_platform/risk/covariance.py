"""How factors vary together, and how single securities vary beside them, of the past alone.

1. Factors: variances with a half-life of 84 sessions, correlations with one of 252, both over the
   last 504 sessions, about 0, and with the covariances of up to `LAGS` sessions' distance after
   Newey and West, "A Simple, Positive Semi-Definite, Heteroskedasticity and Autocorrelation
   Consistent Covariance Matrix", *Econometrica* 55(3), 1987. The half-lives are of the kind of
   Menchero, Orr and Wang, "The Barra US Equity Model (USE4)", 2011. A matrix with a negative
   eigenvalue, which factors of different histories may have, is moved to the nearest of this kind
   that has none: the eigenvalue is set to 0.
2. Securities: deviation of the specific returns of the last 252 sessions with a half-life of 84,
   moved towards the mean of securities of the same size, the more the further it lies away (same
   source): share q|σ − mean| / (Δ + q|σ − mean|) of the way, where Δ is the deviation within the
   group. One that is not known long enough has the mean.

Windows are anchored at their own end. What does not belong here: portfolios (`forecast.py`).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.windows import decayed_mean, shift

FACTOR_WINDOW = 504
SPECIFIC_WINDOW = 252
"""Sessions that variances look back on, the newest included."""

VOLATILITY_HALF_LIFE = 84
CORRELATION_HALF_LIFE = 252
"""Sessions after which a return counts half."""

LAGS = 2
"""Sessions over which factor returns may follow each other."""

FACTOR_LOOKBACK = FACTOR_WINDOW + LAGS
"""Sessions that a covariance of factors depends on."""

LEAST_KNOWN = 63
"""Returns that a forecast needs at least, of a factor or a security."""

LEAST_OF_MINOR = 21
"""Returns that a factor beside the market needs at least."""

SHRINKAGE = 0.1
"""q above: a deviation of one Δ moves by a tenth."""

SIZE_GROUPS = 5
NAMES_PER_GROUP = 10
"""Groups of size, where there are so many securities for each; else all are one."""


def factor_covariance(
    returns: FloatArray, lags: int = LAGS, last: int | None = None
) -> tuple[FloatArray, BoolArray]:
    """Return each session's covariance matrix of factor returns of one session.

    Parameters
    ----------
    returns : (sessions, factors), NaN where there was no such factor; the first is the market
    lags : sessions over which returns may follow each other
    last : how many sessions are wanted; all if None

    Returns
    -------
    covariance : (sessions, factors, factors), 0 for a factor that is not known long enough
    known : (sessions, factors) which factors are
    """
    sessions, size = returns.shape
    count = _counted(returns, FACTOR_WINDOW)
    least = np.array([LEAST_KNOWN, *[LEAST_OF_MINOR] * (size - 1)][:size])
    known = count > least - 0.5
    known &= known[:, :1]
    variances = _with_lags(returns, VOLATILITY_HALF_LIFE, lags, own_only=True)
    together = _with_lags(returns, CORRELATION_HALF_LIFE, lags, own_only=False)
    every = np.arange(size)
    own = together[:, every, every]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(np.maximum(variances, 0.0) / own)
    scale = np.where(known & (own > 0.0) & np.isfinite(scale), scale, 0.0)
    wanted = slice(0 if last is None else max(sessions - last, 0), None)
    scale = scale[wanted]
    covariance = together[wanted] * scale[:, :, None] * scale[:, None, :]
    return _without_negative(covariance), known[wanted]


def _with_lags(returns: FloatArray, half_life: int, lags: int, *, own_only: bool) -> FloatArray:
    """Decayed means of the products of factors, with those of sessions up to `lags` apart.

    Returns
    -------
    (sessions, factors) of `own_only`, else (sessions, factors, factors)
    """
    sessions, size = returns.shape
    first, second = np.triu_indices(size) if not own_only else (np.arange(size),) * 2
    total = _decayed(returns[:, first] * returns[:, second], half_life, FACTOR_WINDOW)
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        earlier = shift(returns, lag)
        for one, other in ((first, second), (second, first)):
            mean = _decayed(earlier[:, one] * returns[:, other], half_life, FACTOR_WINDOW)
            # Where two factors never met in this way, nothing is known of it.
            total = total + weight * np.where(np.isnan(mean), 0.0, mean)
    if own_only:
        return total
    result = np.zeros((sessions, size, size))
    result[:, first, second] = total
    result[:, second, first] = total
    return np.where(np.isnan(result), 0.0, result)


def _decayed(values: FloatArray, half_life: int, window: int) -> FloatArray:
    """Mean of the known values of each window, weighted by their age; NaN without any."""
    alpha = 1.0 - 0.5 ** (1.0 / half_life)
    known = np.isfinite(values)
    sums = decayed_mean(np.where(known, values, 0.0), alpha, window, 1)
    shares = decayed_mean(known.astype(np.float64), alpha, window, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(shares > 0.0, sums / shares, np.nan)


def _counted(values: FloatArray, window: int) -> FloatArray:
    """Number of the known values of each window."""
    share = decayed_mean(np.isfinite(values).astype(np.float64), 0.0, window, 1)
    rows: FloatArray = np.minimum(np.arange(1.0, len(values) + 1.0), window)[:, None]
    return share * rows


def _without_negative(covariance: FloatArray) -> FloatArray:
    """Set negative eigenvalues to 0, in the sessions that have one beyond rounding."""
    result = covariance.copy()
    for at, matrix in enumerate(covariance):
        # Of the factors that vary alone: other sessions may know more of them.
        varies = np.flatnonzero(np.diagonal(matrix) > 0.0)
        if len(varies) < 2:
            continue
        block = np.ix_(varies, varies)
        values, vectors = np.linalg.eigh(matrix[block])
        if values[0] < -1e-12 * values[-1]:
            kept = (vectors * np.maximum(values, 0.0)) @ vectors.T
            result[at][block] = (kept + kept.T) / 2.0
    return result


def specific_volatility(
    specific: FloatArray, value_traded: FloatArray, where: BoolArray
) -> FloatArray:
    """Return the deviation of one session's specific return of each security.

    Parameters
    ----------
    specific : (sessions, securities) specific returns, NaN where there is none
    value_traded : by which securities are grouped; NaN where unknown
    where : securities that have one

    Returns
    -------
    (sessions, securities), NaN outside of `where`, and in sessions in which none is known long
    enough.
    """
    counted = _counted(specific, SPECIFIC_WINDOW)
    variance = _decayed(specific * specific, VOLATILITY_HALF_LIFE, SPECIFIC_WINDOW)
    own = np.where(where & (counted > LEAST_KNOWN - 0.5), np.sqrt(variance), np.nan)
    groups, count = _size_groups(value_traded, where)
    mean, spread = _of_groups(own, groups, count)
    away = np.abs(own - mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(away > 0.0, SHRINKAGE * away / (spread + SHRINKAGE * away), 0.0)
    shrunk = own + share * (mean - own)
    return np.where(where, np.where(np.isfinite(own), shrunk, mean), np.nan)


def _size_groups(value_traded: FloatArray, where: BoolArray) -> tuple[NDArray[np.int64], int]:
    """Group of each cell by value traded among its session's; one unknown is of the smallest."""
    keys = np.where(where, np.where(np.isnan(value_traded), -1.0, value_traded), np.inf)
    order = np.argsort(keys, axis=1, kind="stable")
    place = np.empty(keys.shape, dtype=np.int64)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(keys.shape[1]), keys.shape), axis=1)
    members = where.sum(axis=1, keepdims=True)
    several = members >= SIZE_GROUPS * NAMES_PER_GROUP
    groups = np.where(several, place * SIZE_GROUPS // np.maximum(members, 1), 0)
    return np.clip(groups, 0, SIZE_GROUPS - 1), SIZE_GROUPS


def _of_groups(
    values: FloatArray, groups: NDArray[np.int64], count: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and deviation within each cell's group; of the session where it has no known value."""
    mean = _means(values, groups, count)
    mean = np.where(np.isnan(mean), _means(values, np.zeros_like(groups), 1), mean)
    spread = np.sqrt(_means((values - mean) ** 2, groups, count))
    return mean, spread


def _means(values: FloatArray, groups: NDArray[np.int64], count: int) -> FloatArray:
    """Mean of the known values of each cell's group, for all cells."""
    rows, columns = np.nonzero(np.isfinite(values))
    keys = rows * count + groups[rows, columns]
    size = len(values) * count
    sums = np.bincount(keys, values[rows, columns], minlength=size)
    numbers = np.bincount(keys, minlength=size)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / numbers
    of_cells: FloatArray = means[np.arange(len(values))[:, None] * count + groups]
    return of_cells
