"""The models' places, scores and trends per session, from their figures and statistics.

1. A session's ranking is one of sets (`rank_models`), by rows of `performance_statistics`: the
   models that cannot be told from the best (the model confidence set), then the eliminated ones,
   the last eliminated first, then those that were not compared: lightly invested, young, ruined.
   Within a set the order is that of the lower bound of the Sharpe ratio's interval. It is an order
   to read by, and no claim: members of the set may differ, and are no class of equals.
2. Every performance row gets a score of 0 to 100 (`score_rows`): a weighted sum of figures, each
   squashed into 0 … 1, so that no single figure can decide the score. `SCORE_FORMULA` is its
   text, made from the same constants. A model is shown with that of its longest full window: 252
   sessions, else 63, 21, or inception.
3. A trend compares like with like (`model_trends`): the longest window full both now and 21
   sessions earlier.

A benchmark that is a model is scored and ranked like the others; the default one is marked.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.evaluation.comparison import BEST, ELIMINATED, LIGHT, RUINED, YOUNG

WINDOW_PREFERENCE = ("252d", "63d", "21d", "inception")
"""Windows a model is scored by: the first that is full."""

STANDINGS = (BEST, ELIMINATED, LIGHT, YOUNG, RUINED)
"""Sets in the order of the ranking."""

STATISTICS = (
    *("sessions", "standing", "p_value", "elimination_step", "rank_lower", "rank_upper"),
    *("sharpe_lower", "sharpe_upper", "deflated_sharpe", "deflated_sharpe_effective"),
    *("trials", "effective_trials", "cost_rate", "capacity"),
    *("ended_positions", "assumed_endings"),
)
"""Columns of `performance_statistics` that stand beside a model."""

SINCE_INCEPTION = (
    *("probabilistic_sharpe", "minimum_track_record", "average_exposure", "turnover"),
)
"""Columns of `model_performance` that stand beside it, since inception."""

TREND_SESSIONS = 21
"""Sessions in the "previous month" a trend looks back."""

STEADY_SCORE_CHANGE = 2.0
"""A trend is steady while the score moved by less than this."""

IMPROVING, STEADY, DECLINING, NEW = "improving", "steady", "declining", "new"

DRAWDOWN_WEIGHT = 0.20


class ScorePart(NamedTuple):
    """One squashed figure of the score: weight × s(figure ÷ scale)."""

    column: str
    label: str
    weight: float
    scale: float


SCORE_PARTS = (
    ScorePart("sharpe_ratio", "Sharpe", 0.30, 2.0),
    ScorePart("sortino_ratio", "Sortino", 0.15, 3.0),
    ScorePart("calmar_ratio", "Calmar", 0.15, 2.0),
    ScorePart("excess_return", "excess", 0.20, 0.20),
)

SCORE_FORMULA = (
    "score = 100 × ("
    + " + ".join(f"{part.weight:.2f}·s({part.label} ÷ {part.scale:g})" for part in SCORE_PARTS)
    + f" + {DRAWDOWN_WEIGHT:.2f}·(1 + maximum drawdown)) with s(x) = (1 + tanh x) ÷ 2 and excess = "
    "annualised return − the benchmark's. Figures of the last 252 sessions (63, 21 or all since "
    "inception while a model is younger); s = ½ for a figure that is undefined; "
    "0 for a model whose equity was ever at or below zero."
)

FIGURES = (
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "total_return",
    "annualized_return",
    "excess_return",
)
"""Columns of `model_performance` that the score or its display needs, of the window shown."""

_IDENTITY = [
    *("date", "model_id", "model_name", "is_benchmark"),
    *("window_name", "window_sessions", "benchmark"),
]


def score_rows(performance: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Score every performance row.

    Parameters
    ----------
    performance : rows of `model_performance`, with what each is judged against as `benchmark`
    models : rows of `models` (id, model_name, is_benchmark); rows of other models are left out

    Returns
    -------
    DataFrame
        date, model_id, model_name, is_benchmark, window_name, window_sessions, benchmark, the
        columns of `FIGURES` and `SINCE_INCEPTION`, ruined (equity was not positive at some close)
        and score (0 to 100; 0 of a ruined model).
    """
    names = models[["id", "model_name", "is_benchmark"]].rename(columns={"id": "model_id"})
    keys = ["date", "model_id", "window_name", "window_sessions"]
    names = names.astype({"is_benchmark": bool})
    rows = performance[[*keys, "benchmark", *FIGURES, *SINCE_INCEPTION]].merge(names, on="model_id")
    score = DRAWDOWN_WEIGHT * (1.0 + rows["max_drawdown"].clip(-1.0, 0.0))
    for part in SCORE_PARTS:
        figure = rows[part.column].fillna(0.0) / part.scale
        score += part.weight * (1.0 + np.tanh(figure)) / 2.0
    # Whoever lost everything once has no half points for what is undefined since.
    lost = rows[(rows["window_name"] == "inception") & (rows["max_drawdown"] <= -1.0)]
    keys = ["date", "model_id"]
    rows["ruined"] = pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(lost[keys]))
    rows["score"] = np.where(rows["ruined"], 0.0, 100.0 * score)
    return rows[[*_IDENTITY, *FIGURES, *SINCE_INCEPTION, "ruined", "score"]]


