"""Survivorship: what of the universe ended, and results under other delisting returns."""

import pandas as pd

from quant_platform.evaluation.endings import total_return_under
from quant_platform.evaluation.survivorship import Survivorship
from quant_platform.reports.data import ReportData
from quant_platform.reports.explained import survivorship_of
from quant_platform.reports.formats import day, percent, whole
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
from quant_platform.reports.sections.words import gain, model_cell
from quant_platform.reports.survivorship import (
    endings_table,
    survivorship_sentences,
    survivorship_table,
)

CLOSED = "closed_positions"

ALTERNATIVES = (-0.30, -1.00)
"""Returns from the last price to what is paid: of Shumway (1997), and nothing at all."""

ENDED = 10
"""Members that ended which are listed."""

COLUMNS = (
    Column("Model", is_text=True),
    Column("Positions ended"),
    Column("At an assumed price"),
    Column("In distress"),
    Column("Total return"),
    *(Column(f"At {percent(each, 0)}") for each in ALTERNATIVES),
)

QUERIES = {
    CLOSED: """
SELECT c.date, c.model_id, c.shares, c.last_price, c.delisting_return, c.assumed, c.distressed,
    p.equity
FROM closed_positions AS c JOIN portfolios AS p USING (date, model_id)
WHERE c.date <= $1::text::date AND p.equity > 0 ORDER BY c.model_id, c.date, c.security_id
"""
}


def survivorship(data: ReportData) -> Content | None:
    """What ended in the universe, and a row per model with positions that ended."""
    found = survivorship_of(data.frames)
    if CLOSED not in data.frames and found is None:
        return absent("Nothing is known of securities that ended.")
    closed = data.frame(CLOSED)
    rows = [
        _row(data, model, held)
        for model in data.ordered
        if len(closed) and len(held := closed[closed["model_id"] == model])
    ]
    tables = [] if found is None else _universe(found)
    said = [] if found is None else survivorship_sentences(found)
    notes = []
    if rows:
        tables.append(
            Table("Positions whose security stopped trading", COLUMNS, tuple(rows), "", True)
        )
        notes.append(
            "What the total return of a model would be if each such position had been paid at that"
            " return from its last price, and the portfolio had gone on with the same returns."
        )
    elif CLOSED in data.frames:
        said.append(
            "No position was closed because its security stopped trading; other delisting"
            " returns would change no result."
        )
    if found is not None:
        notes.append(
            f"The universe from {day(found.first)} to {day(found.last)} is held in equal parts"
            " without costs; survivors only are the members of then that did not end: what a list"
            " of today's securities would have shown. −30 % is the mean return of delistings for"
            " performance reasons (Shumway, 1997)."
        )
    return Content(sentences=tuple(said), tables=tuple(tables), notes=tuple(notes))


def _universe(found: Survivorship) -> list[Table]:
    """Results under each scenario, and the members that ended last."""
    tables = [_texts("Results under other delistings", survivorship_table(found), 2)]
    ended = endings_table(found)
    if len(ended):
        note = f"The last {ENDED} of {len(ended)}." if len(ended) > ENDED else ""
        tables.append(_texts("Members that have ended", ended.head(ENDED), 1, note))
    return tables


def _texts(caption: str, frame: pd.DataFrame, texts: int, note: str = "") -> Table:
    """A frame of texts as a table; its first columns are text."""
    columns = tuple(Column(str(name), is_text=at < texts) for at, name in enumerate(frame.columns))
    rows = tuple(tuple(str(cell) for cell in row) for row in frame.to_numpy())
    return Table(caption, columns, rows, note, shows_caption=True)


def _row(data: ReportData, model: int, closed: pd.DataFrame) -> tuple[Cell | str, ...]:
    total = data.figures.get((model, "inception"), {}).get("total_return")
    others = [
        gain(total_return_under(float(total), closed, each)) if total is not None else "–"
        for each in ALTERNATIVES
    ]
    return (
        model_cell(data, model),
        whole(len(closed)),
        whole(closed["assumed"].sum()),
        whole(closed["distressed"].sum()),
        gain(total),
        *others,
    )


SECTION = Section(
    "survivorship",
    "Survivorship",
    frozenset({RESEARCHER, RISK}),
    survivorship,
    queries=QUERIES,
)
