"""Drawdowns: the underwater chart, and the deepest falls of each model."""

import numpy as np
import pandas as pd

from quant_platform.reports.data import ReportData
from quant_platform.reports.drawdowns import Drawdown, worst_drawdowns
from quant_platform.reports.figures import drawdown_chart
from quant_platform.reports.formats import day, percent, whole
from quant_platform.reports.sections.section import (
    EVERYBODY,
    Cell,
    Column,
    Content,
    Pane,
    Section,
    Table,
    absent,
)

WORST = 5
"""Drawdowns listed of each model."""

COLUMNS = (
    Column("Peak", is_text=True),
    Column("Trough"),
    Column("High again"),
    Column("Depth"),
    Column("Sessions down", about="From the peak to the trough"),
    Column("Sessions back", about="From the trough to the peak's equity, or until now"),
)


def drawdowns(data: ReportData) -> Content | None:
    """The underwater chart and a table a model."""
    if not data.ordered:
        return absent("There is no drawdown, since no model has a portfolio yet.")
    panes = tuple(
        Pane(str(data.names[model]), tables=(_table(data, model),)) for model in data.ordered
    )
    return Content(
        charts=(drawdown_chart(data.histories, data.ranked_models),),
        panes=panes,
        notes=("Equity below its highest close since inception, from closes.",),
    )


def _table(data: ReportData, model: int) -> Table:
    equity = data.histories.of_model(model, "equity")
    known = np.isfinite(equity)
    found = worst_drawdowns(data.histories.dates_of(model)[known], equity[known], WORST)
    caption = f"Deepest drawdowns of {data.names[model]}"
    note = "" if found else f"{data.names[model]} was never below its highest close."
    return Table(caption, COLUMNS, tuple(_row(each) for each in found), note)


def _row(fall: Drawdown) -> tuple[Cell | str, ...]:
    ended = day(pd.Timestamp(fall.recovered)) if fall.recovered is not None else "not yet"
    return (
        day(pd.Timestamp(fall.peak)),
        day(pd.Timestamp(fall.trough)),
        ended,
        Cell(percent(fall.depth), "loss"),
        whole(fall.sessions_down),
        whole(fall.sessions_back),
    )


SECTION = Section("drawdowns", "Drawdowns", EVERYBODY, drawdowns)
