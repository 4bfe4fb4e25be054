"""Rolling kernels over (sessions, symbols) arrays, free of where the array starts.

What belongs here: pure numpy functions of arrays. What does not: panels, feature names, state.

A window of n rows is grown by *double and add*. n is read from its second binary digit on; every
digit joins the window of `length` rows with its own copy `length` rows earlier (twice the length),
and a digit 1 then joins one older row (plus one). The order of the operations thus depends on n
alone, never on the number of rows before the window, as it would with a running sum: a value at
row t is a function of rows t-n+1 … t, with the same bits however history is cut.

`carry` moves older rows into the units of row t: with C[t, k] = carry[t] · carry[t-1] · … ·
carry[t-k+1], the row x[t-k] enters as x[t-k] · C[t, k]. It is 1 / split for prices, split for
volumes, and None where nothing is to be moved (the same bits as an array of ones). The products
grow by the same doubling.

Conventions: x is float64 of shape (T, N) and is never written to; results are new arrays of the
same shape; NaN means absent. Unless stated otherwise, a result is NaN in the first n-1 rows and
wherever the window holds a NaN. A window of fewer than 1 row is a ValueError.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

REMAINING_WEIGHT = 1e-10
"""Largest weight that a recursive average may give to rows before its window."""


def window_sum(x: FloatArray, n: int, carry: FloatArray | None = None) -> FloatArray:
    """Return Σ x[t-k] · C[t, k] over k = 0 … n-1.

    Examples
    --------
    >>> window_sum(np.array([[1.0], [2.0], [3.0]]), 2).ravel()
    array([nan,  3.,  5.])
    """
    return _strict(_fold(x, n, np.add, carry), n)


def window_mean(x: FloatArray, n: int, carry: FloatArray | None = None) -> FloatArray:
    """Return the mean of the last n rows: `window_sum` / n."""
    total = window_sum(x, n, carry)
    total /= n
    return total


def window_max(x: FloatArray, n: int, carry: FloatArray | None = None) -> FloatArray:
    """Return the largest of the last n rows; `carry` must not be negative."""
    return _strict(_fold(x, n, np.maximum, carry), n)


def window_min(x: FloatArray, n: int, carry: FloatArray | None = None) -> FloatArray:
    """Return the smallest of the last n rows; `carry` must not be negative."""
    return _strict(_fold(x, n, np.minimum, carry), n)


def window_product(x: FloatArray, n: int) -> FloatArray:
    """Return the product of the last n rows."""
    return _strict(_fold(x, n, np.multiply, None), n)


def window_std(x: FloatArray, n: int, carry: FloatArray | None = None, ddof: int = 0) -> FloatArray:
    """Return the standard deviation of the last n rows, with divisor n - ddof.

    Means m and sums of squared deviations q of neighbouring windows of a and b rows are joined by
    d = m_b - m_a, m = m_a + d·b/(a+b), q = q_a + q_b + d²·a·b/(a+b). No squares of levels are
    subtracted, so nothing cancels, and equal rows have a deviation of exactly 0.

    Source: Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for
    computing sample variances".

    Raises
    ------
    ValueError : n ≤ ddof
    """
    if n <= ddof:
        raise ValueError(f"a deviation with ddof {ddof} needs a window above {ddof} rows, not {n}")
    if len(x) < n:
        return np.full_like(x, np.nan)
    mean, square = x, np.zeros_like(x)
    # C[t, length]: what the rows that are added next are multiplied by.
    product = carry
    for length, doubling in _growth(n):
        share = 0.5 if doubling else 1.0 / (length + 1)
        older = mean if doubling else x
        delta = older[:-length].copy() if product is None else older[:-length] * product[length:]
        delta -= mean[length:]
        next_square = square.copy()
        if doubling:
            moved = square[:-length]
            if product is not None:
                moved = moved * product[length:]
                moved *= product[length:]
            next_square[length:] += moved
        next_mean = mean.copy()
        scaled = delta * share
        next_mean[length:] += scaled
        # a·b/(a+b) is `length` times b/(a+b), the share of the older rows.
        scaled *= delta
        scaled *= length
        next_square[length:] += scaled
        if product is not None and carry is not None:
            product = _joined(product, product if doubling else carry, length, np.multiply, None)
        mean, square = next_mean, next_square
    square /= n - ddof
    return _strict(np.sqrt(square, out=square), n)


def shift(x: FloatArray, k: int) -> FloatArray:
    """Return row t-k at row t, without moving it into other units; NaN in the first k rows."""
    if k < 0:
        raise ValueError(f"a shift looks back, so it cannot be {k}")
    result = np.empty_like(x)
    result[:k] = np.nan
    result[k:] = x[: max(len(x) - k, 0)]
    return result


def recursive_window(alpha: float) -> int:
    """Return the rows in which a mean replaces the recursion m[t] = alpha·x[t] + (1-alpha)·m[t-1].

    The recursion gives the weight (1-alpha)^w to everything before the last w rows. The result is
    the smallest w with a weight ≤ `REMAINING_WEIGHT`, rounded up to a number with at most two
    binary ones (fewer steps of the doubling).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie between 0 and 1, not at {alpha}")
    window = math.ceil(math.log(REMAINING_WEIGHT) / math.log1p(-alpha))
    while window.bit_count() > 2:
        window += window & -window
    return window


