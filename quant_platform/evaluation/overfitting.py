"""Probability of backtest overfitting, by combinatorially symmetric cross-validation.

1. The sessions are cut into an even number of equal blocks; what does not fit is left out at the
   beginning.
2. Each choice of half of the blocks is a first part, the others a second one. The trial with the
   highest Sharpe ratio in the first part is looked up in the second.
3. Its relative rank there is rank ÷ (trials + 1), where rank 1 is the worst and equal ratios share
   their ranks. The probability of overfitting is the share of the choices in which that is ½ at
   most: the best in one part is then no better than the median in the other.

D. Bailey, J. Borwein, M. López de Prado and Q. Zhu, "The Probability of Backtest Overfitting",
Journal of Computational Finance 20, 2017. A trial without deviation in a part has the ratio 0
there. What does not belong here: how trials are made.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from quant_platform.errors import ContractError
from quant_platform.evaluation.metrics import ROOT_YEAR
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.threads import in_threads

BLOCKS = 16
"""Blocks unless others are asked for: 12,870 choices."""

MOST_BLOCKS = 20
"""Blocks beyond which the choices are too many: 184,756 of them."""

CHUNK_CELLS = 262_144
"""Choices × trials worked on at a time: 2 MB an array."""


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What cross-validation says of a set of trials.

    Attributes
    ----------
    probability : of backtest overfitting; NaN for fewer than two usable trials, or sessions than
        twice the blocks
    probability_of_loss : share of the choices in which the best of the first part has a Sharpe
        ratio below 0 in the second
    slope : of the Sharpe ratio in the second part on that in the first, over the choices
    first, second : annualised Sharpe ratios of the best in both parts, for each choice
    trials, unusable : trials compared, and those left out for a gap or no deviation at all
    """

    probability: float
    probability_of_loss: float
    slope: float
    first: FloatArray
    second: FloatArray
    trials: int
    unusable: int


def overfitting(
    returns: FloatArray, blocks: int = BLOCKS, *, threads: int | None = None
) -> Overfitting:
    """Cross-validate the choice among trials.

    Parameters
    ----------
    returns : (T, N) returns above the risk-free rate, one trial a column
    blocks : an even number from 2 to `MOST_BLOCKS`
    threads : default: one per core; their number changes no bit

    Raises
    ------
    ContractError
        The number of blocks is odd or out of range, or `returns` is no matrix.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=(400, 30))
    >>> 0.2 < overfitting(noise, 8).probability < 0.8
    True
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2:
        raise ContractError("Overfitting is judged on a matrix", "Give sessions × trials")
    if blocks % 2 or not 2 <= blocks <= MOST_BLOCKS:
        raise ContractError(
            f"{blocks} blocks cannot be halved in every way",
            f"Give an even number from 2 to {MOST_BLOCKS}",
        )
    usable: BoolArray = np.asarray(np.isfinite(values).all(axis=0))
    usable[usable] = np.ptp(values[:, usable], axis=0) > 0.0 if len(values) else False
    values = values[:, usable]
    trials, unusable = values.shape[1], int((~usable).sum())
    if trials < 2 or len(values) < 2 * blocks:
        empty = np.empty(0)
        return Overfitting(math.nan, math.nan, math.nan, empty, empty, trials, unusable)
    first, second, rank = _choices(values, blocks, threads)
    spread = first - first.mean()
    squares = float(spread @ spread)
    return Overfitting(
        probability=float((rank <= 0.5 * (trials + 1)).mean()),
        probability_of_loss=float((second < 0.0).mean()),
        slope=float(spread @ second) / squares if squares > 0.0 else math.nan,
        first=first * ROOT_YEAR,
        second=second * ROOT_YEAR,
        trials=trials,
        unusable=unusable,
    )


def _choices(
    values: FloatArray, blocks: int, threads: int | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ratios of the best in both parts and its rank in the second, for each choice."""
    size, trials = len(values) // blocks, values.shape[1]
    cut = values[len(values) - size * blocks :].reshape(blocks, size, trials)
    # Deviations from the trial's mean, so that sums of squares lose no digits.
    centre = cut.mean(axis=(0, 1))
    cut = cut - centre
    sums, squares = cut.sum(axis=1), (cut * cut).sum(axis=1)
    every = list(combinations(range(blocks), blocks // 2))
    chosen = np.zeros((len(every), blocks))
    chosen[np.arange(len(every))[:, None], every] = 1.0
    step = max(CHUNK_CELLS // trials, 1)
    count = size * blocks // 2

    def judged(start: int) -> FloatArray:
        part = chosen[start : start + step]
        inside = _ratios(part @ sums, part @ squares, centre, count)
        other = 1.0 - part
        outside = _ratios(other @ sums, other @ squares, centre, count)
        rows, best = np.arange(len(part)), inside.argmax(axis=1)
        reached = outside[rows, best]
        below = (outside < reached[:, None]).sum(axis=1)
        equal = (outside == reached[:, None]).sum(axis=1)
        return np.stack([inside[rows, best], reached, below + (equal + 1.0) / 2.0])

    parts = list(in_threads(judged, range(0, len(every), step), threads))
    first, second, rank = np.concatenate(parts, axis=1)
    return first, second, rank


def _ratios(sums: FloatArray, squares: FloatArray, centre: FloatArray, count: int) -> FloatArray:
    """Sharpe ratios per session from sums of deviations from `centre` and of their squares."""
    mean = sums / count
    variance = (squares / count - mean * mean) * count / (count - 1)
    mean += centre
    # What is left of equal values by rounding is no deviation.
    positive = variance > 1e-12 * (mean * mean + squares / count)
    return np.where(positive, mean / np.sqrt(np.where(positive, variance, 1.0)), 0.0)
