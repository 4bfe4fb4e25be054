"""A sweep as a picture, and as a fragment that a notebook shows.

The fragment's heat map is a table of coloured cells, so that it needs no script. What does not
belong here: the result that is shown (`research/sweep_result.py`).
"""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from quant_platform.reports.backtest_page import STYLE, warned
from quant_platform.reports.palette import PALETTE

ROWS = 10
"""Configurations that a notebook lists."""

CELLS = 900
"""Cells of a surface up to which a notebook draws it."""

SCALE = ((0.0, "#d55e00"), (0.5, "#f2f2f2"), (1.0, PALETTE[0]))
"""Colours from the lowest figure to the highest."""

LISTED = ("sharpe_ratio", "annualized_return", "max_drawdown", "turnover")


def surface_figure(name: str, wide: pd.DataFrame, metric: str) -> go.Figure:
    """Draw a heat map; `wide` has the parameter of the rows as index, that of the other as columns.

    The axes are the values tried, evenly spaced.
    """
    figure = go.Figure(
        go.Heatmap(
            z=wide.to_numpy(dtype=np.float64),
            x=[str(each) for each in wide.columns],
            y=[str(each) for each in wide.index],
            colorscale=[list(each) for each in SCALE],
            colorbar={"title": {"text": metric.replace("_", " ")}},
            hovertemplate=f"{wide.index.name} %{{y}}, {wide.columns.name} %{{x}}: %{{z:.3f}}"
            "<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=str(wide.columns.name), type="category")
    figure.update_yaxes(title_text=str(wide.index.name), type="category")
    title = f"{name}: {metric.replace('_', ' ')}"
    figure.update_layout(title=title, template="plotly_white", height=520)
    return figure


def curve_figure(name: str, table: pd.DataFrame, parameter: str, metric: str) -> go.Figure:
    """Draw a figure over the one parameter that varies."""
    ordered = table.sort_values(parameter)
    line = go.Scatter(
        x=ordered[parameter],
        y=ordered[metric],
        mode="lines+markers",
        line={"color": PALETTE[0]},
    )
    figure = go.Figure(line)
    figure.update_xaxes(title_text=parameter)
    figure.update_yaxes(title_text=metric.replace("_", " "))
    figure.update_layout(title=name, template="plotly_white", height=420)
    return figure


def sweep_fragment(
    name: str,
    verdict: str,
    table: pd.DataFrame,
    varied: Sequence[str],
    wide: pd.DataFrame | None,
    warning: str = "",
) -> str:
    """Return what a notebook shows: the verdict, the best configurations, and the surface."""
    picture = "" if wide is None or wide.size > CELLS else _heat_map(wide)
    best = table.sort_values("sharpe_ratio", ascending=False, kind="stable").head(ROWS)
    head = "".join(
        f"<th style='text-align:right;padding:1px 8px'>{escape(each.replace('_', ' '))}</th>"
        for each in (*varied, *LISTED)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td style='text-align:right;padding:1px 8px'>{escape(_text(row[each]))}</td>"
            for each in (*varied, *LISTED)
        )
        + "</tr>"
        for _, row in best.iterrows()
    )
    return (
        f'<div style="{STYLE}"><b>{escape(name)}</b>, {len(table):,} configurations'
        f"{warned(warning)}"
        f"<div style='margin:6px 0;max-width:72ch'>{escape(verdict)}</div>"
        f"<div style='display:flex;gap:24px;align-items:start'>"
        f"<table style='{STYLE}'><tr>{head}</tr>{rows}</table>{picture}</div></div>"
    )


def _heat_map(wide: pd.DataFrame) -> str:
    values = wide.to_numpy(dtype=np.float64)
    low, high = (
        float(f(values)) if np.isfinite(values).any() else 0.0 for f in (np.nanmin, np.nanmax)
    )
    head = "".join(f"<th>{escape(_text(each))}</th>" for each in wide.columns)
    rows = "".join(
        f"<tr><th style='text-align:right'>{escape(_text(label))}</th>"
        + "".join(_cell(value, low, high) for value in line)
        + "</tr>"
        for label, line in zip(wide.index, values.tolist(), strict=True)
    )
    sides = f"{wide.index.name} (down), {wide.columns.name} (across)"
    return (
        f"<div><div style='opacity:.7'>Sharpe ratio: {escape(sides)}</div>"
        f"<table style='{STYLE}'><tr><th></th>{head}</tr>{rows}</table></div>"
    )


def _cell(value: float, low: float, high: float) -> str:
    if value != value:
        return "<td style='padding:2px 6px'>–</td>"
    share = (value - low) / (high - low) if high > low else 1.0
    return (
        f"<td style='padding:2px 6px;text-align:right;color:#111;background:{_colour(share)}'>"
        f"{value:.2f}</td>"
    )


def _colour(share: float) -> str:
    """Colour between those of `SCALE`."""
    before, after = (SCALE[0], SCALE[1]) if share < SCALE[1][0] else (SCALE[1], SCALE[2])
    part = (share - before[0]) / (after[0] - before[0])
    ends = [[int(each[1][i : i + 2], 16) for i in (1, 3, 5)] for each in (before, after)]
    mixed = [round(a + (b - a) * part) for a, b in zip(*ends, strict=True)]
    return f"rgb({mixed[0]},{mixed[1]},{mixed[2]})"


def _text(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    return str(value)
