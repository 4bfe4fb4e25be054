"""The verdict on a surface of parameters: a plateau or a spike, and what is left of it later.

1. **The best** configuration has the highest Sharpe ratio of all sessions. Its standard error is
   that of Mertens (2002), in `metrics.py`: Lo's (2002) for skewed and fat-tailed returns.
2. **Its neighbours** are the configurations at most one step away in every parameter, where a step
   leads from one tried value to the next; values that are no numbers must be the same. In a sample,
   which has no steps, they are the nearest ones: two for each parameter, each scaled by its range.
   The surface is a plateau where at least half of them lie no more than one standard error below
   the best, else the best is a spike.
3. **Two halves**: the rank correlation (Spearman) of the Sharpe ratios of the first half of the
   sessions with those of the second. In noise it is about zero.
4. **Degradation**: the best of the first half, and what is left of its Sharpe ratio in the second.

None of it is a test. What does not belong here: how the configurations are run (`research/`), and
corrections for their number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import TWO_SIDED_95
from quant_platform.evaluation.metrics import METRICS, session_rate
from quant_platform.evaluation.windows import TrailingWindow
from quant_platform.kernels.arrays import FloatArray

PLATEAU, SPIKE, NO_SURFACE = "plateau", "spike", "no surface"

SHARE_OF_PLATEAU = 0.5
"""Share of the neighbours from which on the best lies on a plateau."""

NEAREST_PER_PARAMETER = 2
"""Neighbours that a configuration of a sample has for each parameter."""

BLOCK = 1 << 22
"""Returns that are judged at a time."""


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of the best configuration; see the module's docstring.

    Attributes
    ----------
    shape : `plateau`, `spike`, or `no surface` where the best has no neighbours
    best : number of the best configuration; −1: none has a Sharpe ratio
    sharpe_ratio, standard_error : of the best, annualised
    neighbours, share_near : how many there are, and the share within one standard error
    rank_correlation : of the two halves; NaN for fewer than three configurations
    chosen : number of the best configuration of the first half; −1: none
    first_half, second_half : its Sharpe ratios
    degradation : 1 − second/first, NaN unless the first is above 0
    trials, failed : configurations in all, and those without a result
    """

    shape: str
    best: int
    sharpe_ratio: float
    standard_error: float
    neighbours: int
    share_near: float
    rank_correlation: float
    chosen: int
    first_half: float
    second_half: float
    degradation: float
    trials: int
    failed: int

    @property
    def sentence(self) -> str:
        """What a person is to read."""
        if self.best < 0:
            return f"None of {self.trials:,} configurations has a Sharpe ratio."
        parts = [
            f"Best of {self.trials:,} configurations: a Sharpe ratio of {self.sharpe_ratio:.2f}"
            f" ± {self.standard_error:.2f}.",
            self._shape(),
            self._halves(),
        ]
        if self.failed:
            parts.append(f"{self.failed:,} failed.")
        return " ".join(part for part in parts if part)

    def _shape(self) -> str:
        if self.shape == NO_SURFACE:
            return "It has no neighbours to compare it with."
        where = "It lies on a plateau" if self.shape == PLATEAU else "It is a spike"
        near = round(self.share_near * self.neighbours)
        if self.neighbours == 1:
            comes = "comes" if near else "does not come"
            return f"{where}: its one neighbour {comes} within that error of it."
        return f"{where}: {near} of its {self.neighbours} neighbours come within that error of it."

    def _halves(self) -> str:
        if math.isnan(self.second_half):
            return ""
        text = (
            f"What was best in the first half had {self.first_half:.2f} there and"
            f" {self.second_half:.2f} in the second"
        )
        if math.isnan(self.rank_correlation):
            return f"{text}."
        return f"{text}; the ranks of the two halves correlate by {self.rank_correlation:.2f}."

    def __str__(self) -> str:
        return self.sentence


