"""Figures out of sample: by hand, and against SciPy and the figures of backtests."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from quant_platform.evaluation import out_of_sample
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.series import evaluate

RETURNS = np.random.default_rng(7).normal(0.001, 0.01, (3, 120))
BENCHMARK = np.random.default_rng(8).normal(0.0, 0.01, 120)


def test_what_can_be_chosen_by_is_known_of_returns_alone() -> None:
    assert set(out_of_sample.CHOOSABLE) <= set(out_of_sample.FIGURES) <= set(METRICS)


@pytest.mark.parametrize("name", out_of_sample.FIGURES)
def test_a_figure_is_that_of_any_series_of_returns(name: str) -> None:
    rates = np.full(120, 0.03)
    found = out_of_sample.figure(name, RETURNS, BENCHMARK, rates)
    each = [evaluate(series, BENCHMARK, risk_free=0.03)[name] for series in RETURNS]
    np.testing.assert_allclose(found, each, rtol=1e-12)
    alone = out_of_sample.figures(RETURNS[1], BENCHMARK, rates)
    assert alone[name] == pytest.approx(each[1], rel=1e-12)


def test_a_gap_has_no_figure_and_is_left_out_of_a_series() -> None:
    gap = RETURNS.copy()
    gap[1, 5] = np.nan
    found = out_of_sample.figure("sharpe_ratio", gap, BENCHMARK, np.zeros(120))
    assert np.isnan(found).tolist() == [False, True, False]
    left = np.delete(np.arange(120), 5)
    whole = out_of_sample.figures(gap[1], BENCHMARK, np.zeros(120))
    cut = out_of_sample.figures(gap[1, left], BENCHMARK[left], np.zeros(119))
    assert whole == cut
    nothing = out_of_sample.figures(np.full(3, np.nan), np.zeros(3), np.zeros(3))
    assert all(math.isnan(value) for value in nothing.values())
    assert np.isnan(out_of_sample.figure("alpha", gap[:, :0], BENCHMARK[:0], np.zeros(0))).all()


def test_intervals_hold_the_estimates() -> None:
    table = out_of_sample.intervals(RETURNS[0], BENCHMARK, np.full(120, 0.02))
    figures = out_of_sample.figures(RETURNS[0], BENCHMARK, np.full(120, 0.02))
    assert table["estimate"].to_dict() == pytest.approx(figures)
    row = table.loc["sharpe_ratio"]
    assert row["lower"] < row["estimate"] < row["upper"]
    short = out_of_sample.intervals(RETURNS[0, :10], BENCHMARK[:10], np.zeros(10))
    assert short["estimate"].notna().all()
    assert short[["lower", "upper"]].isna().all(axis=None)


def test_shrinkage_by_hand() -> None:
    """Means 2 and 0.5 over the folds that have both: three quarters are gone."""
    inside, outside = np.array([1.0, 3.0, 9.0]), np.array([0.0, 1.0, np.nan])
    assert out_of_sample.shrinkage(inside, outside) == 0.75
    assert math.isnan(out_of_sample.shrinkage(-inside, outside))
    assert math.isnan(out_of_sample.shrinkage(inside, np.full(3, np.nan)))


@given(st.lists(st.integers(0, 5), min_size=2, max_size=9), st.data())
def test_a_place_is_a_shared_rank(values: list[int], data: st.DataObject) -> None:
    """As SciPy ranks; over the number and one, as Bailey et al. (2017) do."""
    chosen = data.draw(st.integers(0, len(values) - 1))
    expected = rankdata(values)[chosen] / (len(values) + 1)
    assert out_of_sample.place(np.array(values, dtype=float), chosen) == pytest.approx(expected)


def test_no_place_without_a_choice() -> None:
    values = np.array([1.0, np.nan])
    assert all(math.isnan(out_of_sample.place(values, chosen)) for chosen in (-1, 0, 1))
