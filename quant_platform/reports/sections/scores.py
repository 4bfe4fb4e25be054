"""Scores: the score of each model, what it is made of, and how it moved in a month."""

from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.formats import NONE, name_of, number, percent, whole
from quant_platform.reports.ranking import NEW, SCORE_FORMULA
from quant_platform.reports.sections.section import (
    RESEARCHER,
    Cell,
    Column,
    Content,
    Section,
    Table,
)
from quant_platform.reports.sections.words import gain

COLUMNS = (
    Column("Model", is_text=True),
    Column("Score"),
    *(Column(each) for each in ("Sharpe", "Sortino", "Calmar", "Drawdown", "Return")),
    Column("vs benchmark"),
    Column("Benchmark", is_text=True),
    Column("Sessions"),
    Column("On the month", is_text=True),
)


def scores(data: ReportData) -> Content | None:
    """A row per model, in the order of the ranking."""
    if data.ranking.empty:
        return None
    trends = {row["model_id"]: row for row in records(data.trends)}
    rows = tuple(_row(row, trends.get(row["model_id"])) for row in records(data.ranking))
    return Content(
        tables=(Table("Scores of the models", COLUMNS, rows),),
        notes=(f"{SCORE_FORMULA} Returns are a year's. The month is the last 21 sessions.",),
    )


def _row(row: Record, trend: Record | None) -> tuple[Cell | str, ...]:
    is_own = row["benchmark"] == row["model_name"]
    return (
        Cell(str(row["model_name"]), model=row["model_id"]),
        number(row["score"], 1),
        number(row["sharpe_ratio"]),
        number(row["sortino_ratio"]),
        number(row["calmar_ratio"]),
        percent(row["max_drawdown"]),
        gain(row["annualized_return"]),
        NONE if is_own else gain(row["excess_return"]),
        name_of(row["benchmark"]),
        whole(row["window_sessions"]),
        _trend(trend),
    )


def _trend(trend: Record | None) -> Cell | str:
    if trend is None:
        return NONE
    if trend["trend"] == NEW:
        return Cell(NEW, "soft")
    change = (
        f"score {number(trend['score_change'], 1, sign=True)},"
        f" Sharpe {number(trend['sharpe_change'], sign=True)}"
    )
    return Cell(str(trend["trend"]), below=change)


SECTION = Section(
    "scores", "Scores", frozenset({RESEARCHER}), scores, pages=frozenset({PERFORMANCE})
)
