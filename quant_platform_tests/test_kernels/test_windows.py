"""The kernels against their definitions, written out row by row in exact fractions."""

import warnings
from collections.abc import Callable
from fractions import Fraction
from math import sqrt
from statistics import pvariance, variance

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.kernels import window_loops
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import (
    Carry,
    Windows,
    decayed_mean,
    recursive_window,
    shift,
    window_max,
    window_mean,
    window_min,
    window_product,
    window_std,
    window_sum,
)
from quant_platform_tests.support.panels import bits

WINDOWS = [1, 2, 3, 7, 10, 16, 20, 50, 63]


def sample(seed: int = 0, rows: int = 90, columns: int = 3) -> tuple[FloatArray, FloatArray]:
    """Values around 100 and carries that are mostly 1."""
    random = np.random.default_rng(seed)
    carry = np.ones((rows, columns))
    places = random.random((rows, columns)) < 0.05
    carry[places] = random.choice([1 / 3, 1 / 7, 2 / 3, 8.0], size=int(places.sum()))
    return random.uniform(50.0, 150.0, (rows, columns)), carry


def carried(x: FloatArray, carry: FloatArray, t: int, n: int, column: int) -> list[Fraction]:
    """The n rows before and at t, newest first, in the units of row t."""
    factor, result = Fraction(1), []
    for k in range(n):
        result.append(Fraction(x[t - k, column]) * factor)
        factor *= Fraction(carry[t - k, column])
    return result


def by_definition(
    x: FloatArray, carry: FloatArray, n: int, reduce: Callable[[list[Fraction]], float]
) -> FloatArray:
    result = np.full_like(x, np.nan)
    for t in range(n - 1, len(x)):
        for column in range(x.shape[1]):
            result[t, column] = reduce(carried(x, carry, t, n, column))
    return result


@pytest.mark.parametrize("n", WINDOWS)
def test_windows_with_carry(n: int) -> None:
    x, carry = sample()
    for kernel, reduce in (
        (window_sum, lambda rows: float(sum(rows))),
        (window_mean, lambda rows: float(sum(rows) / len(rows))),
        (window_max, lambda rows: float(max(rows))),
        (window_min, lambda rows: float(min(rows))),
        (window_std, lambda rows: sqrt(pvariance(rows))),
    ):
        expected = by_definition(x, carry, n, reduce)
        np.testing.assert_allclose(kernel(x, n, carry), expected, rtol=1e-12)


@pytest.mark.parametrize("n", WINDOWS[1:])
def test_sample_deviation(n: int) -> None:
    x, _ = sample(1)
    expected = by_definition(x, np.ones_like(x), n, lambda rows: sqrt(variance(rows)))
    np.testing.assert_allclose(window_std(x, n, ddof=1), expected, rtol=1e-12)


@pytest.mark.parametrize("n", WINDOWS)
def test_product(n: int) -> None:
    x, _ = sample(2)
    x /= 100.0

    def reduce(rows: list[Fraction]) -> float:
        product = Fraction(1)
        for row in rows:
            product *= row
        return float(product)

    expected = by_definition(x, np.ones_like(x), n, reduce)
    np.testing.assert_allclose(window_product(x, n), expected, rtol=1e-12)


@pytest.mark.parametrize("window", [1, 5, 20, 64])
def test_decayed_mean(window: int) -> None:
    x, carry = sample(3)
    x[np.random.default_rng(4).random(x.shape) < 0.2] = np.nan
    alpha, minimum = 0.25, min(window, 4)
    result = decayed_mean(x, alpha, window, minimum, carry)
    for t in range(len(x)):
        for column in range(x.shape[1]):
            total, weight, factor, bars = 0.0, 0.0, 1.0, 0
            for k in range(min(window, t + 1)):
                if not np.isnan(x[t - k, column]):
                    total += 0.75**k * factor * x[t - k, column]
                    weight += 0.75**k
                    bars += 1
                factor *= carry[t - k, column]
            exists = bars >= minimum and not np.isnan(x[t, column])
            expected = total / weight if exists else np.nan
            np.testing.assert_allclose(result[t, column], expected, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 70), start=st.integers(0, 60), seed=st.integers(0, 99))
def test_the_start_of_the_array_changes_no_bit(n: int, start: int, seed: int) -> None:
    x, carry = sample(seed, rows=130)
    for kernel in (
        lambda x, c: window_sum(x, n, c),
        lambda x, c: window_max(x, n, c),
        lambda x, c: window_min(x, n, c),
        lambda x, c: window_std(x, n, c),
        lambda x, c: window_product(x, n),
        lambda x, c: decayed_mean(x, 1 / 14, n, 1, c),
    ):
        whole, cut = kernel(x, carry), kernel(x[start:].copy(), carry[start:].copy())
        np.testing.assert_array_equal(bits(whole[start + n - 1 :]), bits(cut[n - 1 :]))


@pytest.mark.parametrize("n", WINDOWS)
def test_no_carry_is_a_carry_of_ones(n: int) -> None:
    x, _ = sample(5)
    ones = np.ones_like(x)
    for kernel in (window_sum, window_max, window_min, window_std):
        np.testing.assert_array_equal(bits(kernel(x, n)), bits(kernel(x, n, ones)))
    without = decayed_mean(x, 0.1, n, 1)
    np.testing.assert_array_equal(bits(without), bits(decayed_mean(x, 0.1, n, 1, ones)))


@pytest.mark.parametrize("kernel", [window_sum, window_max, window_min, window_std, window_product])
def test_a_nan_blanks_the_windows_that_hold_it_and_no_other(
    kernel: Callable[[FloatArray, int], FloatArray],
) -> None:
    x, _ = sample(6, rows=30)
    x[12, 1] = np.nan
    blank = np.isnan(kernel(x, 5))
    expected = np.zeros_like(blank)
    expected[:4] = True
    expected[12:17, 1] = True
    np.testing.assert_array_equal(blank, expected)


