"""What walking forward or cross-validation found, as a picture and as a notebook's fragment.

What does not belong here: the result that is shown (`research/validation_result.py`).
"""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant_platform.reports.backtest_page import STYLE, curves, picture, warned
from quant_platform.reports.palette import BENCHMARK_COLOUR, PALETTE

ROWS = 40
"""Folds that a notebook and a page list."""

MOST_PATHS = 60
"""Paths that are drawn; of more, every so many."""

CELL = "text-align:right;padding:1px 8px;white-space:nowrap"


def validation_figure(
    name: str,
    paths: pd.DataFrame,
    benchmark: pd.Series,
    table: pd.DataFrame,
    metric: str,
    middle: int,
) -> go.Figure:
    """Draw growth out of sample above, and the figures in and out of sample of each fold below."""
    figure = make_subplots(rows=2, cols=1, row_heights=[0.65, 0.35], vertical_spacing=0.12)
    step = max(-(-paths.shape[1] // MOST_PATHS), 1)
    for path in range(0, paths.shape[1], step):
        if path != middle:
            figure.add_trace(_growth(paths.iloc[:, path], "path", "#c8c8c8", 1.0), row=1, col=1)
    figure.add_trace(_growth(benchmark, str(benchmark.name), BENCHMARK_COLOUR, 1.5), row=1, col=1)
    if middle >= 0:
        figure.add_trace(_growth(paths.iloc[:, middle], name, PALETTE[0], 2.0), row=1, col=1)
    for column, colour in (("in_sample", "#9aa0a6"), ("out_of_sample", PALETTE[0])):
        label = column.replace("_", " ")
        bars = go.Bar(x=table.index, y=table[column], name=label, marker={"color": colour})
        figure.add_trace(bars, row=2, col=1)
    figure.update_yaxes(title_text="growth of 1", row=1, col=1)
    figure.update_yaxes(title_text=metric.replace("_", " "), row=2, col=1)
    figure.update_xaxes(title_text="fold", row=2, col=1)
    figure.update_layout(title=f"{name}, out of sample", template="plotly_white", height=640)
    return figure


def _growth(returns: pd.Series, name: str, colour: str, width: float) -> go.Scatter:
    value = (1.0 + returns.fillna(0.0)).cumprod()
    line = {"color": colour, "width": width}
    return go.Scatter(x=value.index, y=value, name=name, line=line, showlegend=name != "path")


def validation_fragment(
    title: str,
    sentence: str,
    returns: pd.Series,
    benchmark: pd.Series,
    figures: pd.DataFrame,
    folds: pd.DataFrame,
    warning: str = "",
) -> str:
    """Return what a notebook shows: what it says, growth out of sample, figures and folds."""
    drawn = curves(returns, benchmark)
    lines = [(drawn["benchmark"], BENCHMARK_COLOUR), (drawn["growth"], PALETTE[0])]
    return (
        f'<div style="{STYLE}"><b>{escape(title)}</b>{warned(warning)}'
        f"<div style='margin:6px 0;max-width:90ch'>{escape(sentence)}</div>"
        f"<div style='display:flex;gap:24px;align-items:start'>{_table(figures)}"
        f"<div>{picture(lines, 'growth of 1 out of sample')}</div></div>{_table(folds)}</div>"
    )


def _table(frame: pd.DataFrame) -> str:
    """A frame as a table; columns in which every value is empty are left out."""
    shown = frame.head(ROWS)
    columns = [str(name) for name in shown if not (shown[name].astype(str) == "").all()]
    head = _row([_words(frame.index.name or ""), *map(_words, columns)], "th")
    lines = (
        _row([_words(label), *values])
        for label, values in zip(shown.index, _rows(shown, columns), strict=True)
    )
    more = len(frame) - len(shown)
    left = f"<div>… {more:,} more rows</div>" if more else ""
    return f"<table style='{STYLE}'>{head}{''.join(lines)}</table>{left}"


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> list[list[object]]:
    return [list(values) for values in zip(*(frame[name] for name in columns), strict=True)]


def _row(values: Sequence[object], kind: str = "td") -> str:
    cells = "".join(f"<{kind} style='{CELL}'>{escape(_text(each))}</{kind}>" for each in values)
    return f"<tr>{cells}</tr>"


def _words(name: object) -> str:
    """A name as words."""
    return str(name).replace("_", " ")


def _text(value: object) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