def decayed_mean(
    x: FloatArray, alpha: float, window: int, minimum: int, carry: FloatArray | None = None
) -> FloatArray:
    """Return the weighted mean Σ w_k · x[t-k] · C[t, k] / Σ w_k over k = 0 … window-1.

    The weights are w_k = (1-alpha)^k; absent rows (NaN, or before the array's first row) weigh 0. A
    value exists where row t is present and the window holds at least `minimum` present rows.
    """
    if len(x) == 0:
        return x.copy()
    present = ~np.isnan(x)
    values = np.where(present, x, 0.0)
    # Where all symbols miss the same rows (mostly the first or none), one column of weights does.
    pattern = present[:, :1] if bool((present == present[:, :1]).all()) else present
    indicator = pattern.astype(np.float64)
    decay = 1.0 - alpha
    result = _fold(values, window, np.add, carry, decay)
    weight = _fold(indicator, window, np.add, None, decay)
    enough = _fold(indicator, window, np.add, None) >= minimum
    enough &= pattern
    # Where there is no weight there is no value either: any divisor does.
    weight[~enough] = np.nan
    result /= weight
    return result


def _growth(n: int) -> Iterator[tuple[int, bool]]:
    """Yield the steps from a window of 1 row to one of n: its length before, whether it doubles.

    A step that does not double adds one older row. In both, what is added lies `length` rows
    earlier.
    """
    if n < 1:
        raise ValueError(f"a window has at least 1 row, not {n}")
    length = 1
    for digit in f"{n:b}"[1:]:
        yield length, True
        length *= 2
        if digit == "1":
            yield length, False
            length += 1


def _fold(
    x: FloatArray, n: int, combine: np.ufunc, carry: FloatArray | None, decay: float = 1.0
) -> FloatArray:
    """Join the last n rows (fewer at the start) with `combine`, older ones carried and decayed."""
    result = x
    step: FloatArray | float | None
    if carry is not None:
        step = carry if decay == 1.0 else carry * decay
    else:
        step = None if decay == 1.0 else decay
    product = step
    for length, doubling in _growth(n):
        if length >= len(x):
            break
        result = _joined(result, result if doubling else x, length, combine, product)
        other = product if doubling else step
        if isinstance(product, np.ndarray) and isinstance(other, np.ndarray):
            product = _joined(product, other, length, np.multiply, None)
        elif isinstance(product, float) and isinstance(other, float):
            product *= other
    return x.copy() if result is x else result


def _joined(
    recent: FloatArray,
    older: FloatArray,
    length: int,
    combine: np.ufunc,
    product: FloatArray | float | None,
) -> FloatArray:
    """Return combine(recent[t], product[t] · older[t-length]); the first `length` rows stay."""
    result = np.empty_like(recent)
    result[:length] = recent[:length]
    tail = result[length:]
    if product is None:
        combine(recent[length:], older[:-length], out=tail)
    else:
        factor = product if isinstance(product, float) else product[length:]
        np.multiply(older[:-length], factor, out=tail)
        combine(recent[length:], tail, out=tail)
    return result


def _strict(values: FloatArray, n: int) -> FloatArray:
    """Blank the rows in which a window of n rows is not full yet, in place."""
    values[: n - 1] = np.nan
    return values
