"""Calibration: how often signals were right beside how probable that was said to be."""

from quant_platform.reports.charts import PlainChart
from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.formats import number, percent, whole
from quant_platform.reports.palette import model_colours
from quant_platform.reports.sections.section import (
    RESEARCHER,
    RISK,
    Cell,
    Column,
    Content,
    Section,
    Table,
    absent,
)

FIGURES, CURVES = "signal_calibration", "signal_calibration_bins"

QUERIES = {
    FIGURES: """
SELECT c.*, m.model_name FROM signal_calibration AS c JOIN models AS m ON m.id = c.model_id
WHERE c.date = $1::text::date
""",
    CURVES: "SELECT * FROM signal_calibration_bins WHERE date = $1::text::date",
}

COLUMNS = (
    Column("Model", is_text=True),
    Column("Horizon", about="Sessions over which a signal's sign is to be right"),
    Column("By", is_text=True, about="What gives the probabilities now"),
    Column("Outcomes", about="That became known in the last 252 sessions"),
    Column("Right"),
    Column("Brier", about="Mean squared difference of probability and outcome; lower is better"),
    Column("Base rate's", about="Brier score of the share that was right"),
    Column("Reliability", about="Part of the Brier score by being off; lower is better"),
    Column("Resolution", about="Part of it by telling signals apart; higher is better"),
    Column("Error", about="Expected calibration error: mean distance of said and true, in bins"),
)

SIZES = 6.0, 14.0
"""Smallest marker, and what the bin with the most outcomes has more."""


def calibration(data: ReportData) -> Content | None:
    """A curve and a row per model whose signals have probabilities."""
    figures = data.frame(FIGURES)
    if figures.empty:
        return absent("No model has had enough signals with a known outcome to be calibrated.")
    rows = records(figures.sort_values("model_name"))
    measured = any(row["outcomes"] for row in rows)
    return Content(
        sentences=()
        if measured
        else ("Signals have probabilities; no outcome of any is known yet.",),
        charts=(_chart(data, rows),) if measured else (),
        tables=(Table("Calibration of each model's signals", COLUMNS, tuple(map(_row, rows))),),
        notes=(
            "Of signals said to be right with 60 %, 60 % should be. Figures are of outcomes that"
            " became known in the last 252 sessions, of probabilities stated before. A Brier score"
            " above that of the base rate says that the probabilities told nothing.",
        ),
    )


def _row(row: Record) -> tuple[Cell | str, ...]:
    return (
        Cell(str(row["model_name"]), model=int(row["model_id"])),
        whole(row["horizon"]),
        str(row["method"]),
        whole(row["outcomes"]),
        percent(row["base_rate"]),
        number(row["brier"], 4),
        number(row["uncertainty"], 4),
        number(row["reliability"], 4),
        number(row["resolution"], 4),
        percent(row["expected_calibration_error"]),
    )


def _chart(data: ReportData, rows: list[Record]) -> PlainChart:
    """Frequency over probability, a line per model; the diagonal is what is calibrated."""
    bins, colours = data.frame(CURVES), model_colours(data.models)
    lines: list[dict[str, object]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "calibrated",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"dash": "dot", "color": "gray"},
        }
    ]
    for row in rows:
        model = int(row["model_id"])
        own = bins[bins["model_id"] == model].sort_values("bin")
        if own.empty:
            continue
        size = (own["outcomes"] / own["outcomes"].max()) ** 0.5
        lines.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": str(row["model_name"]),
                "x": own["probability"].tolist(),
                "y": own["frequency"].tolist(),
                "customdata": own["outcomes"].tolist(),
                "line": {"color": colours.get(model, "gray")},
                "marker": {"size": (SIZES[0] + SIZES[1] * size).tolist()},
                "hovertemplate": "said %{x:.0%}, was %{y:.0%} of %{customdata:,} signals",
            }
        )
    axis = {"range": [0, 1], "tickformat": ".0%"}
    return PlainChart(
        "calibration",
        "How often signals were right, by the probability that was stated",
        lines,
        {
            "xaxis": {"title": {"text": "probability stated"}, **axis},
            "yaxis": {"title": {"text": "share that was right"}, **axis},
        },
    )


SECTION = Section(
    "calibration",
    "Calibration of the signals",
    frozenset({RESEARCHER, RISK}),
    calibration,
    queries=QUERIES,
    tells_absence=frozenset({RESEARCHER}),
    pages=frozenset({PERFORMANCE}),
)
