"""What is stored beside what was computed again: `Comparison`, and the findings about both.

What does not belong here: what is computed again (`computed.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.quality.check import CheckContext
from quant_platform.quality.sampling import NOT_SAMPLED
from quant_platform.quality.verdict import Findings, failures, joined
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Scope

TOLERANCE = 1e-9
"""Relative difference that a value computed again may have (law 2)."""


@dataclass(frozen=True)
class Comparison:
    """Rows of some sessions as stored and as computed again: date, symbol and `names` in each."""

    stored: pd.DataFrame
    again: pd.DataFrame
    names: Sequence[str]

    @property
    def failures(self) -> pd.DataFrame:
        """Cells in which both differ beyond the tolerance, and rows that one of them lacks."""
        key = ["date", "symbol"]
        rows = self.stored[key].merge(self.again[key], how="outer", on=key, indicator="side")
        lonely = rows[rows["side"] != "both"]
        wrong = [
            (
                row.date,
                f"{row.symbol} is {'stored' if row.side == 'left_only' else 'computed'} only",
            )
            for row in lonely.itertuples()
        ]
        at = pd.MultiIndex.from_frame(rows[key][rows["side"] == "both"])
        names = list(self.names)
        left, right = (
            side.set_index(key).loc[at, names].to_numpy(np.float64, na_value=np.nan)
            for side in (self.stored, self.again)
        )
        for row, column in np.argwhere(~same_figures(left, right)):
            (day, symbol), stored, again = at[row], left[row, column], right[row, column]
            wrong.append((day, f"{symbol} {names[column]}: stored {stored}, computed {again}"))
        return failures([day for day, _ in wrong], [example for _, example in wrong])


def findings_of(context: CheckContext, compared: Sequence[Comparison]) -> Findings:
    """Findings about samples: judged are those with a row, stored or computed again."""
    judged = [
        day for each in compared for side in (each.stored, each.again) for day in side["date"]
    ]
    return context.judged_on(judged, joined(each.failures for each in compared), NOT_SAMPLED)


def rows_of(
    batch: CheckContext, table: str, columns: Sequence[str], scope: Scope | None = None
) -> pd.DataFrame:
    """Rows of the sessions of a batch, without those between them and those looked back on."""
    names = ", ".join(map(bulk.quoted, columns))
    return bulk.query(
        batch.platform.database,
        f"SELECT {names} FROM {bulk.quoted(table)}"  # noqa: S608 — quoted names
        f" WHERE date = ANY ($1::text::date[]){bulk.scope_sql(scope)}",
        ("{" + ",".join(batch.sessions) + "}",),
    )


def same_figures(left: FloatArray | np.float64, right: FloatArray | np.float64) -> BoolArray:
    """Whether figures are equal up to the tolerance; unknown ones are."""
    same: BoolArray = np.isclose(left, right, rtol=TOLERANCE, atol=1e-12, equal_nan=True)
    return same