def judge(
    parameters: Sequence[Mapping[str, Any]],
    sharpe: FloatArray,
    upper: FloatArray,
    returns: FloatArray,
    rates: FloatArray,
    *,
    has_steps: bool,
) -> Verdict:
    """Judge the surface of a sweep.

    Parameters
    ----------
    parameters : of each of K configurations
    sharpe, upper : (K,) Sharpe ratios, and the upper ends of their 95 % intervals; NaN: none
    returns : (T, K) session returns, as fractions; NaN where a configuration failed
    rates : (T,) annual risk-free rates, as fractions
    has_steps : the configurations are of a grid or list, not a sample
    """
    best = _largest(sharpe)
    near, share, error = np.empty(0, dtype=np.intp), math.nan, math.nan
    if best >= 0:
        error = float(upper[best] - sharpe[best]) / TWO_SIDED_95
        near = neighbours(parameters, best, has_steps=has_steps)
        if len(near):
            share = float(np.mean(sharpe[near] >= sharpe[best] - error))
    halves = half_sharpe_ratios(returns, rates)
    chosen = _largest(halves[0])
    first, second = (math.nan, math.nan) if chosen < 0 else map(float, halves[:, chosen])
    shape = PLATEAU if share >= SHARE_OF_PLATEAU else SPIKE
    return Verdict(
        shape=NO_SURFACE if math.isnan(share) else shape,
        best=best,
        sharpe_ratio=math.nan if best < 0 else float(sharpe[best]),
        standard_error=error,
        neighbours=len(near),
        share_near=share,
        rank_correlation=rank_correlation(*halves),
        chosen=chosen,
        first_half=first,
        second_half=second,
        degradation=1.0 - second / first if first > 0.0 else math.nan,
        trials=len(parameters),
        failed=int(np.isnan(returns).all(axis=0).sum()) if len(returns) else len(parameters),
    )


def neighbours(
    parameters: Sequence[Mapping[str, Any]], of: int, *, has_steps: bool = True
) -> NDArray[np.intp]:
    """Return the numbers of the configurations beside one.

    Examples
    --------
    >>> neighbours([{"a": 1}, {"a": 2}, {"a": 5}, {"a": 9}], 2).tolist()
    [1, 3]
    """
    frame = pd.DataFrame(list(parameters))
    numbers = [name for name in frame if frame[name].dtype.kind in "iuf"]
    same = np.ones(len(frame), dtype=bool)
    for word in frame.columns.difference(numbers):
        texts = np.array([repr(each) for each in frame[word]], dtype=object)
        same &= texts == texts[of]
    same[of] = False
    if has_steps:
        for name in numbers:
            steps = frame[name].rank(method="dense").to_numpy()
            same &= np.abs(steps - steps[of]) <= 1.0
        return np.flatnonzero(same)
    values: FloatArray = frame[numbers].to_numpy(dtype=np.float64)
    spread = np.ptp(values, axis=0) if len(values) else np.empty(0)
    away = (values - values[of]) / np.where(spread > 0.0, spread, 1.0)
    distance = np.where(same, np.sqrt((away * away).sum(axis=1)), np.inf)
    nearest = np.argsort(distance, kind="stable")[: NEAREST_PER_PARAMETER * len(numbers)]
    return np.sort(nearest[np.isfinite(distance[nearest])])


def half_sharpe_ratios(returns: FloatArray, rates: FloatArray) -> FloatArray:
    """Return the Sharpe ratios, (2, K), of the first half of the sessions and of the second.

    Of an odd number of sessions, the one in the middle belongs to the second half.
    """
    sessions, count = returns.shape
    middle = sessions // 2
    found = np.full((2, count), np.nan)
    if not middle >= 2:
        return found
    free = session_rate(rates)
    at_once = max(BLOCK // sessions, 1)
    for start in range(0, count, at_once):
        part = slice(start, start + at_once)
        for half, within in enumerate((slice(0, middle), slice(middle, None))):
            window = TrailingWindow.of(returns[within, part].T, risk_free=free[within])
            found[half, part] = METRICS["sharpe_ratio"](window)
    return found


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Return Spearman's correlation, equal values sharing their rank, where both are known.

    NaN for fewer than three pairs, or where one side has a single value.

    Examples
    --------
    >>> round(rank_correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 4.0, 3.0])), 3)
    0.6
    """
    known = ~(np.isnan(one) | np.isnan(other))
    if known.sum() < 3:
        return math.nan
    ranks = [pd.Series(each[known]).rank().to_numpy() for each in (one, other)]
    if any(np.ptp(each) == 0.0 for each in ranks):
        return math.nan
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _largest(values: FloatArray) -> int:
    """Number of the first of the largest values; −1: all are NaN."""
    known = np.flatnonzero(~np.isnan(values))
    return int(known[np.argmax(values[known])]) if len(known) else -1
