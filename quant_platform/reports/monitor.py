"""The monitor of the models in use for a page: a chart, a table and sentences.

All take rows of `model_monitor` with the model's name as `model_name`, of the sessions up to that
of the page, and read nothing else. Means of scaled returns are shown times √252, which makes them
about Sharpe ratios. What does not belong here: the test (`evaluation/monitor.py`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from quant_platform.evaluation.metrics import ROOT_YEAR
from quant_platform.evaluation.monitor import LEVEL
from quant_platform.reports.formats import day, known, number, whole

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLUMNS = (
    *("model", "state", "since", "sessions", "mean", "lower", "upper", "promised"),
    *("e-value", "promise"),
)
"""Columns of `monitor_table`."""

CEILING = 1e6
"""Evidence beyond which the chart does not go."""

THRESHOLD = 1.0 / LEVEL


def monitor_table(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the newest row of each model as texts, by the columns of `COLUMNS`; by name."""
    return [
        (
            str(row["model_name"]),
            str(row["state"]),
            day(row["promoted_on"]),
            whole(row["sessions"]),
            *(_yearly(row[name]) for name in ("mean", "lower", "upper", "promised")),
            f"{row['e_value']:.3g}",
            "broken" if row["crossed"] else "holds",
        )
        for row in _newest(rows)
    ]


def monitor_sentences(rows: pd.DataFrame) -> list[str]:
    """Return a sentence per model in use, by name; one alone where there is none."""
    found = [monitor_sentence(row) for row in _newest(rows)]
    return found or ["No model is in use: nobody has promoted one."]


def monitor_sentence(row: Mapping[str, object]) -> str:
    """Say where the test of one model stands, from its newest row."""
    sessions = int(str(row["sessions"]))
    head = f"{row['model_name']}, {row['state']} since {day(row['promoted_on'])}"
    promised = _yearly(row["promised"])
    if not known(row["mean"]) or not sessions:
        return f"{head}: no return counted yet; {promised} was promised, at least."
    figures = (
        f"{_yearly(row['mean'])} over {sessions:,} session{'s' if sessions > 1 else ''}, "
        f"{_yearly(row['lower'])} to {_yearly(row['upper'])}"
    )
    if row["crossed"]:
        return f"{head}: the promise of at least {promised} is broken ({figures})."
    return (
        f"{head}: the promise of at least {promised} is not refuted ({figures}; evidence against it"
        f" {float(str(row['e_value'])):.2g} of the {THRESHOLD:g} that it takes)."
    )


def monitor_figure(rows: pd.DataFrame, colours: Mapping[str, str] | None = None) -> "go.Figure":
    """Evidence against each model's promise by session, and the line at which it is broken.

    Parameters
    ----------
    colours : of the models, by name; those without one have the chart's own
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, of_model in rows.sort_values("date").groupby("model_name", sort=True):
        figure.add_trace(
            go.Scatter(
                x=of_model["date"],
                y=of_model["e_value"].clip(1.0 / CEILING, CEILING),
                name=str(name),
                mode="lines",
                line={"width": 1.6, "color": (colours or {}).get(str(name))},
                hovertemplate="%{y:.3g}",
            )
        )
    figure.add_hline(y=THRESHOLD, line={"dash": "dash", "width": 1}, annotation_text="broken")
    figure.update_yaxes(type="log", title="evidence against the promise")
    return figure.update_layout(hovermode="x unified", margin={"l": 52, "r": 12, "t": 8, "b": 36})


def promise_figure(rows: pd.DataFrame) -> "go.Figure":
    """One model's mean with its confidence sequence, and what was promised, by session."""
    import plotly.graph_objects as go

    rows = rows.sort_values("date")
    figure = go.Figure()
    for name, style in (
        ("upper", {"width": 0}),
        ("lower", {"width": 0}),
        ("mean", {"width": 1.6}),
        ("promised", {"width": 1, "dash": "dash"}),
    ):
        figure.add_trace(
            go.Scatter(
                x=rows["date"],
                y=rows[name] * ROOT_YEAR,
                name=name,
                mode="lines",
                line=style,
                fill="tonexty" if name == "lower" else None,
                hovertemplate="%{y:.2f}",
            )
        )
    figure.update_yaxes(title="mean scaled return × √252")
    return figure.update_layout(hovermode="x unified", margin={"l": 52, "r": 12, "t": 8, "b": 36})


def _newest(rows: pd.DataFrame) -> list[dict[str, object]]:
    """Newest row of each model that is in use in the newest session, by name."""
    newest = rows[rows["date"] == rows["date"].max()].sort_values("model_name")
    return [{str(k): v for k, v in row.items()} for row in newest.to_dict("records")]


def _yearly(value: object) -> str:
    return number(float(str(value)) * ROOT_YEAR, sign=True) if known(value) else number(None)
