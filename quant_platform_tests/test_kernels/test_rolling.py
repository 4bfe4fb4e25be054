"""Rolling statistics: compiled and in NumPy the same bits, pandas' values, whatever the cut.

pandas 3.1 computes each window from prices moved into the units of the window's last row.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from quant_platform.kernels import compiled
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling import (
    rolling_correlation,
    rolling_max,
    rolling_min,
    rolling_moments,
    rolling_quantiles,
    rolling_rank,
    rolling_regression,
    rolling_sum,
    rolling_weighted_mean,
)
from quant_platform.kernels.vector_loops import STRETCH

Statistic = Callable[[FloatArray, FloatArray | None, int, int], FloatArray]

STATISTICS: dict[str, Statistic] = {
    "sum": lambda x, carry, n, m: rolling_sum(x, n, carry, minimum=m)[None],
    "weighted": lambda x, carry, n, m: rolling_weighted_mean(
        x, np.arange(n, 0.0, -1.0), carry, minimum=m
    )[None],
    "moments": lambda x, carry, n, m: np.stack(rolling_moments(x, n, carry, minimum=m)),
    "regression": lambda x, carry, n, m: np.stack(rolling_regression(x, n, carry, minimum=m)),
    "correlation": lambda x, carry, n, m: rolling_correlation(
        x, x[::-1].copy(), n, carry, carry, minimum=m
    )[None],
    "max": lambda x, carry, n, m: np.stack(rolling_max(x, n, carry, minimum=m)),
    "min": lambda x, carry, n, m: np.stack(rolling_min(x, n, carry, minimum=m)),
    "rank": lambda x, carry, n, m: rolling_rank(x, n, carry, minimum=m)[None],
    "quantiles": lambda x, carry, n, m: rolling_quantiles(x, n, [0.0, 0.3, 1.0], carry, minimum=m),
}


def market(seed: int, rows: int = 90, columns: int = 7) -> tuple[FloatArray, FloatArray]:
    """Values with gaps, ties and a dead column, and a carry with odd splits."""
    random = np.random.default_rng(seed)
    x = random.normal(5.0, 1.0, (rows, columns)).round(int(random.integers(1, 4)))
    x[random.random(x.shape) < 0.1] = np.nan
    x[:, 2] = 3.3
    carry = np.where(random.random(x.shape) < 0.03, random.choice([1 / 3, 7.0, 0.5]), 1.0)
    return x, carry


@pytest.fixture
def by_numpy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Return a function from whose call on every kernel is its reference."""

    def switch() -> None:
        for kernel in compiled.all_kernels():
            monkeypatch.setattr(kernel, "_run", kernel.reference)

    yield switch


@pytest.mark.parametrize("name", STATISTICS)
def test_compiled_and_numpy_give_the_same_bits(name: str, by_numpy: Callable[[], None]) -> None:
    cases = []
    for seed, (columns, n, minimum) in enumerate(
        [(7, 1, 1), (7, 20, 20), (40, 33, 5), (7, 200, 1)]
    ):
        x, carry = market(seed, columns=columns)
        assert seed == 0 or x.size > STRETCH
        cases += [(x, carry, n, minimum), (x, None, n, minimum)]
    fast = [STATISTICS[name](*case) for case in cases]
    by_numpy()
    for case, expected in zip(cases, fast, strict=True):
        found = STATISTICS[name](*case)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        known = ~np.isnan(found)
        np.testing.assert_array_equal(
            found[known].view(np.int64), expected[known].view(np.int64), err_msg=name
        )


@pytest.mark.parametrize("name", [name for name in STATISTICS if name != "correlation"])
def test_a_window_is_all_that_matters(name: str) -> None:
    """Any cut of history, and any choice of columns, gives the same bits."""
    n, minimum = 12, 3
    x, carry = market(5)
    whole = STATISTICS[name](x, carry, n, minimum)
    for start, stop in ((17, 60), (40, 52), (30, 90)):
        part = STATISTICS[name](
            x[start:stop, 1:4].copy(), carry[start:stop, 1:4].copy(), n, minimum
        )
        np.testing.assert_array_equal(part[:, n - 1 :], whole[:, start + n - 1 : stop, 1:4])


