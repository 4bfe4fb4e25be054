"""What the features of a trained version are worth, and which are chosen before a training.

Gain is what the model itself says. Permutation: how much of the mean rank correlation with the
label is lost when a feature's values are shuffled among the securities of each session.
What does not belong here: rank correlations (they are handed in), and fitting (`estimators.py`).

Source of permutation importance: L. Breiman, "Random Forests", *Machine Learning* 45, 2001.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.estimators import FittedModel
from quant_platform.learning.samples import FeatureRows, Sample

LEADING = 20
"""Features that are permuted and whose drift is watched: those with the largest gain."""

PERMUTED_SESSIONS, PERMUTED_ROWS = 60, 20_000
"""Last sessions of the training part, and rows of them, that features are permuted in."""

Coefficients = Callable[[FloatArray, FloatArray], FloatArray]
"""Rank correlation of each session, of two (sessions, securities) arrays."""


def leading(gain: dict[str, float], names: Sequence[str]) -> tuple[str, ...]:
    """Return the features with the largest gain, the largest first; the first ones without gain."""
    if not gain:
        return tuple(names[:LEADING])
    ordered = sorted(names, key=lambda name: (-gain.get(name, 0.0), name))
    return tuple(ordered[:LEADING])


def permutation_importance(
    model: FittedModel, sample: Sample, names: Sequence[str], seed: int, skill: Coefficients
) -> dict[str, float]:
    """Return the loss of mean rank correlation, by feature, over the end of the training part.

    It is measured on what the model was trained on: it says what the model uses, not what is true.

    Parameters
    ----------
    names : features to permute
    """
    rows = sample.rows
    sessions = max(min(PERMUTED_SESSIONS, PERMUTED_ROWS // _largest(rows)), 1)
    part = sample.last(sessions)
    before = mean_skill(part, model.forecasts(part.rows), skill)
    random, lost = np.random.default_rng(seed), {}
    for name in names:
        at = part.rows.names.index(name)
        values = part.rows.matrix.copy()
        for of in part.rows.sessions():
            values[of, at] = random.permutation(values[of, at])
        shuffled = model.forecasts(replace(part.rows, matrix=values))
        lost[name] = before - mean_skill(part, shuffled, skill)
    return lost


def chosen_features(sample: Sample, count: int, skill: Coefficients) -> tuple[str, ...]:
    """Return the features with the largest mean rank correlation with the label, in their order.

    Only the sample is looked at: inside a fold this is its training part.
    """
    labels = wide(sample.rows, sample.labels)
    scores = [
        abs(_mean(skill(wide(sample.rows, sample.rows.matrix[:, at].astype(float)), labels)))
        for at in range(len(sample.rows.names))
    ]
    order = np.argsort(-np.asarray(scores), kind="stable")[:count]
    return tuple(sample.rows.names[at] for at in sorted(order.tolist()))


def mean_skill(sample: Sample, forecasts: FloatArray, skill: Coefficients) -> float:
    """Return the mean rank correlation of forecasts and labels; NaN where there is none."""
    return _mean(skill(wide(sample.rows, forecasts), wide(sample.rows, sample.labels)))


def wide(rows: FeatureRows, values: FloatArray) -> FloatArray:
    """Return values of rows as (sessions, places), filled up with NaN; a place is no security."""
    parts = rows.sessions()
    found = np.full((len(parts), _largest(rows)), np.nan)
    for at, part in enumerate(parts):
        found[at, : part.stop - part.start] = values[part]
    return found


def _largest(rows: FeatureRows) -> int:
    return max((part.stop - part.start for part in rows.sessions()), default=1)


def _mean(series: FloatArray) -> float:
    known = series[np.isfinite(series)]
    return float(known.mean()) if len(known) else float("nan")
