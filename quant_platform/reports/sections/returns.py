"""Returns: growth, figures with their intervals, and every calendar month and year."""

import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.metrics import METRICS
from quant_platform.reports.calendar_returns import monthly_returns
from quant_platform.reports.data import Record, ReportData
from quant_platform.reports.figures import growth_chart
from quant_platform.reports.formats import NONE, known, number
from quant_platform.reports.sections.section import (
    EVERYBODY,
    Cell,
    Column,
    Content,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import between, figure, gain, model_cell, tone_of

HEAT_FULL = 0.10
"""Monthly return that is shown in the full colour; of a year it is three times that."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SHOWN = ("total_return", "annualized_volatility", "sharpe_ratio", "max_drawdown", "excess_return")
"""Figures of the table of returns, each with its interval."""

WINDOW = "252d"


def returns(data: ReportData) -> Content | None:
    """Growth, figures with intervals, calendar years and months."""
    if not data.ordered:
        return absent("No model has a portfolio yet.")
    tables = monthly_returns(data.histories)
    return Content(
        charts=(growth_chart(data.histories, data.ranked_models),),
        tables=(*_with_intervals(data), _years(data, tables)),
        template="months",
        values={"months": _months(data, tables), "names": MONTHS},
        notes=(
            "After costs, dividends included. Every curve starts at 1 at the left edge of the range"
            " chosen. With a scale each, curves show their shape and not their size.",
        ),
    )


def _with_intervals(data: ReportData) -> tuple[Table, ...]:
    """The figures of the last 252 sessions with 95 % intervals below them."""
    ends = ends_of(data)
    rows = []
    for model in data.ordered:
        row = data.figures.get((model, WINDOW))
        if row is None:
            continue
        cells = [_cell(name, row, ends.get((model, name)), data.names[model]) for name in SHOWN]
        rows.append((model_cell(data, model), *cells))
    if not rows:
        return ()
    columns = [
        Column(METRICS[name].column.replace("_", " "), about=METRICS[name].description)
        for name in SHOWN
    ]
    return (
        Table(
            f"The last {SESSIONS_PER_YEAR} sessions, with 95 % intervals",
            (Column("Model", is_text=True), *columns),
            tuple(rows),
            "Below a figure stands its 95 % interval by the stationary bootstrap: other years of"
            " the same kind would have given figures like these.",
            shows_caption=True,
        ),
    )


def _cell(name: str, row: Record, ends: tuple[float, float] | None, own: object) -> Cell:
    metric = METRICS[name]
    if name == "excess_return" and row.get("benchmark") == own:
        return Cell(NONE)
    below = between(*ends, style=lambda value: figure(metric, value)) if ends else ""
    is_gain = name in ("total_return", "excess_return")
    return Cell(figure(metric, row[name]), tone_of(row[name]) if is_gain else "", below=below)


def ends_of(data: ReportData) -> dict[tuple[int, str], tuple[float, float]]:
    """Ends of the interval by model and metric, of those that have one."""
    stated = data.intervals.dropna()
    if stated.empty:
        return {}
    ends = zip(stated["lower"].tolist(), stated["upper"].tolist(), strict=True)
    return dict(zip(stated.index.tolist(), ends, strict=True))


def _years(data: ReportData, tables: dict[int, pd.DataFrame]) -> Table:
    """Calendar years, the newest first, a column per model."""
    wide = pd.DataFrame({model: tables[model]["year"] for model in data.ordered})
    wide = wide.sort_index(ascending=False)
    rows: tuple[tuple[Cell | str, ...], ...] = tuple(
        (str(year), *(gain(value) for value in values))
        for year, values in zip(wide.index.tolist(), wide.to_numpy().tolist(), strict=True)
    )
    heads = tuple(Column(str(data.names[model])) for model in data.ordered)
    note = "The first and the last year may be parts of one."
    return Table(
        "Calendar years", (Column("Year", is_text=True), *heads), rows, note, shows_caption=True
    )


def _months(data: ReportData, tables: dict[int, pd.DataFrame]) -> list[Record]:
    shown = []
    for model in data.ordered:
        table = tables[model]
        years = [
            {
                "year": year,
                "cells": [heat_cell(value) for value in values[:-1]],
                "total": heat_cell(values[-1], full=3.0 * HEAT_FULL),
            }
            for year, values in zip(
                table.index.tolist(),
                table.to_numpy().tolist(),
                strict=True,
            )
        ]
        shown.append({"name": data.names[model], "years": years})
    return shown


def heat_cell(value: object, full: float = HEAT_FULL) -> Record:
    """A month's return as the template colours it."""
    if not known(value):
        return {"text": "", "side": "", "heat": 0}
    share = float(str(value))
    heat = round(min(abs(share) / full, 1.0) * 60)
    side = "gain" if share > 0 else "loss"
    return {"text": number(100.0 * share, 1), "side": side, "heat": heat}


SECTION = Section("returns", "Returns", EVERYBODY, returns)
