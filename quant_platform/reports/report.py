"""Rows of `performance_reports`: ranking, trends and a summary in words, one row per session.

Scores and trends come from `ranking.py`, alerts from the table `alerts`. Here they only become
sentences and JSON.
"""

import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.evaluation.comparison import BEST, ELIMINATED, LIGHT, RUINED, YOUNG
from quant_platform.reports.ranking import (
    DECLINING,
    FIGURES,
    IMPROVING,
    SCORE_FORMULA,
    SINCE_INCEPTION,
    STANDINGS,
    STATISTICS,
    model_trends,
    rank_models,
    score_rows,
)

COLUMNS = [
    "date",
    "best_model",
    "worst_model",
    "score_formula",
    "ranking",
    "trends",
    "alert_count",
    "summary",
]

JSON_DECIMALS = 6
"""Decimals of the figures in the JSON columns."""

_RANKING = (
    *("rank", "model_name", "is_benchmark", "benchmark"),
    *STATISTICS,
    *SINCE_INCEPTION,
    *("score", "ruined", "window_name", "window_sessions", "holdout"),
    *FIGURES,
)
_TRENDS = (
    "model_name",
    "is_benchmark",
    "trend",
    "window_name",
    "previous_date",
    "sharpe_change",
    "score_change",
    "total_return_change",
)

Record = dict[str, object]

NOTHING: Mapping[str, str] = MappingProxyType({})


def performance_reports(
    performance: pd.DataFrame,
    statistics: pd.DataFrame,
    models: pd.DataFrame,
    alerts: pd.DataFrame,
    sessions: Sequence[object] | NDArray[np.datetime64] | pd.DatetimeIndex,
    holdout: Mapping[str, str] = NOTHING,
) -> pd.DataFrame:
    """Compute the rows of `performance_reports`, without recorded_at.

    Parameters
    ----------
    performance : rows of `model_performance` of `sessions` and of the 21 sessions before each of
        them
    statistics : rows of `performance_statistics` of `sessions`
    models : rows of `models`
    alerts : rows of `alerts` with origin report, of `sessions`
    sessions : sessions for which a report is wanted; each gets exactly one row
    holdout : state of the sealed hold-out by the model's name (`holdout_states`); empty: there is
        none

    Returns
    -------
    DataFrame
        date, best_model, worst_model (null before the first performance row), score_formula,
        ranking and trends (JSON arrays as text), alert_count, summary; ordered by date.
    """
    days = pd.DatetimeIndex(np.unique(np.asarray(sessions, dtype="datetime64[s]")))
    scored = score_rows(performance, models)
    order = rank_models(scored, statistics, days.to_numpy())
    states = [holdout.get(str(name)) for name in order["model_name"]]
    order["holdout"] = pd.Series(states, order.index, dtype=object)
    ranked = _records(order, _RANKING)
    trends = _records(model_trends(scored, days.to_numpy()), _TRENDS)
    counts = alerts[alerts["date"].isin(days)].groupby("date").size().to_dict()
    rows = []
    for day in days:
        places, moves, count = ranked.get(day, []), trends.get(day, []), int(counts.get(day, 0))
        rows.append(
            {
                "date": day,
                "best_model": places[0]["model_name"] if places else None,
                "worst_model": places[-1]["model_name"] if places else None,
                "score_formula": SCORE_FORMULA,
                "ranking": json.dumps(places, allow_nan=False),
                "trends": json.dumps(moves, allow_nan=False),
                "alert_count": count,
                "summary": summary(places, moves, count),
            }
        )
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({"date": "datetime64[s]", "alert_count": "int64"})


def summary(ranking: Sequence[Record], trends: Sequence[Record], alert_count: int) -> str:
    """Say a session's report in a few sentences, from the records of its JSON columns."""
    if not ranking:
        return "No model has a portfolio yet."
    parts = [*_sets(ranking), *_against(ranking)]
    for word in (IMPROVING, DECLINING):
        names = [str(row["model_name"]) for row in trends if row["trend"] == word]
        if names:
            parts.append(f"{word.capitalize()} on the month: {', '.join(names)}")
    alerts = f"{alert_count} alert{'s' if alert_count != 1 else ''}"
    parts.append(alerts if alert_count else "No alerts")
    return ". ".join(parts) + "."


def _sets(ranking: Sequence[Record]) -> list[str]:
    """Which models cannot be told from the best, and which were not compared."""
    names = {
        standing: [str(row["model_name"]) for row in ranking if row["standing"] == standing]
        for standing in STANDINGS
    }
    best, compared = names[BEST], len(names[BEST]) + len(names[ELIMINATED])
    if not compared:
        parts = ["No model can be compared yet"]
    elif compared == 1:
        parts = [f"{best[0]} is the only model that can be compared"]
    elif len(best) == 1:
        parts = [f"{best[0]} is the best of the {compared} models compared, beyond chance"]
    elif len(best) == compared:
        parts = [
            f"None of the {compared} models compared can be told from the best: {', '.join(best)}"
        ]
    else:
        parts = [
            f"{len(best)} of the {compared} models compared cannot be told from the best:"
            f" {', '.join(best)}"
        ]
    for standing, text in (
        (LIGHT, "Listed apart, hardly invested"),
        (YOUNG, "Too young to be compared"),
        (RUINED, "Ruined and closed out"),
    ):
        if names[standing]:
            parts.append(f"{text}: {', '.join(names[standing])}")
    return parts


def _against(ranking: Sequence[Record]) -> list[str]:
    """Where the benchmark stands or, if that is no model, how many models return more than it."""
    marked = next((row for row in ranking if row["is_benchmark"]), None)
    if marked is not None:
        told = {BEST: "cannot be told from the best", ELIMINATED: "is worse than the best"}
        stands = told.get(str(marked["standing"]))
        return [f"The benchmark {marked['model_name']} {stands}"] if stands else []
    names = {row["benchmark"] for row in ranking}
    known = [row["excess_return"] for row in ranking if isinstance(row["excess_return"], float)]
    if len(names) > 1 or not known:
        return []
    above = sum(value > 0.0 for value in known)
    models = f"{above} of {len(ranking)} model{'s' if len(ranking) > 1 else ''}"
    return [f"{models} return{'s' if above == 1 else ''} more than the benchmark {names.pop()}"]


def _records(frame: pd.DataFrame, columns: Sequence[str]) -> dict[pd.Timestamp, list[Record]]:
    """Rows as JSON-ready records by date: dates as text, figures rounded, null where undefined."""
    by_date: dict[pd.Timestamp, list[Record]] = {}
    values = [frame[name].tolist() for name in columns]
    for day, *row in zip(frame["date"], *values, strict=True):
        record = {name: _plain(value) for name, value in zip(columns, row, strict=True)}
        by_date.setdefault(day, []).append(record)
    return by_date


def _plain(value: object) -> object:
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return round(value, JSON_DECIMALS) if math.isfinite(value) else None
    return value
