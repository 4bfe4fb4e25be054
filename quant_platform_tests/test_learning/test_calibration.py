"""Calibrators against scikit-learn, scores by hand, and probabilities under law 1."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from quant_platform.errors import ContractError
from quant_platform.learning.calibration import (
    Calibration,
    isotonic,
    platt,
    reliability_curve,
)
from quant_platform.learning.labels import NONE, ForwardReturn
from quant_platform.learning.probability import BASE_RATE, lookback, signal_probabilities
from quant_platform.market.calendar import XNYS
from quant_platform.reports.calibration import calibration_figure, calibration_table
from quant_platform_tests.support.forecasting import random_source


def drawn(count=3_000, seed=1):
    """Scores, and outcomes whose true probability is 1 / (1 + exp(−2 · score))."""
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=count), 2)
    return scores, rng.random(count) < 1.0 / (1.0 + np.exp(-2.0 * scores))


def test_isotonic_is_that_of_scikit_learn():
    scores, hits = drawn()
    asked = np.linspace(-5.0, 5.0, 1_001)
    expected = IsotonicRegression(out_of_bounds="clip").fit(scores, hits).predict(asked)
    np.testing.assert_allclose(isotonic(scores, hits).probability(asked), expected, atol=1e-12)


def test_platt_is_that_of_scikit_learn():
    scores, hits = drawn()
    theirs = _SigmoidCalibration().fit(scores, hits)
    mine = platt(scores, hits)
    assert (mine.slope, mine.offset) == pytest.approx((theirs.a_, theirs.b_), abs=1e-4)
    assert mine.slope == pytest.approx(-2.0, abs=0.2)  # what the outcomes were drawn by
    far = mine.probability(np.array([-1e6, 0.0, 1e6, np.nan]))
    assert far[0] == 0.0 and far[2] == 1.0 and np.isnan(far[3])


def test_one_score_for_all_gives_the_base_rate():
    hits = np.array([True, False, False, True, True])
    for fit in (isotonic, platt):
        found = fit(np.full(5, 0.3), hits).probability(np.array([0.3]))
        assert found[0] == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize("hits", [np.array([], bool), np.ones(4, bool), np.zeros(4, bool)])
def test_outcomes_of_one_class_calibrate_nothing(hits):
    for fit in (isotonic, platt):
        with pytest.raises(ContractError, match="to calibrate by"):
            fit(np.arange(len(hits), dtype=float), hits)


def test_the_parts_of_a_score_by_hand():
    """Murphy (1973) for 0.2 said five times with one hit, and 0.8 five times with three."""
    said = np.repeat([0.2, 0.8], 5)
    hits = np.array([1, 0, 0, 0, 0, 1, 1, 1, 0, 0], dtype=bool)
    found = Calibration.of(said, hits)
    assert found.base_rate == pytest.approx(0.4)
    assert found.uncertainty == pytest.approx(0.24)
    assert found.reliability == pytest.approx((5 * 0.0 + 5 * 0.2**2) / 10)
    assert found.resolution == pytest.approx((5 * 0.2**2 + 5 * 0.2**2) / 10)
    assert found.within == pytest.approx(0.0)
    assert found.brier == pytest.approx(0.02 - 0.04 + 0.24)
    assert found.expected_error == pytest.approx(0.1)


def test_a_score_is_that_of_scikit_learn_and_the_sum_of_its_parts():
    scores, hits = drawn()
    said = 1.0 / (1.0 + np.exp(-scores))
    found = Calibration.of(said, hits)
    assert found.brier == pytest.approx(brier_score_loss(hits, said))
    parts = found.reliability - found.resolution + found.uncertainty + found.within
    assert parts == pytest.approx(found.brier)
    assert (
        found.expected_error
        > Calibration.of(platt(scores, hits).probability(scores), hits).expected_error
    )
    assert Calibration.of(np.empty(0), np.empty(0, bool)).outcomes == 0


def market(seed=0, signal=0.4):
    source = random_source(420, 12, 1, seed=seed, signal=signal)
    panel, score = source.whole, source.whole["f0"]
    signs = np.where(np.abs(score) > 0.5, np.sign(score), 0).astype(int)
    return panel, signs, np.abs(score)


def probabilities(panel, signs, strengths, window=120):
    return signal_probabilities(
        signs, strengths, ForwardReturn(1).of(panel), panel.sessions, XNYS, window
    )


def test_probabilities_of_a_signal_that_is_one_rise_with_its_strength():
    panel, signs, strengths = market()
    found = probabilities(panel, signs, strengths)
    said = np.isfinite(found.probabilities)
    assert said[150:].sum() == (signs[150:] != 0).sum()
    strong, weak = said & (strengths > 1.5), said & (strengths < 0.8)
    assert found.probabilities[strong].mean() > found.probabilities[weak].mean() + 0.1
    measured = found.calibration(150)
    assert measured.brier < measured.uncertainty
    assert measured.expected_error < 0.05


def test_probabilities_of_noise_stay_at_the_base_rate():
    panel, signs, strengths = market(signal=0.0)
    found = probabilities(panel, signs, strengths)
    assert abs(np.nanmean(found.probabilities) - 0.5) < 0.05
    assert {each.chosen for each in found.calibrators} >= {BASE_RATE, ""}


def test_a_probability_is_the_same_without_what_follows_and_without_what_is_too_old():
    """Laws 1 and 2: only `lookback` sessions up to its own matter."""
    panel, signs, strengths = market()
    whole = probabilities(panel, signs, strengths).probabilities
    for last in (199, 230, 310):
        seen = probabilities(
            panel.cut(0, last + 1), signs[: last + 1], strengths[: last + 1]
        ).probabilities
        np.testing.assert_array_equal(seen, whole[: last + 1])
        first = last - lookback(120) + 1
        late = probabilities(
            panel.cut(first, last + 1), signs[first : last + 1], strengths[first : last + 1]
        ).probabilities
        np.testing.assert_array_equal(late[-1], whole[last])


def test_without_enough_outcomes_there_is_no_probability():
    panel, signs, strengths = market()
    few = np.where(np.arange(12) == 0, signs, 0)
    found = probabilities(panel, few, strengths, 60)
    assert np.isnan(found.probabilities).all()
    assert all(each.calibrator is None for each in found.calibrators)
    assert found.calibration().outcomes == 0
    assert (ForwardReturn(1).of(panel).ends[-2:] == NONE).all()


def test_a_page_shows_the_curve_and_its_figures():
    scores, hits = drawn()
    said = platt(scores, hits).probability(scores)
    curve = reliability_curve(said, hits)
    frame = pd.DataFrame(
        {
            "model_name": "a_model",
            "bin": np.arange(len(curve.counts)),
            "outcomes": curve.counts,
            "probability": curve.probabilities,
            "frequency": curve.frequencies,
        }
    )
    drawn_ = calibration_figure(frame)
    assert [trace.name for trace in drawn_.data] == ["calibrated", "a_model"]
    assert len(drawn_.data[1].x) == (curve.counts > 0).sum()
    figures = pd.DataFrame(
        [
            {"model_name": "a_model", **vars(Calibration.of(said, hits))},
            {"model_name": "young", **vars(Calibration(0))},
        ]
    )
    table = calibration_table(figures)
    assert table.loc["a_model", "Outcomes"] == "3,000"
    assert table.loc["young", "Brier score"] == "–"
