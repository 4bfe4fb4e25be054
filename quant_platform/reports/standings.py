"""The ranking in words: a table of cells as text, for the screen and for the Dagster UI.

What does not belong here: how models are ordered (`ranking.py`), and the page (`html.py`).
"""

import json
from collections.abc import Mapping, Sequence

from quant_platform.reports.formats import NONE
from quant_platform.reports.previews import escaped

NOTE = (
    "The set best is a model confidence set: with 95 % probability it holds the best of the models"
    " compared, by mean returns net of costs since inception. Its members cannot be told from the"
    " best, which does not make them equal to each other. The eliminated can be told from it."
    " Within a set the order is that of the lower bound of the Sharpe ratio; p is the smallest size"
    " at which a model is not in the set best. Models invested by less than 20 % on average, or"
    " younger than 252 sessions, are not compared."
    " A model whose hold-out was opened has been seen there: those figures are no longer out of"
    " sample."
)
"""What a reader must know of the table."""

PLACES = ("rank", "model", "set", "p", "ranks", "Sharpe 95 %")
BESIDE = ("deflated", "invested", "costs", "turnover", "capacity", "ended", "hold-out", "score")
"""Headers of the two halves of a row; costs and turnover are a year's."""

BEYOND = 1e12
"""Amounts beyond this are not written out."""

Record = Mapping[str, object]


def standing_rows(ranking: Sequence[Record]) -> list[tuple[str, ...]]:
    """Cells of `PLACES` and `BESIDE`, a row per model, from the records of a report's ranking."""
    return [
        (
            str(row["rank"]),
            str(row["model_name"]) + (" (benchmark)" if row["is_benchmark"] else ""),
            str(row["standing"]),
            figure(row["p_value"], "{:.3f}"),
            _between(row["rank_lower"], row["rank_upper"], "{:.0f}", "–"),
            _between(row["sharpe_lower"], row["sharpe_upper"], "{:.2f}", " to "),
            figure(row["deflated_sharpe"], "{:.3f}"),
            figure(row["average_exposure"], "{:.0%}"),
            figure(row["cost_rate"], "{:.2%}"),
            figure(row["turnover"], "{:.1f}"),
            money(row["capacity"]),
            _ended(row),
            str(row.get("holdout") or NONE),
            figure(row["score"], "{:.1f}"),
        )
        for row in ranking
    ]


def standing_table(ranking: str) -> str:
    """Return the ranking, the JSON text of `performance_reports`, as Markdown."""
    records = json.loads(ranking)
    headers = (*PLACES, *BESIDE)
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    lines += ["| " + " | ".join(map(escaped, row)) + " |" for row in standing_rows(records)]
    return "\n".join([*lines, "", NOTE])


def figure(value: object, style: str) -> str:
    """Format a figure that may be undefined."""
    return NONE if value is None else style.format(value)


def money(value: object) -> str:
    """Format an amount, in thousands, millions and so on.

    Whole markets are worth trillions, so an extrapolation beyond one says no more than that.
    """
    if not isinstance(value, int | float):
        return NONE
    if value > BEYOND:
        return "> 1 T"
    for size, unit in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:,.1f}{unit}"
    return f"{value:,.0f}"


def _between(low: object, high: object, style: str, link: str) -> str:
    if low is None or high is None:
        return NONE
    return f"{style.format(low)}{link}{style.format(high)}"


def _ended(row: Record) -> str:
    """Positions whose security ended, and how many of them at an assumed price."""
    ended, assumed = row["ended_positions"], row["assumed_endings"]
    if ended is None:
        return NONE
    return f"{ended} ({assumed} assumed)" if assumed else str(ended)
