"""Rows placed into cells, by hand; machine code and NumPy alike."""

import numpy as np
import pytest

from quant_platform.kernels import placement
from quant_platform.kernels.placement import OUTSIDE, find_cells, place, place_numbers
from quant_platform.kernels.threads import by_rows

DAYS = np.array([9, 10, 10, 12, 13, 11, 12], dtype=np.int32)
CODES = np.array([0, 0, 1, 2, 0, 0, -1], dtype=np.int32)
ROW_OF = np.array([0, -1, 1])
"""Days 10 and 12 are sessions, 11 is none."""
COLUMN_OF = np.array([1, 0, -1])
"""The third name is none of the array's two securities."""

EXPECTED = [OUTSIDE, 1, 0, OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE]


@pytest.fixture(params=[0, 1_000_000], ids=["machine code", "NumPy"], autouse=True)
def _worth_it(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "WORTH_IT", request.param)


def test_a_row_of_another_day_or_security_has_no_cell() -> None:
    assert find_cells(DAYS, 10, ROW_OF, CODES, COLUMN_OF, 2).tolist() == EXPECTED


def test_of_several_rows_of_a_cell_the_last_one_stays() -> None:
    cells = np.array([2, OUTSIDE, 0, 2])
    flat = np.full(4, np.nan)
    place(np.array([1.0, 2.0, 3.0, 4.0]), cells, flat)
    np.testing.assert_array_equal(flat, [3.0, np.nan, 4.0, np.nan])
    numbers = np.full(4, -2, dtype=np.int32)
    place_numbers(np.array([1, 2, 3, 4], dtype=np.int32), cells, numbers)
    assert numbers.tolist() == [3, -2, 4, -2]


@pytest.mark.parametrize("shape", [(0, 3), (7, 0), (7, 3), (3, 400_000)])
def test_every_row_is_worked_on_once(shape: tuple[int, int]) -> None:
    counts = np.zeros(shape)

    def count(part: slice) -> None:
        counts[part] += 1.0

    by_rows(count, shape)
    assert (counts == 1.0).all()
