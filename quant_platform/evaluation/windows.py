"""The window a metric sees: the last n sessions, or all of them up to each one.

`TrailingWindow` holds a (rows, n) matrix, one row per window, and reduces the last axis.
`ExpandingWindow` holds one series and "reduces" it to the running value: entry t is the figure of
the window that starts at the series' first return and ends at t. Every figure of the expanding
window is a scan from that first return on, so it costs O(1) per session and does not depend on
where a backfill is cut. What does not belong here: metrics of a window (`metrics.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from quant_platform.kernels.arrays import FloatArray


class Moments(NamedTuple):
    """Mean and population central moments (÷ n) of orders 2 to 4, of the returns."""

    mean: FloatArray
    second: FloatArray
    third: FloatArray
    fourth: FloatArray


class CoMoments(NamedTuple):
    """Benchmark mean, its population variance, and the covariance of the returns with it (÷ n)."""

    benchmark_mean: FloatArray
    benchmark_second: FloatArray
    cross: FloatArray


@dataclass(frozen=True, eq=False)
class Window(ABC):
    """The series a metric is computed from; sessions run along the last axis, oldest first.

    Attributes
    ----------
    returns : simple return of each session, as a fraction; NaN after a close without positive
        equity, since nothing is a share of that
    benchmark : the benchmark's returns in the same sessions; NaN where it has none
    turnover : value traded over equity, per session
    exposure : gross exposure over equity at the close
    trades : orders filled in the session
    signals_judged, signals_hit : signals whose outcome became known in the session, and those that
        were right
    risk_free : risk-free return of each session, as a fraction; or one for all of them
    ratios : equity over the previous session's, of which the sign means nothing by itself; None:
        1 + returns
    """

    returns: FloatArray
    benchmark: FloatArray
    turnover: FloatArray
    exposure: FloatArray
    trades: FloatArray
    signals_judged: FloatArray
    signals_hit: FloatArray
    risk_free: FloatArray | float = 0.0
    ratios: FloatArray | None = None

    @classmethod
    def of(
        cls,
        returns: ArrayLike,
        benchmark: ArrayLike | None = None,
        *,
        risk_free: FloatArray | float = 0.0,
    ) -> Self:
        """Build a window from returns: no trades, no exposure, no benchmark unless given."""
        series = np.asarray(returns, dtype=np.float64)
        zero = np.zeros_like(series)
        other = (
            np.full_like(series, np.nan)
            if benchmark is None
            else np.asarray(benchmark, dtype=np.float64)
        )
        return cls(series, other, zero, zero, zero, zero, zero, risk_free)

    @property
    @abstractmethod
    def count(self) -> FloatArray:
        """Number of returns in each window; broadcasts against every reduction."""

    @abstractmethod
    def sum(self, values: ArrayLike) -> FloatArray:
        """Sum over the window."""

    @abstractmethod
    def min(self, values: FloatArray) -> FloatArray:
        """Smallest value in the window."""

    @abstractmethod
    def max(self, values: FloatArray) -> FloatArray:
        """Largest value in the window."""

    @abstractmethod
    def last(self, values: FloatArray) -> FloatArray:
        """Value of the window's last session."""

    @abstractmethod
    def reduce(
        self, function: Callable[[FloatArray], FloatArray], values: FloatArray
    ) -> FloatArray:
        """Apply any reduction of the last axis, for what has no running form (a quantile, say)."""

    @abstractmethod
    def moments_of(self, values: FloatArray) -> Moments:
        """Mean and central moments of any series; the latter exactly 0 for equal values."""

    @cached_property
    @abstractmethod
    def co_moments(self) -> CoMoments:
        """Moments of the returns with the benchmark's; NaN where the benchmark lacks a session."""

    def mean(self, values: ArrayLike) -> FloatArray:
        """Arithmetic mean over the window."""
        return np.asarray(self.sum(values) / self.count)

    @cached_property
    def excess(self) -> FloatArray:
        """Returns above the risk-free rate, session by session."""
        return np.asarray(self.returns - self.risk_free)

    @cached_property
    def moments(self) -> Moments:
        """Moments of the returns."""
        return self.moments_of(self.returns)

    @cached_property
    def excess_moments(self) -> Moments:
        """Moments of the returns above the risk-free rate."""
        # Without a rate they are those of the returns, to the last bit, and need no second pass.
        return self.moments_of(self.excess) if np.any(self.risk_free) else self.moments

    @cached_property
    def growth(self) -> FloatArray:
        """Value at each close of 1 invested at the window's start; NaN where that had no value."""
        if self.ratios is None:
            return np.asarray(np.cumprod(1.0 + self.returns, axis=-1), dtype=np.float64)
        value = np.cumprod(self.ratios, axis=-1)
        return np.asarray(np.where(np.isnan(self.returns[..., :1]), np.nan, value))

    @cached_property
    def drawdown(self) -> FloatArray:
        """Value at each close over the highest value so far (the start included), minus one."""
        peak = np.maximum(np.maximum.accumulate(self.growth, axis=-1), 1.0)
        return np.asarray(self.growth / peak - 1.0)


