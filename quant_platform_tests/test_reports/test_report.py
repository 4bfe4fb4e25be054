"""Rows of performance_reports."""

import json

import pandas as pd

from quant_platform.alerts.rules import evaluate_alerts
from quant_platform.reports.ranking import SCORE_FORMULA
from quant_platform.reports.report import COLUMNS, performance_reports, summary
from quant_platform_tests.support.report_frames import (
    DATES,
    MODELS,
    PERFORMANCE,
    STATISTICS,
    alert_inputs,
)

ALERTS = evaluate_alerts(alert_inputs())


def test_one_row_per_session() -> None:
    rows = performance_reports(PERFORMANCE, STATISTICS, MODELS, ALERTS, DATES)
    assert rows.columns.tolist() == COLUMNS
    assert rows["date"].tolist() == DATES.tolist()
    assert (rows["score_formula"] == SCORE_FORMULA).all()
    counts = ALERTS.groupby("date").size().reindex(DATES, fill_value=0)
    assert rows["alert_count"].tolist() == counts.tolist()


def test_json_columns() -> None:
    row = performance_reports(PERFORMANCE, STATISTICS, MODELS, ALERTS, DATES[-1:]).iloc[0]
    ranking, trends = json.loads(row["ranking"]), json.loads(row["trends"])
    assert [place["rank"] for place in ranking] == [1, 2, 3]
    assert ranking[0]["model_name"] == row["best_model"]
    assert ranking[-1]["model_name"] == row["worst_model"]
    assert sum(place["is_benchmark"] for place in ranking) == 1
    year = PERFORMANCE[(PERFORMANCE["window_name"] == "252d") & (PERFORMANCE["date"] == DATES[-1])]
    sharpe = dict(zip(year["model_id"], year["sharpe_ratio"].round(6), strict=True))
    names = dict(zip(MODELS["model_name"], MODELS["id"], strict=True))
    assert {place["model_name"]: place["sharpe_ratio"] for place in ranking} == {
        name: sharpe[model] for name, model in names.items()
    }
    assert {move["previous_date"] for move in trends} == {f"{DATES[-22]:%Y-%m-%d}"}


def test_first_session_has_null_for_undefined() -> None:
    row = performance_reports(PERFORMANCE, STATISTICS, MODELS, ALERTS, DATES[:1]).iloc[0]
    assert json.loads(row["ranking"])[0]["sharpe_ratio"] is None
    assert {move["trend"] for move in json.loads(row["trends"])} == {"new"}


def test_before_the_first_portfolio() -> None:
    none = PERFORMANCE.iloc[:0], STATISTICS.iloc[:0], MODELS, ALERTS.iloc[:0]
    row = performance_reports(*none, ["2009-12-31"]).iloc[0]
    assert pd.isna(row["best_model"])
    assert pd.isna(row["worst_model"])
    assert json.loads(row["ranking"]) == []
    assert row["summary"] == "No model has a portfolio yet."


def test_one_session_gives_the_row_of_all() -> None:
    whole = performance_reports(PERFORMANCE, STATISTICS, MODELS, ALERTS, DATES)
    for place in (0, 20, 21, 83, 252, 273, 319):
        near = PERFORMANCE[PERFORMANCE["date"].isin(DATES[max(place - 21, 0) : place + 1])]
        alone = performance_reports(near, STATISTICS, MODELS, ALERTS, [DATES[place]])
        expected = whole.iloc[[place]].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected)


def place(name: str, standing: str, **others: object) -> dict[str, object]:
    return {"model_name": name, "standing": standing, "is_benchmark": False, **others}


def test_summary_says_it_in_words() -> None:
    ranking = [
        place("fast", "best"),
        place("hold_all", "best", is_benchmark=True),
        place("slow", "eliminated"),
        place("idle", "lightly invested"),
        place("new", "young"),
        place("lost", "ruined"),
    ]
    trends: list[dict[str, object]] = [
        {"model_name": "fast", "trend": "improving"},
        {"model_name": "slow", "trend": "declining"},
    ]
    assert summary(ranking, trends, 1) == (
        "2 of the 3 models compared cannot be told from the best: fast, hold_all. "
        "Listed apart, hardly invested: idle. Too young to be compared: new. "
        "Ruined and closed out: lost. "
        "The benchmark hold_all cannot be told from the best. Improving on the month: fast. "
        "Declining on the month: slow. 1 alert."
    )
    none_told = summary(ranking[:2], [], 0)
    assert none_told.startswith(
        "None of the 2 models compared can be told from the best: fast, hold_all. The benchmark"
    )
    second = [place("fast", "best"), place("hold_all", "eliminated", is_benchmark=True)]
    assert summary(second, [], 0) == (
        "fast is the best of the 2 models compared, beyond chance. "
        "The benchmark hold_all is worse than the best. No alerts."
    )


def test_summary_of_models_that_cannot_be_compared() -> None:
    alone = [place("fast", "best"), place("hold_all", "young", is_benchmark=True)]
    assert summary(alone, [], 0) == (
        "fast is the only model that can be compared. Too young to be compared: hold_all."
        " No alerts."
    )
    assert summary(alone[1:], [], 0) == (
        "No model can be compared yet. Too young to be compared: hold_all. No alerts."
    )


def test_summary_against_a_benchmark_that_is_no_model() -> None:
    """It has no place: models are compared with it by their returns."""
    ranking = [
        place(str(number), "best", benchmark="symbol:SPY", excess_return=excess)
        for number, excess in enumerate((0.02, -0.01, None))
    ]
    assert "1 of 3 models returns more than the benchmark symbol:SPY. No" in summary(ranking, [], 0)
