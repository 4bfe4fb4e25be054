"""The steps of `windows.py` as compiled loops, for arrays that are worth it; the same bits.

What does not belong here: the order of the steps (`windows.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled

IN, OUT, INTEGER, FLAG = "const float64[:, ::1]", "float64[:, ::1]", "int64", "boolean"

WORTH_IT = 32_768
"""Cells from which on compiled steps are used: half a block of `features/compute.py`."""

STRETCH = 512
"""Cells that are worked on at once: 4 KB an array."""

ADD, MULTIPLY, MAXIMUM, MINIMUM = range(4)
KINDS: dict[np.ufunc, int] = {
    np.add: ADD,
    np.multiply: MULTIPLY,
    np.maximum: MAXIMUM,
    np.minimum: MINIMUM,
}
"""What joins two windows, and its number in the loops."""


def _stretch() -> int:
    # Each call costs NumPy more than the memory that a stretch takes.
    return 65_536


@compiled(reference=_stretch)
def stretch() -> int:
    """Return how many cells are worked on at once."""
    return STRETCH


def is_worth_it(*arrays: FloatArray) -> bool:
    """Whether compiled steps can take these arrays, and are faster than NumPy."""
    return arrays[0].size >= WORTH_IT and all(each.flags.c_contiguous for each in arrays)


def _combine(result: FloatArray, recent: FloatArray, older: FloatArray, kind: int) -> None:
    ufunc = next(each for each, number in KINDS.items() if number == kind)
    ufunc(recent, older, out=result)


@compiled(reference=_combine)
def combine(result: FloatArray, recent: FloatArray, older: FloatArray, kind: int) -> None:
    """Join two windows, cell by cell; what is absent in one (NaN) is absent in both."""
    if kind == ADD:
        for i in range(len(result)):
            result[i] = recent[i] + older[i]
    elif kind == MULTIPLY:
        for i in range(len(result)):
            result[i] = recent[i] * older[i]
    elif kind == MAXIMUM:
        for i in range(len(result)):
            larger = recent[i] if recent[i] >= older[i] else older[i]
            result[i] = recent[i] if recent[i] != recent[i] else larger
    else:
        for i in range(len(result)):
            smaller = recent[i] if recent[i] <= older[i] else older[i]
            result[i] = recent[i] if recent[i] != recent[i] else smaller


def _moved(result: FloatArray, older: FloatArray, factor: FloatArray) -> None:
    np.multiply(older, factor, out=result)


@compiled(reference=_moved)
def moved_into(result: FloatArray, older: FloatArray, factor: FloatArray) -> None:
    """Older cells times a factor each."""
    for i in range(len(result)):
        result[i] = older[i] * factor[i]


@compiled(IN, IN, IN, FLAG, INTEGER, INTEGER, OUT)
def join(
    recent: FloatArray,
    older: FloatArray,
    carry: FloatArray,
    moved: bool,
    length: int,
    kind: int,
    result: FloatArray,
) -> None:
    """Join each window with the one that ends `length` rows earlier; NaN where there is none."""
    offset = length * recent.shape[1]
    new, old = recent.reshape(-1), older.reshape(-1)
    factor, out = carry.reshape(-1), result.reshape(-1)
    out[:offset] = np.nan
    step = stretch()
    scratch = np.empty(step)
    for first in range(offset, len(out), step):
        stop = min(first + step, len(out))
        before = old[first - offset : stop - offset]
        if moved:
            held = scratch[: stop - first]
            moved_into(held, before, factor[first:stop])
            before = held
        combine(out[first:stop], new[first:stop], before, kind)


def _deviate(delta: FloatArray, older: FloatArray, factor: FloatArray, mean: FloatArray) -> None:
    np.multiply(older, factor, out=delta)
    delta -= mean


@compiled(reference=_deviate)
def deviate(delta: FloatArray, older: FloatArray, factor: FloatArray, mean: FloatArray) -> None:
    """Older means, moved, less the newer ones."""
    for i in range(len(delta)):
        delta[i] = older[i] * factor[i] - mean[i]


def _add_moved(
    result: FloatArray, square: FloatArray, older: FloatArray, factor: FloatArray
) -> None:
    np.add(square, older * factor * factor, out=result)


@compiled(reference=_add_moved)
def add_moved(
    result: FloatArray, square: FloatArray, older: FloatArray, factor: FloatArray
) -> None:
    """Squares and the older ones, moved."""
    for i in range(len(result)):
        result[i] = square[i] + older[i] * factor[i] * factor[i]


def _add_scaled(result: FloatArray, mean: FloatArray, delta: FloatArray, share: float) -> None:
    np.add(mean, delta * share, out=result)


@compiled(reference=_add_scaled)
def add_scaled(result: FloatArray, mean: FloatArray, delta: FloatArray, share: float) -> None:
    """Means moved towards the older ones."""
    for i in range(len(result)):
        result[i] = mean[i] + delta[i] * share


def _add_square(result: FloatArray, delta: FloatArray, share: float, length: float) -> None:
    result += delta * share * delta * length


@compiled(reference=_add_square)
def add_square(result: FloatArray, delta: FloatArray, share: float, length: float) -> None:
    """Squares that come from the distance of the means."""
    for i in range(len(result)):
        result[i] += delta[i] * share * delta[i] * length


@compiled(IN, IN, IN, IN, FLAG, INTEGER, FLAG, OUT, OUT)
def join_deviations(
    x: FloatArray,
    mean: FloatArray,
    square: FloatArray,
    carry: FloatArray,
    moved: bool,
    length: int,
    doubling: bool,
    new_mean: FloatArray,
    new_square: FloatArray,
) -> None:
    """Join means and squared deviations of windows of `length` rows with those before them."""
    offset = length * x.shape[1]
    source, factors = x.reshape(-1), carry.reshape(-1)
    means, squares = mean.reshape(-1), square.reshape(-1)
    out_mean, out_square = new_mean.reshape(-1), new_square.reshape(-1)
    out_mean[:offset] = means[:offset]
    out_square[:offset] = squares[:offset]
    share = 0.5 if doubling else 1.0 / (length + 1)
    older = means if doubling else source
    step = stretch()
    held, ones = np.empty(step), np.ones(step)
    for first in range(offset, len(means), step):
        stop = min(first + step, len(means))
        before = slice(first - offset, stop - offset)
        factor = factors[first:stop] if moved else ones[: stop - first]
        delta = held[: stop - first]
        deviate(delta, older[before], factor, means[first:stop])
        if doubling and length > 1:
            add_moved(out_square[first:stop], squares[first:stop], squares[before], factor)
        else:
            out_square[first:stop] = squares[first:stop]
        add_scaled(out_mean[first:stop], means[first:stop], delta, share)
        add_square(out_square[first:stop], delta, share, float(length))
