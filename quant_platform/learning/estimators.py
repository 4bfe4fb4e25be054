"""Fitting an estimator to a sample, and forecasts of what was fitted.

1. A `GradientRanker` is trained by LightGBM itself. Any other estimator is copied unfitted, given
   the seed, and fitted as its kind wants it: a ranker with grades and the sizes of its sessions, a
   classifier with the labels' signs or classes, a regressor with the labels.
2. What was fitted becomes an artefact at once, and forecasts are made of what is loaded from it
   again, so that a stored model forecasts the same bits as a new one.
3. Estimators beside LightGBM's see each feature as its rank within the session (`samples.by_rank`),
   and one session at a time: a forecast then depends on its session alone.

LightGBM's histograms are built by column in its deterministic mode, which gives the same bits with
any number of threads. What does not belong here: when and on what is trained (`walk_forward.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.threads import cores
from quant_platform.learning.artefacts import LIGHTGBM, PURPOSE, SKOPS, Header, load, save
from quant_platform.learning.forecaster import Forecaster, GradientRanker
from quant_platform.learning.labels import ReturnRank
from quant_platform.learning.samples import (
    FeatureRows,
    Matrix,
    Sample,
    by_rank,
    grades_of,
    narrowed,
)
from quant_platform.packages import optional_package

FIXED = {"deterministic": True, "force_col_wise": True, "verbosity": -1}
"""Parameters of LightGBM that make a training repeatable."""

BINNED_ROWS = 50_000
"""Samples that LightGBM finds the bins of a feature by: some 800 for each of 63. Four times as many
took as long to sort as half of the trees take to grow."""

THREADED_CELLS = 10_000_000
"""Values beyond which LightGBM works with a thread per core."""

MOST_CLASSES = 10
"""Different whole numbers that labels of classes have at most."""

SMALL_LEAF = 50
"""A leaf holds at least this part of a small sample."""


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A model that was loaded from an artefact.

    Attributes
    ----------
    model : LightGBM's `Booster`, or an estimator
    header : of the artefact
    names : features that it was fitted to, in their order
    """

    model: Any
    header: Header
    names: tuple[str, ...]

    @classmethod
    def load(cls, artefact: bytes, names: tuple[str, ...], trusted: tuple[str, ...] = ()) -> Any:
        """Load it; errors as `artefacts.load`."""
        model, header = load(artefact, trusted)
        return cls(model, header, names)

    def forecasts(self, rows: FeatureRows) -> FloatArray:
        """Return a forecast of each row: higher is better.

        Raises
        ------
        ContractError
            The model gave as many values as there are no rows.
        """
        rows = narrowed(rows, self.names)
        if not len(rows.positions):
            return np.empty(0)
        if self.header.format == LIGHTGBM:
            return self._valued(self.model.predict(rows.matrix, num_threads=_threads(rows)))
        seen = by_rank(rows)
        found = np.empty(len(seen))
        for part in rows.sessions():
            values = self._valued(self._raw(seen[part]))
            if values.shape != (part.stop - part.start,):
                raise ContractError(
                    f"The estimator forecast {values.shape} values of {part.stop - part.start} rows"
                )
            found[part] = values
        return found

    def gain(self) -> dict[str, float]:
        """Return what each feature adds, as shares of all; empty where the estimator has none."""
        if self.header.format == LIGHTGBM:
            gains = self.model.feature_importance(importance_type="gain")
        else:
            gains = getattr(self.model, "feature_importances_", None)
            if gains is None:
                gains = np.abs(np.atleast_2d(getattr(self.model, "coef_", np.empty((0, 0)))))
                gains = gains.mean(axis=0) if gains.size else None
        values = np.asarray([] if gains is None else gains, dtype=float).ravel()
        if len(values) != len(self.names) or not np.isfinite(values).all() or not values.sum() > 0:
            return {}
        return dict(zip(self.names, (values / values.sum()).tolist(), strict=True))

    def _raw(self, seen: Matrix) -> Any:
        if self.header.classes and hasattr(self.model, "predict_proba"):
            return self.model.predict_proba(seen)
        return self.model.predict(seen)

    def _valued(self, raw: Any) -> FloatArray:
        """One number a row: of probabilities of classes, the mean class."""
        values = np.asarray(raw, dtype=np.float64)
        classes = np.asarray(self.header.classes)
        if len(classes) == 2 and values.ndim == 1 and self.header.format == LIGHTGBM:
            values = np.column_stack((1.0 - values, values))
        if values.ndim == 2 and values.shape[1] == len(classes):
            # Summed from class to class, so that the number of rows changes no bit.
            total = np.zeros(len(values))
            for at, each in enumerate(classes):
                total += values[:, at] * each
            return total
        return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def fit(forecaster: Forecaster, sample: Sample, before: bytes | None = None) -> bytes:
    """Fit a forecaster's estimator to a sample; return the artefact.

    Parameters
    ----------
    before : artefact of the version before, where the forecaster goes on from it

    Raises
    ------
    ContractError
        The sample has no row, labels of one class only, or the estimator cannot go on.
    """
    if not len(sample.labels):
        raise ContractError("There is no label to learn from")
    if isinstance(forecaster.estimator, GradientRanker):
        return _fit_ranker(forecaster.estimator, forecaster.seed, sample, before)
    earlier = None if before is None else load(before, forecaster.trusted)[0]
    return _fit_estimator(forecaster, sample, earlier)


