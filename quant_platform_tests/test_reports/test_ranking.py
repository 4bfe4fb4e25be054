"""Scores, ranks and trends, against figures worked out by hand."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.reports.ranking import (
    DRAWDOWN_WEIGHT,
    SCORE_FORMULA,
    SCORE_PARTS,
    SINCE_INCEPTION,
    model_trends,
    rank_models,
    score_rows,
)
from quant_platform.reports.ranking import STATISTICS as STATISTIC_COLUMNS
from quant_platform_tests.support.report_frames import DATES, MODELS, PERFORMANCE, STATISTICS


def row(
    date: str | pd.Timestamp, model: int, window: str = "252d", **figures: Any
) -> dict[str, object]:
    names = ["sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown", "total_return"]
    zero = dict.fromkeys([*names, "annualized_return", "excess_return", *SINCE_INCEPTION], 0.0)
    keys = {
        "date": pd.Timestamp(date),
        "model_id": model,
        "window_name": window,
        "benchmark": "hold_all",
    }
    return {**keys, "window_sessions": 252, **zero, **figures}


def test_score_by_hand() -> None:
    figures: dict[str, Any] = {
        "sharpe_ratio": 1.0,
        "sortino_ratio": 1.5,
        "calmar_ratio": 0.5,
        "max_drawdown": -0.25,
        "excess_return": 0.10,
    }
    rows = [row("2010-01-04", 1), row("2010-01-04", 2, **figures)]
    scored = score_rows(pd.DataFrame(rows), MODELS).set_index("model_id")

    def s(x: float) -> float:
        return (1 + math.tanh(x)) / 2

    expected = 100 * (
        0.30 * s(1.0 / 2) + 0.15 * s(1.5 / 3) + 0.15 * s(0.5 / 2) + 0.20 * s(0.10 / 0.20)
        + 0.20 * 0.75
    )  # fmt: skip
    assert scored.loc[2, "benchmark"] == "hold_all"
    assert scored.loc[2, "score"] == pytest.approx(expected)
    # The benchmark: all figures 0 → every s is ½, no drawdown.
    assert scored.loc[1, "score"] == pytest.approx(100 * (0.80 * 0.5 + 0.20))


def test_score_is_bounded_and_the_weights_add_up() -> None:
    assert sum(part.weight for part in SCORE_PARTS) + DRAWDOWN_WEIGHT == pytest.approx(1.0)
    names = ["sharpe_ratio", "sortino_ratio", "calmar_ratio", "excess_return"]
    high: dict[str, Any] = dict.fromkeys(names, 1e9)
    low: dict[str, Any] = dict.fromkeys(names, -1e9)
    best = row("2010-01-04", 2, **high)
    worst = row("2010-01-04", 3, max_drawdown=-1.2, **low)
    rows = pd.DataFrame([row("2010-01-04", 1), best, worst])
    scores = score_rows(rows, MODELS)["score"].to_numpy()
    assert scores[1] == pytest.approx(100.0)
    assert scores[2] == pytest.approx(0.0)


def test_undefined_figures_are_neutral() -> None:
    names = ["sharpe_ratio", "sortino_ratio", "calmar_ratio", "excess_return"]
    unknown: dict[str, Any] = dict.fromkeys(names, np.nan)
    rows = pd.DataFrame([row("2010-01-04", 2, **unknown)])
    scored = score_rows(rows, MODELS)
    assert scored["score"][0] == pytest.approx(60.0)


def test_formula_names_every_part() -> None:
    assert SCORE_FORMULA.startswith(
        "score = 100 × (0.30·s(Sharpe ÷ 2) + 0.15·s(Sortino ÷ 3) + 0.15·s(Calmar ÷ 2) "
        "+ 0.20·s(excess ÷ 0.2) + 0.20·(1 + maximum drawdown))"
    )


def test_score_uses_the_longest_full_window() -> None:
    ranked = rank_models(score_rows(PERFORMANCE, MODELS), STATISTICS)
    assert len(ranked) == len(DATES) * 3
    window = ranked.groupby("date")["window_name"].agg(["nunique", "first"])
    assert (window["nunique"] == 1).all()
    full = {0: "inception", 19: "inception", 20: "21d", 61: "21d", 62: "63d", 251: "252d"}
    for session, name in full.items():
        assert window["first"].iloc[session] == name
    for _, rows in ranked.groupby("date"):
        assert rows["rank"].tolist() == [1, 2, 3]


def statistic(model: int, standing: str, **figures: object) -> dict[str, object]:
    empty = dict.fromkeys(STATISTIC_COLUMNS)
    key = {"date": pd.Timestamp("2010-01-04"), "model_id": model, "standing": standing}
    return {**empty, **key, **figures}


def ranked(*statistics: dict[str, object], **scores: float) -> pd.DataFrame:
    """Ranking of the models that have statistics, with total returns of choice."""
    models = pd.DataFrame(
        {"id": range(1, 8), "model_name": [*"abcdefg"], "is_benchmark": [True] + [False] * 6}
    )
    rows = [
        row("2010-01-04", model, window, sharpe_ratio=scores.get(name, 0.0))
        for model, name in zip(models["id"], models["model_name"], strict=True)
        for window in ("252d", "inception")
        if model in {each["model_id"] for each in statistics}
    ]
    return rank_models(score_rows(pd.DataFrame(rows), models), pd.DataFrame(statistics))


def test_sets_come_in_their_order() -> None:
    """The highest score leads nothing where its model was not compared."""
    result = ranked(
        statistic(1, "ruined"),
        statistic(2, "young", sharpe_lower=9.0),
        statistic(3, "lightly invested", sharpe_lower=5.0),
        statistic(4, "eliminated", elimination_step=1, sharpe_lower=4.0),
        statistic(5, "eliminated", elimination_step=2, sharpe_lower=-1.0),
        statistic(6, "best", elimination_step=4, sharpe_lower=0.1),
        statistic(7, "best", elimination_step=3, sharpe_lower=0.3),
        c=3.0,
    )
    assert result["model_name"].tolist() == ["g", "f", "e", "d", "c", "b", "a"]
    assert result["rank"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert result.set_index("model_name")["score"].idxmax() == "c"


def test_within_a_set_unknown_bounds_come_last() -> None:
    result = ranked(
        statistic(1, "young"),
        statistic(2, "young"),
        statistic(3, "young"),
        statistic(4, "young", sharpe_lower=-2.0),
        c=1.0,
    )
    assert result["model_name"].tolist() == ["d", "c", "a", "b"]


def test_a_model_without_statistics_is_young() -> None:
    rows = pd.DataFrame([row("2010-01-04", model, "inception") for model in (3, 1, 2)])
    result = rank_models(score_rows(rows, MODELS), STATISTICS.iloc[:0])
    assert result["model_id"].tolist() == [1, 2, 3]
    assert (result["standing"] == "young").all()


def test_what_stands_beside_a_model_is_since_inception() -> None:
    result = rank_models(score_rows(PERFORMANCE, MODELS), STATISTICS, [DATES[300]])
    whole = PERFORMANCE[
        (PERFORMANCE["window_name"] == "inception") & (PERFORMANCE["date"] == DATES[300])
    ].set_index("model_id")
    for name in SINCE_INCEPTION:
        expected = whole.loc[result["model_id"], name].tolist()
        assert result[name].tolist() == pytest.approx(expected, nan_ok=True)
    assert (result["sessions"] == 301).all()


def test_trend_compares_with_21_sessions_earlier() -> None:
    scored = score_rows(PERFORMANCE, MODELS)
    trends = model_trends(scored, [DATES[300]])
    assert (trends["previous_date"] == DATES[279]).all()
    assert trends["window_name"].tolist() == ["252d"] * 3
    year = PERFORMANCE[PERFORMANCE["window_name"] == "252d"]
    now = year[year["date"] == DATES[300]]["sharpe_ratio"].to_numpy()
    before = year[year["date"] == DATES[279]]["sharpe_ratio"].to_numpy()
    np.testing.assert_allclose(trends["sharpe_change"], now - before)


def test_trend_compares_like_with_like() -> None:
    """Session 252 has the 252-session window full, 21 sessions earlier had not: both use 63."""
    trends = model_trends(score_rows(PERFORMANCE, MODELS), [DATES[252]])
    assert trends["window_name"].tolist() == ["63d"] * 3
    assert trends["score_change"].notna().all()


def test_trend_words() -> None:
    days = DATES[:22]
    rows = [row(day, model) for day in days for model in (1, 2, 3)]
    rows[-2] = row(days[-1], 2, sharpe_ratio=1.0)
    rows[-1] = row(days[-1], 3, sharpe_ratio=-1.0)
    trends = model_trends(score_rows(pd.DataFrame(rows), MODELS), [days[-2], days[-1]])
    assert trends["trend"].tolist() == ["new"] * 3 + ["steady", "improving", "declining"]
    assert trends["previous_date"].isna().tolist() == [True] * 3 + [False] * 3


def test_a_month_of_rows_is_enough() -> None:
    whole = score_rows(PERFORMANCE, MODELS)
    session = DATES[290]
    month = PERFORMANCE[PERFORMANCE["date"].between(DATES[269], session)]
    cut = score_rows(month, MODELS)
    pd.testing.assert_frame_equal(model_trends(cut, [session]), model_trends(whole, [session]))
    ranked_cut, ranked_whole = (rank_models(rows, STATISTICS, [session]) for rows in (cut, whole))
    pd.testing.assert_frame_equal(ranked_cut, ranked_whole)
