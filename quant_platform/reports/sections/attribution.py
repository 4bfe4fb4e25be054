"""Attribution: what each security, sector, cause and member of a book gained and cost."""

import pandas as pd

from quant_platform.reports.attribution import largest
from quant_platform.reports.charts import PlainChart
from quant_platform.reports.data import ReportData, records
from quant_platform.reports.explained import CHANGES, COSTS, GAINS, PNL
from quant_platform.reports.figures import bar_chart
from quant_platform.reports.formats import MINUS, day, number
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
from quant_platform.reports.sections.words import model_cell, tone_of

MEMBERS = "book_members"

AMOUNTS = ("price_gain", "dividends", "costs", "borrow_fees", "interest", "pnl")

NEGLIGIBLE = 1e-6
"""Share of the P&L of a model below which what is unexplained is rounding."""

BARS = 12
"""Securities of a picture; the others are summed up in one."""

QUERIES = {
    MEMBERS: """
SELECT model_id, member, sum(price_gain) AS price_gain, sum(dividends) AS dividends,
    -sum(costs) AS costs, -sum(borrow_fees) AS borrow_fees, sum(interest) AS interest,
    sum(pnl) AS pnl
FROM book_attribution WHERE date <= $1::text::date GROUP BY model_id, member
ORDER BY model_id, sum(pnl) DESC, member
"""
}

CAUSES = ("Prices", "Dividends", "Interest", "Commission", "Tax", "Spread", "Impact", "Borrow fees")


def attribution(data: ReportData) -> Content | None:
    """A row per model, whose causes add up to its P&L; and where it was made, model by model."""
    pnl, members = data.frame(PNL), data.frame(MEMBERS)
    panes = tuple(
        Pane(
            str(data.names[model]),
            tables=(*_sectors(data, model, pnl), *_members(data, model, members)),
            charts=_securities(data, model, pnl),
        )
        for model in data.ordered
        if _has(pnl, model) or _has(members, model)
    )
    if not panes:
        return absent("Nothing was held yet, so there is no gain or loss to attribute.")
    return Content(
        tables=(_causes(data, pnl),) if len(pnl) else (), panes=panes, notes=_notes(data, members)
    )


def _has(frame: pd.DataFrame, model: int) -> bool:
    return len(frame) > 0 and bool((frame["model_id"] == model).any())


def _causes(data: ReportData, pnl: pd.DataFrame) -> Table:
    sums = pnl.groupby("model_id")[[*GAINS, *COSTS, "pnl"]].sum()
    by_model = {row["model_id"]: row for row in records(sums.reset_index())}
    rows = tuple(
        (
            model_cell(data, model),
            *(_amount(by_model[model][name]) for name in GAINS),
            *(_amount(-by_model[model][name]) for name in COSTS),
            _amount(by_model[model]["pnl"]),
        )
        for model in data.ordered
        if model in by_model
    )
    heads = (Column("Model", is_text=True), *(Column(each) for each in (*CAUSES, "P&L")))
    return Table("Gains and costs by cause", heads, rows)


def _securities(data: ReportData, model: int, pnl: pd.DataFrame) -> tuple[PlainChart, ...]:
    if not _has(pnl, model):
        return ()
    sums = pnl[pnl["model_id"] == model].groupby("symbol")["pnl"].sum()
    bars = largest(sums[sums != 0.0].sort_index(), BARS)
    name = str(data.names[model])
    return (bar_chart(f"pnl{model}", f"P&L of {name} by security", bars, "P&L by security"),)


def _sectors(data: ReportData, model: int, pnl: pd.DataFrame) -> tuple[Table, ...]:
    if not _has(pnl, model):
        return ()
    rows = pnl[pnl["model_id"] == model]
    costs = rows[list(COSTS)].sum(axis=1)
    sums = rows.assign(costs=-costs).groupby("sector")[[*GAINS, "costs", "pnl"]].sum()
    sums = sums[(sums != 0.0).any(axis=1)].sort_values("pnl", ascending=False, kind="stable")
    lines: list[tuple[Cell | str, ...]] = [
        (str(sector), *(_amount(value) for value in row))
        for sector, row in zip(sums.index, sums.to_numpy(), strict=True)
    ]
    lines.append(("All", *(_amount(value) for value in sums.sum().to_numpy())))
    heads = ("Prices", "Dividends", "Interest", "Costs and fees", "P&L")
    columns = (Column("Sector", is_text=True), *(Column(each) for each in heads))
    name = str(data.names[model])
    return (Table(f"P&L of {name} by sector", columns, tuple(lines), shows_caption=True),)


def _members(data: ReportData, model: int, members: pd.DataFrame) -> tuple[Table, ...]:
    if not _has(members, model):
        return ()
    rows = members[members["model_id"] == model]
    lines: list[tuple[Cell | str, ...]] = [
        (str(row["member"]), *(_amount(row[each]) for each in AMOUNTS))
        for row in rows.to_dict("records")
    ]
    lines.append(("All", *(_amount(float(rows[each].sum())) for each in AMOUNTS)))
    heads = ("Prices", "Dividends", "Costs", "Borrow fees", "Interest", "Gain")
    columns = (Column("Member", is_text=True), *(Column(each) for each in heads))
    caption = f"Gains of {data.names[model]} by member, since inception"
    return (Table(caption, columns, tuple(lines), shows_caption=True),)


def _notes(data: ReportData, members: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    changes = data.frame(CHANGES)
    if len(changes):
        notes.append(
            f"In currency, from {day(changes['first'].min())} to {day(changes['last'].max())}."
            " Prices are what they did before spread and impact; each table adds up to the change"
            " of the equity."
        )
        missed = changes["unexplained"].abs() > NEGLIGIBLE * changes["change"].abs().clip(lower=1.0)
        for row in changes[missed].to_dict("records"):
            amount = number(row["unexplained"], 2, sign=True)
            notes.append(
                f"{amount} of {data.names[row['model_id']]} is not explained: a corporate action"
                " was corrected that its portfolio was not computed with."
            )
    if len(members):
        notes.append(
            "A member's line is what its shares of the book gained and cost; the lines add up to"
            " the change of the book's equity since inception."
        )
    return tuple(notes)


def _amount(value: object) -> Cell:
    """An amount with its sign; one that is shown as 0 is neither gain nor loss."""
    text = number(value, 0, sign=True)
    return Cell(text, tone_of(value) if text.startswith(("+", MINUS)) else "")


SECTION = Section(
    "attribution",
    "Attribution",
    EVERYBODY,
    attribution,
    queries=QUERIES,
    tells_absence=frozenset({RESEARCHER}),
)
