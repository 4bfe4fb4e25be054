"""A factor study as a picture, and as a fragment that a notebook shows.

What does not belong here: the study (`research/factor.py`).
"""

from html import escape

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant_platform.reports.backtest_page import STYLE
from quant_platform.reports.palette import PALETTE

SHARES = frozenset({"positive", "spread"})
"""Figures that are written in percent."""

BAR_WIDTH, BAR_HEIGHT = 36.0, 90.0


def factor_figure(name: str, by_quantile: pd.DataFrame, ic: pd.DataFrame) -> go.Figure:
    """Draw mean later returns by quantile, and the running sum of the rank correlations."""
    titles = ("Mean later return by quantile", "Running sum of rank correlations")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles)
    for number, horizon in enumerate(by_quantile.columns):
        style = {"name": f"{horizon} sessions", "legendgroup": str(horizon)}
        colour = PALETTE[number % len(PALETTE)]
        bars = go.Bar(
            x=by_quantile.index, y=by_quantile[horizon], marker={"color": colour}, **style
        )
        line = go.Scatter(
            x=ic.index,
            y=ic[horizon].fillna(0.0).cumsum(),
            line={"color": colour},
            showlegend=False,
            **style,
        )
        figure.add_trace(bars, row=1, col=1)
        figure.add_trace(line, row=1, col=2)
    figure.update_xaxes(title_text="quantile, the lowest is 1", dtick=1, row=1, col=1)
    figure.update_yaxes(tickformat=".2%", row=1, col=1)
    figure.update_layout(title=name, template="plotly_white", height=420)
    return figure


def factor_fragment(name: str, summary: pd.DataFrame, by_quantile: pd.DataFrame) -> str:
    """Return what a notebook shows: figures by horizon, and mean returns by quantile."""
    head = "".join(f"<th style='padding:1px 8px'>{escape(_label(c))}</th>" for c in summary.columns)
    rows = "".join(
        f"<tr><th style='padding:1px 8px'>{horizon}</th>"
        + "".join(
            f"<td style='text-align:right;padding:1px 8px'>{_text(str(c), float(row[c]))}</td>"
            for c in summary.columns
        )
        + "</tr>"
        for horizon, row in summary.iterrows()
    )
    pictures = "".join(_bars(by_quantile[horizon], int(horizon)) for horizon in by_quantile.columns)
    return (
        f'<div style="{STYLE}"><b>{escape(name)}</b>: what it foretold'
        f"<table style='{STYLE}'><tr><th>horizon</th>{head}</tr>{rows}</table>"
        f"<div style='display:flex;gap:24px'>{pictures}</div></div>"
    )


def _label(column: object) -> str:
    return str(column).replace("_", " ")


def _text(column: str, value: float) -> str:
    if value != value:
        return "–"
    if column in SHARES:
        return f"{value:.2%}"
    return f"{value:,.0f}" if column == "sessions" else f"{value:.3f}"


def _bars(means: "pd.Series[float]", horizon: int) -> str:
    """Draw one bar per quantile, up or down from 0."""
    known = means.fillna(0.0)
    low, high = min(float(known.min()), 0.0), max(float(known.max()), 0.0)
    scale = BAR_HEIGHT / max(high - low, 1e-12)
    drawn = "".join(
        f"<rect x='{at * BAR_WIDTH:.1f}' y='{(high - max(value, 0.0)) * scale:.1f}'"
        f" width='{BAR_WIDTH - 6.0:.1f}' height='{abs(value) * scale:.1f}' fill='{PALETTE[0]}'>"
        f"<title>{value:.3%}</title></rect>"
        for at, value in enumerate(known)
    )
    label = f"{horizon} sessions: {low:.2%} to {high:.2%}"
    return (
        f"<div><div>{escape(label)}</div><svg width='{len(known) * BAR_WIDTH:.0f}'"
        f" height='{BAR_HEIGHT:.0f}' role='img' aria-label='{escape(label)}'>{drawn}</svg></div>"
    )
