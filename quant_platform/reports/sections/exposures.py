"""Exposures: gross, net, number of positions, and how concentrated they are."""

from dataclasses import replace

import numpy as np
import pandas as pd

from quant_platform.reports.charts import SessionChart
from quant_platform.reports.data import ReportData
from quant_platform.reports.figures import count_chart, share_chart
from quant_platform.reports.formats import number, percent, whole
from quant_platform.reports.histories import Histories
from quant_platform.reports.sections.section import (
    EVERYBODY,
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
from quant_platform.reports.sections.words import model_cell

LARGEST = 10
"""Positions listed of each model."""

HOLDINGS, CONCENTRATION = "holdings", "concentration"

POSITIONS = "positions"

QUERIES = {
    HOLDINGS: """
SELECT model_id, coalesce(min(symbol), security_id) AS symbol, weight, value, sessions_held
FROM positions LEFT JOIN symbol_ranges AS r USING (security_id)
WHERE date = $1::text::date AND shares <> 0
    AND (r.symbol IS NULL OR r.first_session <= date AND coalesce(r.last_day, date) >= date)
GROUP BY model_id, security_id, weight, value, sessions_held
ORDER BY model_id, abs(value) DESC, security_id
""",
    CONCENTRATION: """
SELECT date, model_id, count(*) AS positions, max(abs(weight)) AS largest,
    sum(abs(weight)) ^ 2 / nullif(sum(weight ^ 2), 0) AS effective
FROM positions WHERE shares <> 0 AND date <= $1::text::date AND date >= (
    SELECT min(date) FROM (SELECT DISTINCT date FROM portfolios WHERE date <= $1::text::date
    ORDER BY date DESC LIMIT 252) AS last)
GROUP BY date, model_id ORDER BY date, model_id
""",
}

COLUMNS = (
    Column("Model", is_text=True),
    Column("Gross"),
    Column("Net"),
    Column("Positions"),
    Column("Largest"),
    Column("Effective positions", about="Positions of equal size that are as concentrated"),
)


def exposures(data: ReportData) -> Content | None:
    """What the models hold, now and over time."""
    histories = data.histories
    if not data.ordered or "gross_exposure" not in histories.columns:
        return absent("No exposures are known, since no model has a portfolio yet.")
    last = _last_rows(data)
    charts = [
        replace(share_chart(histories, data.ranked_models, column, label), title=title)
        for column, label, title in (
            ("gross_exposure", "Gross exposure, a share of the equity", "Gross exposure"),
            ("net_exposure", "Net exposure, a share of the equity", "Net exposure"),
        )
        if column in histories.columns
    ]
    charts += _counts(data)
    return Content(
        charts=tuple(charts),
        tables=(Table("Exposures at the close", COLUMNS, last),),
        panes=_holdings(data),
        notes=(
            "Shares of the equity at the closes. The number of effective positions is the square of"
            " the gross exposure over the sum of squared weights (the inverse of the Herfindahl"
            " index); it and the number of positions are those of the last 252 sessions.",
        ),
    )


def _last_rows(data: ReportData) -> tuple[tuple[Cell | str, ...], ...]:
    histories = data.histories
    frame = data.frame(CONCENTRATION)
    today = frame[frame["date"] == data.date] if len(frame) else frame
    by_model = {int(row["model_id"]): row for row in today.to_dict("records")}
    knows_positions = CONCENTRATION in data.frames

    def last_of(name: str, place: int) -> float:
        values = histories.columns.get(name)
        return np.nan if values is None else float(values[histories.last[place], place])

    rows = []
    for model in data.ordered:
        place = histories.models.index(model)
        row = by_model.get(model)
        none = "0" if knows_positions else whole(None)
        rows.append(
            (
                model_cell(data, model),
                percent(last_of("gross_exposure", place), 0),
                percent(last_of("net_exposure", place), 0),
                whole(row["positions"]) if row else none,
                percent(row["largest"]) if row else whole(None),
                number(row["effective"], 1) if row else whole(None),
            )
        )
    return tuple(rows)


def _counts(data: ReportData) -> list[SessionChart]:
    """Number of positions, and of effective ones, over the last sessions."""
    frame = data.frame(CONCENTRATION)
    if frame.empty or frame["date"].nunique() < 2:
        return []
    counts = Histories.of(frame)
    # Without a position a session has no row.
    held = {**counts.columns, POSITIONS: np.nan_to_num(counts.columns[POSITIONS])}
    counts = replace(counts, columns=held)
    return [
        replace(count_chart(key, label, counts, data.ranked_models), title=label)
        for key, label in ((POSITIONS, "Positions"), ("effective", "Effective positions"))
    ]


def _holdings(data: ReportData) -> tuple[Pane, ...]:
    frame = data.frame(HOLDINGS)
    if frame.empty:
        return ()
    panes = []
    for model in data.ordered:
        held = frame[frame["model_id"] == model]
        if len(held):
            name = str(data.names[model])
            panes.append(Pane(name, tables=(_largest(name, held),)))
    return tuple(panes)


def _largest(name: str, held: pd.DataFrame) -> Table:
    shown = held.head(LARGEST)
    rows = tuple(
        (
            str(row["symbol"]),
            percent(row["weight"], 2),
            number(row["value"], 0),
            whole(row["sessions_held"]),
        )
        for row in shown.to_dict("records")
    )
    columns = (
        Column("Symbol", is_text=True),
        Column("Weight"),
        Column("Value"),
        Column("Sessions held"),
    )
    rest = len(held) - len(shown)
    note = f"The {len(shown)} largest of {len(held)}." if rest else ""
    return Table(f"Largest positions of {name}", columns, rows, note, shows_caption=True)


SECTION = Section(
    "exposures",
    "Exposures",
    EVERYBODY,
    exposures,
    queries=QUERIES,
    tells_absence=frozenset({RESEARCHER, RISK}),
)
