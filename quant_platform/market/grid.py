"""Rows of tables into (sessions, securities) arrays, and back.

What belongs here: finding the cell of each row. What does not: what the arrays mean (`panel.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray


@dataclass(frozen=True)
class Grid:
    """Sessions and securities into which rows are placed."""

    days: SessionArray
    security_ids: tuple[str, ...]

    def _array(self, value: float = np.nan) -> FloatArray:
        return np.full((len(self.days), len(self.security_ids)), value)

    def columns(self, frame: pd.DataFrame, named: Mapping[str, str]) -> dict[str, FloatArray]:
        """Arrays of columns, found once for all of them; NaN where there is no row."""
        rows, columns, inside = _locate(frame, self.days, self.security_ids)
        arrays = {}
        for name, column in named.items():
            arrays[name] = self._array()
            arrays[name][rows, columns] = frame[column].to_numpy(dtype=np.float64)[inside]
        return arrays

    def actions(self, actions: pd.DataFrame) -> dict[str, FloatArray]:
        """Split ratios and dividends; several of one session are multiplied, or added."""
        split, dividend = self._array(1.0), self._array(0.0)
        rows, columns, inside = _locate(actions, self.days, self.security_ids)
        ratios = actions["split_ratio"].to_numpy(dtype=np.float64)[inside]
        amounts = actions["cash_amount"].to_numpy(dtype=np.float64)[inside]
        np.multiply.at(split, (rows, columns), np.where(np.isnan(ratios), 1.0, ratios))
        np.add.at(dividend, (rows, columns), np.where(np.isnan(amounts), 0.0, amounts))
        return {"split": split, "dividend": dividend}

    def news(self, news: pd.DataFrame) -> dict[str, FloatArray]:
        """Sum and number of the sentiments of each cell."""
        judged = news[news["sentiment"].notna()]
        rows, columns, inside = _locate(judged, self.days, self.security_ids)
        total, count = self._array(0.0), self._array(0.0)
        np.add.at(total, (rows, columns), judged["sentiment"].to_numpy(dtype=np.float64)[inside])
        np.add.at(count, (rows, columns), 1.0)
        return {"sentiment": total, "articles": count}

    def members(self, universe: pd.DataFrame) -> dict[str, Any]:
        """Membership, and the sector of each member where the rows have one."""
        rows, columns, inside = _locate(universe, self.days, self.security_ids)
        member = np.zeros((len(self.days), len(self.security_ids)), dtype=bool)
        member[rows, columns] = True
        if "sector" not in universe.columns:
            return {"member": member}
        codes, names = pd.factorize(universe["sector"], sort=True)
        sectors = np.full(member.shape, -1, dtype=np.int32)
        sectors[rows, columns] = codes[inside]
        return {"member": member, "sectors": sectors, "sector_names": tuple(map(str, names))}


def long_frame(
    sessions: SessionArray,
    security_ids: Sequence[str],
    values: Mapping[str, NDArray[np.generic]],
    where: BoolArray,
    *,
    last: int | None = None,
) -> pd.DataFrame:
    """Unpivot (sessions, securities) arrays into rows of date and security_id, in `where`."""
    start = 0 if last is None else max(len(sessions) - last, 0)
    rows, columns = np.nonzero(where[start:])
    frame: dict[str, object] = {
        "date": sessions[start:][rows].astype("datetime64[s]"),
        # Taking from an Arrow array is several times faster than converting one object per row.
        "security_id": pd.array(list(security_ids), dtype="str").take(columns),
    }
    frame.update({name: array[start:][rows, columns] for name, array in values.items()})
    return pd.DataFrame(frame)


def pivot(
    frame: pd.DataFrame, column: str, sessions: SessionArray, security_ids: Sequence[str]
) -> FloatArray:
    """Arrange a column of rows as (sessions, securities) array, NaN where absent."""
    return Grid(sessions, tuple(security_ids)).columns(frame, {column: column})[column]


def securities_in(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Distinct securities of a frame; a ticker that means no security has none."""
    return np.asarray(frame["security_id"].dropna().unique(), dtype=object)


def rows_in(frame: pd.DataFrame, days: SessionArray) -> pd.DataFrame:
    """Rows whose date is one of the days."""
    return frame[np.isin(frame["date"].to_numpy().astype("datetime64[D]"), days)]


def _locate(
    frame: pd.DataFrame, days: SessionArray, security_ids: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp], BoolArray]:
    """Row and column of every frame row that lies inside the panel, and which ones do."""
    if len(frame) == 0 or len(days) == 0 or len(security_ids) == 0:
        none = np.empty(0, dtype=np.intp)
        return none, none, np.zeros(len(frame), dtype=bool)
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    rows = np.searchsorted(days, dates)
    has_session = days[np.minimum(rows, len(days) - 1)] == dates
    # Text is hashed once per distinct security, not once per row.
    codes, distinct = pd.factorize(frame["security_id"])
    columns = pd.Index(security_ids).get_indexer(pd.Index(np.asarray(distinct, dtype=object)))[
        codes
    ]
    inside = has_session & (codes >= 0) & (columns >= 0)
    return rows[inside], columns[inside], inside
