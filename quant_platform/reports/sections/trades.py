"""Round trips: how often and how much the trades of a model gained, and the best and worst."""

import pandas as pd

from quant_platform.evaluation.attribution.trips import OPEN
from quant_platform.reports.data import Record, ReportData, records
from quant_platform.reports.explained import TRIP_FIGURES, TRIPS
from quant_platform.reports.formats import day, number, percent, whole
from quant_platform.reports.sections.section import (
    RESEARCHER,
    RISK,
    Cell,
    Column,
    Content,
    Pane,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import gain, model_cell, tone_of

COLUMNS = (
    Column("Model", is_text=True),
    Column("Sessions", about="That the trips are of"),
    Column("Trips"),
    Column("Closed"),
    Column("Won"),
    Column("Sessions held", about="Mean of the closed trips; the median below"),
    Column("Mean gain", about="Of those that gained, in currency"),
    Column("Mean loss"),
    Column("Profit factor", about="What trips gained over what others lost"),
    Column("Best while open", about="Mean of the largest gains while trips were open"),
    Column("Worst while open"),
)


def trades(data: ReportData) -> Content | None:
    """A row per model, and its best and worst trips."""
    figures, trips = data.frame(TRIP_FIGURES), data.frame(TRIPS)
    if figures.empty:
        return absent("Nothing was bought or sold yet, so there is no round trip.")
    by_model = {int(row["model_id"]): row for row in records(figures)}
    models = [model for model in data.ordered if model in by_model]
    return Content(
        tables=(Table("Round trips", COLUMNS, tuple(_row(data, m, by_model[m]) for m in models)),),
        panes=tuple(
            Pane(
                str(data.names[model]),
                tables=tuple(
                    _extremes(f"{label} trades of {data.names[model]}", rows)
                    for label, is_best in (("Best", True), ("Worst", False))
                    if len(rows := trips[mine & (trips["is_best"] == is_best)])
                ),
            )
            for model in models
            if len(trips) and (mine := trips["model_id"] == model).any()
        ),
        notes=(
            "A trip is from the fill that opened shares to the one that closed them, first in,"
            " first out, with its costs. The largest gain and loss while it was open are by the"
            " closes, as shares of the value at entry; what was held before the first of these"
            " sessions has no day of entry, and the close before them as its price.",
        ),
    )


def _row(data: ReportData, model: int, row: Record) -> tuple[Cell | str, ...]:
    return (
        model_cell(data, model),
        whole(row["sessions"]),
        whole(row["trips"]),
        whole(row["closed"]),
        percent(row["win_rate"]),
        Cell(number(row["mean_sessions"], 1), below=whole(row["median_sessions"])),
        number(row["mean_gain"], 0, sign=True),
        number(row["mean_loss"], 0, sign=True),
        number(row["profit_factor"]),
        gain(row["mean_largest_gain"]),
        gain(row["mean_largest_loss"]),
    )


def _extremes(caption: str, rows: pd.DataFrame) -> Table:
    columns = (
        Column("Symbol", is_text=True),
        Column("Side", is_text=True),
        Column("From"),
        Column("To"),
        Column("Sessions"),
        Column("P&L"),
        Column("Return"),
        Column("Best while open"),
        Column("Worst while open"),
    )
    lines = tuple(
        (
            str(row["symbol"]),
            str(row["side"]),
            day(row["entry_date"]),
            OPEN if row["exit_reason"] == OPEN else day(row["exit_date"]),
            whole(row["sessions"]),
            Cell(number(row["pnl"], 0, sign=True), tone_of(row["pnl"])),
            gain(row["return"]),
            gain(row["largest_gain"]),
            gain(row["largest_loss"]),
        )
        for row in records(rows)
    )
    return Table(caption, columns, lines, shows_caption=True)


SECTION = Section(
    "trades",
    "Round trips",
    frozenset({RESEARCHER, RISK}),
    trades,
    tells_absence=frozenset({RESEARCHER}),
)
