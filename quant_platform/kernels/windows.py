"""Rolling kernels over (sessions, symbols) arrays, free of where the array starts.

What belongs here: pure functions of arrays, in NumPy; of large ones the steps are compiled, with
the same bits (`window_loops.py`). What does not: panels, feature names, state.

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
from functools import lru_cache

import numpy as np

from quant_platform.kernels import window_loops as loops
from quant_platform.kernels.arrays import FloatArray

REMAINING_WEIGHT = 1e-10
"""Largest weight that a recursive average may give to rows before its window."""


class Windows:
    """The windows of any length over one array, grown from shorter ones that are kept for reuse.

    Parameters
    ----------
    x : shape (T, N); not to be changed while this object is in use
    combine : joins two windows: np.add, np.multiply, np.maximum or np.minimum
    carry : moves older rows into the units of newer ones
    """

    def __init__(
        self, x: FloatArray, combine: np.ufunc, carry: "Carry | FloatArray | None" = None
    ) -> None:
        self.x = x
        self._combine = combine
        self._carry = as_carry(carry)
        self._kept = {1: x}

    def of(self, n: int) -> FloatArray:
        """Return the combination of the last n rows, NaN in the first n-1; not to be written to."""
        for length, doubling in _growth(n):
            longer = 2 * length if doubling else length + 1
            if longer not in self._kept:
                self._kept[longer] = self._joined(length, doubling)
        return self._kept[n]

    def _joined(self, length: int, doubling: bool) -> FloatArray:
        recent = self._kept[length]
        older = recent if doubling else self.x
        result = np.empty_like(self.x)
        factor = None if self._carry is None or length >= len(self.x) else self._carry.of(length)
        given = recent if factor is None else factor
        if length < len(self.x) and loops.is_worth_it(result, recent, older, given):
            kind = loops.KINDS[self._combine]
            loops.join(recent, older, given, factor is not None, length, kind, result)
            return result
        # The row in which the window of `length` is first full has no older row to join.
        result[:length] = np.nan
        if length < len(self.x):
            moved = older[:-length]
            if factor is not None:
                moved = np.multiply(moved, factor[length:], out=result[length:])
            self._combine(recent[length:], moved, out=result[length:])
        return result


class Carry(Windows):
    """A `carry` array and its products C[t, n] = carry[t] · … · carry[t-n+1], kept for reuse.

    A kernel takes a plain array as well; this saves working out the products again.
    """

    def __init__(self, x: FloatArray) -> None:
        super().__init__(x, np.multiply)


def as_carry(carry: Carry | FloatArray | None) -> Carry | None:
    """Return a carry array as a `Carry`."""
    return Carry(carry) if isinstance(carry, np.ndarray) else carry


def window_sum(x: FloatArray, n: int, carry: Carry | FloatArray | None = None) -> FloatArray:
    """Return Σ x[t-k] · C[t, k] over k = 0 … n-1.

    Examples
    --------
    >>> window_sum(np.array([[1.0], [2.0], [3.0]]), 2).ravel()
    array([nan,  3.,  5.])
    """
    return _new(Windows(x, np.add, carry).of(n), x)


def window_mean(x: FloatArray, n: int, carry: Carry | FloatArray | None = None) -> FloatArray:
    """Return the mean of the last n rows: `window_sum` / n."""
    total = window_sum(x, n, carry)
    total /= n
    return total


def window_max(x: FloatArray, n: int, carry: Carry | FloatArray | None = None) -> FloatArray:
    """Return the largest of the last n rows; `carry` must not be negative."""
    return _new(Windows(x, np.maximum, carry).of(n), x)


def window_min(x: FloatArray, n: int, carry: Carry | FloatArray | None = None) -> FloatArray:
    """Return the smallest of the last n rows; `carry` must not be negative."""
    return _new(Windows(x, np.minimum, carry).of(n), x)


def window_product(x: FloatArray, n: int) -> FloatArray:
    """Return the product of the last n rows."""
    return _new(Windows(x, np.multiply).of(n), x)


def window_std(
    x: FloatArray, n: int, carry: Carry | FloatArray | None = None, ddof: int = 0
) -> FloatArray:
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
    carry = as_carry(carry)
    # Rows before the first full window hold shorter windows and are set to NaN at the end.
    mean, square = x.copy(), np.zeros_like(x)
    if loops.is_worth_it(x, x if carry is None else carry.x):
        square = _compiled_squares(x, n, carry, mean, square)
    else:
        _grow_squares(x, n, carry, mean, square)
    square /= n - ddof
    np.sqrt(square, out=square)
    square[: n - 1] = np.nan
    return square


def _compiled_squares(
    x: FloatArray, n: int, carry: Carry | None, mean: FloatArray, square: FloatArray
) -> FloatArray:
    """`_grow_squares` by compiled steps, which write to other arrays than they read."""
    next_mean, next_square = np.empty_like(x), np.empty_like(x)
    for length, doubling in _growth(n):
        factor = x if carry is None else carry.of(length)
        loops.join_deviations(
            x, mean, square, factor, carry is not None, length, doubling, next_mean, next_square
        )
        mean, next_mean, square, next_square = next_mean, mean, next_square, square
    return square


def _grow_squares(
    x: FloatArray, n: int, carry: Carry | None, mean: FloatArray, square: FloatArray
) -> None:
    """Grow means and sums of squared deviations from windows of 1 row to n, in place."""
    for length, doubling in _growth(n):
        factor = None if carry is None else carry.of(length)[length:]
        older = (mean if doubling else x)[:-length]
        delta = (older if factor is None else older * factor) - mean[length:]
        if doubling and length > 1:
            moved = square[:-length].copy() if factor is None else square[:-length] * factor
            if factor is not None:
                moved *= factor
            square[length:] += moved
        scaled = delta * (0.5 if doubling else 1.0 / (length + 1))
        mean[length:] += scaled
        # a·b/(a+b) is `length` times b/(a+b), the share of the older rows.
        scaled *= delta
        if length > 1:
            scaled *= length
        square[length:] += scaled


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
    x: FloatArray,
    alpha: float,
    window: int,
    minimum: int,
    carry: Carry | FloatArray | None = None,
) -> FloatArray:
    """Return the weighted mean Σ w_k · x[t-k] · C[t, k] / Σ w_k over k = 0 … window-1.

    The weights are w_k = (1-alpha)^k; absent rows (NaN, or before the array's first row) weigh 0. A
    value exists where row t is present and the window holds at least `minimum` present rows.
    """
    if minimum < 1:
        raise ValueError(f"a mean needs at least 1 present row, not {minimum}")
    absent = np.isnan(x)
    carry, decay = as_carry(carry), 1.0 - alpha
    first = int(np.argmin(absent[:, 0])) if absent.size else 0
    if np.count_nonzero(absent) == absent[:first].size == np.count_nonzero(absent[:first]):
        # The usual case: every symbol has its first row in `first` and all rows from there on.
        result = _decayed_sum(x.copy(), decay, window, carry, first)
        weights = _full_weights(decay, window)
        settled = result[first:][:window]
        settled /= weights[: len(settled)]
        result[first:][window:] /= weights[-1, 0]
        result[: first + minimum - 1] = np.nan
        return result
    present = np.where(absent, 0.0, 1.0)
    result = _decayed_sum(np.where(absent, 0.0, x), decay, window, carry)
    weight = _decayed_sum(present.copy(), decay, window, None)
    exists = _decayed_sum(present, 1.0, window, None) >= minimum
    exists &= ~absent
    weight[~exists] = np.nan
    result /= weight
    return result


@lru_cache(maxsize=64)
def _full_weights(decay: float, window: int) -> FloatArray:
    """Return the sums of the first 1 … `window` weights, shape (window, 1)."""
    return _decayed_sum(np.ones((window, 1)), decay, window, None)


def _decayed_sum(
    x: FloatArray, decay: float, n: int, carry: Carry | None, start: int = 0
) -> FloatArray:
    """Return Σ decay^k · x[t-k] · C[t, k] over the last n rows, fewer at the beginning.

    The result takes x's memory; rows before `start` count as 0.
    """
    x[:start] = 0.0
    scratch = np.empty_like(x)
    result, single = x, x.copy() if n & (n - 1) else x
    for length, doubling in _growth(n):
        if length >= len(x):
            break
        factor: FloatArray | float = decay**length
        if carry is not None:
            factor = np.multiply(carry.of(length)[length:], factor, out=scratch[length:])
        older = (result if doubling else single)[:-length]
        result[length:] += np.multiply(older, factor, out=scratch[length:])
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


def _new(result: FloatArray, x: FloatArray) -> FloatArray:
    """Return the result as an array of its own, where a window of 1 row gave x itself."""
    return x.copy() if result is x else result
