"""`assembled`: rows of feature tables, as they are read, as rows that are learned from.

What does not belong here: reading them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import SessionArray
from quant_platform.learning.samples import FeatureRows

KEY = ("date", "security_id")


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
