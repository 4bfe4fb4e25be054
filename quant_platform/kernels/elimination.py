"""Elimination of the worst of several models, one at a time: the loop of a model confidence set.

What does not belong here: where the means come from, and what the steps mean
(`evaluation/confidence_set.py`).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled

IntArray = NDArray[np.int64]

NOTHING = 1e-6
"""Studentised difference up to which models do not differ but for rounding."""


def eliminate_by_numpy(
    excess: FloatArray, resampled: FloatArray, weight: FloatArray, order: IntArray, p: FloatArray
) -> None:
    """Do what `eliminate` does, all pairs of a step at once."""
    left = np.arange(len(excess))
    for step in range(len(order) - 1):
        pair = np.ix_(left, left)
        statistic = (excess[left][:, None] - excess[left][None]) * weight[pair]
        worst = int(statistic.max(axis=1).argmax())
        simulated = resampled[:, left]
        highest = np.zeros(len(resampled))
        for row, each in enumerate(left):
            gaps = (simulated[:, row : row + 1] - simulated) * weight[each, left]
            highest = np.maximum(highest, np.abs(gaps).max(axis=1))
        observed = statistic.max()
        larger = np.count_nonzero(observed < highest) / len(resampled)
        p[step] = larger if observed > NOTHING else 1.0
        order[step] = left[worst]
        left = np.delete(left, worst)
    order[-1], p[-1] = left[0], 1.0


@compiled("const float64[:, ::1]", "const float64[:, ::1]", "const int64[::1]", "int64", "float64")
def larger_ranges(
    resampled: FloatArray, weight: FloatArray, left: IntArray, count: int, observed: float
) -> int:
    """Resamples in which two of the first `count` models of `left` differ by more than observed."""
    larger = 0
    for resample in range(len(resampled)):
        is_larger = False
        for i in range(count):
            own = resampled[resample, left[i]]
            for j in range(i):
                gap = own - resampled[resample, left[j]]
                is_larger |= abs(gap * weight[left[i], left[j]]) > observed
            if is_larger:
                break
        larger += is_larger
    return larger


@compiled(
    "const float64[::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "int64[::1]",
    "float64[::1]",
    reference=eliminate_by_numpy,
)
def eliminate(
    excess: FloatArray, resampled: FloatArray, weight: FloatArray, order: IntArray, p: FloatArray
) -> None:
    """Take away the model that loses most against another, until one is left.

    Parameters
    ----------
    excess : (M,) mean losses
    resampled : (B, M) mean losses of the resamples, less `excess`
    weight : (M, M) one over the standard error of each pair's difference, the same both ways
    order : (M,) is written: models in the order in which they go, the one that is left last
    p : (M,) is written: share of the resamples with a larger range than the models that were left;
        1 for the last
    """
    models, resamples = len(excess), len(resampled)
    left = np.arange(models)
    for step in range(models - 1):
        count = models - step
        observed, worst = -np.inf, 0
        for i in range(count):
            for j in range(count):
                a, b = left[i], left[j]
                value = (excess[a] - excess[b]) * weight[a, b]
                if value > observed:
                    observed, worst = value, i
        larger = larger_ranges(resampled, weight, left, count, observed)
        p[step] = larger / resamples if observed > NOTHING else 1.0
        order[step] = left[worst]
        for i in range(worst, count - 1):
            left[i] = left[i + 1]
    order[models - 1], p[models - 1] = left[0], 1.0
