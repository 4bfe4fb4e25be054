"""Where two frames that should be equal, bit for bit, differ first.

What belongs here: comparing rows. What does not: which rows, and why they should be equal
(`audit.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ABSENT, PRESENT = "no row", "a row"
"""Stand for the values of a row that one side lacks."""

_OTHER = "\0found"


@dataclass(frozen=True)
class Difference:
    """The first cell in which two frames differ.

    Attributes
    ----------
    row : what identifies the row: column → value
    column : the column that differs; empty where one side lacks the row
    expected, found : the value of either side
    """

    row: Mapping[str, Any]
    column: str
    expected: Any
    found: Any


def first_difference(
    expected: pd.DataFrame, found: pd.DataFrame, keys: Sequence[str]
) -> Difference | None:
    """Return the first row, by its keys, in which two frames differ; None where they do not.

    Columns that one of them lacks are not compared. Two unknown values are equal.

    Parameters
    ----------
    keys : columns that identify a row, the first of them its date
    """
    names = list(keys)
    columns = [name for name in expected.columns if name in found.columns and name not in names]
    left, right = (each[[*names, *columns]].reset_index(drop=True) for each in (expected, found))
    if left.equals(right):
        return None
    joined = left.merge(right, "outer", names, suffixes=("", _OTHER), indicator=True, sort=True)
    alone = (joined["_merge"] != "both").to_numpy()
    differs = {name: ~_equal(joined[name], joined[name + _OTHER]) for name in columns}
    anywhere = np.logical_or.reduce([alone, *differs.values()])
    if not anywhere.any():
        return None
    at = int(np.argmax(anywhere))
    row = {name: joined[name].iloc[at] for name in names}
    if alone[at]:
        is_expected = joined["_merge"].iloc[at] == "left_only"
        sides = (PRESENT, ABSENT) if is_expected else (ABSENT, PRESENT)
        return Difference(row, "", *sides)
    column = next(name for name in columns if differs[name][at])
    return Difference(row, column, joined[column].iloc[at], joined[column + _OTHER].iloc[at])


def _equal(left: pd.Series, right: pd.Series) -> NDArray[np.bool_]:
    same = (left == right).fillna(False) | (left.isna() & right.isna())
    return same.to_numpy(dtype=np.bool_)
