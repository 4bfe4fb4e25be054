"""Trained models as bytes: they come back, and what was tampered with does not."""

import json
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import quant_platform.learning.estimators as estimators
from quant_platform.errors import ContractError
from quant_platform.learning.artefacts import SKOPS, load, save
from quant_platform.learning.estimators import FittedModel, fit
from quant_platform.learning.forecaster import Forecaster, GradientRanker
from quant_platform.learning.labels import ForwardReturn
from quant_platform.learning.samples import labelled
from quant_platform_tests.support.forecasting import random_source

SOURCE = random_source(120, 12, 3, signal=1.0)
RANKER = GradientRanker(trees=5, least=10)


class Own(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that nobody trusts."""

    def fit(self, X, y):  # noqa: N803
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):  # noqa: N803
        return np.full(len(X), self.mean_) + X[:, 0]


def sample():
    panel = SOURCE.panel(0, 119)
    return labelled(SOURCE.rows(0, 119), panel, 0, ForwardReturn(1).of(panel), 119)


def fitted(estimator):
    return fit(
        Forecaster(SOURCE.names, label=ForwardReturn(1), estimator=estimator, minimum=21), sample()
    )


@pytest.mark.parametrize(
    "estimator",
    [
        GradientRanker(trees=5, least=10),
        Ridge(),
        make_pipeline(StandardScaler(), Ridge()),
        LogisticRegression(),
        RandomForestRegressor(n_estimators=3, max_depth=3),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_model_comes_back_and_finds_the_signal(estimator):
    artefact = fitted(estimator)
    assert artefact == fitted(estimator)  # law 6
    model = FittedModel.load(artefact, SOURCE.names)
    rows = SOURCE.rows(60, 119)
    forecasts = model.forecasts(rows)
    assert np.corrcoef(forecasts, rows.matrix[:, 0])[0, 1] > 0.5
    # A forecast depends on its session alone.
    np.testing.assert_array_equal(
        model.forecasts(rows.between(100, 100)), forecasts[rows.positions == 100]
    )
    gain = model.gain()
    assert not gain or max(gain, key=gain.get) == "f0"


def test_changed_bytes_are_refused_wherever_they_are():
    artefact = fitted(GradientRanker(trees=2, least=10))
    head = artefact.index(b"\n")
    for at in (5, head + 40, len(artefact) - 2):
        changed = bytearray(artefact)
        changed[at] ^= 1
        with pytest.raises(ContractError, match="The artefact of a learned model"):
            load(bytes(changed))
    for broken in (b"", artefact[:head], artefact[: head + 100]):
        with pytest.raises(ContractError, match="The artefact of a learned model"):
            load(broken)


def test_another_version_of_the_library_is_named():
    artefact = fitted(Ridge())
    line, _, body = artefact.partition(b"\n")
    head = json.loads(line) | {"library": "scikit-learn 0.1"}
    with pytest.raises(ContractError, match=r"made by scikit-learn 0\.1, and here is scikit-learn"):
        load(json.dumps(head).encode() + b"\n" + body)


def test_a_type_that_nobody_trusts_is_not_built():
    artefact = fitted(Own())
    name = f"{__name__}.Own"
    with pytest.raises(ContractError, match=name):
        load(artefact)
    assert load(artefact, [name])[0].mean_ == pytest.approx(sample().labels.mean())


def test_a_function_of_python_is_not_built():
    """What runs code when it is called must not even be named by an artefact."""
    estimator = Own().fit(np.zeros((2, 1)), np.zeros(2))
    estimator.hook_ = sys.settrace
    with pytest.raises(ContractError, match="settrace"):
        load(save(estimator, SKOPS), [f"{__name__}.Own"])


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    given = Forecaster(SOURCE.names, label=ForwardReturn(1), estimator=RANKER, minimum=21)
    artefacts = []
    for threads in (1, 2):
        monkeypatch.setattr(estimators, "_threads", lambda _, threads=threads: threads)
        artefacts.append(fit(given, sample()).replace(b"num_threads: 2", b"num_threads: 1"))
    bodies = [each.partition(b"\n")[2] for each in artefacts]
    assert bodies[0] == bodies[1]