def test_constant_rows_do_not_deviate() -> None:
    """Not even by rounding, for a level that binary fractions cannot hold."""
    x = np.full((80, 1), 10.1)
    for n in WINDOWS:
        assert (window_std(x, n)[n - 1 :] == 0.0).all()


def test_a_high_level_does_not_drown_the_deviation() -> None:
    """1e9 ± 1 deviates by 1; sums of squares are spaced by 128 up there and would have lost it."""
    x = np.where(np.arange(40) % 2, 1e9 + 1.0, 1e9 - 1.0)[:, None]
    np.testing.assert_allclose(window_std(x, 20)[19:], 1.0, rtol=1e-7)


def test_inputs_are_not_written_to_and_results_are_new() -> None:
    x, carry = sample(7)
    before, carry_before = x.copy(), carry.copy()
    for result in (
        window_sum(x, 1),
        window_max(x, 1, carry),
        window_std(x, 6, carry),
        decayed_mean(x, 0.5, 1, 1),
        decayed_mean(x, 0.5, 9, 1, carry),
        shift(x, 0),
    ):
        assert not np.shares_memory(result, x)
        result[:] = 0.0
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(carry, carry_before)


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_arrays_shorter_than_the_window(rows: int) -> None:
    x = np.ones((rows, 2))
    for kernel in (window_sum, window_mean, window_max, window_min, window_std, window_product):
        assert np.isnan(kernel(x, 5)).all()
    assert decayed_mean(x, 0.5, 5, 1).shape == (rows, 2)
    assert (decayed_mean(x, 0.5, 5, 1) == 1.0).all()
    assert np.isnan(shift(x, 5)).all()
    assert window_sum(np.ones((rows, 0)), 2).shape == (rows, 0)


def test_shift() -> None:
    x = np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(shift(x, 1), [[np.nan], [1.0], [2.0]])
    np.testing.assert_array_equal(shift(x, 0), x)


@pytest.mark.parametrize(
    ("alpha", "smallest", "window"),
    # The smallest w with (1-alpha)^w ≤ 1e-10 is -23.02585 / ln(1-alpha), rounded up.
    [(2 / 13, 138, 144), (2 / 27, 300, 320), (2 / 10, 104, 128), (1 / 14, 311, 320)],
)
def test_recursive_window(alpha: float, smallest: int, window: int) -> None:
    assert (1 - alpha) ** smallest <= 1e-10 < (1 - alpha) ** (smallest - 1)
    assert recursive_window(alpha) == window


def test_windows_and_weights_out_of_range() -> None:
    x = np.ones((5, 1))
    for kernel in (window_sum, window_mean, window_max, window_min, window_std, window_product):
        with pytest.raises(ValueError, match="window"):
            kernel(x, 0)
    with pytest.raises(ValueError, match="ddof 1 needs a window above 1"):
        window_std(x, 1, ddof=1)
    with pytest.raises(ValueError, match="looks back"):
        shift(x, -1)
    with pytest.raises(ValueError, match="at least 1 present row"):
        decayed_mean(x, 0.5, 3, 0)
    for alpha in (0.0, 1.0, -0.5):
        with pytest.raises(ValueError, match="alpha"):
            recursive_window(alpha)


def test_windows_are_grown_from_one_another_with_the_same_bits() -> None:
    x, carry = sample(8)
    shared_carry = Carry(carry)
    windows = Windows(x, np.add, shared_carry)
    for n in (50, 20, 10, 63, 1):
        np.testing.assert_array_equal(bits(windows.of(n)), bits(window_sum(x, n, carry)))
        np.testing.assert_array_equal(
            bits(window_std(x, n, shared_carry)), bits(window_std(x, n, carry))
        )
    assert windows.of(20) is windows.of(20)


def test_decayed_mean_of_a_symbol_alone_and_beside_one_with_gaps() -> None:
    """Weights known beforehand and weights summed on the way give one result."""
    x, carry = sample(9)
    x[:7, 0] = np.nan
    x[::5, 1] = np.nan
    together = decayed_mean(x, 0.1, 40, 5, carry)
    alone = decayed_mean(x[:, :1].copy(), 0.1, 40, 5, carry[:, :1].copy())
    np.testing.assert_array_equal(bits(together[:, :1]), bits(alone))


def test_no_warning_leaks() -> None:
    x = np.full((40, 2), np.nan)
    x[20:, 1] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        window_std(x, 5, x + 1.0)
        window_max(x, 5)
        decayed_mean(x, 0.1, 8, 3)
        decayed_mean(np.zeros((40, 2)), 0.1, 8, 9)


@pytest.mark.parametrize("n", [1, 2, 7, 63, 252])
def test_compiled_steps_give_the_same_bits(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of large arrays, over odd splits, gaps and a dead column."""
    random = np.random.default_rng(n)
    x = random.normal(5.0, 1.0, (300, 9))
    x[random.random(x.shape) < 0.01] = np.nan
    x[:, 0] = 10.1
    carry = np.where(random.random(x.shape) < 0.02, random.choice([1 / 3, 7.0, 1.5]), 1.0)
    cases = [
        (function, moved)
        for function in (window_sum, window_max, window_min, window_std)
        for moved in (None, carry)
    ]

    def values(cells: int) -> list[FloatArray]:
        monkeypatch.setattr(window_loops, "WORTH_IT", cells)
        return [function(x, n, moved) for function, moved in cases] + [window_product(x, n)]

    for found, expected in zip(values(1), values(10**9), strict=True):
        np.testing.assert_array_equal(bits(found), bits(expected))
