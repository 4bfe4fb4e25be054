"""Rows of feature tables, as they are read, as rows that are learned from.

`YearlyRows` reads long stretches by calendar year and keeps them while windows overlap; short ones
are read as they are. Rows come out the same either way. What does not belong here: which tables
they are read from.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import SessionArray
from quant_platform.learning.samples import FeatureRows

KEY = ("date", "security_id")

SHORT = 63
"""Sessions up to which nothing is kept."""

KEPT_YEARS = 8
"""Years of rows that are kept, so that a window that slides by a year reads one year."""


class YearlyRows:
    """Rows of a source, read as they are asked for.

    Parameters
    ----------
    sessions : of the source
    read : returns the rows of the sessions from one position to another
    """

    def __init__(self, sessions: SessionArray, read: Callable[[int, int], FeatureRows]) -> None:
        self._years = sessions.astype("datetime64[Y]").astype(np.int64)
        self._read = read
        self._kept: OrderedDict[int, FeatureRows] = OrderedDict()

    def between(self, first: int, last: int) -> FeatureRows:
        """Return the rows of the sessions from position `first` to `last`."""
        wanted = range(int(self._years[first]), int(self._years[last]) + 1)
        if last - first < SHORT and not all(year in self._kept for year in wanted):
            return self._read(first, last)
        parts = [self._of(year).between(first, last) for year in wanted]
        if len(parts) == 1:
            return parts[0]
        return FeatureRows(
            np.concatenate([part.positions for part in parts]),
            np.concatenate([part.security_ids for part in parts]),
            np.concatenate([part.matrix for part in parts]),
            parts[0].names,
        )

    def _of(self, year: int) -> FeatureRows:
        """Rows of a calendar year, as far as the source goes."""
        if year not in self._kept:
            within = np.flatnonzero(self._years == year)
            self._kept[year] = self._read(int(within[0]), int(within[-1]))
        self._kept.move_to_end(year)
        while len(self._kept) > KEPT_YEARS:
            self._kept.popitem(last=False)
        return self._kept[year]


def tickers_of(
    rows: FeatureRows, sessions: SessionArray, members: pd.DataFrame
) -> NDArray[np.object_]:
    """Return the ticker of each row, as the universe of its session has it."""
    keys = pd.MultiIndex.from_frame(members[list(KEY)])
    tickers = pd.Series(members["symbol"].to_numpy(dtype=object), index=keys)
    dates = pd.DatetimeIndex(sessions[rows.positions].astype("datetime64[s]"))
    wanted = pd.MultiIndex.from_arrays([dates, rows.security_ids], names=KEY)
    return tickers.reindex(wanted).to_numpy(dtype=object)


def assembled(
    parts: Sequence[tuple[pd.DataFrame, Sequence[str]]], sessions: SessionArray
) -> FeatureRows:
    """Put tables of features side by side, ordered by session and then by security.

    Parameters
    ----------
    parts : frames with date, security_id and features, and the features wanted of each
    sessions : of the source; dates of the frames are among them
    """
    ordered = [_ordered(frame, names) for frame, names in parts]
    keys, matrix = ordered[0]
    for other_keys, other in ordered[1:]:
        keys, matrix = _beside(keys, matrix, other_keys, other)
    days = keys["date"].to_numpy().astype("datetime64[D]")
    positions = np.searchsorted(sessions, days).astype(np.int64)
    ids = keys["security_id"].to_numpy(dtype=object)
    names = tuple(name for _, of in parts for name in of)
    return FeatureRows(positions, ids, matrix, names)


def _ordered(frame: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Keys and values of rows, by session and then by security."""
    ids = frame["security_id"].to_numpy(dtype=object).astype(str)
    order = np.lexsort((ids, frame["date"].to_numpy().astype("datetime64[D]").astype(np.int64)))
    values = np.empty((len(frame), len(names)), dtype=np.float32)
    for at, name in enumerate(names):
        values[:, at] = frame[name].to_numpy()[order]
    return frame[list(KEY)].iloc[order].reset_index(drop=True), values


def _beside(
    keys: pd.DataFrame,
    values: NDArray[np.float32],
    other_keys: pd.DataFrame,
    other: NDArray[np.float32],
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Join the rows of two sets; a row that only one of them has is unknown in the other."""
    if keys.equals(other_keys):
        return keys, np.hstack((values, other))
    both = pd.concat([keys, other_keys]).drop_duplicates().sort_values(list(KEY))
    both = both.reset_index(drop=True)
    wide = np.full((len(both), values.shape[1] + other.shape[1]), np.nan, dtype=np.float32)
    place = pd.MultiIndex.from_frame(both)
    wide[place.get_indexer(pd.MultiIndex.from_frame(keys)), : values.shape[1]] = values
    wide[place.get_indexer(pd.MultiIndex.from_frame(other_keys)), values.shape[1] :] = other
    return both, wide
