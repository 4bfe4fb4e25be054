"""Intervals by the stationary bootstrap: of the Sharpe ratio, and of every metric.

1. **Blocks.** A model's mean block length is the larger one of those that are optimal for its
   returns and for their squares, since volatility clusters where returns do not
   (`kernels/resampling.py` has the sources). Several models are resampled together, by the mean of
   theirs.
2. **Draws** depend on an identity (a text), the number of resamples and nothing else. So they are
   the same for every model and in every session, a difference of two models is one of paired
   resamples, and figures change from session to session by what the session adds, not by chance.
3. **Interval.** The 2.5 % and 97.5 % quantiles of the figure over the resamples (B. Efron,
   "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979). It is null
   where the figure is, below `FEWEST_SESSIONS` returns, and where more than 5 % of the resamples
   have none.

A resample keeps the order of sessions within a block only. A drawdown that is longer than a block
is therefore rarer in resamples than in the series, and its interval may not hold its estimate.

What does not belong here: comparisons of models (`confidence_set.py`).
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.evaluation.metric_registry import Metric
from quant_platform.evaluation.metrics import METRICS, ROOT_YEAR, ZERO_DEVIATION
from quant_platform.evaluation.windows import TrailingWindow
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.resampling import (
    IntArray,
    block_positions,
    block_sums,
    optimal_block,
)
from quant_platform.kernels.threads import in_threads

RESAMPLES = 1_000
"""Resamples of an interval or a test, unless others are asked for."""

FEWEST_SESSIONS = 21
"""Returns below which nothing is resampled: about a month."""

LOWER, UPPER = 0.025, 0.975
"""Quantiles that are the ends of a 95 % interval."""

MOST_UNDEFINED = 0.05
"""Share of resamples without a figure up to which there is an interval."""

CHUNK_CELLS = 65_536
"""Returns that are resampled at a time: half a megabyte an array, to stay in the cache."""

SPARE_DEVIATIONS, SPARE_BLOCKS = 8.0, 16
"""Blocks drawn beyond the expected number: a resample is then full in all but 1 of 10¹⁵ cases, and
in those its last block is longer."""

ENDLESS = 1e12
"""Exponential draw that makes a block as long as what is left of the resample."""


class Draws(NamedTuple):
    """What blocks are made of: uniform and exponential draws, each (resamples, blocks)."""

    starts: FloatArray
    lengths: FloatArray
    scale: float

    @classmethod
    def of(cls, identity: str, sessions: int, block: float, resamples: int = RESAMPLES) -> "Draws":
        """Draws for a series of so many sessions, in blocks of this mean length."""
        expected = sessions / block
        needed = math.ceil(expected + SPARE_DEVIATIONS * math.sqrt(expected)) + SPARE_BLOCKS
        starts, lengths = _tables(identity, resamples, 1 << (needed - 1).bit_length())
        return cls(starts, lengths, 0.0 if block <= 1.0 else -1.0 / math.log1p(-1.0 / block))

    def sums(self, running: FloatArray) -> FloatArray:
        """Sums over each resample, (resamples, K), from sums before each session, (T + 1, K)."""
        found = np.empty((len(self.starts), running.shape[1]))
        block_sums(np.ascontiguousarray(running), self.starts, self.lengths, self.scale, found)
        return found

    def positions(self, sessions: int, first: int, last: int) -> IntArray:
        """Sessions of the resamples from `first` to before `last`, one resample a row."""
        found = np.empty((last - first, sessions), dtype=np.int64)
        block_positions(self.starts[first:last], self.lengths[first:last], self.scale, found)
        return found


@lru_cache(maxsize=8)
def _tables(identity: str, resamples: int, blocks: int) -> tuple[FloatArray, FloatArray]:
    """Draws by resample and block; a longer table begins with the shorter one."""
    seed = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:16], "big")
    starts, lengths = np.random.default_rng(seed).spawn(2)
    first = np.ascontiguousarray(starts.random((blocks, resamples)).T)
    second = np.ascontiguousarray(lengths.standard_exponential((blocks, resamples)).T)
    second[:, -1] = ENDLESS
    for table in (first, second):
        table.flags.writeable = False
    return first, second


def block_length(returns: FloatArray) -> float:
    """Mean block length for resamples of one model's returns, (T,), in sessions; 1 if constant."""
    deviation = returns - np.mean(returns)
    lengths = (optimal_block(np.ascontiguousarray(values)) for values in (returns, deviation**2))
    return max((length for length in lengths if length > 1.0), default=1.0)