@pytest.mark.parametrize("minimum", [1, 5])
def test_pandas_has_the_same_values(minimum: int) -> None:
    n, (x, _) = 9, market(3)
    frame = pd.DataFrame(x)
    rows = frame.rolling(n, min_periods=minimum)
    moments = rolling_moments(x, n, minimum=minimum)
    largest, smallest = rolling_max(x, n, minimum=minimum), rolling_min(x, n, minimum=minimum)
    low, high = rolling_quantiles(x, n, [0.2, 0.8], minimum=minimum)
    other = pd.DataFrame(np.sin(x) + np.arange(len(x))[:, None])
    pairs = {
        "sum": (rolling_sum(x, n, minimum=minimum), rows.sum()),
        "mean": (moments.mean, rows.mean()),
        "std": (moments.std(ddof=1), rows.std()),
        "max": (largest.value, rows.max()),
        "min": (smallest.value, rows.min()),
        "oldest maximum": (_place(largest.age, n), rows.apply(_first_largest, raw=True)),
        "rank": (rolling_rank(x, n, minimum=minimum), rows.rank(pct=True)),
        "low": (low, rows.quantile(0.2)),
        "high": (high, rows.quantile(0.8)),
        "correlation": (
            rolling_correlation(x, other.to_numpy(), n, minimum=minimum),
            rows.corr(other, pairwise=False),
        ),
    }
    for name, (mine, theirs) in pairs.items():
        # A row that is absent has no value here, and a constant column correlates with nothing.
        expected = np.where(np.isnan(x), np.nan, theirs)
        compared = slice(n, None)
        usable = np.delete(np.arange(x.shape[1]), 2) if name == "correlation" else slice(None)
        np.testing.assert_allclose(
            mine[compared, usable], expected[compared, usable], rtol=1e-9, atol=1e-12, err_msg=name
        )


def test_least_squares_of_numpy() -> None:
    """numpy.polyfit over the present rows of each window, ages counted back from the last row."""
    n, (x, carry) = 11, market(8)
    line = rolling_regression(x, n, carry, minimum=4)
    for row in (4, 30, 89):
        for column in (0, 1, 3):
            first = max(row - n + 1, 0)
            later = np.append(carry[first + 1 : row + 1, column], 1.0)
            window = x[first : row + 1, column] * np.cumprod(later[::-1])[::-1]
            present = ~np.isnan(window)
            if present.sum() < 4 or not present[-1]:
                assert np.isnan(line.slope[row, column])
                continue
            place = np.arange(len(window))[present]
            slope, level = np.polyfit(place, window[present], 1)
            fitted = level + slope * place
            explained = np.corrcoef(place, window[present])[0, 1] ** 2
            assert line.slope[row, column] == pytest.approx(slope, rel=1e-9, abs=1e-12)
            assert line.r_squared[row, column] == pytest.approx(explained, rel=1e-9)
            left = window[-1] - fitted[-1]
            assert line.residual[row, column] == pytest.approx(left, rel=1e-9, abs=1e-12)


def test_equal_rows_do_not_deviate() -> None:
    x = np.full((40, 2), 10.1)
    assert rolling_moments(x, 20).square[-1].tolist() == [0.0, 0.0]
    line = rolling_regression(x, 20)
    assert line.slope[-1].tolist() == [0.0, 0.0]
    assert np.isnan(line.r_squared).all()
    assert rolling_rank(x, 20)[-1].tolist() == [0.525, 0.525]


def test_a_jump_moves_a_logarithm_as_a_carry_moves_its_argument() -> None:
    x, carry = market(4)
    volume = np.random.default_rng(1).lognormal(10.0, 1.0, x.shape)
    adjusted = volume * np.cumprod(carry, axis=0)[-1] / np.cumprod(carry, axis=0)
    assert (carry != 1.0).any()
    moved = rolling_correlation(x, np.log(volume), 10, carry, np.log(carry), minimum=5)
    prices = x * np.cumprod(carry, axis=0)[-1] / np.cumprod(carry, axis=0)
    expected = rolling_correlation(prices, np.log(adjusted), 10, minimum=5)
    np.testing.assert_allclose(moved, expected, rtol=1e-6, atol=1e-9)


def test_what_cannot_be_asked() -> None:
    x = np.ones((3, 1))
    with pytest.raises(ValueError, match="at least 1 row"):
        rolling_sum(x, 0)
    with pytest.raises(ValueError, match="cannot need 4"):
        rolling_rank(x, 3, minimum=4)
    with pytest.raises(ValueError, match="between 0 and 1"):
        rolling_quantiles(x, 3, [1.5])


def _place(age: FloatArray, n: int) -> FloatArray:
    return n - 1 - age


def _first_largest(window: FloatArray) -> float:
    return float(np.nanargmax(window)) if not np.isnan(window).all() else np.nan