def rank_models(
    scored: pd.DataFrame,
    statistics: pd.DataFrame,
    sessions: Sequence[object] | NDArray[np.datetime64] | None = None,
) -> pd.DataFrame:
    """Rank the models of each session in sets.

    Parameters
    ----------
    scored : rows of `score_rows`
    statistics : rows of `performance_statistics`; a model without one is young
    sessions : sessions to rank; all unless given

    Returns
    -------
    DataFrame
        One row per session and model, ordered by date and rank: the columns of `scored` for the
        window it is scored by, those of `SINCE_INCEPTION` for all its returns, those of
        `STATISTICS`, and rank, which counts the rows from 1. Within a set the order is that of
        sharpe_lower, then of the score, then of model_id.
    """
    rows = _of_sessions(scored, sessions)
    keys = ["date", "model_id"]
    whole = rows.loc[rows["window_name"] == "inception", [*keys, *SINCE_INCEPTION]]
    preference = rows["window_name"].map({name: i for i, name in enumerate(WINDOW_PREFERENCE)})
    rows = rows.assign(_preference=preference).sort_values([*keys, "_preference"])
    rows = rows.drop_duplicates(keys).drop(columns=["_preference", *SINCE_INCEPTION])
    rows = rows.merge(whole, on=keys, how="left")
    rows = rows.merge(statistics[[*keys, *STATISTICS]], on=keys, how="left")
    rows["standing"] = rows["standing"].fillna(YOUNG).mask(rows["ruined"], RUINED)
    place = rows["standing"].map({name: i for i, name in enumerate(STANDINGS)})
    # Only the eliminated stand in the order in which they went.
    step = rows["elimination_step"].astype("float64").where(rows["standing"] == ELIMINATED, 0.0)
    rows = rows.assign(_place=place, _step=step).sort_values(
        ["date", "_place", "_step", "sharpe_lower", "score", "model_id"],
        ascending=[True, True, False, False, False, True],
        na_position="last",
        ignore_index=True,
    )
    rows = rows.drop(columns=["_place", "_step"])
    rows["rank"] = rows.groupby("date").cumcount() + 1
    return rows


def model_trends(
    scored: pd.DataFrame, sessions: Sequence[object] | NDArray[np.datetime64] | None = None
) -> pd.DataFrame:
    """Compare each model with itself 21 sessions earlier.

    Parameters
    ----------
    scored : rows of `score_rows` for `sessions` and the 21 sessions before each of them
    sessions : sessions to judge; all in `scored` unless given

    Returns
    -------
    DataFrame
        One row per session and model, ordered by date and model_id: date, model_id, model_name,
        is_benchmark, window_name (the window compared), previous_date, sharpe_change, score_change,
        total_return_change and trend (improving, steady, declining, or new: no row 21 sessions
        earlier, and no changes).
    """
    grid = np.sort(scored["date"].unique())
    now = _of_sessions(scored, sessions).copy()
    place = np.searchsorted(grid, now["date"].to_numpy())
    has_previous = place >= TREND_SESSIONS
    previous = np.full(len(now), np.datetime64("NaT"), dtype=grid.dtype)
    previous[has_previous] = grid[place[has_previous] - TREND_SESSIONS]
    now["previous_date"] = previous
    keys = ["model_id", "window_name"]
    figures = ["sharpe_ratio", "score", "total_return"]
    before = scored[["date", *keys, *figures]].rename(
        columns={"date": "previous_date", **{name: f"previous_{name}" for name in figures}}
    )
    rows = now.merge(before, on=["previous_date", *keys], how="left")
    rows["sharpe_change"] = rows["sharpe_ratio"] - rows["previous_sharpe_ratio"]
    rows["score_change"] = rows["score"] - rows["previous_score"]
    rows["total_return_change"] = rows["total_return"] - rows["previous_total_return"]
    # Windows full on both sides first, the longest of them at the top.
    order = rows["window_name"].map({name: i for i, name in enumerate(WINDOW_PREFERENCE)})
    absent = rows["previous_score"].isna()
    rows = rows.assign(_absent=absent, _order=order)
    rows = rows.sort_values(["date", "model_id", "_absent", "_order"])
    rows = rows.drop_duplicates(["date", "model_id"]).reset_index(drop=True)
    rows.loc[rows["_absent"], "previous_date"] = pd.NaT
    change = rows["score_change"]
    rows["trend"] = np.select(
        [change.isna(), change >= STEADY_SCORE_CHANGE, change <= -STEADY_SCORE_CHANGE],
        [NEW, IMPROVING, DECLINING],
        STEADY,
    )
    changes = ["sharpe_change", "score_change", "total_return_change"]
    return rows[[*_IDENTITY[:-2], "previous_date", *changes, "trend"]]


def _of_sessions(
    rows: pd.DataFrame, sessions: Sequence[object] | NDArray[np.datetime64] | None
) -> pd.DataFrame:
    if sessions is None:
        return rows
    wanted = pd.DatetimeIndex(np.asarray(sessions, dtype="datetime64[s]"))
    return rows[rows["date"].isin(wanted)]
