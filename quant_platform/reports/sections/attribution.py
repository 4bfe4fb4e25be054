"""Attribution: what each member of a book gained and cost since inception."""

import pandas as pd

from quant_platform.reports.data import ReportData
from quant_platform.reports.formats import number
from quant_platform.reports.sections.section import (
    EVERYBODY,
    RESEARCHER,
    Cell,
    Column,
    Content,
    Pane,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import tone_of

MEMBERS = "book_members"

AMOUNTS = ("price_gain", "dividends", "costs", "borrow_fees", "interest", "pnl")

QUERIES = {
    MEMBERS: """
SELECT model_id, member, sum(price_gain) AS price_gain, sum(dividends) AS dividends,
    -sum(costs) AS costs, -sum(borrow_fees) AS borrow_fees, sum(interest) AS interest,
    sum(pnl) AS pnl
FROM book_attribution WHERE date <= $1::text::date GROUP BY model_id, member
ORDER BY model_id, sum(pnl) DESC, member
"""
}


def attribution(data: ReportData) -> Content | None:
    """A table per book, whose lines add up to what its equity gained."""
    frame = data.frame(MEMBERS)
    if frame.empty:
        return absent("There is no book of several models, whose gains could be shared out.")
    panes = tuple(
        Pane(str(data.names[model]), tables=(_table(str(data.names[model]), rows),))
        for model in data.ordered
        if len(rows := frame[frame["model_id"] == model])
    )
    return Content(
        panes=panes,
        notes=(
            "In currency, since inception. A member's line is what its shares of the book gained"
            " and cost; the lines add up to the change of the book's equity.",
        ),
    )


def _table(name: str, rows: pd.DataFrame) -> Table:
    lines: list[tuple[Cell | str, ...]] = [
        (str(row["member"]), *(_amount(row[each]) for each in AMOUNTS))
        for row in rows.to_dict("records")
    ]
    lines.append(("All", *(_amount(float(rows[each].sum())) for each in AMOUNTS)))
    heads = ("Prices", "Dividends", "Costs", "Borrow fees", "Interest", "Gain")
    columns = (Column("Member", is_text=True), *(Column(each) for each in heads))
    return Table(f"Gains of {name} by member", columns, tuple(lines))


def _amount(value: object) -> Cell:
    return Cell(number(value, 0, sign=True), tone_of(value))


SECTION = Section(
    "attribution",
    "Attribution",
    EVERYBODY,
    attribution,
    queries=QUERIES,
    tells_absence=frozenset({RESEARCHER}),
)
