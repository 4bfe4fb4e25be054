"""Survivorship: positions whose security ended, and results under other delisting returns."""

import pandas as pd

from quant_platform.evaluation.endings import total_return_under
from quant_platform.reports.data import ReportData
from quant_platform.reports.formats import percent, whole
from quant_platform.reports.sections.section import (
    RESEARCHER,
    RISK,
    Cell,
    Column,
    Content,
    Section,
    Table,
)
from quant_platform.reports.sections.words import gain, model_cell

CLOSED = "closed_positions"

ALTERNATIVES = (-0.30, -1.00)
"""Returns from the last price to what is paid: of Shumway (1997), and nothing at all."""

QUERIES = {
    CLOSED: """
SELECT c.date, c.model_id, c.shares, c.last_price, c.delisting_return, c.assumed, c.distressed,
    p.equity
FROM closed_positions AS c JOIN portfolios AS p USING (date, model_id)
WHERE c.date <= $1::text::date AND p.equity > 0 ORDER BY c.model_id, c.date, c.security_id
"""
}


def survivorship(data: ReportData) -> Content | None:
    """A row per model with such positions."""
    closed = data.frame(CLOSED)
    if CLOSED not in data.frames:
        return None
    rows = [
        _row(data, model, held)
        for model in data.ordered
        if len(closed) and len(held := closed[closed["model_id"] == model])
    ]
    if not rows:
        return Content(
            sentences=(
                "No position was closed because its security stopped trading; other delisting"
                " returns would change no result.",
            )
        )
    columns = (
        Column("Model", is_text=True),
        Column("Positions ended"),
        Column("At an assumed price"),
        Column("In distress"),
        Column("Total return"),
        *(Column(f"At {percent(each, 0)}") for each in ALTERNATIVES),
    )
    return Content(
        tables=(Table("Positions whose security stopped trading", columns, tuple(rows)),),
        notes=(
            "What the total return would be if each such position had been paid at that return from"
            " its last price, and the portfolio had gone on with the same returns.",
        ),
    )


def _row(data: ReportData, model: int, closed: pd.DataFrame) -> tuple[Cell | str, ...]:
    total = data.figures.get((model, "inception"), {}).get("total_return")
    others = [
        gain(total_return_under(float(total), closed, each)) if total is not None else "–"
        for each in ALTERNATIVES
    ]
    return (
        model_cell(data, model),
        whole(len(closed)),
        whole(closed["assumed"].sum()),
        whole(closed["distressed"].sum()),
        gain(total),
        *others,
    )


SECTION = Section(
    "survivorship",
    "Survivorship",
    frozenset({RESEARCHER, RISK}),
    survivorship,
    queries=QUERIES,
)
