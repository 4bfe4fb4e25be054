"""What is kept of a block, by hand; machine code and NumPy alike."""

import numpy as np
import pytest

from quant_platform.kernels import window_loops
from quant_platform.kernels.finite import keep_finite

LARGE = 1e300
"""More than float32 can hold."""


@pytest.mark.parametrize("worth_it", [0, 10**9], ids=["machine code", "NumPy"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_not_finite_becomes_nan(
    dtype: type[np.floating], worth_it: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_loops, "WORTH_IT", worth_it)
    values = np.array([[7.0, 7.0], [0.1, np.inf], [-np.inf, np.nan], [LARGE, -2.0]])
    target = np.zeros((5, 4), dtype)
    keep_finite(values, 1, target, (2, 1))
    held = LARGE if dtype is np.float64 else np.nan
    nan = np.nan
    expected = np.zeros((5, 4))
    expected[2:, 1:3] = [[0.1, nan], [nan, nan], [held, -2.0]]
    np.testing.assert_array_equal(target, expected.astype(dtype))
