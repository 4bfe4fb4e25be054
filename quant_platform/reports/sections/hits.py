"""What the signals were worth: how often a signal's sign was that of the return that followed."""

import math

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR, TWO_SIDED_95
from quant_platform.reports.data import ReportData
from quant_platform.reports.formats import percent, whole
from quant_platform.reports.sections.section import (
    RESEARCHER,
    Cell,
    Column,
    Content,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import between, model_cell

COLUMNS = (
    Column("Model", is_text=True),
    Column("Judged", about="Buy and sell signals whose following return is known"),
    Column("Right"),
    Column("Right, last 252"),
)


def hits(data: ReportData) -> Content | None:
    """A row per model."""
    if "signals_judged" not in data.histories.columns:
        return absent("No signal was judged yet.")
    rows = []
    for model in data.ordered:
        judged = data.histories.of_model(model, "signals_judged")
        right = data.histories.of_model(model, "signals_hit")
        if not np.nansum(judged):
            continue
        whole_time, last = (
            _cell(float(np.nansum(right[part])), float(np.nansum(judged[part])))
            for part in (slice(None), slice(-SESSIONS_PER_YEAR, None))
        )
        rows.append((model_cell(data, model), whole(np.nansum(judged)), whole_time, last))
    if not rows:
        return absent("No model had a buy or sell signal whose outcome is known.")
    return Content(
        tables=(Table("Signals whose sign was right", COLUMNS, tuple(rows)),),
        notes=(
            "A signal is right where the security's return from the session after it to the next"
            " has its sign. Below each share stands its 95 % interval (Wilson), as if outcomes were"
            " independent; securities move together, so the truth is wider.",
        ),
    )


def _cell(right: float, judged: float) -> Cell:
    if not judged:
        return Cell(percent(None))
    return Cell(percent(right / judged), below=between(*wilson(right, judged), style=percent))


def wilson(successes: float, count: float) -> tuple[float, float]:
    """95 % interval of a share.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    *Journal of the American Statistical Association* 22(158), 1927.
    """
    share, square = successes / count, TWO_SIDED_95 * TWO_SIDED_95
    middle = (share + square / (2.0 * count)) / (1.0 + square / count)
    half = TWO_SIDED_95 / (1.0 + square / count)
    half *= math.sqrt(share * (1.0 - share) / count + square / (4.0 * count * count))
    return middle - half, middle + half


SECTION = Section("hits", "What the signals were worth", frozenset({RESEARCHER}), hits)
