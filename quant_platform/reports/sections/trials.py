"""Trials: how many configurations were tried, and what remains of each Sharpe ratio after that."""

from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.formats import NONE, counted, known, number, percent, whole
from quant_platform.reports.sections.section import (
    RESEARCHER,
    Cell,
    Column,
    Content,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.summary import LIKELY
from quant_platform.reports.sections.words import between, listed

COLUMNS = (
    Column("Model", is_text=True),
    Column("Sharpe", about="Of all its sessions, annualised; its 95 % interval below"),
    Column("Above 0", about="Probability that the true Sharpe ratio is above 0"),
    Column(
        "Deflated",
        about="Probability that it is above what the best of so many trials without skill shows",
    ),
    Column("By effective trials", about="The same by the effective number of trials"),
    Column("Trials"),
    Column("Effective"),
    Column("Years needed", about="Of such returns until it is above 0 with 95 % probability"),
)


def trials(data: ReportData) -> Content | None:
    """Raw and effective trials, and the probabilities they leave."""
    rows = records(data.ranking)
    judged = [row for row in rows if known(row["deflated_sharpe"])]
    if not judged:
        return absent(
            "No model's Sharpe ratio can be deflated yet: it takes 21 sessions and a deviation."
        )
    beyond = [str(row["model_name"]) for row in judged if row["deflated_sharpe"] >= LIKELY]
    count = max(int(row["trials"]) for row in judged)
    said = (
        f"{counted(count, 'configuration')} {'was' if count == 1 else 'were'} tried. After that,"
        + (
            f" {listed(beyond)} {'has' if len(beyond) == 1 else 'have'} a Sharpe ratio that luck"
            f" does not explain (deflated probability of {percent(LIKELY, 0)} or more)."
            if beyond
            else " no Sharpe ratio is above what the best of so many without skill would show, with"
            f" a probability of {percent(LIKELY, 0)}."
        )
    )
    return Content(
        sentences=(said,),
        tables=(
            Table(
                "What remains after the trials", COLUMNS, tuple(_row(data, row) for row in judged)
            ),
        ),
        notes=(
            "The best of many trials without skill shows a good Sharpe ratio, the better the more"
            " there were (Bailey and López de Prado, 2014). Trials that resemble each other count"
            " as fewer: their effective number is the effective rank of their correlations.",
        ),
    )


def _row(data: ReportData, row: Record) -> tuple[Cell | str, ...]:
    since = data.figures.get((row["model_id"], "inception"), {})
    ends = between(row["sharpe_lower"], row["sharpe_upper"])
    return (
        Cell(str(row["model_name"]), model=row["model_id"]),
        Cell(number(since.get("sharpe_ratio")), below=ends),
        number(row["probabilistic_sharpe"], 3),
        _likely(row["deflated_sharpe"]),
        _likely(row["deflated_sharpe_effective"]),
        whole(row["trials"]),
        number(row["effective_trials"], 1),
        number(row["minimum_track_record"], 1),
    )


def _likely(value: object) -> Cell | str:
    if not known(value):
        return NONE
    return Cell(number(value, 3), "ok" if float(str(value)) >= LIKELY else "")


SECTION = Section(
    "trials",
    "Trials and what remains",
    frozenset({RESEARCHER}),
    trials,
    pages=frozenset({PERFORMANCE}),
)