def sharpe_ratios(sums: FloatArray, squares: FloatArray, count: int) -> FloatArray:
    """Annualised Sharpe ratios from sums of returns and of their squares; NaN if constant."""
    mean = sums / count
    variance = np.maximum(squares / count - mean * mean, 0.0) * count / max(count - 1, 1)
    deviation = np.sqrt(variance)
    # Sums of squares hold a variance to about eight digits of the deviation, and no more.
    positive = deviation > np.maximum(ZERO_DEVIATION, 1e-7 * np.abs(mean))
    ratio = np.divide(mean, np.where(positive, deviation, 1.0))
    return np.where(positive, ratio * ROOT_YEAR, np.nan)


def interval(values: FloatArray) -> FloatArray:
    """Ends of the 95 % interval, (2, …), of figures over resamples along the first axis."""
    ordered = np.where(np.isfinite(values), values, np.nan)
    ordered = np.sort(np.moveaxis(ordered, 0, -1), axis=-1)
    # What is undefined comes last.
    defined = np.count_nonzero(~np.isnan(ordered), axis=-1)
    ends = [_quantile(ordered, defined, share) for share in (LOWER, UPPER)]
    enough = defined >= (1.0 - MOST_UNDEFINED) * ordered.shape[-1]
    return np.where(enough, ends, np.nan)


def _quantile(ordered: FloatArray, count: NDArray[np.intp], share: float) -> FloatArray:
    """Quantile of the first `count` of ordered values along the last axis, interpolated."""
    place = np.maximum(count - 1, 0) * share
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low, high = (np.take_along_axis(ordered, at[..., None], -1)[..., 0] for at in (below, above))
    return np.asarray(low + (high - low) * (place - below))


def metric_intervals(
    window: TrailingWindow,
    metrics: Mapping[str, Metric] = METRICS,
    *,
    identity: str = "",
    resamples: int = RESAMPLES,
    threads: int | None = None,
) -> pd.DataFrame:
    """Estimate and 95 % interval of every metric of one model.

    Parameters
    ----------
    window : series of shape (T,)
    metrics : the figures; any metric will do, since it is computed from resampled series
    identity : of the draws
    threads : default: one per core; their number changes no bit

    Returns
    -------
    DataFrame
        A row per metric: estimate, lower, upper; NaN where undefined.

    Examples
    --------
    >>> returns = np.tile([0.01, -0.01, 0.02, 0.0], 30)
    >>> table = metric_intervals(TrailingWindow.of(returns), {"win_rate": METRICS["win_rate"]})
    >>> round(float(table.loc["win_rate", "estimate"]), 3)
    0.667
    """
    sessions = window.returns.shape[-1]
    estimates = {
        name: float(metric(_sampled(window, np.arange(sessions)[None]))[0]) if sessions else np.nan
        for name, metric in metrics.items()
    }
    table = pd.DataFrame({"estimate": estimates, "lower": np.nan, "upper": np.nan})
    if sessions < FEWEST_SESSIONS or not np.isfinite(window.returns).all():
        return table
    draws = Draws.of(identity, sessions, block_length(window.returns), resamples)
    size = max(CHUNK_CELLS // sessions, 1)

    def resampled(first: int) -> list[FloatArray]:
        part = _sampled(window, draws.positions(sessions, first, min(first + size, resamples)))
        return [metric(part) for metric in metrics.values()]

    parts = in_threads(resampled, range(0, resamples, size), threads)
    figures = [np.concatenate(of_metric) for of_metric in zip(*parts, strict=True)]
    ends = interval(np.stack(figures, axis=1))
    defined = table["estimate"].notna()
    table["lower"], table["upper"] = (np.where(defined, each, np.nan) for each in ends)
    return table


def _sampled(window: TrailingWindow, positions: IntArray) -> TrailingWindow:
    """The series of a window at these places, one resample a row."""
    series = {each.name: getattr(window, each.name) for each in fields(window)}
    return replace(
        window,
        **{
            name: values[positions]
            for name, values in series.items()
            if isinstance(values, np.ndarray) and values.ndim
        },
    )
