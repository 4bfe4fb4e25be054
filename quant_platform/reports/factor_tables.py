"""Tables of a factor's figures as HTML.

What does not belong here: pictures and pages (`factor_page.py`).
"""

from collections.abc import Collection
from html import escape

import pandas as pd

from quant_platform.reports.backtest_page import STYLE

SHARES = frozenset(
    {
        *("positive", "spread", "spread_error", "turnover", "cost", "net_spread"),
        "coverage",
    }
)
"""Figures that are written in percent."""

RATIOS = frozenset({"t", "ic_ratio", "monotonicity", "autocorrelation"})
"""Figures that are written with two decimals."""

COUNTS = frozenset({"sessions"})

CELL = "text-align:right;padding:1px 8px"
LABEL = "text-align:left;white-space:nowrap;padding:1px 8px"


def figures_table(frame: pd.DataFrame, corner: str, links: Collection[str] = ()) -> str:
    """Return a table with a row for each row.

    Parameters
    ----------
    corner : what the rows are
    links : first levels of the index that have a page of their name beside this one
    """
    head = "".join(f"<th style='{CELL}'>{escape(_label(each))}</th>" for each in frame.columns)
    rows = "".join(
        f"<tr><th style='{LABEL}'>{_row_label(label, links)}</th>"
        + "".join(
            f"<td style='{CELL}'>{text_of(str(column), float(value))}</td>"
            for column, value in zip(frame.columns, values, strict=True)
        )
        + "</tr>"
        for label, values in zip(frame.index, frame.to_numpy().tolist(), strict=True)
    )
    return (
        f"<div style='overflow-x:auto'><table style='{STYLE}'>"
        f"<tr><th style='{LABEL}'>{escape(corner)}</th>{head}</tr>"
        f"{rows}</table></div>"
    )


def transposed_table(frame: pd.DataFrame) -> str:
    """Return a table with a row for each column, for frames of few rows."""
    head = "".join(f"<th style='{CELL}'>{escape(str(each))}</th>" for each in frame.index)
    rows = "".join(
        f"<tr><th style='{LABEL}'>{escape(_label(column))}</th>"
        + "".join(
            f"<td style='{CELL}'>{text_of(str(column), float(value))}</td>"
            for value in frame[column]
        )
        + "</tr>"
        for column in frame.columns
    )
    return (
        f"<table style='{STYLE}'><tr><th style='{LABEL}'>"
        f"{escape(str(frame.index.name))}</th>{head}</tr>{rows}</table>"
    )


def text_of(column: str, value: float) -> str:
    """Return a figure as a reader sees it."""
    if value != value:
        return "–"
    if column in SHARES:
        return f"{value:.2%}"
    if column in COUNTS:
        return f"{value:,.0f}"
    if column.startswith("slope"):
        return f"{value:.3g}"
    if column == "members":
        return f"{value:,.1f}"
    return f"{value:.2f}" if column in RATIOS or column.endswith("_t") else f"{value:.4f}"


def _row_label(label: object, links: Collection[str]) -> str:
    parts = [str(each) for each in label] if isinstance(label, tuple) else [str(label)]
    texts = [escape(each) for each in parts]
    if parts[0] in links:
        texts[0] = f"<a href='{escape(parts[0], quote=True)}.html'>{texts[0]}</a>"
    return ", ".join(texts)


def _label(column: object) -> str:
    return str(column).replace("_", " ")
