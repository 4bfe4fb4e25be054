"""Learned models: which version is in force, what it foretold, and whether the data has moved."""

from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.forecasts import forecast_lines
from quant_platform.reports.formats import known, number, whole
from quant_platform.reports.sections.section import (
    RESEARCHER,
    RISK,
    Cell,
    Column,
    Content,
    Section,
    Table,
)
from quant_platform.reports.sections.words import between

QUERIES = {
    "learned_models": """
SELECT DISTINCT ON (v.model_id) v.model_id, m.model_name, v.date, v.champion, v.reason,
    v.fitted_ic, v.skill_sessions, v.skill, v.skill_lower, v.skill_upper,
    (SELECT d.stability_index FROM forecast_drift AS d WHERE d.date = $1::text::date
        AND d.model_id = v.model_id AND d.name = 'forecast') AS drift
FROM forecast_models AS v JOIN models AS m ON m.id = v.model_id
WHERE v.date <= $1::text::date ORDER BY v.model_id, v.date DESC
"""
}

COLUMNS = (
    Column("Model", is_text=True),
    Column("Version", is_text=True, about="Session after whose close it was trained"),
    Column(
        "Rank correlation", about="With the returns that followed, out of sample; 95 % interval"
    ),
    Column("Sessions", about="With a known outcome"),
    Column("In training", about="Rank correlation with what it learned: no measure of skill"),
    Column("Drift", about="Stability index of its forecasts; above 0.25 is much"),
)


def learned(data: ReportData) -> Content | None:
    """A sentence and a row per learned model; nothing where there is none."""
    rows = data.frame("learned_models")
    if rows.empty:
        return None
    lines = tuple(_row(row) for row in records(rows.sort_values("model_name")))
    return Content(
        sentences=tuple(f"{line}." for line in forecast_lines(rows)),
        tables=(Table("Versions in force", COLUMNS, lines),),
        notes=(
            "Skill is measured when a version is trained, over outcomes known then. A new version"
            " takes over where it was better by more than chance, and else the old one stays.",
        ),
    )


def _row(row: Record) -> tuple[Cell | str, ...]:
    champion = f"{row['champion']}"[:10] if known(row["champion"]) else "none"
    ends = between(row["skill_lower"], row["skill_upper"]) if known(row["skill_lower"]) else ""
    return (
        Cell(str(row["model_name"]), model=int(row["model_id"])),
        champion,
        Cell(number(row["skill"], 4), below=ends),
        whole(row["skill_sessions"]),
        number(row["fitted_ic"], 3),
        number(row["drift"], 2),
    )


SECTION = Section(
    "learned_models",
    "Learned models",
    frozenset({RESEARCHER, RISK}),
    learned,
    queries=QUERIES,
    pages=frozenset({PERFORMANCE}),
)