class TrailingWindow(Window):
    """Windows of equal length n, one per row: series of shape (…, n), figures of shape (…)."""

    @property
    def count(self) -> FloatArray:
        """Number of returns in each window."""
        return np.asarray(float(self.returns.shape[-1]))

    def sum(self, values: ArrayLike) -> FloatArray:
        """Sum over the last axis."""
        return np.asarray(np.sum(values, axis=-1, dtype=np.float64))

    def min(self, values: FloatArray) -> FloatArray:
        """Smallest value along the last axis."""
        return np.asarray(np.min(values, axis=-1))

    def max(self, values: FloatArray) -> FloatArray:
        """Largest value along the last axis."""
        return np.asarray(np.max(values, axis=-1))

    def last(self, values: FloatArray) -> FloatArray:
        """Last value along the last axis."""
        return np.asarray(values[..., -1])

    def reduce(
        self, function: Callable[[FloatArray], FloatArray], values: FloatArray
    ) -> FloatArray:
        """Apply `function` to the matrix."""
        return np.asarray(function(values))

    def moments_of(self, values: FloatArray) -> Moments:
        """Two passes: the mean, then the powers of the deviations from it."""
        deviation = self._deviation(values)
        square = deviation * deviation
        return Moments(
            self.mean(values),
            self.mean(square),
            self.mean(square * deviation),
            self.mean(square * square),
        )

    @cached_property
    def co_moments(self) -> CoMoments:
        """Two passes, as `moments_of`."""
        own, other = self._deviation(self.returns), self._deviation(self.benchmark)
        return CoMoments(
            self.mean(self.benchmark), self.mean(other * other), self.mean(own * other)
        )

    def _deviation(self, values: FloatArray) -> FloatArray:
        # Relative to the first value, so that equal values have a deviation of exactly 0.
        shifted = values - values[..., :1]
        return np.asarray(shifted - self.mean(shifted)[..., None])


class ExpandingWindow(Window):
    """Windows that all start at the first return: series and figures of shape (…, T)."""

    @property
    def count(self) -> FloatArray:
        """1, 2, …, T."""
        return np.arange(1, self.returns.shape[-1] + 1).astype(np.float64)

    def sum(self, values: ArrayLike) -> FloatArray:
        """Running sum."""
        return np.cumsum(values, axis=-1, dtype=np.float64)

    def min(self, values: FloatArray) -> FloatArray:
        """Running minimum."""
        return np.asarray(np.minimum.accumulate(values, axis=-1))

    def max(self, values: FloatArray) -> FloatArray:
        """Running maximum."""
        return np.asarray(np.maximum.accumulate(values, axis=-1))

    def last(self, values: FloatArray) -> FloatArray:
        """Return the values themselves: each is the last of its window."""
        return values

    def reduce(
        self, function: Callable[[FloatArray], FloatArray], values: FloatArray
    ) -> FloatArray:
        """Apply `function` to every prefix: O(T²), the price of a figure without a running form."""
        ends = range(1, values.shape[-1] + 1)
        return np.stack([np.asarray(function(values[..., :end])) for end in ends], axis=-1)

    def moments_of(self, values: FloatArray) -> Moments:
        """One pass, each value updating the moments of those before it.

        Pébay, "Formulas for Robust, One-Pass Parallel Computation of Covariances and
        Arbitrary-Order Statistical Moments", Sandia report SAND2008-6212, 2008.
        """
        n, step, mean = self._updates(values)
        second = np.cumsum(step * step * (n - 1) / n, axis=-1)
        before = _delayed(second)
        third = np.cumsum(
            step**3 * (n - 1) * (n - 2) / n**2 - 3.0 * step * before / n,
            axis=-1,
        )
        fourth = np.cumsum(
            step**4 * (n - 1) * (n * n - 3.0 * n + 3.0) / n**3
            + 6.0 * step * step * before / n**2
            - 4.0 * step * _delayed(third) / n,
            axis=-1,
        )
        return Moments(mean, second / n, third / n, fourth / n)

    @cached_property
    def co_moments(self) -> CoMoments:
        """One pass, as `moments_of`."""
        n, own, _ = self._updates(self.returns)
        _, other, mean = self._updates(self.benchmark)
        weight = (n - 1) / n
        second = np.cumsum(other * other * weight, axis=-1)
        cross = np.cumsum(own * other * weight, axis=-1)
        return CoMoments(mean, second / n, cross / n)

    def _updates(self, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Counts, each value's distance to the mean of those before it, and running means."""
        # Relative to the first value, so that equal values have moments of exactly 0.
        shifted = values - values[..., :1]
        mean = self.mean(shifted)
        return self.count, shifted - _delayed(mean), self.mean(values)


def _delayed(values: FloatArray) -> FloatArray:
    """Shift by one session, with 0 before the first."""
    return np.concatenate([np.zeros_like(values[..., :1]), values[..., :-1]], axis=-1)
