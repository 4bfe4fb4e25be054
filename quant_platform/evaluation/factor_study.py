"""What a factor foretells: rank correlations with later returns, and returns by quantile.

All functions take (sessions, securities) arrays. Session t's row of `forward` is the return after
session t. What does not belong here: which prices later returns are made of (`research/factor.py`).
"""

import math

import numpy as np

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.cross_section import rank

LEAST_PAIRS = 3
"""Securities of a session below which a rank correlation says nothing."""


def information_coefficients(values: FloatArray, forward: FloatArray) -> FloatArray:
    """Spearman's rank correlation of values and later returns in each session, NaN where unknown.

    Equal values share their mean rank. A session needs `LEAST_PAIRS` securities with both, and
    differing ones of either. Source: Grinold and Kahn, *Active Portfolio Management*, 2nd ed.,
    2000, ch. 6.
    """
    both = np.isfinite(values) & np.isfinite(forward)
    count = both.sum(axis=1)
    ranks = [np.where(both, rank(each, both), 0.0) for each in (values, forward)]
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (
            np.where(both, each - each.sum(axis=1, keepdims=True) / count[:, None], 0.0)
            for each in ranks
        )
        scale = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
        found = (one * other).sum(axis=1) / np.where(scale > 0.0, scale, np.nan)
    return np.where(count >= LEAST_PAIRS, found, np.nan)


def mean_with_error(series: FloatArray, overlap: int) -> tuple[float, float]:
    """Mean of a series and its standard error, where neighbours share information.

    Returns over h sessions of neighbouring sessions overlap in h − 1 of them. The variance of the
    mean is that of Newey and West, "A Simple, Positive Semi-Definite, Heteroskedasticity and
    Autocorrelation Consistent Covariance Matrix", *Econometrica* 55(3), 1987: autocovariances
    (divisor n) up to `overlap` with weights 1 − lag / (overlap + 1).

    Parameters
    ----------
    series : one value a session; unknown ones are left out
    overlap : lags with which values are related
    """
    known = series[np.isfinite(series)]
    count = len(known)
    if count < 2:
        return (float(known[0]) if count else math.nan), math.nan
    mean = float(known.mean())
    away = known - mean
    variance = float(away @ away) / count
    for lag in range(1, min(overlap, count - 1) + 1):
        weight = 1.0 - lag / (overlap + 1.0)
        variance += 2.0 * weight * float(away[lag:] @ away[:-lag]) / count
    return mean, math.sqrt(max(variance, 0.0) / count)


def quantile_of(values: FloatArray, where: BoolArray, quantiles: int) -> FloatArray:
    """Quantile of each value among those of its session, from 1 (lowest) up; NaN elsewhere.

    The quantile is ⌈rank · quantiles / count⌉: each holds as many securities as another, or one
    less. Of equal values the earlier security is the lower.
    """
    place = rank(values, where, "first")
    # The rank is a fraction; without the small number 1/3 · 3 could be above 1.
    return np.where(where, np.ceil(place * quantiles - 1e-9), np.nan)


def quantile_returns(of: FloatArray, forward: FloatArray, quantiles: int) -> FloatArray:
    """Mean later return of the securities of each quantile: (sessions, quantiles), NaN for none."""
    found = np.full((len(of), quantiles), np.nan)
    known = np.isfinite(forward)
    for number in range(1, quantiles + 1):
        where = (of == number) & known
        count = where.sum(axis=1)
        total = np.where(where, forward, 0.0).sum(axis=1)
        found[:, number - 1] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def quantile_turnover(of: FloatArray, number: int, lag: int = 1) -> FloatArray:
    """Share of a quantile's securities that were not in it `lag` sessions before, in each session.

    NaN in the first `lag` sessions, and where the quantile is empty.
    """
    inside = of == number
    found = np.full(len(of), np.nan)
    if lag < len(of):
        count = inside[lag:].sum(axis=1)
        new = (inside[lag:] & ~inside[:-lag]).sum(axis=1)
        found[lag:] = np.where(count > 0, new / np.maximum(count, 1), np.nan)
    return found
