"""Calibration of probabilities on a page: the reliability curve, and its figures in a table.

Frames in, figure and table out. What does not belong here: what is computed
(`learning/calibration.py`).
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import plotly.graph_objects as go

CURVE_COLUMNS = ("model_name", "bin", "outcomes", "probability", "frequency")
"""Columns of a reliability curve: a row per model and bin."""

FIGURES = {
    "outcomes": "Outcomes",
    "base_rate": "Hits",
    "brier": "Brier score",
    "reliability": "Reliability (lower is better)",
    "resolution": "Resolution (higher is better)",
    "uncertainty": "Uncertainty",
    "within": "Within bins",
    "expected_error": "Expected calibration error",
}
"""Column of a frame of figures → what a reader sees."""


def calibration_figure(curve: pd.DataFrame) -> "go.Figure":
    """Draw how often signals were right against how probable that was said to be.

    Parameters
    ----------
    curve : `CURVE_COLUMNS`; bins without an outcome are left out
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="calibrated", line={"dash": "dot", "color": "gray"}
    )
    for name, rows in curve[curve["outcomes"] > 0].groupby("model_name", sort=True):
        ordered = rows.sort_values("bin")
        size = np.sqrt(ordered["outcomes"].to_numpy(dtype=float))
        figure.add_scatter(
            x=ordered["probability"].tolist(),
            y=ordered["frequency"].tolist(),
            mode="lines+markers",
            name=str(name),
            marker={"size": (6.0 + 14.0 * size / size.max()).tolist()},
            customdata=ordered["outcomes"].tolist(),
            hovertemplate="said %{x:.0%}, was %{y:.0%} of %{customdata:,} signals",
        )
    figure.update_layout(
        title="Calibration: how often a signal's sign was right",
        xaxis={"title": "probability stated", "range": [0, 1], "tickformat": ".0%"},
        yaxis={"title": "share that was right", "range": [0, 1], "tickformat": ".0%"},
    )
    return figure


def calibration_table(figures: pd.DataFrame) -> pd.DataFrame:
    """Return figures as texts, a row per model; what is unknown is a dash.

    Parameters
    ----------
    figures : model_name and the columns of `FIGURES`
    """
    rows = figures.sort_values("model_name").set_index("model_name")
    return pd.DataFrame(
        {title: [_text(name, value) for value in rows[name]] for name, title in FIGURES.items()},
        index=rows.index.rename("Model"),
    )


def _text(name: str, value: float) -> str:
    if pd.isna(value):
        return "–"
    if name == "outcomes":
        return f"{int(value):,}"
    return f"{100.0 * value:.1f} %" if name == "base_rate" else f"{value:.4f}"
