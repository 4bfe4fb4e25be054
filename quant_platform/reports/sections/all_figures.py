"""All figures: every metric of every model, a table per window."""

import re

import pandas as pd

from quant_platform.evaluation.metric_registry import Metric
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.performance import INCEPTION, WINDOWS
from quant_platform.reports.data import ReportData
from quant_platform.reports.formats import percent, whole
from quant_platform.reports.sections.returns import WINDOW, ends_of
from quant_platform.reports.sections.section import (
    RESEARCHER,
    Cell,
    Column,
    Content,
    Pane,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import between, figure


def all_figures(data: ReportData) -> Content | None:
    """A pane per window, the longest first."""
    panes = [
        Pane(_label(name), tables=(_table(data, name),))
        for name in reversed(list(WINDOWS))
        if any(window == name for _, window in data.figures)
    ]
    if not panes:
        return absent("No model has figures yet.")
    return Content(panes=tuple(panes), notes=(_risk_free(data),))


def _label(window: str) -> str:
    return "Since inception" if window == INCEPTION else f"{window[:-1]} sessions"


def _table(data: ReportData, window: str) -> Table:
    shown = [model for model in data.ordered if (model, window) in data.figures]
    of_window = [data.figures[model, window] for model in shown]
    ends = ends_of(data) if window == WINDOW else {}
    lines: list[tuple[Cell | str, ...]] = [
        ("sessions", *(whole(row["window_sessions"]) for row in of_window))
    ]
    for column, metric in METRICS.items():
        if not all(column in row for row in of_window):
            continue
        cells = [
            Cell(figure(metric, row[column]), below=_ends(metric, ends.get((model, column))))
            for model, row in zip(shown, of_window, strict=True)
        ]
        lines.append((Cell(column.replace("_", " "), below=explained(metric)), *cells))
    heads = (Column("Figure", is_text=True), *(Column(str(data.names[each])) for each in shown))
    return Table(f"All figures, {_label(window).lower()}", heads, tuple(lines))


def _ends(metric: Metric, ends: tuple[float, float] | None) -> str:
    return between(*ends, style=lambda value: figure(metric, value)) if ends else ""


def explained(metric: Metric) -> str:
    """Description of a metric for a reader who sees its values as per cent and – for none."""
    text = re.sub(r", as a (negative )?fraction", "", metric.description)
    text = re.sub(r", or null\b", "; undefined without any", text)
    return re.sub(r"\bnull\b", "undefined", text)


def _risk_free(data: ReportData) -> str:
    """The rate behind the figures, in words."""
    if isinstance(data.risk_free, pd.Series):
        rate = data.risk_free.loc[data.date]
        said = (
            "Risk-free rate: the 3-month Treasury yield known in each session,"
            f" {percent(rate, 2)} a year in this one."
        )
    else:
        rate = percent(data.risk_free, 2)
        said = f"Risk-free rate: {rate} a year, the same in every session."
    return (
        f"{said} A year has 252 sessions. Of the last 252 sessions the 95 % interval by the"
        " stationary bootstrap stands below a figure. – stands for a figure that is undefined."
    )


SECTION = Section("figures", "All figures", frozenset({RESEARCHER}), all_figures)
