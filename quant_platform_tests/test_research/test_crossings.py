"""Crossing averages by hand, and the compiled pass against its NumPy version.

Prices 1, 2, 4, 2, 1, 2 with windows of 1 and 2: from the second bar on the averages of two are 1.5,
3, 3, 1.5, 1.5, so the fast one lies above after the bars 2, 3 and 6 (counted from 1).
"""

from typing import Any

import numpy as np
import pytest

from quant_platform.errors import SettingsError
from quant_platform.kernels.crossings import FIGURES, cross, cross_by_numpy
from quant_platform.research.crossings import crossing_sweep

PRICES = [1.0, 2.0, 4.0, 2.0, 1.0, 2.0]


def figures(**options: Any) -> dict[str, float]:
    return dict(crossing_sweep(PRICES, [1], [2], **options).iloc[0])


def test_traded_at_the_close_that_decides() -> None:
    """Bought at 2, worth 4, sold at 2; bought again with the last bar: 3 of 6 bars end held."""
    found = figures(commission_bp=0.0, delay=0)
    assert (found["total_return"], found["max_drawdown"]) == (0.0, -0.5)
    assert (found["trade_count"], found["exposure"]) == (3, 0.5)
    # Returns 0, 0, 1, −0.5, 0, 0: mean 1/12, squares 1.25.
    deviation = np.sqrt((1.25 - 6.0 / 144.0) / 5.0)
    assert found["sharpe_ratio"] == pytest.approx(1.0 / 12.0 / deviation * np.sqrt(252.0))


def test_traded_a_bar_later() -> None:
    """Bought at 4, sold at 1."""
    found = figures(commission_bp=0.0)
    assert (found["total_return"], found["max_drawdown"]) == (-0.75, -0.75)
    assert found["trade_count"] == 2


def test_commission() -> None:
    """A tenth: two purchases leave 1/1.1 each, the sale 0.9."""
    found = figures(commission_bp=1000.0, delay=0)
    assert found["total_return"] == pytest.approx(0.9 / 1.1 / 1.1 - 1.0)


def test_a_window_longer_than_the_series_holds_nothing() -> None:
    found = crossing_sweep(PRICES, [2, 2], [7, 100])
    assert found["trade_count"].tolist() == [0, 0]
    assert found["total_return"].tolist() == [0.0, 0.0]
    assert found["sharpe_ratio"].isna().all()


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_the_compiled_pass_is_that_of_numpy(delay: int) -> None:
    random = np.random.default_rng(delay)
    values = np.exp(np.cumsum(random.normal(0.0, 0.02, 400)))
    ratio = np.concatenate(([1.0], values[1:] / values[:-1]))
    sums = np.concatenate(([0.0], np.cumsum(values)))
    fast = random.integers(1, 30, 40)
    slow = random.integers(1, 90, 40)
    mine, theirs = np.empty((2, 40, FIGURES))
    cross(ratio, sums, fast, slow, 0.001, delay, mine)
    cross_by_numpy(ratio, sums, fast, slow, 0.001, delay, theirs)
    np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    assert len(np.unique(mine[:, 0])) > 20


def test_threads_change_no_bit() -> None:
    fast, slow = list(range(1, 200)), list(range(3, 202))
    values = np.random.default_rng(1).uniform(1.0, 2.0, 500)
    one, four = (crossing_sweep(values, fast, slow, threads=each) for each in (1, 4))
    np.testing.assert_array_equal(one, four)


@pytest.mark.parametrize(
    ("prices", "fast", "slow", "options", "message"),
    [
        ([1.0, 0.0], [1], [2], {}, "no series of positive"),
        ([1.0, float("nan")], [1], [2], {}, "no series of positive"),
        (PRICES, [0], [2], {}, r"windows are \[0\]"),
        (PRICES, [1.5], [2], {}, r"windows are \[1.5\]"),
        (PRICES, [1, 2], [2], {}, "2 fast and 1 slow"),
        (PRICES, [1], [2], {"delay": -1}, "delay -1"),
    ],
)
def test_nonsense_is_named(
    prices: Any, fast: Any, slow: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        crossing_sweep(prices, fast, slow, **options)
