"""Rolling statistics of any window: each recomputed from its own rows, by compiled loops.

What belongs here: the statistics as features call them. What does not: the loops
(`rolling_loops.py`, and in NumPy `rolling_numpy.py`, with the same bits), and the sums, extremes
and deviations that grow from one window's length to the next (`windows.py`).

Conventions: x is float64 of shape (T, N); NaN means absent. `carry` moves older rows into the units
of newer ones, as in `windows.py`. A value exists where row t is present and the window of n rows
holds at least `minimum` present ones (default: n; the first n-1 rows have fewer). Absent rows are
passed over. Infinite rows give NaN or infinity.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quant_platform.kernels import rolling_loops as loops
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import Carry

_NOTHING = np.ones((1, 1))
"""In place of a carry where nothing is to be moved."""


class Moments(NamedTuple):
    """Arrays of the shape of x: present rows, their mean, their sum of squared deviations."""

    present: FloatArray
    mean: FloatArray
    square: FloatArray

    def std(self, ddof: int = 0) -> FloatArray:
        """Standard deviation with the divisor present - ddof; NaN where that is not positive."""
        with np.errstate(divide="ignore", invalid="ignore"):
            divisor = np.where(self.present > ddof, self.present - ddof, np.nan)
            return np.asarray(np.sqrt(self.square / divisor), dtype=np.float64)


class Regression(NamedTuple):
    """Arrays of the shape of y: slope per session, share explained, what is left of row t."""

    slope: FloatArray
    r_squared: FloatArray
    residual: FloatArray


class Extreme(NamedTuple):
    """Arrays of the shape of x: the extreme, in the units of row t, and its age in rows."""

    value: FloatArray
    age: FloatArray


def rolling_sum(
    x: FloatArray,
    n: int,
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> FloatArray:
    """Sum of the last n rows.

    Examples
    --------
    >>> rolling_sum(np.array([[1.0], [np.nan], [3.0]]), 3, minimum=2).ravel()
    array([nan, nan,  4.])
    """
    given = _Window(x, n, carry, minimum)
    found = given.comoments(np.ones(n))
    return given.known((given.x + found[loops.MEAN_X]) * found[loops.WEIGHT], found[loops.COUNT])


def rolling_weighted_mean(
    x: FloatArray,
    weights: Sequence[float] | FloatArray,
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> FloatArray:
    """Mean Σ w_k · x[t-k] / Σ w_k; `weights[0]` is that of the newest row.

    Examples
    --------
    >>> rolling_weighted_mean(np.array([[1.0], [4.0]]), [2.0, 1.0]).ravel()
    array([nan,  3.])
    """
    given = _Window(x, len(weights), carry, minimum)
    found = given.comoments(np.asarray(weights, dtype=np.float64))
    return given.known(given.x + found[loops.MEAN_X], found[loops.COUNT])


def rolling_moments(
    x: FloatArray,
    n: int,
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> Moments:
    """Mean and squared deviations of the last n rows; equal rows deviate by exactly 0.

    Examples
    --------
    >>> rolling_moments(np.array([[1.0], [3.0]]), 2).std(ddof=1).ravel()
    array([       nan, 1.41421356])
    """
    given = _Window(x, n, carry, minimum)
    found = given.comoments(np.ones(n))
    count = found[loops.COUNT]
    mean = given.known(given.x + found[loops.MEAN_X], count)
    return Moments(count, mean, given.known(found[loops.XX], count))


def rolling_regression(
    y: FloatArray,
    n: int,
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> Regression:
    """Least squares line through the last n rows over time.

    With the age a = k and means ā, ȳ over the present rows, b = Σ(a-ā)(y-ȳ) / Σ(a-ā)²: the slope is
    -b per session, R² = b · Σ(a-ā)(y-ȳ) / Σ(y-ȳ)² (NaN where all rows are equal), and the residual
    of row t is y[t] - ȳ + b · ā.

    Examples
    --------
    >>> line = rolling_regression(np.array([[1.0], [3.0], [5.0]]), 3)
    >>> [float(each[2, 0]) for each in line]
    [2.0, 1.0, 0.0]
    """
    given = _Window(y, n, carry, minimum)
    found = given.comoments(np.ones(n), loops.BY_AGE)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_age = given.known(found[loops.XY] / found[loops.YY], found[loops.COUNT])
        explained = by_age * found[loops.XY] / found[loops.XX]
    return Regression(-by_age, explained, by_age * found[loops.MEAN_Y] - found[loops.MEAN_X])


def rolling_correlation(
    x: FloatArray,
    y: FloatArray,
    n: int,
    carry: Carry | FloatArray | None = None,
    jump: FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> FloatArray:
    """Correlation of x and y over the rows in which both are present, NaN where one is constant.

    Parameters
    ----------
    carry : moves older rows of x: by a factor
    jump : moves older rows of y: y[t-1] + jump[t], such as a logarithm's

    Examples
    --------
    >>> column = np.array([[1.0], [2.0], [4.0]])
    >>> rolling_correlation(column, -3.0 * column, 3).ravel().round(12)
    array([nan, nan, -1.])
    """
    given = _Window(x, n, carry, minimum)
    found = given.comoments(np.ones(n), loops.BY_OTHER, y, jump)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = found[loops.XY] / (np.sqrt(found[loops.XX]) * np.sqrt(found[loops.YY]))
    value[np.isnan(y)] = np.nan
    return given.known(value, found[loops.COUNT])


def rolling_max(
    x: FloatArray,
    n: int,
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> Extreme:
    """Largest of the last n rows and its age; the oldest of equal ones.

    Examples
    --------
    >>> rolling_max(np.array([[3.0], [3.0], [1.0]]), 3).age.ravel()
    array([nan, nan,  2.])
    """
    return _extreme(x, n, carry, minimum, largest=True)


def rolling_min(
    x: FloatArray,
    n: int,
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> Extreme:
    """Smallest of the last n rows and its age; the oldest of equal ones."""
    return _extreme(x, n, carry, minimum, largest=False)


def rolling_rank(
    x: FloatArray,
    n: int,
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> FloatArray:
    """Rank of row t among the last n rows, above 0 to 1; equal rows share their mean rank.

    Examples
    --------
    >>> rolling_rank(np.array([[1.0], [5.0], [3.0], [3.0]]), 4).ravel()
    array([  nan,   nan,   nan, 0.625])
    """
    given = _Window(x, n, carry, minimum)
    count, below, equal = (np.empty_like(given.x) for _ in range(3))
    loops.ranks(*given.arguments, n, count, below, equal)
    with np.errstate(divide="ignore", invalid="ignore"):
        return given.known((below + (equal + 1.0) / 2.0) / count, count)


def rolling_quantiles(
    x: FloatArray,
    n: int,
    shares: Sequence[float],
    carry: Carry | FloatArray | None = None,
    *,
    minimum: int | None = None,
) -> FloatArray:
    """Quantiles of the last n rows, shape (shares, T, N), joined by straight lines.

    Examples
    --------
    >>> rolling_quantiles(np.array([[1.0], [2.0], [4.0]]), 3, [0.25, 0.5])[:, 2, 0]
    array([1.5, 2. ])
    """
    given = _Window(x, n, carry, minimum)
    out = np.empty((len(shares), *given.x.shape))
    asked = np.asarray(shares, dtype=np.float64)
    if not ((asked >= 0.0) & (asked <= 1.0)).all():
        raise ValueError(f"quantiles lie between 0 and 1, not at {list(shares)}")
    loops.quantiles(*given.arguments, n, given.minimum, asked, out)
    return out


def _extreme(
    x: FloatArray,
    n: int,
    carry: Carry | FloatArray | None,
    minimum: int | None,
    *,
    largest: bool,
) -> Extreme:
    given = _Window(x, n, carry, minimum)
    count, value, age = (np.empty_like(given.x) for _ in range(3))
    loops.extremes(*given.arguments, n, largest, count, value, age)
    return Extreme(given.known(value, count), given.known(age, count))


class _Window:
    """The arguments that every loop takes, checked: contiguous arrays, and whether rows move."""

    def __init__(
        self, x: FloatArray, n: int, carry: Carry | FloatArray | None, minimum: int | None
    ) -> None:
        if n < 1:
            raise ValueError(f"a window has at least 1 row, not {n}")
        self.minimum = n if minimum is None else minimum
        if not 1 <= self.minimum <= n:
            raise ValueError(f"a window of {n} rows cannot need {minimum} present ones")
        self.x = np.ascontiguousarray(x)
        factors = carry.x if isinstance(carry, Carry) else carry
        given = _NOTHING if factors is None else np.ascontiguousarray(factors)
        self.arguments = (self.x, given, factors is not None)

    def comoments(
        self,
        weights: FloatArray,
        kind: int = loops.ALONE,
        y: FloatArray | None = None,
        jump: FloatArray | None = None,
    ) -> FloatArray:
        """Return what the loop of that name gives, shape (7, T, N)."""
        out = np.empty((7, *self.x.shape))
        other = _NOTHING if y is None else np.ascontiguousarray(y)
        steps = _NOTHING if jump is None else np.ascontiguousarray(jump)
        loops.comoments(*self.arguments, other, steps, jump is not None, weights, kind, out)
        return out

    def known(self, value: FloatArray, count: FloatArray) -> FloatArray:
        """Blank what rests on too few rows, or where row t is absent."""
        value[(count < self.minimum) | np.isnan(self.x)] = np.nan
        return value
