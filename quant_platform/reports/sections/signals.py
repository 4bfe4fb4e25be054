"""Signals: what the models want after the session's close."""

from quant_platform.reports.data import BACKTEST, ReportData, records
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
)

SIGNAL_ROWS = 60
"""Signals listed at most; those that want a position come first."""

WORDS = {1: "buy", 0: "hold", -1: "sell"}

FLAT = "flat"

COLUMNS = (
    Column("Symbol", is_text=True),
    Column("Model", is_text=True),
    Column("Signal", is_text=True),
    Column("Target weight"),
    Column("Confidence"),
    Column("Strength"),
    Column("Close"),
    Column("Stop"),
    Column("Expected return"),
    Column("Expected volatility"),
    Column("1-day VaR 95 %"),
)


def signals(data: ReportData) -> Content | None:
    """The signals, those that want a position first."""
    if data.signals.empty and data.kind == BACKTEST:
        return None
    if data.signals.empty:
        return Content(sentences=("No signals for this session.",))
    rows = data.signals.assign(model_name=data.signals["model_id"].map(data.names))
    word = rows["signal_type"].map(WORDS)
    rows = rows.assign(
        word=word.mask((rows["signal_type"] == 0) & (rows["target_weight"] == 0.0), FLAT),
        _active=(rows["signal_type"] == 0).astype(int),
        _size=-rows["target_weight"].abs(),
    )
    rows = rows.sort_values(["_active", "_size", "model_name", "symbol"]).head(SIGNAL_ROWS)
    said = f"{whole(len(data.signals))} in all"
    said += f", {len(rows)} shown" if len(rows) < len(data.signals) else ""
    colours = model_colours(data.models)
    lines = tuple(
        (
            str(row["symbol"]),
            Cell(
                str(row["model_name"]),
                model=row["model_id"] if row["model_id"] in colours else None,
            ),
            Cell(str(row["word"]), f"chip {row['word']}"),
            percent(row["target_weight"]),
            number(row["confidence"]),
            number(row["strength"]),
            number(row["reference_price"]),
            number(row["stop_price"]),
            percent(row["expected_return"], sign=True),
            percent(row["expected_volatility"]),
            percent(row["value_at_risk_95"]),
        )
        for row in records(rows)
    )
    return Content(
        sentences=(f"{said}; executed at the next open.",),
        tables=(Table("Signals of the session", COLUMNS, lines),),
    )


SECTION = Section("signals", "Signals of the session", frozenset({RESEARCHER, RISK}), signals)
