"""A forecaster's way through the sessions: what it finds, when it is trained, what is in force."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor

import quant_platform.learning.walk_forward as module
from quant_platform.errors import SettingsError
from quant_platform.evaluation.promotion import ForecastJudge
from quant_platform.learning.forecaster import Forecaster, GradientRanker
from quant_platform.learning.labels import ForwardReturn, Labels, ReturnRank, TripleBarrier
from quant_platform.learning.samples import pivoted
from quant_platform.learning.schedule import training_cuts
from quant_platform.learning.versions import Skill
from quant_platform.learning.walk_forward import Remembered, WalkForward
from quant_platform.market.calendar import XNYS
from quant_platform_tests.support.forecasting import NOISE, SIGNALS, planted, random_source

JUDGE = ForecastJudge()


def walk(source, memory=None, **of):
    given = {"estimator": Ridge(), "minimum": 63, "window": 126, "retrain": "quarter"} | of
    return WalkForward(Forecaster(source.names, **given), source, XNYS, JUDGE, memory)


def forecasts(way, first=0, last=None):
    source = way.source
    found = np.full(source.whole.close.shape, np.nan)
    for part in way.forecasts(first, len(source.sessions) - 1 if last is None else last):
        values = pivoted(part.rows, part.forecasts, 0, source.whole)
        found = np.where(np.isfinite(values), values, found)
    return found


def skill(source, found, horizon=5):
    returns = ForwardReturn(horizon).of(source.whole).values
    return JUDGE.skill(JUDGE.coefficients(found, returns), "test")


def test_it_recovers_the_planted_signal_and_nothing_from_noise():
    """`fast` and `slow` have 0.045 and 0.0315 over five sessions (vendors/synthetic/signals.py)."""
    ranker = GradientRanker(trees=30)
    found = {
        names: skill(
            planted(names),
            forecasts(
                walk(planted(names), estimator=ranker, window=504, minimum=252, retrain="year")
            ),
        )
        for names in (SIGNALS, NOISE)
    }
    assert found[SIGNALS].is_above_zero and found[SIGNALS].ic > 0.02
    assert found[NOISE].lower < 0.0 < found[NOISE].upper
    assert str(found[NOISE]).endswith("nothing that could be told from chance")


@pytest.mark.parametrize("estimator", [Ridge(), GradientRanker(trees=4, least=20)])
def test_forecasts_are_those_of_the_history_cut_at_any_session(estimator):
    """Law 1, around a training cut, and law 2: asked for in pieces or at once."""
    source = random_source(330, 10, 3, signal=0.3)
    way = walk(source, estimator=estimator)
    whole = forecasts(way)
    cut = way.cuts[-1]
    for last in (cut - 1, cut, cut + 9):
        seen = forecasts(walk(source.until(last), estimator=estimator))
        np.testing.assert_array_equal(seen, whole[: last + 1])
    pieces = walk(source, estimator=estimator)
    np.testing.assert_array_equal(forecasts(pieces, cut + 1)[cut + 1 :], whole[cut + 1 :])
    np.testing.assert_array_equal(
        forecasts(pieces, cut - 30, cut)[cut - 30 : cut + 1], whole[cut - 30 : cut + 1]
    )


def test_no_version_learns_of_a_label_that_ends_after_its_cut():
    source = random_source(330, 10, 3)
    way = walk(source, label=TripleBarrier(10, sessions=10), estimator=Ridge())
    way.state_at(len(source.sessions) - 1)
    ends = TripleBarrier(10, sessions=10).of(source.whole).ends
    for version, _ in way._states:
        at = {
            day: int(np.searchsorted(source.sessions, np.datetime64(day)))
            for day in (version.cut, version.last)
        }
        assert (
            ends[at[version.last]].min(where=ends[at[version.last]] >= 0, initial=999)
            <= at[version.cut]
        )


def test_cuts_are_counted_by_the_calendar_wherever_history_begins():
    days = random_source(330, 2, 1).sessions
    for retrain in ("month", "quarter", "year", 10):
        whole = training_cuts(XNYS, days, retrain)
        np.testing.assert_array_equal(training_cuts(XNYS, days[77:], retrain), whole[77:])
    for refused in ("week", 4, 2.0, True, None):
        with pytest.raises(SettingsError, match="is to be trained every"):
            training_cuts(XNYS, days, refused)  # type: ignore[arg-type]


@pytest.mark.parametrize("features", [3, (), (1,), ("sma_10", ""), None])
def test_features_are_named(features):
    with pytest.raises(SettingsError, match="A forecaster's features are"):
        Forecaster(features)


def test_the_champion_stays_unless_the_challenger_is_better_by_more_than_chance(monkeypatch):
    """Trials of 40 sessions. The first feature foretells from session 220 on, not before."""
    monkeypatch.setattr(module, "TRIAL_SESSIONS", 40)
    source = random_source(500, 30, 2, signal=0.0, seed=1)
    turned = random_source(500, 30, 2, signal=1.0, seed=1)
    closes = source.whole.close.copy()
    tail = turned.whole.close[220:] / turned.whole.close[219] * closes[219]
    closes[220:] = tail
    opens = np.vstack((closes[:1], closes[:-1]))
    same = replace(source, whole=replace(source.whole, close=closes, open=opens))
    way = walk(same, estimator=Ridge(), label=ForwardReturn(1), window=63)
    way.state_at(499)
    decisions = [decision for _, decision in way._states]
    first = decisions[0]
    assert (first.champion, first.reason) == (way._states[0][0].cut, "the first version")
    taken = [each for each in decisions if each.judged == each.champion and each.judged]
    assert taken, [each.reason for each in decisions]
    assert taken[0].difference.lower > 0.0
    kept = [each for each in decisions if each.judged and each.judged != each.champion]
    assert all(each.difference.lower <= 0.0 for each in kept)
    assert all("does not take over" in each.reason for each in kept)
    for version, decision in way._states:
        assert decision.champion is None or decision.champion <= version.cut


def test_every_version_takes_over_where_that_is_asked_for():
    way = walk(random_source(330, 10, 3), promotion="always")
    way.state_at(329)
    assert all(decision.champion == version.cut for version, decision in way._states)


class Fails(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Raises, or forecasts what it is told to, in windows of a certain beginning."""

    def __init__(self, how="raise", on=0.0):
        self.how, self.on = how, on

    def fit(self, X, y):  # noqa: N803
        if self.how == "raise" and abs(float(np.sum(y)) - self.on) < 1e-9:
            raise FloatingPointError("no solution")
        self.mean_ = 0.0
        return self

    def predict(self, X):  # noqa: N803
        if self.how == "nan":
            return np.full(len(X), np.nan)
        return np.full(len(X), 1.0) if self.how == "constant" else X[:, 0]


