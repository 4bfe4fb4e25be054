"""Trades and costs: how much the models traded, and what each cause cost a year."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports.data import ReportData
from quant_platform.reports.formats import number, percent, whole
from quant_platform.reports.sections.section import (
    EVERYBODY,
    RESEARCHER,
    RISK,
    Cell,
    Column,
    Content,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import model_cell

CAUSES = "costs_by_cause"

PAID = ("commission", "tax", "spread", "impact")
"""Costs of trades, which the account pays."""

QUERIES = {
    CAUSES: """
SELECT model_id, count(*) AS fills, sum(commission) AS commission, sum(tax) AS tax,
    sum(spread) AS spread, sum(impact) AS impact, sum(delay) AS delay
FROM fills WHERE date <= $1::text::date GROUP BY model_id ORDER BY model_id
"""
}

COLUMNS = (
    Column("Model", is_text=True),
    Column("Trades"),
    Column("Turnover", about="Value traded a year over the equity"),
    *(Column(each.capitalize()) for each in PAID),
    Column("Borrowing"),
    Column("Interest", about="Earned on cash, or paid: negative"),
    Column("All costs", about="Commission, tax, spread, impact and borrow fees"),
    Column("Delay", about="What prices did between decision and trade; charged by nobody"),
)


def costs(data: ReportData) -> Content | None:
    """A row per model: what a year of trading cost, as a share of the equity."""
    if not data.ordered or "trade_count" not in data.histories.columns:
        return absent("Nothing was traded yet.")
    causes = {int(row["model_id"]): row for row in data.frame(CAUSES).to_dict("records")}
    rows = tuple(_row(data, model, causes.get(model, {})) for model in data.ordered)
    return Content(
        tables=(Table("Trades and costs a year", COLUMNS, rows),),
        notes=(
            "Since inception, a year of 252 sessions, as shares of the mean equity. Trades are"
            " counted in all.",
        ),
    )


def _row(data: ReportData, model: int, causes: Mapping[Hashable, Any]) -> tuple[Cell | str, ...]:
    equity = data.histories.of_model(model, "equity")
    base = float(np.nanmean(np.where(equity > 0.0, equity, np.nan))) if (equity > 0).any() else 0.0
    years = len(equity) / SESSIONS_PER_YEAR

    def share(amount: float) -> float:
        return amount / base / years if base > 0.0 else np.nan

    paid = [share(float(causes.get(cause, 0.0) or 0.0)) for cause in PAID]
    borrowed = share(_sum(data, model, "borrow_fees"))
    delay = float(causes["delay"]) if causes.get("delay") is not None else np.nan
    return (
        model_cell(data, model),
        whole(_sum(data, model, "trade_count")),
        number(_sum(data, model, "turnover") / years, 1),
        *(percent(each, 2) for each in paid),
        percent(borrowed, 2),
        percent(share(_sum(data, model, "interest")), 2),
        Cell(percent(sum(paid) + borrowed, 2)),
        percent(share(delay), 2),
    )


def _sum(data: ReportData, model: int, column: str) -> float:
    if column not in data.histories.columns:
        return np.nan
    values: FloatArray = data.histories.of_model(model, column)
    return float(np.nansum(values))


SECTION = Section(
    "costs",
    "Trades and costs",
    EVERYBODY,
    costs,
    queries=QUERIES,
    tells_absence=frozenset({RESEARCHER, RISK}),
)
