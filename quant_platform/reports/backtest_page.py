"""One backtest as a picture, and as a fragment that a notebook shows.

The fragment draws its curves as SVG, so that it needs no script and stays small. What does not
belong here: the result that is shown (`research/result.py`), and its page (`backtest_report.py`).
"""

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports.palette import BENCHMARK_COLOUR, PALETTE

SHARES = frozenset(
    {
        *("total_return", "annualized_return", "excess_return", "annualized_volatility"),
        *("max_drawdown", "win_rate", "alpha"),
    }
)
"""Figures that are written in percent."""

WIDTH, HEIGHT, POINTS = 560.0, 150.0, 500

STYLE = "font-family:system-ui,sans-serif;font-size:13px;border-collapse:collapse"


def curves(returns: pd.Series, benchmark: pd.Series) -> pd.DataFrame:
    """Growth of 1 of the strategy and its benchmark, and the strategy's drawdown, by date."""
    mine = (1.0 + returns.fillna(0.0)).cumprod()
    theirs = (1.0 + benchmark.reindex(returns.index).fillna(0.0)).cumprod()
    fall = mine / np.maximum(mine.cummax(), 1.0) - 1.0
    return pd.DataFrame({"growth": mine, "benchmark": theirs, "drawdown": fall})


def backtest_figure(
    name: str, equity: pd.Series, returns: pd.Series, benchmark: pd.Series
) -> go.Figure:
    """Draw growth beside the benchmark's, and drawdown below."""
    drawn = curves(returns, benchmark)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3])
    for column, colour, label in (
        ("growth", PALETTE[0], name),
        ("benchmark", BENCHMARK_COLOUR, str(benchmark.name)),
    ):
        line = go.Scatter(x=drawn.index, y=drawn[column], name=label, line={"color": colour})
        figure.add_trace(line, row=1, col=1)
    fall = go.Scatter(
        x=drawn.index,
        y=drawn["drawdown"],
        name="drawdown",
        fill="tozeroy",
        line={"color": PALETTE[1]},
    )
    figure.add_trace(fall, row=2, col=1)
    figure.update_yaxes(title_text="growth of 1", row=1, col=1)
    figure.update_yaxes(title_text="drawdown", tickformat=".0%", row=2, col=1)
    title = f"{name}: {equity.iloc[0]:,.0f} to {equity.iloc[-1]:,.0f}" if len(equity) else name
    figure.update_layout(title=title, hovermode="x unified", template="plotly_white", height=520)
    return figure


def backtest_fragment(
    name: str,
    figures: pd.Series,
    returns: pd.Series,
    benchmark: pd.Series,
    assumed: str,
    warning: str = "",
) -> str:
    """Return what a notebook shows: figures, two small pictures, and what was assumed."""
    drawn = curves(returns, benchmark)
    growth = picture(
        [(drawn["benchmark"], BENCHMARK_COLOUR), (drawn["growth"], PALETTE[0])], "growth of 1"
    )
    fall = picture([(drawn["drawdown"], PALETTE[1])], "drawdown")
    span = f"{drawn.index[0]:%Y-%m-%d} to {drawn.index[-1]:%Y-%m-%d}" if len(drawn) else ""
    return (
        f'<div style="{STYLE}"><b>{escape(name)}</b> {span}, against'
        f" {escape(str(benchmark.name))}{warned(warning)}<div style='display:flex;gap:24px'>"
        f"{_table(figures)}<div>{growth}{fall}</div></div>"
        f"<div style='opacity:.7'>{escape(assumed)}</div></div>"
    )


def fragment_page(name: str, fragment: str, figure: go.Figure | None = None) -> str:
    """Return a notebook's fragment and a picture as a page that needs nothing but itself."""
    picture = "" if figure is None else figure.to_html(full_html=False, include_plotlyjs=True)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(name)}</title></head>"
        f"<body style='{STYLE};max-width:980px;margin:24px auto;padding:0 12px'>"
        f"<h1>{escape(name)}</h1>{picture}<div style='overflow-x:auto'>{fragment}</div>"
        "</body></html>"
    )


def warned(warning: str) -> str:
    """Return a warning as a line of its own; nothing for none."""
    return f"<div style='color:#a80000'><b>{escape(warning)}</b></div>" if warning else ""


def _table(figures: pd.Series) -> str:
    rows = "".join(
        f"<tr><td style='padding:1px 12px 1px 0'>{escape(label.replace('_', ' '))}</td>"
        f"<td style='text-align:right'>{_text(label, float(value))}</td></tr>"
        for label, value in figures.items()
        if isinstance(label, str)
    )
    return f"<table style='{STYLE}'>{rows}</table>"


def _text(label: str, value: float) -> str:
    if value != value:
        return "–"
    if label in SHARES:
        return f"{value:.2%}"
    return f"{value:,.0f}" if label.endswith("count") else f"{value:.2f}"


def picture(lines: list[tuple[pd.Series, str]], label: str) -> str:
    """Draw curves on one scale, with its ends as text."""
    low = min((float(line.min()) for line, _ in lines if len(line)), default=0.0)
    high = max((float(line.max()) for line, _ in lines if len(line)), default=1.0)
    paths = "".join(
        f"<polyline points='{_points(line.to_numpy(), low, high)}' fill='none' stroke='{colour}'"
        " stroke-width='1.5'/>"
        for line, colour in lines
    )
    return (
        f"<div>{escape(label)}: {low:.2f} to {high:.2f}</div>"
        f"<svg width='{WIDTH:.0f}' height='{HEIGHT:.0f}' role='img'"
        f" aria-label='{escape(label)}'>{paths}</svg>"
    )


def _points(values: FloatArray, low: float, high: float) -> str:
    """Points of a curve, thinned to `POINTS`."""
    at = np.unique(np.linspace(0, max(len(values) - 1, 0), min(len(values), POINTS)).astype(int))
    across = at / max(len(values) - 1, 1) * WIDTH
    up = HEIGHT - 4.0 - (values[at] - low) / max(high - low, 1e-12) * (HEIGHT - 8.0)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
