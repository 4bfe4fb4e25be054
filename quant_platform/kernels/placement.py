"""Rows into the cells of (sessions, securities) arrays: which cell each row has, and its value.

Machine code of it is worth its loading for many rows only. What does not belong here: what rows and
arrays are (`market/grid.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled

WORTH_IT = 1_000_000
"""Rows from which on machine code is used."""

OUTSIDE = -1
"""Cell of a row that has none."""

INTEGERS, CELLS, VALUES = "const int32[::1]", "const int64[::1]", "const float64[::1]"

Integers = NDArray[np.int32]
Cells = NDArray[np.int64]


def find_cells(
    days: Integers, first: int, row_of: Cells, codes: Integers, column_of: Cells, width: int
) -> Cells:
    """Return the number of each row's cell, counted along the sessions; `OUTSIDE` without one.

    Parameters
    ----------
    days : since some day
    first : the day of `row_of`'s first place
    row_of : row of the array of each day from `first` on; −1: none
    codes : of securities; −1: none
    column_of : column of the array of each code; −1: none
    width : columns of the array
    """
    find = _find_cells if len(days) >= WORTH_IT else _find_cells_reference
    return find(days, first, row_of, codes, column_of, width)


def place(values: FloatArray, cells: Cells, flat: FloatArray) -> None:
    """Write each row's value into its cell of a flat array; of several the last one stays."""
    write = _place if len(cells) >= WORTH_IT else _place_reference
    write(values, cells, flat)


def _find_cells_reference(
    days: Integers, first: int, row_of: Cells, codes: Integers, column_of: Cells, width: int
) -> Cells:
    away = days.astype(np.int64) - first
    rows = np.append(row_of, -1)[np.where((away >= 0) & (away < len(row_of)), away, -1)]
    columns = np.append(column_of, -1)[codes]
    return np.where((rows >= 0) & (columns >= 0), rows * width + columns, OUTSIDE)


@compiled(INTEGERS, "int64", CELLS, INTEGERS, CELLS, "int64", reference=_find_cells_reference)
def _find_cells(
    days: Integers, first: int, row_of: Cells, codes: Integers, column_of: Cells, width: int
) -> Cells:
    cells = np.empty(len(days), dtype=np.int64)
    for i in range(len(days)):
        away = days[i] - first
        row = row_of[away] if 0 <= away < len(row_of) else -1
        column = column_of[codes[i]] if codes[i] >= 0 else -1
        cells[i] = row * width + column if row >= 0 and column >= 0 else OUTSIDE
    return cells


def _place_reference(values: NDArray[Any], cells: Cells, flat: NDArray[Any]) -> None:
    inside = cells >= 0
    if inside.all():
        flat[cells] = values
    else:
        flat[cells[inside]] = values[inside]


@compiled(VALUES, CELLS, "float64[::1]", reference=_place_reference)
def _place(values: FloatArray, cells: Cells, flat: FloatArray) -> None:
    for i in range(len(cells)):
        if cells[i] >= 0:
            flat[cells[i]] = values[i]


def place_numbers(numbers: Integers, cells: Cells, flat: Integers) -> None:
    """Do what `place` does, with whole numbers."""
    write = _place_numbers if len(cells) >= WORTH_IT else _place_reference
    write(numbers, cells, flat)


@compiled(INTEGERS, CELLS, "int32[::1]", reference=_place_reference)
def _place_numbers(numbers: Integers, cells: Cells, flat: Integers) -> None:
    for i in range(len(cells)):
        if cells[i] >= 0:
            flat[cells[i]] = numbers[i]
