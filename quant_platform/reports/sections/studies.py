"""Studies: what was declared before anything was tried, and what its trials found."""

from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.formats import known, name_of, number, whole
from quant_platform.reports.sections.section import (
    RESEARCHER,
    Cell,
    Column,
    Content,
    Section,
    Table,
)

STUDIES = "declared_studies"

COLUMNS = (
    Column("Study", is_text=True, about="Its hypothesis below"),
    Column("Since"),
    Column("Metric", is_text=True),
    Column("Trials", about="Of the budget"),
    Column("Tested", about="Trials with at least 21 sessions by this one"),
    Column("Discoveries", about="Trials with a q-value (Benjamini–Hochberg) of at most 5 %"),
    Column("Best Sharpe", about="Its strategy below"),
    Column("Given up", is_text=True, about="The rule that was declared"),
)


def studies(data: ReportData) -> Content | None:
    """A row per declared study; nothing where there is none."""
    rows = data.frame(STUDIES)
    if rows.empty:
        return None
    return Content(
        tables=(Table("Declared studies", COLUMNS, tuple(_row(row) for row in records(rows))),),
        notes=(
            "Known by this session. Among the discoveries about 5 % are false; beyond its budget a"
            " study is exploratory. quant-platform studies show NAME has all of it, with the tests"
            " against the benchmark.",
        ),
    )


def _row(row: Record) -> tuple[Cell | str, ...]:
    trials = whole(row["trials"])
    over = ""
    if known(row["budget"]):
        trials = f"{trials} of {whole(row['budget'])}"
        over = "exploratory" if row["trials"] > row["budget"] else ""
    hypothesis = str(row["hypothesis"]) if known(row["hypothesis"]) else ""
    best = str(row["best"]) if known(row["best"]) else ""
    return (
        Cell(str(row["name"]), below=hypothesis),
        str(row["since"]),
        name_of(row["metric"]),
        Cell(trials, "meh" if over else "", below=over),
        whole(row["tested"]),
        whole(row["discoveries"]),
        Cell(number(row["best_sharpe"]), below=best),
        name_of(row["give_up"]),
    )


SECTION = Section(
    "studies",
    "Studies",
    frozenset({RESEARCHER}),
    studies,
    pages=frozenset({PERFORMANCE}),
)
