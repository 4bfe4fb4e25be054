"""Steps of the loops in `rolling_loops.py` over a stretch of cells: each compiled, and in NumPy.

A step is a short loop that the processor runs over several cells at once; it writes one or two
arrays, so that the compiler can prove them apart. `X if X == X else 0.0` passes over what is absent
(NaN). The functions in NumPy do the same operations in the same order.

What does not belong here: what a statistic is.
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled

STRETCH = 512
"""Cells: 4 KB an array."""


def _stretch() -> int:
    # Each call costs NumPy more than the memory that a stretch takes.
    return 65_536


@compiled(reference=_stretch)
def stretch() -> int:
    """Return how many cells are worked on at once."""
    return STRETCH


def _take(source: FloatArray, start: int, factor: FloatArray, out: FloatArray) -> None:
    lacking = min(max(-start, 0), len(out))
    out[:lacking] = np.nan
    np.multiply(source[start + lacking : start + len(out)], factor[lacking:], out=out[lacking:])


@compiled(reference=_take)
def take(source: FloatArray, start: int, factor: FloatArray, out: FloatArray) -> None:
    """Cells of `source` from `start` on, times `factor`; NaN before the first."""
    lacking = min(max(-start, 0), len(out))
    for i in range(lacking):
        out[i] = np.nan
    cells, factors, rest = source[start + lacking :], factor[lacking:], out[lacking:]
    for i in range(len(rest)):
        rest[i] = cells[i] * factors[i]


def _multiply(factor: FloatArray, source: FloatArray, start: int) -> None:
    lacking = min(max(-start, 0), len(factor))
    factor[lacking:] *= source[start + lacking : start + len(factor)]


@compiled(reference=_multiply)
def multiply(factor: FloatArray, source: FloatArray, start: int) -> None:
    """Multiply by the cells of `source` from `start` on; before the first is nothing."""
    lacking = min(max(-start, 0), len(factor))
    cells, rest = source[start + lacking :], factor[lacking:]
    for i in range(len(rest)):
        rest[i] *= cells[i]


def _move(added: FloatArray, source: FloatArray, start: int) -> None:
    lacking = min(max(-start, 0), len(added))
    added[lacking:] += source[start + lacking : start + len(added)]


@compiled(reference=_move)
def move(added: FloatArray, source: FloatArray, start: int) -> None:
    """Add the cells of `source` from `start` on; before the first is nothing."""
    lacking = min(max(-start, 0), len(added))
    cells, rest = source[start + lacking :], added[lacking:]
    for i in range(len(rest)):
        rest[i] += cells[i]


def _fill(target: FloatArray, value: float) -> None:
    target[:] = value


@compiled(reference=_fill)
def fill(target: FloatArray, value: float) -> None:
    """Set every cell."""
    for i in range(len(target)):
        target[i] = value


def _scale(target: FloatArray, source: FloatArray, by: float) -> None:
    np.multiply(source, by, out=target)


@compiled(reference=_scale)
def scale(target: FloatArray, source: FloatArray, by: float) -> None:
    """Set every cell to that of `source` times a number."""
    for i in range(len(target)):
        target[i] = source[i] * by


def _subtract(target: FloatArray, other: FloatArray) -> None:
    target -= other


@compiled(reference=_subtract)
def subtract(target: FloatArray, other: FloatArray) -> None:
    """Subtract cell by cell."""
    for i in range(len(target)):
        target[i] -= other[i]


def _divide(target: FloatArray, other: FloatArray) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):
        target /= other


@compiled(reference=_divide)
def divide(target: FloatArray, other: FloatArray) -> None:
    """Divide cell by cell."""
    for i in range(len(target)):
        target[i] /= other[i]


def _add(total: FloatArray, values: FloatArray, weight: float) -> None:
    total += np.where(np.isnan(values), 0.0, weight * values)


@compiled(reference=_add)
def add(total: FloatArray, values: FloatArray, weight: float) -> None:
    """Add the present values, times a number."""
    for i in range(len(total)):
        total[i] += weight * values[i] if values[i] == values[i] else 0.0


def _add_number(total: FloatArray, values: FloatArray, number: float) -> None:
    total += np.where(np.isnan(values), 0.0, number)


@compiled(reference=_add_number)
def add_number(total: FloatArray, values: FloatArray, number: float) -> None:
    """Add a number where a value is present."""
    for i in range(len(total)):
        total[i] += number if values[i] == values[i] else 0.0


def _add_product(total: FloatArray, left: FloatArray, right: FloatArray) -> None:
    product = left * right
    total += np.where(np.isnan(product), 0.0, product)


@compiled(reference=_add_product)
def add_product(total: FloatArray, left: FloatArray, right: FloatArray) -> None:
    """Add the products where both are present."""
    for i in range(len(total)):
        product = left[i] * right[i]
        total[i] += product if product == product else 0.0


def _agree(left: FloatArray, right: FloatArray) -> None:
    absent = np.isnan(left) | np.isnan(right)
    left[absent] = right[absent] = np.nan


@compiled(reference=_agree)
def agree(left: FloatArray, right: FloatArray) -> None:
    """What is absent in one is absent in both."""
    for i in range(len(left)):
        both = left[i] == left[i] and right[i] == right[i]
        left[i] = left[i] if both else np.nan
        right[i] = right[i] if both else np.nan


def _further(value: FloatArray, age: FloatArray, candidate: FloatArray, k: float) -> None:
    at = candidate >= value
    value[at] = candidate[at]
    age[at] = k


@compiled(reference=_further)
def further(value: FloatArray, age: FloatArray, candidate: FloatArray, k: float) -> None:
    """Take the candidate and its age where it is not smaller."""
    for i in range(len(value)):
        at = candidate[i] >= value[i]
        value[i] = candidate[i] if at else value[i]
        age[i] = k if at else age[i]


def _compare(below: FloatArray, equal: FloatArray, values: FloatArray, last: FloatArray) -> None:
    below += values < last
    equal += values == last


@compiled(reference=_compare)
def compare(below: FloatArray, equal: FloatArray, values: FloatArray, last: FloatArray) -> None:
    """Count the values below and equal to the last one."""
    for i in range(len(below)):
        below[i] += 1.0 if values[i] < last[i] else 0.0
        equal[i] += 1.0 if values[i] == last[i] else 0.0
