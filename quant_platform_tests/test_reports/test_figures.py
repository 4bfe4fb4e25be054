"""Charts: their values are the portfolios', thinned ones too, and what is written can be read."""

import itertools
import json
from dataclasses import replace
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest

from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports import palette
from quant_platform.reports.charts import Curve, PlainChart, SessionChart, charts_json
from quant_platform.reports.figures import (
    drawdown_chart,
    growth_chart,
    rolling_chart,
    share_chart,
)
from quant_platform.reports.histories import DAILY_SESSIONS, Histories, drawdown, kept
from quant_platform_tests.support.report_frames import DATES, MODELS, PORTFOLIOS

HISTORIES = Histories.of(PORTFOLIOS)
FAST = PORTFOLIOS[PORTFOLIOS["model_id"] == 2]


def curve(chart: SessionChart, name: str) -> FloatArray:
    return next(each.values for each in chart.curves if each.name == name)


def test_growth_and_drawdown_are_those_of_the_equity() -> None:
    equity = FAST["equity"].to_numpy()
    np.testing.assert_allclose(
        curve(growth_chart(HISTORIES, MODELS), "fast"), equity / equity[0], rtol=1e-15
    )
    lowest = curve(drawdown_chart(HISTORIES, MODELS), "fast").min()
    assert lowest == pytest.approx(empyrical.max_drawdown(FAST["daily_return"]), rel=1e-12)


def test_rows_in_any_order_and_of_unlike_length() -> None:
    young = PORTFOLIOS[(PORTFOLIOS["model_id"] != 3) | (PORTFOLIOS["date"] >= DATES[300])]
    shuffled = Histories.of(young.sample(frac=1.0, random_state=1))
    assert shuffled.first.tolist() == [0, 0, 300]
    assert shuffled.last.tolist() == [319, 319, 319]
    mine = young[young["model_id"] == 3]
    np.testing.assert_array_equal(shuffled.of_model(3, "equity"), mine["equity"])
    growth = shuffled.growth[:, 2]
    assert np.isnan(growth[:300]).all()
    assert growth[300] == 1.0


def test_a_rolling_figure_is_empyricals_of_each_window() -> None:
    values = curve(rolling_chart(HISTORIES, MODELS, "sharpe_ratio", 63), "fast")
    returns = FAST["daily_return"].to_numpy()
    assert np.isnan(values[:62]).all()
    for end in (63, 200, 320):
        expected = empyrical.sharpe_ratio(returns[end - 63 : end])
        assert values[end - 1] == pytest.approx(expected, rel=1e-9)


def test_the_band_is_the_interval_of_the_same_window() -> None:
    chart = rolling_chart(HISTORIES, MODELS, "sharpe_ratio", 252, band=True)
    own = next(each for each in chart.curves if each.name == "fast")
    known = np.isfinite(own.values)
    assert known.sum() == 320 - 251
    assert (own.low[known] < own.values[known]).all()
    assert (own.values[known] < own.high[known]).all()
    assert np.isnan(own.low[~known]).all()


def test_a_risk_free_rate_that_changes() -> None:
    """0 until the last but one session, then 5 %: the curve is empyrical's with these rates."""
    rates = pd.Series(0.0, index=DATES)
    rates.iloc[-2:] = 0.05
    chart = rolling_chart(HISTORIES, MODELS, "sharpe_ratio", 63, risk_free=rates)
    returns = FAST["daily_return"].to_numpy()
    daily = np.where(np.arange(len(DATES)) < len(DATES) - 2, 0.0, 1.05 ** (1 / 252) - 1)
    for end in (len(DATES) - 2, len(DATES)):
        expected = empyrical.sharpe_ratio((returns - daily)[end - 63 : end])
        assert curve(chart, "fast")[end - 1] == pytest.approx(expected, rel=1e-9)


def test_a_session_without_a_rate_is_refused() -> None:
    with pytest.raises(KeyError):
        rolling_chart(
            HISTORIES, MODELS, "sharpe_ratio", 63, risk_free=pd.Series(0.0, index=DATES[1:])
        )


def test_beta_is_empyricals() -> None:
    theirs = np.repeat(HISTORIES.columns["daily_return"][:, :1], 3, axis=1)
    chart = rolling_chart(HISTORIES, MODELS, "beta", 252, benchmark=theirs)
    returns = FAST["daily_return"].to_numpy()
    expected = empyrical.beta(returns[-252:], theirs[-252:, 1])
    assert curve(chart, "fast")[-1] == pytest.approx(expected, rel=1e-9)


def test_exposure_is_a_column() -> None:
    chart = share_chart(HISTORIES, MODELS, "gross_exposure", "Gross")
    np.testing.assert_array_equal(curve(chart, "fast"), FAST["gross_exposure"])


def test_drawdown_by_hand() -> None:
    """100, 120, 90, 60, 130, −5: from the peaks 120 and 130."""
    found = drawdown(np.array([100.0, 120.0, 90.0, 60.0, 130.0, -5.0]))
    assert found.tolist() == pytest.approx([0.0, 0.0, -0.25, -0.5, 0.0, -5 / 130 - 1.0])


