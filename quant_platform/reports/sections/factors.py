"""Features: information coefficients and returns of quantiles over the last sessions."""

import pandas as pd

from quant_platform.conventions import TWO_SIDED_95
from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.formats import counted, known, number, percent, whole
from quant_platform.reports.sections.section import (
    RESEARCHER,
    Cell,
    Column,
    Content,
    Pane,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import between, gain

FACTORS = "factor_summary"
"""A row per feature and horizon: `summary_of`, and `return_1` to `return_5`."""

SHOWN = 15
"""Features of a horizon that are listed, the clearest first."""

PAGES = "factors"
"""Folder beside the page with the pages of features."""

QUANTILES = 5

COLUMNS = (
    Column("Feature", is_text=True),
    Column("Rank IC", about="Mean rank correlation with the returns that followed; 95 % below"),
    Column("t", about="The mean over its error, which knows of overlapping returns"),
    Column("IC", about="Mean correlation with the returns that followed"),
    *(Column(f"Q{each}") for each in range(1, QUANTILES + 1)),
    Column("Spread", about="Return of the highest quantile less that of the lowest"),
    Column("Turnover", about="Share of the extreme quantiles that was replaced a horizon later"),
    Column("Autocorrelation", about="Of the ranks, a horizon apart"),
    Column("Coverage", about="Share of the members with a value"),
    Column("Sessions"),
)


def factors(data: ReportData) -> Content | None:
    """A pane per horizon: a row per feature."""
    rows = data.frame(FACTORS)
    if rows.empty:
        return absent(
            "Nothing is known of what features foretold: factor_evaluation has no row up to this"
            " session."
        )
    found = int((rows["rank_ic_t"].abs() > TWO_SIDED_95).sum())
    tested = int(rows["rank_ic_t"].notna().sum())
    return Content(
        sentences=(
            f"{found} of {counted(tested, 'rank correlation')} of a feature and a horizon have an"
            f" interval without 0; about {whole(0.05 * tested)} would have without any skill.",
        ),
        panes=tuple(
            Pane(_label(int(str(horizon))), tables=(_table(int(str(horizon)), of),))
            for horizon, of in rows.groupby("horizon", sort=True)
        ),
        notes=(
            f"Values after a close and the returns from the next open on, over the last"
            f" {whole(rows['sessions'].max())} sessions whose returns are known; means of a"
            " session's figures, returns of quantiles are those of the whole horizon, before costs."
            " In a universe of few members there are two quantiles. A name leads to the page of the"
            " feature, which quant-platform factors --pages writes.",
        ),
    )


def _label(horizon: int) -> str:
    return counted(horizon, "session")


def _table(horizon: int, rows: pd.DataFrame) -> Table:
    order = rows.assign(size=rows["rank_ic_t"].abs()).sort_values(
        ["size", "feature"], ascending=[False, True], na_position="last"
    )
    shown = order.head(SHOWN)
    note = f"The {len(shown)} clearest of {len(rows)} features." if len(rows) > len(shown) else ""
    heads = tuple(
        column
        for column in COLUMNS
        if not column.header.startswith("Q") or known(_first(rows[f"return_{column.header[1:]}"]))
    )
    quantiles = [column.header[1:] for column in heads if column.header.startswith("Q")]
    return Table(
        f"What features foretold of {_label(horizon)}",
        heads,
        tuple(_row(row, quantiles) for row in records(shown)),
        note,
    )


def _first(values: pd.Series) -> object:
    """A value that is known, where there is one."""
    some = values.dropna()
    return some.iloc[0] if len(some) else None


def _row(row: Record, quantiles: list[str]) -> tuple[Cell | str, ...]:
    half = TWO_SIDED_95 * row["rank_ic_error"]
    ends = between(row["rank_ic"] - half, row["rank_ic"] + half, lambda end: number(end, 3))
    name = str(row["feature"])
    return (
        Cell(name, link=f"{PAGES}/{name}.html"),
        Cell(number(row["rank_ic"], 3, sign=True), below=ends),
        Cell(
            number(row["rank_ic_t"], 1, sign=True),
            "ok" if known(row["rank_ic_t"]) and abs(row["rank_ic_t"]) > TWO_SIDED_95 else "",
        ),
        number(row["ic"], 3, sign=True),
        *(gain(row[f"return_{each}"], 2) for each in quantiles),
        gain(row["spread"], 2),
        percent(row["turnover"], 0),
        number(row["autocorrelation"]),
        percent(row["coverage"], 0),
        whole(row["sessions"]),
    )


SECTION = Section(
    "features",
    "Features and quantiles",
    frozenset({RESEARCHER}),
    factors,
    pages=frozenset({PERFORMANCE}),
)
