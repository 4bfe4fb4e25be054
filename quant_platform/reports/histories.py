"""Histories of all models as arrays over common sessions, and which sessions a chart keeps.

Charts of a long history are thinned, and say so: every session of the last `DAILY_SESSIONS`, before
them the last session of each week, and of every calendar year the sessions in which some model had
its highest or lowest value. So the ends, the peaks and the troughs are the true ones. What does not
belong here: what is drawn (`figures.py`), and figures of tables, which use every session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.kernels.arrays import FloatArray

DAILY_SESSIONS = 3 * SESSIONS_PER_YEAR
"""Newest sessions of which a chart keeps every one."""

THINNED = (
    "Charts show every session of the last three years; before them the last session of each week,"
    " and each model's highest and lowest value of every year."
)
"""What a page with more sessions says."""


@dataclass(frozen=True, eq=False)
class Histories:
    """Rows of `portfolios` as arrays.

    Attributes
    ----------
    dates : (T,) sessions of any model, ascending
    models : (M,) ids, ascending
    columns : name of a column → (T, M) values, NaN where a model has no row or the row no value
    first : (M,) place of each model's first row
    last : (M,) place of its last
    """

    dates: NDArray[np.datetime64]
    models: tuple[int, ...]
    columns: Mapping[str, FloatArray]
    first: NDArray[np.intp]
    last: NDArray[np.intp]

    @classmethod
    def of(cls, portfolios: pd.DataFrame) -> "Histories":
        """Arrays of rows of `portfolios`, in any order; every column of numbers."""
        days = portfolios["date"].to_numpy().astype("datetime64[D]")
        ids = portfolios["model_id"].to_numpy(dtype=np.int64)
        dates, row = np.unique(days, return_inverse=True)
        models, column = np.unique(ids, return_inverse=True)
        wide = {}
        for name in portfolios.columns:
            if name in ("date", "model_id") or not _is_number(portfolios[name]):
                continue
            values = np.full((len(dates), len(models)), np.nan)
            values[row, column] = portfolios[name].to_numpy(dtype=np.float64, na_value=np.nan)
            wide[str(name)] = values
        first = np.full(len(models), len(dates), dtype=np.int64)
        last = np.full(len(models), -1, dtype=np.int64)
        np.minimum.at(first, column, row)
        np.maximum.at(last, column, row)
        return cls(dates, tuple(models.tolist()), wide, first, last)

    def of_model(self, model: int, name: str) -> FloatArray:
        """A model's values from its first row to its last."""
        place = self.models.index(model)
        return self.columns[name][self.first[place] : self.last[place] + 1, place]

    def dates_of(self, model: int) -> NDArray[np.datetime64]:
        """The sessions of `of_model`."""
        place = self.models.index(model)
        return self.dates[self.first[place] : self.last[place] + 1]

    @cached_property
    def growth(self) -> FloatArray:
        """Equity over the first one, (T, M)."""
        equity = self.columns["equity"]
        start = equity[np.minimum(self.first, len(equity) - 1), np.arange(len(self.models))]
        return equity / np.where(start > 0.0, start, np.nan)

    @cached_property
    def drawdown(self) -> FloatArray:
        """Equity below its highest close so far, (T, M), as a negative fraction."""
        return drawdown(self.columns["equity"])

    @property
    def is_long(self) -> bool:
        """Whether charts are thinned."""
        return len(self.dates) > DAILY_SESSIONS


def drawdown(equity: FloatArray) -> FloatArray:
    """Equity below its highest value so far, as a negative fraction, along the first axis."""
    filled = np.where(np.isnan(equity), -np.inf, equity)
    highest = np.maximum.accumulate(filled, axis=0)
    return equity / np.where(highest > 0.0, highest, np.nan) - 1.0


def kept(dates: NDArray[np.datetime64], *values: FloatArray) -> NDArray[np.intp]:
    """Places of the sessions that a chart keeps, ascending.

    Parameters
    ----------
    dates : (T,) sessions
    values : (T, M) each: the curves of which the extremes are kept
    """
    count = len(dates)
    if count <= DAILY_SESSIONS:
        return np.arange(count)
    old = count - DAILY_SESSIONS
    days = dates[:old].astype("datetime64[D]")
    # 1970-01-01 was a Thursday: weeks begin on Monday.
    week = (days.astype(np.int64) + 3) // 7
    keep = np.zeros(count, dtype=bool)
    keep[0] = True
    keep[old:] = True
    keep[:old][np.append(week[1:] != week[:-1], True)] = True
    years = days.astype("datetime64[Y]")
    starts = np.flatnonzero(np.append(True, years[1:] != years[:-1]))
    for start, stop in zip(starts, [*starts[1:], old], strict=True):
        for each in values:
            part = each[start:stop]
            known = np.isfinite(part).any(axis=0)
            if known.any():
                part = part[:, known]
                keep[start + np.nanargmin(part, axis=0)] = True
                keep[start + np.nanargmax(part, axis=0)] = True
    return np.flatnonzero(keep)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column)
