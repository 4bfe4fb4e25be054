"""The loops of `rolling.py`: one per kind of statistic, over (sessions, securities).

1. Cells are worked on in stretches (`stretch`), which stay in the processor's nearest cache. For
   each stretch the window's rows are visited from the newest to the oldest, k = 0 … n-1. So each
   cell's sums have one order, which nothing but its window decides.
2. `factor` moves row t-k into the units of row t: carry[t] · carry[t-1] · … · carry[t-k+1]. Without
   `moved` there is nothing to move.
3. Deviations are taken from the newest row, so that equal rows deviate by exactly 0.
4. Absent rows (NaN) are passed over.

The same functions run in Python where Numba is missing; what they call is then NumPy's
(`vector_loops.py`). What does not belong here: allocation and checks (`rolling.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled
from quant_platform.kernels.vector_loops import (
    add,
    add_number,
    add_product,
    agree,
    compare,
    divide,
    fill,
    further,
    move,
    multiply,
    scale,
    stretch,
    subtract,
    take,
)

IN, OUT, INTEGER, FLAG = "const float64[:, ::1]", "float64[:, ::1]", "int64", "boolean"
LINE, CUBE = "const float64[::1]", "float64[:, :, ::1]"

ALONE, BY_AGE, BY_OTHER = 0, 1, 2
"""What `comoments` takes for y: nothing, the age k of the row, the other array."""

WEIGHT, COUNT, MEAN_X, MEAN_Y, XX, XY, YY = range(7)
"""What `comoments` gives, in this order."""


@compiled()
def clear(results: FloatArray) -> None:
    """Set all results to 0."""
    for number in range(len(results)):
        fill(results[number], 0.0)


@compiled()
def add_to_means(
    results: FloatArray, dx: FloatArray, dy: FloatArray, kind: int, weight: float
) -> None:
    """Add one row to the sums of `comoments`."""
    if kind != ALONE:
        agree(dx, dy)
        add(results[MEAN_Y], dy, weight)
    add(results[MEAN_X], dx, weight)
    add_number(results[WEIGHT], dx, weight)
    add_number(results[COUNT], dx, 1.0)


@compiled()
def add_to_products(results: FloatArray, dx: FloatArray, dy: FloatArray, kind: int) -> None:
    """Add one row to the products of `comoments`, of which the means are known."""
    subtract(dx, results[MEAN_X])
    if kind != ALONE:
        agree(dx, dy)
        subtract(dy, results[MEAN_Y])
        add_product(results[XY], dx, dy)
        add_product(results[YY], dy, dy)
    add_product(results[XX], dx, dx)


@compiled(IN, IN, FLAG, IN, IN, FLAG, LINE, INTEGER, CUBE)
def comoments(
    x: FloatArray,
    carry: FloatArray,
    moved: bool,
    y: FloatArray,
    jump: FloatArray,
    jumps: bool,
    weights: FloatArray,
    kind: int,
    out: FloatArray,
) -> None:
    """Weights, number, means and products of deviations of the rows in which x and y are present.

    Means are deviations from row t, except that of the age. `jump` moves y as `carry` moves x: the
    steps are added. Products are those of present rows, each counted once, whatever its weight.
    """
    columns, cells = x.shape[1], x.size
    left, factors, right, steps = x.reshape(-1), carry.reshape(-1), y.reshape(-1), jump.reshape(-1)
    results = out.reshape(7, cells)
    step = stretch()
    scratch = np.empty((5, step))
    for first in range(0, cells, step):
        stop = min(first + step, cells)
        size = stop - first
        dx, dy, factor = scratch[0, :size], scratch[1, :size], scratch[2, :size]
        added, ones = scratch[3, :size], scratch[4, :size]
        fill(ones, 1.0)
        clear(results[:, first:stop])
        for again in range(2):
            fill(factor, 1.0)
            fill(added, 0.0)
            for k in range(min(len(weights), (stop - 1) // columns + 1)):
                start = first - k * columns
                take(left, start, factor, dx)
                subtract(dx, left[first:stop])
                if kind == BY_AGE:
                    fill(dy, float(k))
                elif kind == BY_OTHER:
                    take(right, start, ones, dy)
                    move(dy, added, 0)
                    subtract(dy, right[first:stop])
                if again == 0:
                    add_to_means(results[:, first:stop], dx, dy, kind, weights[k])
                else:
                    add_to_products(results[:, first:stop], dx, dy, kind)
                if moved:
                    multiply(factor, factors, start)
                if jumps:
                    move(added, steps, start)
            if again == 0:
                divide(results[MEAN_X, first:stop], results[WEIGHT, first:stop])
                divide(results[MEAN_Y, first:stop], results[WEIGHT, first:stop])


@compiled(IN, IN, FLAG, INTEGER, FLAG, OUT, OUT, OUT)
def extremes(
    x: FloatArray,
    carry: FloatArray,
    moved: bool,
    n: int,
    largest: bool,
    count: FloatArray,
    value: FloatArray,
    age: FloatArray,
) -> None:
    """Number of present rows, the largest or smallest, and its age k, the oldest of equal ones."""
    columns, cells = x.shape[1], x.size
    source, factors, counts = x.reshape(-1), carry.reshape(-1), count.reshape(-1)
    values, aged = value.reshape(-1), age.reshape(-1)
    sign = 1.0 if largest else -1.0
    step = stretch()
    scratch = np.empty((2, step))
    for first in range(0, cells, step):
        stop = min(first + step, cells)
        candidate, factor = scratch[0, : stop - first], scratch[1, : stop - first]
        fill(factor, 1.0)
        fill(counts[first:stop], 0.0)
        fill(aged[first:stop], 0.0)
        scale(values[first:stop], source[first:stop], sign)
        for k in range(min(n, (stop - 1) // columns + 1)):
            take(source, first - k * columns, factor, candidate)
            add_number(counts[first:stop], candidate, 1.0)
            scale(candidate, candidate, sign)
            further(values[first:stop], aged[first:stop], candidate, float(k))
            if moved:
                multiply(factor, factors, first - k * columns)
        scale(values[first:stop], values[first:stop], sign)


@compiled(IN, IN, FLAG, INTEGER, OUT, OUT, OUT)
def ranks(
    x: FloatArray,
    carry: FloatArray,
    moved: bool,
    n: int,
    count: FloatArray,
    below: FloatArray,
    equal: FloatArray,
) -> None:
    """Numbers of present rows, of those below row t, and of those equal to it."""
    columns, cells = x.shape[1], x.size
    source, factors, counts = x.reshape(-1), carry.reshape(-1), count.reshape(-1)
    lower, same = below.reshape(-1), equal.reshape(-1)
    step = stretch()
    scratch = np.empty((2, step))
    for first in range(0, cells, step):
        stop = min(first + step, cells)
        value, factor = scratch[0, : stop - first], scratch[1, : stop - first]
        fill(factor, 1.0)
        fill(counts[first:stop], 0.0)
        fill(lower[first:stop], 0.0)
        fill(same[first:stop], 0.0)
        for k in range(min(n, (stop - 1) // columns + 1)):
            take(source, first - k * columns, factor, value)
            compare(lower[first:stop], same[first:stop], value, source[first:stop])
            add_number(counts[first:stop], value, 1.0)
            if moved:
                multiply(factor, factors, first - k * columns)


@compiled()
def place(ordered: FloatArray, count: int, value: float) -> int:
    """First place in `ordered` whose value is not below `value`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled()