TRUSTED = (f"{__name__}.Fails",)


@pytest.mark.parametrize(
    ("how", "reason"), [("nan", "gave no number for"), ("constant", "the same of every security")]
)
def test_a_useless_estimator_forecasts_nothing_and_says_why(how, reason):
    way = walk(random_source(200, 8, 2), estimator=Fails(how), trusted=TRUSTED)
    assert np.isnan(forecasts(way)).all()
    assert all(reason in version.failed for version, _ in way._states)
    assert all(decision.champion is None for _, decision in way._states)


def test_a_window_in_which_the_estimator_fails_leaves_the_version_before_in_force():
    source = random_source(330, 8, 2)
    given = {"label": ForwardReturn(5), "trusted": TRUSTED, "promotion": "always"}
    sums = walk(source, estimator=Fails("none"), **given)
    second = sums.cuts[1]
    on = float(np.sum(sums._sample(second).labels))
    way = walk(source, estimator=Fails("raise", on), **given)
    found = forecasts(way)
    versions = [version for version, _ in way._states]
    assert versions[1].failed.startswith("FloatingPointError: no solution")
    assert way._states[1][1].champion == versions[0].cut
    assert np.isfinite(found[second : way.cuts[2]]).all()
    assert way._states[2][1].champion == versions[2].cut


def test_a_fold_without_a_class_is_told_of():
    """Prices that only rise have labels of one class."""
    source = random_source(200, 8, 2)
    rising = np.cumprod(np.full(source.whole.close.shape, 1.001), axis=0)
    up = replace(source, whole=replace(source.whole, close=rising, open=rising))
    way = walk(up, estimator=LogisticRegression(), label=ForwardReturn(1))
    way.state_at(199)
    assert all("are of the class 1" in version.failed for version, _ in way._states)


def test_a_classifier_forecasts_its_mean_class():
    source = random_source(330, 10, 3, signal=1.0)
    way = walk(source, estimator=LogisticRegression(), label=ForwardReturn(1))
    found = forecasts(way)
    assert np.nanmax(np.abs(found)) <= 1.0
    assert skill(source, found, 1).ic > 0.3


def test_features_are_selected_in_the_training_part_alone():
    source = random_source(330, 20, 6, signal=1.0)
    way = walk(source, label=ReturnRank(1), select=1)
    way.state_at(329)
    assert {version.features for version, _ in way._states} == {("f0",)}


def test_warm_versions_go_on_from_the_one_before():
    source = random_source(330, 10, 3, signal=0.5)
    for estimator in (GradientRanker(trees=5, least=20), SGDRegressor(alpha=0.01)):
        warm, cold = (
            walk(source, estimator=estimator, warm=warm, promotion="always")
            for warm in (True, False)
        )
        assert not np.array_equal(forecasts(warm), forecasts(cold), equal_nan=True)
        assert warm._states[0][0].artefact == cold._states[0][0].artefact
    trees = [
        way.model(way._states[1][0]).model.num_trees()
        for way in (
            walk(source, estimator=GradientRanker(trees=5, least=20), warm=w) for w in (True, False)
        )
        if way.state_at(329)
    ]
    assert trees == [10, 5]
    stuck = walk(source, estimator=Ridge(), warm=True)
    stuck.state_at(329)
    assert "Ridge cannot go on from an earlier version" in stuck._states[1][0].failed


def test_what_is_remembered_is_not_trained_again(monkeypatch):
    source, memory = random_source(330, 8, 2), Remembered()
    whole = forecasts(walk(source, memory))
    monkeypatch.setattr(module, "fit", None)
    np.testing.assert_array_equal(forecasts(walk(source, memory)), whole)


def test_a_skill_says_what_it_is_of():
    assert str(Skill(0)) == "no outcome is known yet"


class Narrow(ForwardReturn):
    """A label that forgets a security."""

    def of(self, panel):
        labels = super().of(panel)
        return Labels(labels.values[:, 1:], labels.ends[:, 1:])


class Beyond(ForwardReturn):
    """A label that is known after the data ends."""

    def of(self, panel):
        labels = super().of(panel)
        late = np.full(labels.ends.shape, len(panel.sessions) + 5, dtype=np.int32)
        return Labels(labels.values, late)


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (Narrow(5), r"Narrow gave labels of the shape \(\d+, 9\)"),
        (Beyond(5), "has 0 sessions with a known label, and needs 21"),
    ],
)
def test_labels_that_cannot_be_learned_from_are_told_of_in_a_line(label, reason):
    way = walk(random_source(200, 10, 2), label=label)
    version, decision = way.state_at(way.cuts[0])
    assert re.search(reason, version.failed) and "\n" not in version.failed
    assert decision.champion is None and not list(way.forecasts(0, 199))