def test_a_short_history_keeps_every_session() -> None:
    dates = np.arange("2020-01-01", "2020-06-01", dtype="datetime64[D]")
    assert kept(dates, np.zeros((len(dates), 1))).tolist() == list(range(len(dates)))


def test_a_long_history_keeps_the_ends_of_weeks_and_the_extremes_of_years() -> None:
    """Ten years of weekdays: three daily; before them Fridays, and each year's high and low."""
    dates = np.array(pd.bdate_range("2010-01-04", periods=2_520), dtype="datetime64[D]")
    rng = np.random.default_rng(5)
    values = rng.normal(size=(2_520, 3))
    places = kept(dates, values)
    old = 2_520 - DAILY_SESSIONS
    assert set(range(old, 2_520)) <= set(places.tolist())
    before = places[places < old]
    days = pd.DatetimeIndex(dates[:old])
    fridays = set(np.flatnonzero(days.day_of_week == 4).tolist())
    assert fridays <= set(before.tolist())
    extremes = set()
    for year in sorted(set(days.year)):
        own = np.flatnonzero(days.year == year)
        extremes |= set(own[values[own].argmin(axis=0)].tolist())
        extremes |= set(own[values[own].argmax(axis=0)].tolist())
    assert extremes <= set(before.tolist())
    assert set(before.tolist()) == fridays | extremes | {0, old - 1}


def read(text: str) -> dict[str, Any]:
    return json.loads(str(text))


@pytest.mark.parametrize(
    ("values", "decimals", "within"),
    [
        ([1.0, 1.23456, np.nan, 0.98765], 4, 5e-5),
        ([np.nan, np.nan], 4, 0.0),
        ([-0.5, np.inf, 0.25], 3, 0.0),
        ([123456.0, 99.4, -3.0], 4, 5.0),
        ([1e300, 2e300, -1e299], 4, 5e295),
        ([], 4, 0.0),
    ],
)
def test_what_is_written_can_be_read_again(
    values: list[float], decimals: int, within: float
) -> None:
    given = np.array(values, dtype=np.float64)
    days = np.arange(len(given)).astype("datetime64[D]")
    chart = SessionChart("x", "X", days, [Curve("a", given, "#000000")], decimals=decimals)
    (written,) = read(charts_json([chart]))["charts"]["x"]["curves"]
    total, found = 0, []
    for step in written["y"]:
        total += step or 0
        found.append(np.nan if step is None else total / 10.0 ** written["power"])
    np.testing.assert_allclose(
        found, np.where(np.isfinite(given), given, np.nan), rtol=0.0, atol=within * 1.000001
    )


def test_equal_axes_are_written_once_as_steps() -> None:
    days = np.array(["2024-01-05", "2024-01-08", "2024-01-09"], dtype="datetime64[D]")
    chart = SessionChart("x", "X", days, [Curve("a", np.ones(3), "#000000")])
    told = read(
        charts_json([chart, replace(chart, key="y"), replace(chart, key="z", dates=days[1:])])
    )
    assert told["axes"] == [{"start": 19727, "steps": [3, 1]}, {"start": 19730, "steps": [1]}]
    assert [each["axis"] for each in told["charts"].values()] == [0, 0, 1]


def test_a_plain_chart_is_written_as_it_is() -> None:
    data = [{"type": "bar", "x": np.array([1, 2]), "y": (0.5, np.nan), "name": "</script>"}]
    text = charts_json([PlainChart("bars", "Bars", data, {"barmode": "group"})])
    assert "<" not in text
    told = read(text)["charts"]["bars"]
    assert told["data"] == [{"type": "bar", "x": [1, 2], "y": [0.5, None], "name": "</script>"}]
    assert told["layout"] == {"barmode": "group"}


def test_models_have_looks_of_their_own() -> None:
    many = pd.DataFrame({"id": range(1, 20), "is_benchmark": [True] + [False] * 18})
    looks = palette.looks(many)
    assert looks[1] == (palette.BENCHMARK_COLOUR, "dot")
    assert len(set(looks.values())) == 19


DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
"""On linear RGB, severity 1. Source: G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A
Physiologically-based Model for Simulation of Color Vision Deficiency", *IEEE Transactions on
Visualization and Computer Graphics* 15(6), 2009, supplementary tables."""

TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""sRGB to XYZ (IEC 61966-2-1)."""

WHITE = np.array([0.9505, 1.0, 1.089])


def lab(colour: str, seen_as: FloatArray) -> FloatArray:
    """CIE L*a*b* of a colour as somebody sees it."""
    values = np.array([int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(seen_as @ linear, 0.0, 1.0) / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


@pytest.mark.parametrize("seen_as", [np.eye(3), DEUTERANOPIA, PROTANOPIA])
def test_colours_differ_for_every_colour_vision(seen_as: FloatArray) -> None:
    """ΔE of 10 is a difference at a glance (just noticeable is 2.3); gains and losses too."""
    models = [*palette.PALETTE[: palette.DISTINCT], palette.BENCHMARK_COLOUR]
    pairs = [*itertools.combinations(models, 2), ("#0a67a8", "#c2410c"), ("#5fb4ef", "#ff9a5c")]
    for one, other in pairs:
        assert np.linalg.norm(lab(one, seen_as) - lab(other, seen_as)) > 10.0, (one, other)