def insert(ordered: FloatArray, count: int, value: float) -> int:
    """Put a value into its place, unless it is absent; return how many there are."""
    if value != value:
        return count
    at = place(ordered, count, value)
    for i in range(count, at, -1):
        ordered[i] = ordered[i - 1]
    ordered[at] = value
    return count + 1


@compiled()
def remove(ordered: FloatArray, count: int, value: float) -> int:
    """Take a value away, unless it is absent; return how many there are."""
    if value != value:
        return count
    for i in range(place(ordered, count, value), count - 1):
        ordered[i] = ordered[i + 1]
    return count - 1


def _quantiles(
    x: FloatArray,
    carry: FloatArray,
    moved: bool,
    n: int,
    minimum: int,
    shares: FloatArray,
    out: FloatArray,
) -> None:
    columns = np.arange(x.shape[1])
    for t in range(len(x)):
        first = max(t - n + 1, 0)
        window = x[first : t + 1].copy()
        if moved:
            later = np.ones_like(window)
            later[:-1] = carry[first + 1 : t + 1]
            window *= np.multiply.accumulate(later[::-1], axis=0)[::-1]
        window.sort(axis=0)
        count = np.count_nonzero(~np.isnan(window), axis=0)
        exists = (count >= minimum) & ~np.isnan(x[t])
        last = np.maximum(count - 1, 0)
        for values, share in zip(out, shares, strict=True):
            at = share * last
            low = at.astype(np.int64)
            below, above = window[low, columns], window[np.minimum(low + 1, last), columns]
            with np.errstate(invalid="ignore"):
                values[t] = np.where(exists, below + (above - below) * (at - low), np.nan)


@compiled(IN, IN, FLAG, INTEGER, INTEGER, LINE, CUBE, reference=_quantiles)
def quantiles(
    x: FloatArray,
    carry: FloatArray,
    moved: bool,
    n: int,
    minimum: int,
    shares: FloatArray,
    out: FloatArray,
) -> None:
    """Quantiles of the present rows, joined by straight lines; shape (shares, rows, columns).

    The window is kept sorted, column by column, and sorted anew where its units change.
    """
    rows, columns = x.shape
    ordered, held = np.empty(n + 1), np.empty(n)
    for j in range(columns):
        count = 0
        for t in range(rows):
            if moved and carry[t, j] != 1.0:
                factor = carry[t, j]
                count = 0
                for k in range(1, min(n, t + 1)):
                    held[(t - k) % n] = x[t - k, j] * factor
                    count = insert(ordered, count, held[(t - k) % n])
                    factor *= carry[t - k, j]
            elif t >= n:
                count = remove(ordered, count, held[t % n])
            held[t % n] = x[t, j]
            count = insert(ordered, count, x[t, j])
            exists = count >= minimum and x[t, j] == x[t, j]
            for q in range(len(shares)):
                at = shares[q] * (count - 1)
                low = int(at)
                high = min(low + 1, count - 1)
                between = (ordered[high] - ordered[low]) * (at - low)
                out[q, t, j] = ordered[low] + between if exists else np.nan
