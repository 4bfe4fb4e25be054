"""Means, deviations, trends and co-moments of windows of several lengths in one pass.

The rows of a window are walked from the newest back (see `rolling_rows.py`). Sums are of
differences from the newest row, so that nothing large is subtracted and equal rows have a deviation
of exactly 0. A value is a function of its window alone; it is NaN in the first n-1 rows and where
the window holds a NaN. What does not belong here: ranks and extremes (`rolling_order.py`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled
from quant_platform.kernels.rolling_rows import (
    NOTHING_MOVED,
    TILE,
    WINDOW_TYPES,
    ascending,
    grow_factor,
    grow_sum,
    grow_tile,
    lagged,
    plain_carry,
)
from quant_platform.kernels.windows import Carry

MEAN, STD, SLOPE, RSQUARE, RESIDUAL = range(5)
"""Figures of `trends` in the order of its first axis; `moments` gives the first two."""

VARIANCE_X, VARIANCE_Y, COVARIANCE = range(3)


def moments(
    x: FloatArray, windows: tuple[int, ...], carry: Carry | FloatArray | None = None
) -> FloatArray:
    """Return mean and sample deviation (divisor n-1): shape (2, windows, T, N).

    Examples
    --------
    >>> moments(np.array([[1.0], [2.0], [6.0]]), (2, 3))[MEAN, :, 2, 0]
    array([4., 3.])
    """
    return _walked(np.ascontiguousarray(x), plain_carry(carry), ascending(windows), 2)


def trends(
    x: FloatArray, windows: tuple[int, ...], carry: Carry | FloatArray | None = None
) -> FloatArray:
    """Return mean, sample deviation, slope, R² and last residual of x on time.

    The regression is x[i] = a + b·i over i = 1 … n; slope is b a row, the residual that of the
    newest row. Shape (5, windows, T, N); R² of equal rows is NaN.
    """
    return _walked(np.ascontiguousarray(x), plain_carry(carry), ascending(windows), 5)


class CoMoments(NamedTuple):
    """Sample variances and covariance of two arrays, each of shape (windows, T, N)."""

    variance_x: FloatArray
    variance_y: FloatArray
    covariance: FloatArray

    def correlation(self) -> FloatArray:
        """Return covariance / √(variance of x · variance of y)."""
        return self.covariance / np.sqrt(self.variance_x * self.variance_y)


def comoments(
    x: FloatArray,
    y: FloatArray,
    windows: tuple[int, ...],
    carry: Carry | FloatArray | None = None,
) -> CoMoments:
    """Return variances and covariance of x and y over the last n rows; y is never moved.

    Parameters
    ----------
    carry : of x
    """
    return CoMoments(
        *_walked_pairs(
            np.ascontiguousarray(x),
            plain_carry(carry),
            np.ascontiguousarray(y),
            NOTHING_MOVED,
            NOTHING_MOVED,
            ascending(windows),
        )
    )


def comoments_with_log(
    x: FloatArray, volume: FloatArray, windows: tuple[int, ...], carry: Carry | FloatArray | None
) -> CoMoments:
    """Return variances and covariance of x and ln(volume + 1) over the last n rows.

    Parameters
    ----------
    carry : of x; the volume's is 1 / carry. In the units of row t its logarithm is
        ln(v / C + 1) = ln(v + 1) − ln C + ln(1 + (C − 1) / (v + 1)), the last of which is worked
        out as 2·z·(1 + z²/3 + z⁴/5 + z⁶/7), z = δ / (2 + δ), δ = (C − 1) / (v + 1)
    """
    values, moves = np.ascontiguousarray(volume), plain_carry(carry)
    return CoMoments(
        *_walked_pairs(
            np.ascontiguousarray(x),
            moves,
            np.log(values + 1.0),
            -np.log(moves),
            1.0 / (values + 1.0) if moves.size else moves,
            ascending(windows),
        )
    )


def _log_rest(factor: FloatArray, weight: FloatArray) -> FloatArray:
    """Return ln(1 + (factor − 1) · weight) by its series."""
    delta = (factor - 1.0) * weight
    z = delta / (2.0 + delta)
    square = z * z
    rest: FloatArray = (
        2.0 * z * (1.0 + square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0))))
    )
    return rest


def _walk_reference(
    x: FloatArray, carry: FloatArray, windows: NDArray[np.int64], parts: int
) -> FloatArray:
    result = np.full((parts, len(windows), *x.shape), np.nan)
    total, square, product = np.zeros((3, *x.shape))
    factor, place = np.ones_like(x), 0
    for k in range(int(windows[-1])):
        grow_factor(factor, carry, k)
        delta = lagged(x, factor, k) - x
        total += delta
        square += delta * delta
        product += k * delta
        n = k + 1
        if n == windows[place]:
            result[MEAN, place] = x + total * (1.0 / n)
            if n > 1:
                about = np.maximum(square - total * total * (1.0 / n), 0.0)
                result[STD, place] = np.sqrt(about * (1.0 / (n - 1)))
            if n > 1 and parts > STD + 1:
                half, lags = (n - 1) / 2.0, n * (n * n - 1.0) / 12.0
                shared = product - total * half
                slope = shared * (-1.0 / lags)
                result[SLOPE, place] = slope
                result[RSQUARE, place] = shared * shared / (lags * about)
                result[RESIDUAL, place] = -(total * (1.0 / n)) - slope * half
            place += 1
    return result


@compiled(*WINDOW_TYPES, "int64", reference=_walk_reference)
def _walked(x: FloatArray, carry: FloatArray, windows: NDArray[np.int64], parts: int) -> FloatArray:
    rows, columns = x.shape
    cells = rows * columns
    result = np.full((parts, len(windows), cells), np.nan)
    values, moves = x.reshape(cells), carry.reshape(carry.size)
    sums, factor = np.empty(3 * TILE), np.empty(TILE)
    for start in range((windows[0] - 1) * columns, cells, TILE):
        stop = min(cells, start + TILE)
        sums[:] = 0.0
        factor[:] = 1.0
        shortest = 0
        for place in range(len(windows)):
            n = windows[place]
            first = max(start, (n - 1) * columns)
            if first >= stop:
                break
            for k in range(shortest, n):
                back = k * columns
                at = max(start, back)
                if k and len(moves):
                    grow_tile(factor[at - start :], moves, at, stop, back, columns)
                _add_lag(
                    sums[at - start :],
                    values[at - back : stop - back],
                    factor[at - start :],
                    values[at:stop],
                    k,
                )
            shortest = n
            _write_figures(
                result[:, place, first:stop], sums[first - start :], values[first:stop], n
            )
    return result.reshape((parts, len(windows), rows, columns))


@compiled()
def _add_lag(
    sums: FloatArray, older: FloatArray, factor: FloatArray, last: FloatArray, k: int
) -> None:
    for j in range(len(last)):
        delta = older[j] * factor[j] - last[j]
        sums[j] += delta
        sums[TILE + j] += delta * delta
        sums[2 * TILE + j] += k * delta


@compiled()
def _write_figures(result: FloatArray, sums: FloatArray, last: FloatArray, n: int) -> None:
    share = 1.0 / n
    for j in range(len(last)):
        result[0, j] = last[j] + sums[j] * share
    if n < 2:
        return
    freedom = 1.0 / (n - 1)
    half, lags = (n - 1) / 2.0, n * (n * n - 1.0) / 12.0
    steepness = -1.0 / lags
    for j in range(len(last)):
        about = sums[TILE + j] - sums[j] * sums[j] * share
        result[1, j] = math.sqrt((0.0 if about < 0.0 else about) * freedom)
    if len(result) == 2:
        return
    for j in range(len(last)):
        about = sums[TILE + j] - sums[j] * sums[j] * share
        shared = sums[2 * TILE + j] - sums[j] * half
        slope = shared * steepness
        result[2, j] = slope
        result[3, j] = shared * shared / (lags * (0.0 if about < 0.0 else about))
        result[4, j] = -(sums[j] * share) - slope * half


def _walk_pairs_reference(
    x: FloatArray,
    carry: FloatArray,
    y: FloatArray,
    log_carry: FloatArray,
    weight: FloatArray,
    windows: NDArray[np.int64],
) -> FloatArray:
    result = np.full((3, len(windows), *x.shape), np.nan)
    total_x, total_y, square_x, square_y, product = np.zeros((5, *x.shape))
    factor, moved, place = np.ones_like(x), np.zeros_like(y), 0
    one = np.ones_like(y)
    for k in range(int(windows[-1])):
        grow_factor(factor, carry, k)
        if k and log_carry.shape[0] and k <= len(y):
            moved[k:] += log_carry[1 : len(y) - k + 1]
        delta_x = lagged(x, factor, k) - x
        older = lagged(y, one, k)
        if weight.shape[0]:
            rest = _log_rest(factor, lagged(weight, one, k))
            older = np.where(older != 0.0, older + moved + rest, older)
        delta_y = older - y
        total_x += delta_x
        total_y += delta_y
        square_x += delta_x * delta_x
        square_y += delta_y * delta_y
        product += delta_x * delta_y
        n = k + 1
        if n == windows[place]:
            if n > 1:
                share, freedom = 1.0 / n, 1.0 / (n - 1)
                about_x = np.maximum(square_x - total_x * total_x * share, 0.0)
                about_y = np.maximum(square_y - total_y * total_y * share, 0.0)
                result[VARIANCE_X, place] = about_x * freedom
                result[VARIANCE_Y, place] = about_y * freedom
                result[COVARIANCE, place] = (product - total_x * total_y * share) * freedom
            place += 1
    return result


@compiled(*WINDOW_TYPES[:2], *WINDOW_TYPES[:2], *WINDOW_TYPES[1:], reference=_walk_pairs_reference)
def _walked_pairs(
    x: FloatArray,
    carry: FloatArray,
    y: FloatArray,
    log_carry: FloatArray,
    weight: FloatArray,
    windows: NDArray[np.int64],
) -> FloatArray:
    rows, columns = x.shape
    cells = rows * columns
    result = np.full((3, len(windows), cells), np.nan)
    values_x, values_y = x.reshape(cells), y.reshape(cells)
    moves_x, moves_y = carry.reshape(carry.size), log_carry.reshape(log_carry.size)
    weights = weight.reshape(weight.size)
    sums, factor, moved = np.empty(5 * TILE), np.empty(TILE), np.empty(TILE)
    older_y = np.empty(TILE)
    for start in range((windows[0] - 1) * columns, cells, TILE):
        stop = min(cells, start + TILE)
        sums[:] = 0.0
        factor[:] = 1.0
        moved[:] = 0.0
        shortest = 0
        for place in range(len(windows)):
            n = windows[place]
            first = max(start, (n - 1) * columns)
            if first >= stop:
                break
            for k in range(shortest, n):
                back = k * columns
                at = max(start, back)
                if k and len(moves_x):
                    grow_tile(factor[at - start :], moves_x, at, stop, back, columns)
                if len(moves_y):
                    if k:
                        grow_sum(moved[at - start :], moves_y, at, stop, back, columns)
                    _move_logarithms(
                        older_y,
                        values_y[at - back : stop - back],
                        moved[at - start :],
                        factor[at - start :],
                        weights[at - back : stop - back],
                    )
                _add_pair_lag(
                    sums[at - start :],
                    values_x[at - back : stop - back],
                    factor[at - start :],
                    values_x[at:stop],
                    older_y if len(moves_y) else values_y[at - back : stop - back],
                    values_y[at:stop],
                )
            shortest = n
            if n > 1:
                _write_comoments(result[:, place, first:stop], sums[first - start :], n)
    return result.reshape((3, len(windows), rows, columns))


@compiled()
def _move_logarithms(
    result: FloatArray, older: FloatArray, moved: FloatArray, factor: FloatArray, weight: FloatArray
) -> None:
    """Write logarithms in the units of the newest row: the same as in `_log_rest`; a 0 stays 0."""
    for j in range(len(older)):
        delta = (factor[j] - 1.0) * weight[j]
        z = delta / (2.0 + delta)
        square = z * z
        rest = 2.0 * z * (1.0 + square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0))))
        result[j] = older[j] + moved[j] + rest if older[j] != 0.0 else older[j]


@compiled()
def _add_pair_lag(
    sums: FloatArray,
    older_x: FloatArray,
    factor: FloatArray,
    last_x: FloatArray,
    older_y: FloatArray,
    last_y: FloatArray,
) -> None:
    for j in range(len(last_x)):
        delta_x = older_x[j] * factor[j] - last_x[j]
        delta_y = older_y[j] - last_y[j]
        sums[j] += delta_x
        sums[TILE + j] += delta_y
        sums[2 * TILE + j] += delta_x * delta_x
        sums[3 * TILE + j] += delta_y * delta_y
        sums[4 * TILE + j] += delta_x * delta_y


@compiled()
def _write_comoments(result: FloatArray, sums: FloatArray, n: int) -> None:
    share, freedom = 1.0 / n, 1.0 / (n - 1)
    for j in range(result.shape[1]):
        total_x, total_y = sums[j], sums[TILE + j]
        about_x = sums[2 * TILE + j] - total_x * total_x * share
        about_y = sums[3 * TILE + j] - total_y * total_y * share
        result[0, j] = (0.0 if about_x < 0.0 else about_x) * freedom
        result[1, j] = (0.0 if about_y < 0.0 else about_y) * freedom
        result[2, j] = (sums[4 * TILE + j] - total_x * total_y * share) * freedom
