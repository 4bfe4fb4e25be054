"""Against the benchmark: what an active return comes from, by group, linked over the sessions."""

import pandas as pd

from quant_platform.evaluation.attribution.brinson import EFFECTS
from quant_platform.reports.data import Record, ReportData, records
from quant_platform.reports.explained import ACTIVE
from quant_platform.reports.formats import percent, whole
from quant_platform.reports.sections.section import (
    MANAGER,
    RESEARCHER,
    Cell,
    Column,
    Content,
    Pane,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import gain, model_cell

TOTAL = "total"

HEADS = (
    Column("Allocation", about="Of holding more of groups that did better than the benchmark"),
    Column("Selection", about="Of securities that did better than the benchmark's of the group"),
    Column("Interaction", about="Of holding more of groups whose securities did better"),
    Column("Trading", about="What the trades of a session gained up to its close"),
    Column("Costs", about="Costs and borrow fees, less the benchmark's"),
)


def active(data: ReportData) -> Content | None:
    """A row per model, and a table by group for each."""
    rows = data.frame(ACTIVE)
    if rows.empty:
        return absent(
            "No active return is explained: no model was held beside a benchmark that is a model."
        )
    models = [model for model in data.ordered if (rows["model_id"] == model).any()]
    said = sorted({str(note) for note in rows["note"] if note})
    return Content(
        tables=(_totals(data, rows, models),),
        panes=tuple(
            Pane(str(data.names[model]), tables=(_groups(data, model, rows),)) for model in models
        ),
        notes=(
            "Brinson and Fachler (1985), linked over the sessions (Cariño, 1999). The effects add"
            " up to the active return: the portfolio's return less the benchmark's. Selection is at"
            " the benchmark's weights: where a portfolio holds little of a group, interaction takes"
            " most of it back.",
            *said,
        ),
    )


def _totals(data: ReportData, rows: pd.DataFrame, models: list[int]) -> Table:
    totals = {row["model_id"]: row for row in records(rows[rows["group"] == TOTAL])}
    columns = (
        Column("Model", is_text=True),
        Column("Benchmark", is_text=True),
        Column("Sessions"),
        Column("Return"),
        Column("Benchmark's"),
        Column("Active"),
        *HEADS,
    )
    lines = tuple(_total(data, totals[model]) for model in models if model in totals)
    return Table("Active returns and what they come from", columns, lines)


def _total(data: ReportData, row: Record) -> tuple[Cell | str, ...]:
    return (
        model_cell(data, row["model_id"]),
        str(row["benchmark"]),
        whole(row["sessions"]),
        gain(row["portfolio_return"], 2),
        gain(row["benchmark_return"], 2),
        gain(row["portfolio_return"] - row["benchmark_return"], 2),
        *(gain(row[effect], 2) for effect in EFFECTS),
    )


def _groups(data: ReportData, model: int, rows: pd.DataFrame) -> Table:
    columns = (
        Column("Sector", is_text=True),
        Column("Weight", about="Mean over the sessions"),
        Column("Benchmark's"),
        *HEADS,
        Column("All"),
    )
    lines: tuple[tuple[Cell | str, ...], ...] = tuple(
        (
            str(row["group"]).capitalize() if row["group"] == TOTAL else str(row["group"]),
            percent(row["portfolio_weight"]),
            percent(row["benchmark_weight"]),
            *(gain(row[effect], 2) for effect in (*EFFECTS, TOTAL)),
        )
        for row in records(rows[rows["model_id"] == model])
    )
    name = data.names[model]
    return Table(f"Active return of {name} by sector", columns, lines, shows_caption=True)


SECTION = Section(
    "active",
    "Against the benchmark",
    frozenset({MANAGER, RESEARCHER}),
    active,
    tells_absence=frozenset({RESEARCHER}),
)
