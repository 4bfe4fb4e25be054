"""Models in use: whether their returns hold what was promised when they were promoted."""

import numpy as np

from quant_platform.reports.charts import Curve, SessionChart
from quant_platform.reports.data import PERFORMANCE, ReportData
from quant_platform.reports.histories import Histories, kept
from quant_platform.reports.monitor import CEILING, COLUMNS, monitor_sentences, monitor_table
from quant_platform.reports.palette import looks
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

MONITOR = "model_monitor"

QUERIES = {
    MONITOR: """
SELECT o.*, m.model_name FROM (
    SELECT date, model_id, state, promoted_on, sessions, mean, lower, upper, promised, e_value,
        crossed
    FROM model_monitor WHERE date <= $1::text::date
) AS o JOIN models AS m ON m.id = o.model_id ORDER BY date, model_id
"""
}

TEXTS = ("model", "state", "since", "promise")

EVIDENCE = "log_evidence"


def monitor(data: ReportData) -> Content | None:
    """A sentence and a row per model in use, and the evidence against each promise."""
    rows = data.frame(MONITOR)
    today = rows[rows["date"] == data.date] if len(rows) else rows
    if today.empty:
        return absent("No model is in use: nobody has promoted one.")
    ids = dict(zip(today["model_name"], today["model_id"], strict=True))
    columns = tuple(Column(each.capitalize(), is_text=each in TEXTS) for each in COLUMNS)
    lines: tuple[tuple[Cell | str, ...], ...] = tuple(
        (Cell(row[0], model=int(ids[row[0]])), *row[1:-1], _verdict(row[-1]))
        for row in monitor_table(today)
    )
    return Content(
        sentences=tuple(monitor_sentences(today)),
        charts=tuple(_evidence(data)),
        tables=(Table("Models in use", columns, lines),),
        notes=(
            "Means of returns in units of their own deviation, times √252: about Sharpe ratios."
            " Lower and upper hold at all sessions together with 95 % confidence. The promise is"
            " the lower end of the backtest's interval, less what choosing among the trials"
            " explains; it is broken when the evidence (e-value) reaches 20, which happens to a"
            " promise that is kept with a probability of at most 5 %, however often one looks.",
        ),
    )


def _verdict(text: str) -> Cell:
    return Cell(text, "ok" if text == "holds" else "bad")


def _evidence(data: ReportData) -> list[SessionChart]:
    """Evidence of the models in use, as powers of ten."""
    rows = data.frame(MONITOR)
    if rows["date"].nunique() < 2:
        return []
    clipped = rows["e_value"].clip(1.0 / CEILING, CEILING)
    shown = rows[["date", "model_id"]].assign(**{EVIDENCE: np.log10(clipped)})
    histories = Histories.of(shown)
    values = histories.columns[EVIDENCE]
    places = kept(histories.dates, values)
    drawn = looks(data.models)
    curves = [
        Curve(
            str(data.names[model]),
            values[places, histories.models.index(model)],
            drawn[model].colour,
            drawn[model].dash,
        )
        for model in data.ordered
        if model in histories.models
    ]
    return [
        SessionChart(
            "evidence",
            "Evidence against the promise of each model in use, as a power of ten",
            histories.dates[places],
            curves,
            decimals=2,
            height=280,
            title="Evidence against the promise",
            note="As a power of ten: at 1.3, which is 20, the promise is broken.",
        )
    ]


SECTION = Section(
    "monitor",
    "Models in use",
    EVERYBODY,
    monitor,
    queries=QUERIES,
    tells_absence=frozenset({RESEARCHER, RISK}),
    pages=frozenset({PERFORMANCE}),
)