def _fit_ranker(ranker: GradientRanker, seed: int, sample: Sample, before: bytes | None) -> bytes:
    package = optional_package("lightgbm", "research", PURPOSE)
    parameters = {
        **FIXED,
        "objective": "rank_xendcg",
        "num_leaves": ranker.leaves,
        "learning_rate": ranker.rate,
        "feature_fraction": ranker.columns,
        "bagging_fraction": ranker.rows,
        "bagging_freq": 1,
        "min_data_in_leaf": max(min(ranker.least, len(sample.labels) // SMALL_LEAF), 1),
        "max_bin": ranker.bins,
        "bin_construct_sample_cnt": BINNED_ROWS,
        "label_gain": list(range(ranker.grades)),
        "seed": seed,
        "num_threads": _threads(sample.rows),
    }
    rows = sample.rows
    data = package.Dataset(
        rows.matrix,
        label=grades_of(rows, sample.labels, ranker.grades),
        weight=sample.weights,
        group=_sizes(rows),
        feature_name=list(rows.names),
        params=parameters,
    )
    earlier = None if before is None else load(before)[0]
    return save(
        package.train(parameters, data, num_boost_round=ranker.trees, init_model=earlier), LIGHTGBM
    )


def _fit_estimator(forecaster: Forecaster, sample: Sample, earlier: Any) -> bytes:
    base = optional_package("sklearn.base", "research", PURPOSE)
    estimator = base.clone(forecaster.estimator)
    of_lightgbm = type(estimator).__module__.startswith("lightgbm")
    having = estimator.get_params(deep=True)
    fixed: dict[str, Any] = {
        name: forecaster.seed for name in having if name.split("__")[-1] == "random_state"
    }
    if of_lightgbm:
        fixed |= {**FIXED, "n_jobs": having.get("n_jobs") or _threads(sample.rows)}
    estimator.set_params(**fixed)
    rows = sample.rows
    seen = rows.matrix if of_lightgbm else by_rank(rows)
    target: NDArray[Any] = sample.labels
    more: dict[str, Any] = _weights(estimator, sample.weights)
    classes: tuple[float, ...] = ()
    if of_lightgbm and type(estimator).__name__ == "LGBMRanker":
        target, more = grades_of(rows, sample.labels, 5), {**more, "group": _sizes(rows)}
    elif base.is_classifier(estimator):
        target = _classes(sample.labels, 0.5 if isinstance(forecaster.label, ReturnRank) else 0.0)
        classes = tuple(np.unique(target).tolist())
        if len(classes) < 2:
            raise ContractError(
                f"All {len(target):,} labels of the training part are of the class {classes[0]:g}"
            )
    if earlier is None:
        estimator.fit(seen, target, **more)
    else:
        estimator = _gone_on(estimator, earlier, seen, target, more, of_lightgbm=of_lightgbm)
    if of_lightgbm:
        return save(estimator.booster_, LIGHTGBM, classes)
    return save(estimator, SKOPS, classes)


def _gone_on(
    estimator: Any,
    earlier: Any,
    seen: Matrix,
    target: NDArray[Any],
    more: Mapping[str, Any],
    *,
    of_lightgbm: bool,
) -> Any:
    """Fit an estimator on top of the version before."""
    if of_lightgbm:
        return estimator.fit(seen, target, init_model=earlier, **more)
    if hasattr(earlier, "partial_fit"):
        return earlier.partial_fit(seen, target)
    raise ContractError(
        f"{type(estimator).__name__} cannot go on from an earlier version: it has no partial_fit",
        "Train it anew each time: warm=False",
    )


def _weights(estimator: Any, weights: FloatArray) -> dict[str, Any]:
    """Sample weights, for an estimator whose `fit` takes them."""
    validation = optional_package("sklearn.utils.validation", "research", PURPOSE)
    takes = validation.has_fit_parameter(estimator, "sample_weight")
    return {"sample_weight": weights} if takes else {}


def _classes(labels: FloatArray, middle: float) -> FloatArray:
    """Return labels that are few whole numbers as they are, and others as 1 above a middle, or −1.

    Labels that are all at one side of it are of one class.
    """
    whole = labels == np.round(labels)
    if whole.all() and len(np.unique(labels)) <= MOST_CLASSES:
        return labels
    return np.where(labels > middle, 1.0, -1.0)


def _threads(rows: FeatureRows) -> int:
    """Threads of LightGBM: for little data they cost more than they save, and change no bit."""
    return cores() if rows.matrix.size > THREADED_CELLS else 1


def _sizes(rows: FeatureRows) -> list[int]:
    return [part.stop - part.start for part in rows.sessions()]
