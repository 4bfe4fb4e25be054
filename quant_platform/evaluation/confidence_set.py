"""Which models cannot be told from the best one, and which ranks each may have.

1. **Model confidence set** (P. Hansen, A. Lunde and J. Nason, "The Model Confidence Set",
   Econometrica 79, 2011): while the models that are left differ by more than resamples of them do,
   the one that loses most against another goes. The statistic is the largest studentised
   difference of two means, T_R. A model's p-value is the largest one up to the step at which it
   went; the set holds the models whose p-value is above `SIZE`. It holds the best model with 95 %
   probability. Two members of it may still differ: that neither can be told from the best does not
   make them equal, and a set is no class of equals.
2. **Interval of ranks** (M. Mogstad, J. Romano, A. Shaikh and D. Wilhelm, "Inference for Ranks with
   Applications to Mobility across Neighbourhoods and Academic Achievement across Countries", Review
   of Economic Studies 91, 2024): a model's differences from all others get intervals that hold
   together with 95 % probability, by the bootstrap of the largest studentised one. Its rank is at
   least one more than the number of models that are better by their whole interval, and at most
   the number of those that are not worse by it. This holds where models are nearly tied, where a
   bootstrap of the ranks themselves does not. It holds for each model, not for all at once.

Both are of the models' mean returns, resampled together. What does not belong here: the resamples
(`bootstrap.py`), and how a ranking is shown (`reports/ranking.py`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.evaluation.bootstrap import (
    FEWEST_SESSIONS,
    RESAMPLES,
    Draws,
    block_length,
)
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.elimination import eliminate

SIZE = 0.05
"""Probability that the set, or an interval of ranks, does not hold what it should."""

EQUAL = 1e-12
"""Smallest standard error of a difference per session: what lies below it is rounding."""

IntArray = NDArray[np.int64]


class ConfidenceSet(NamedTuple):
    """Result of the elimination, by model.

    Attributes
    ----------
    p_value : the smallest size at which the model is not in the set; 1 for the last one left
    step : 1 for the model that went first; the last one left has the highest
    members : whether the model is in the set
    """

    p_value: FloatArray
    step: IntArray
    members: BoolArray


class RankIntervals(NamedTuple):
    """Lowest and highest rank of each model that cannot be ruled out; 1 is the best."""

    lower: IntArray
    upper: IntArray


class Comparison(NamedTuple):
    """Both, of models over the sessions that they share; None for fewer than two models."""

    confidence_set: ConfidenceSet | None
    ranks: RankIntervals | None


def compare(returns: FloatArray, *, identity: str = "", resamples: int = RESAMPLES) -> Comparison:
    """Compare models by their mean returns.

    Parameters
    ----------
    returns : (T, M) returns net of costs, in the same sessions
    identity : of the draws (`bootstrap.py`)

    Returns
    -------
    Comparison
        Without a result where there are fewer than two models or `FEWEST_SESSIONS` sessions.

    Raises
    ------
    ContractError
        A return is missing.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> good, bad = rng.normal(0.01, 0.01, 500), rng.normal(-0.01, 0.01, 500)
    >>> compare(np.column_stack([bad, good])).confidence_set.members
    array([False,  True])
    """
    values = np.asarray(returns, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ContractError(
            "A model has no return in some session that is compared",
            "Give the sessions that all models have",
        )
    sessions, models = values.shape
    if models < 2 or sessions < FEWEST_SESSIONS:
        return Comparison(None, None)
    block = shared_block([block_length(each) for each in np.ascontiguousarray(values.T)])
    draws = Draws.of(identity, sessions, block, resamples)
    running = np.concatenate([np.zeros((1, models)), np.cumsum(values, axis=0)])
    return compare_means(running[-1] / sessions, draws.sums(running) / sessions)


def compare_means(means: FloatArray, resampled: FloatArray) -> Comparison:
    """Compare models by mean returns, (M,), and those of their resamples, (B, M)."""
    if len(means) < 2:
        return Comparison(None, None)
    deviations = np.ascontiguousarray(resampled - means)
    errors = standard_errors(deviations)
    return Comparison(
        confidence_set(means, deviations, errors), rank_intervals(means, deviations, errors)
    )


def shared_block(lengths: list[float]) -> float:
    """Mean block length by which models are resampled together: the mean of their own."""
    return float(np.mean(lengths))


def standard_errors(deviations: FloatArray) -> FloatArray:
    """Standard error of each pair's difference, (M, M), `EQUAL` at least."""
    errors = np.empty((deviations.shape[1],) * 2)
    for model, own in enumerate(deviations.T):
        gaps = own[:, None] - deviations
        errors[model] = np.sqrt((gaps * gaps).mean(axis=0))
    # Equal both ways to the last bit, since a gap and its negative have the same square.
    return np.maximum(errors, EQUAL)


def confidence_set(means: FloatArray, deviations: FloatArray, errors: FloatArray) -> ConfidenceSet:
    """Eliminate models one by one.

    Parameters
    ----------
    means : (M,) mean returns
    deviations : (B, M) mean returns of the resamples, less `means`
    errors : as `standard_errors`
    """
    models = len(means)
    order, p = np.empty(models, dtype=np.int64), np.empty(models)
    eliminate(-means, np.ascontiguousarray(-deviations), 1.0 / errors, order, p)
    p_value, step = np.empty(models), np.empty(models, dtype=np.int64)
    p_value[order] = np.maximum.accumulate(p)
    step[order] = np.arange(1, models + 1)
    return ConfidenceSet(p_value, step, p_value > SIZE)


def rank_intervals(
    means: FloatArray, deviations: FloatArray, errors: FloatArray, size: float = SIZE
) -> RankIntervals:
    """Interval of each model's rank by mean return, from what `confidence_set` is computed of."""
    models = len(means)
    lower, upper = np.ones(models, dtype=np.int64), np.full(models, models, dtype=np.int64)
    for model in range(models):
        gaps = np.abs((deviations - deviations[:, model : model + 1]) / errors[model])
        limit = np.sort(gaps.max(axis=1))[math.ceil((1.0 - size) * (len(gaps) - 1))]
        lead = (means - means[model]) / errors[model]
        lower[model] += np.count_nonzero(lead > limit)
        upper[model] -= np.count_nonzero(lead < -limit)
    return RankIntervals(lower, upper)
