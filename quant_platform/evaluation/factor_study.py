"""What many sessions of a factor say together: means with errors, half-lives, costs.

What does not belong here: the figures of a session (`factor_sessions.py`), and the result that a
user holds (`research/factor.py`).
"""

import math
from dataclasses import dataclass

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR, TWO_SIDED_95
from quant_platform.kernels.arrays import FloatArray
from quant_platform.trading.costs import BASIS_POINT, Costs


def hac_lags(horizon: int, sessions: int) -> int:
    """Lags up to which the figures of sessions count as related.

    The larger of 2 · (horizon − 1) and ⌊4 · (sessions / 100)^(2/9)⌋, below `sessions`. Returns
    over h sessions overlap in h − 1 of them; Bartlett's weights up to that lag would count two
    thirds of the overlap, up to twice of it five sixths. The other is the rule of Newey and West,
    "Automatic Lag Selection in Covariance Matrix Estimation", *Review of Economic Studies* 61(4),
    1994, in its simplest form: a factor that persists makes neighbours alike without any overlap.

    Examples
    --------
    >>> hac_lags(1, 1260), hac_lags(21, 1260), hac_lags(21, 10)
    (7, 40, 9)
    """
    rule = math.floor(4.0 * math.pow(sessions / 100.0, 2.0 / 9.0))
    return max(min(max(2 * (horizon - 1), rule), sessions - 1), 0)


def means_with_errors(series: FloatArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Mean of each series and its standard error, where neighbours share information.

    The variance of the mean is that of Newey and West, "A Simple, Positive Semi-Definite,
    Heteroskedasticity and Autocorrelation Consistent Covariance Matrix", *Econometrica* 55(3),
    1987: autocovariances (divisor n) up to L = `hac_lags` with weights 1 − lag / (L + 1).

    Parameters
    ----------
    series : (sessions, series); unknown values are left out, and what is left counts as
        consecutive
    horizon : sessions of the returns that the values are made of

    Returns
    -------
    Two arrays of (series,): NaN without a value, and errors below two values.
    """
    means, errors = (np.full(series.shape[1], np.nan) for _ in range(2))
    for place in range(series.shape[1]):
        one = series[:, place]
        known = one[np.isfinite(one)]
        means[place], errors[place] = _mean_with_error(known, hac_lags(horizon, len(known)))
    return means, errors


def mean_with_error(series: FloatArray, horizon: int) -> tuple[float, float]:
    """Mean of one series and its standard error; see `means_with_errors`."""
    means, errors = means_with_errors(series[:, None], horizon)
    return float(means[0]), float(errors[0])


def _mean_with_error(known: FloatArray, lags: int) -> tuple[float, float]:
    count = len(known)
    if count < 2:
        return (float(known[0]) if count else math.nan), math.nan
    mean = float(known.mean())
    away = known - mean
    variance = float(away @ away) / count
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        variance += 2.0 * weight * float(away[lag:] @ away[:-lag]) / count
    return mean, math.sqrt(max(variance, 0.0) / count)


@dataclass(frozen=True)
class SpreadCosts:
    """What trading the spread costs: the rates that do not depend on the size of an order.

    A unit of capital is long in the highest quantile and another one short in the lowest, in equal
    weights, and both are renewed every `horizon` sessions. For each security that is replaced
    something is sold and something bought. Commissions per share or per order, price impact and
    what rebalancing of those that stay costs are not in it.

    Attributes
    ----------
    rate : commission and half the spread on each value traded, as a fraction
    taxes : on a purchase and a sale together, as a fraction
    borrow : annual fee on what is sold short, as a fraction
    """

    rate: float = 0.0
    taxes: float = 0.0
    borrow: float = 0.0

    @classmethod
    def of(cls, costs: Costs) -> "SpreadCosts":
        """Take them from what a simulation assumes of trading."""
        return cls(
            (costs.commission_bp + costs.slippage_bp) * BASIS_POINT,
            (costs.buy_tax_bp + costs.sell_tax_bp) * BASIS_POINT,
            costs.borrow_rate,
        )

    def of_turnover(self, replaced: FloatArray, horizon: int) -> FloatArray:
        """Costs of holding the spread for `horizon` sessions, as a fraction of a unit of capital.

        Parameters
        ----------
        replaced : share of the highest quantile plus share of the lowest that is renewed
        """
        return replaced * (2.0 * self.rate + self.taxes) + self.borrow * horizon / SESSIONS_PER_YEAR

    def __str__(self) -> str:
        parts = f"{2.0 * self.rate + self.taxes:.2%} for each value that is renewed"
        return f"{parts} and {self.borrow:.2%} a year for borrowing" if self.borrow else parts


def half_life_of_persistence(correlation: float) -> float:
    """Sessions in which a rank autocorrelation of one session decays to a half; NaN outside (0, 1).

    ln ½ ÷ ln ρ, that of a first-order autoregression.

    Examples
    --------
    >>> half_life_of_persistence(0.5), round(half_life_of_persistence(0.9), 2)
    (1.0, 6.58)
    """
    if not 0.0 < correlation < 1.0:
        return math.nan
    return math.log(0.5) / math.log(correlation)


def half_life_of_decay(lags: FloatArray, means: FloatArray) -> float:
    """Lag at which a mean correlation first is half of that at the first lag.

    Between lags it is interpolated linearly; NaN where it never falls so far, or begins unknown or
    at 0. The half-life of information is that of Grinold and Kahn, *Active Portfolio Management*,
    2nd ed., 2000, ch. 13.

    Examples
    --------
    >>> half_life_of_decay(np.array([0.0, 1.0, 5.0]), np.array([-0.04, -0.03, -0.01]))
    3.0
    """
    known = np.isfinite(means)
    if not len(means) or not known[0] or means[0] == 0.0:
        return math.nan
    at, share = lags[known], means[known] / means[0]
    below = np.flatnonzero(share <= 0.5)
    if not len(below):
        return math.nan
    after = int(below[0])
    fall = (share[after - 1] - 0.5) / (share[after - 1] - share[after])
    return float(at[after - 1] + fall * (at[after] - at[after - 1]))


def ratio(value: float, by: float) -> float:
    """Value ÷ `by`; NaN unless `by` is above 0."""
    return value / by if by > 0.0 else math.nan


def interval(mean: float, error: float) -> tuple[float, float]:
    """Ends of the interval of 95 % around a mean."""
    return mean - TWO_SIDED_95 * error, mean + TWO_SIDED_95 * error


def monotonicity(means: FloatArray) -> float:
    """Rank correlation of the numbers of quantiles and their mean returns; NaN where one lacks.

    Examples
    --------
    >>> monotonicity(np.array([0.01, 0.02, 0.03])), monotonicity(np.array([0.01, np.nan, 0.03]))
    (1.0, nan)
    """
    if len(means) < 2 or not np.isfinite(means).all() or np.ptp(means) == 0.0:
        return math.nan
    below = (means[:, None] > means[None, :]).sum(axis=1)
    same = (means[:, None] == means[None, :]).sum(axis=1)
    return float(np.corrcoef(np.arange(len(means)), below + (same - 1) / 2.0)[0, 1].round(15))
