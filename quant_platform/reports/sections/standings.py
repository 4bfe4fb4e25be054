"""Ranking: which models cannot be told from the best, and what stands beside them."""

from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.formats import NONE, known, name_of, number, percent, whole
from quant_platform.reports.sections.section import (
    EVERYBODY,
    MANAGER,
    RESEARCHER,
    Cell,
    Column,
    Content,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import between
from quant_platform.reports.standings import NOTE, money

COLUMNS = (
    Column("Model", is_text=True),
    Column("Place"),
    Column("Set", is_text=True),
    Column("p", about="Smallest size at which the model is not in the set"),
    Column("Ranks", about="Ranks by mean return that cannot be ruled out with 95 % confidence"),
    Column("Sharpe, 95 %", about="95 % interval by the stationary bootstrap"),
    Column(
        "Deflated",
        about="Probability that the Sharpe ratio is above what the best of so many trials without"
        " skill would show",
    ),
    Column("Invested"),
    Column("Costs p.a."),
    Column("Turnover"),
    Column(
        "Capacity",
        about="Equity at which price impact eats half of the return above the risk-free rate",
    ),
    Column("Ended", about="Positions closed since their security stopped trading"),
    Column("Sessions"),
)

HOLDOUT = Column(
    "Hold-out", is_text=True, about="Whether the sealed hold-out was opened for the model"
)


def standings(data: ReportData) -> Content | None:
    """The models in sets."""
    if data.ranking.empty:
        return absent("No model has figures yet, so none is ranked.")
    rows = tuple(_row(row) for row in records(data.ranking))
    columns: tuple[Column, ...] = COLUMNS
    if "holdout" in data.ranking and data.ranking["holdout"].notna().any():
        columns = (*COLUMNS, HOLDOUT)
        states = [name_of(state) for state in data.ranking["holdout"]]
        rows = tuple((*row, state) for row, state in zip(rows, states, strict=True))
    table = Table("The models in sets", columns, rows)
    return Content(
        tables=(table,), notes=(f"{NOTE} All figures of this table are since inception.",)
    )


def _row(row: Record) -> tuple[Cell | str, ...]:
    ranks = (
        NONE
        if not known(row["rank_lower"])
        else f"{whole(row['rank_lower'])}–{whole(row['rank_upper'])}"
    )
    ended = whole(row["ended_positions"])
    if known(row["assumed_endings"]) and row["assumed_endings"]:
        ended = f"{ended} ({whole(row['assumed_endings'])} assumed)"
    return (
        Cell(
            str(row["model_name"]),
            model=row["model_id"],
            below="benchmark" if row["is_benchmark"] else "",
        ),
        str(row["rank"]),
        str(row["standing"]),
        number(row["p_value"], 3),
        ranks,
        between(row["sharpe_lower"], row["sharpe_upper"]) or NONE,
        number(row["deflated_sharpe"], 3),
        percent(row["average_exposure"], 0),
        percent(row["cost_rate"], 2),
        number(row["turnover"], 1),
        money(row["capacity"] if known(row["capacity"]) else None),
        ended,
        whole(row["sessions"]),
    )


SECTION = Section(
    "ranking",
    "Ranking",
    EVERYBODY,
    standings,
    tells_absence=frozenset({MANAGER, RESEARCHER}),
    pages=frozenset({PERFORMANCE}),
)
