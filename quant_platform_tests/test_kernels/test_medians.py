"""Medians and bridges over arrays with missing cells, against pandas and by hand."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.kernels.medians import NARROW, bridged, trailing_median


@pytest.mark.parametrize("columns", [1, 7, NARROW + 1])
@pytest.mark.parametrize("window", [2, 5, 20])
def test_the_trailing_median_is_that_of_pandas(columns: int, window: int) -> None:
    random = np.random.default_rng(columns * window)
    values = random.integers(0, 9, (60, columns)).astype(float)  # many are equal
    values[random.random(values.shape) < 0.3] = np.nan
    values[10:40, 0] = np.nan
    median, known = trailing_median(values, window)
    rolling = pd.DataFrame(values).rolling(window, min_periods=1)
    np.testing.assert_array_equal(median, rolling.median())
    np.testing.assert_array_equal(known, rolling.count())


def test_the_trailing_median_of_nothing() -> None:
    median, known = trailing_median(np.empty((0, NARROW + 1)), 20)
    assert median.shape == known.shape == (0, NARROW + 1)


def test_only_what_lies_between_known_cells_is_bridged() -> None:
    known = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0]], dtype=bool)
    assert np.argwhere(bridged(known)).tolist() == [[1, 1], [2, 0], [2, 1]]
