"""Positions that are entered, followed and left, and which of them there is room for.

Each has a NumPy version, with the same bits. What does not belong here: which rules these are, and
why (`strategies/holdings.py`, `strategies/positions.py`).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.compiled import compiled

IntArray = NDArray[np.int64]

NOT_ENDED, EXIT, STOP, TIME = 0, 1, 2, 3
"""Why a position ended in a session: an exit, its stop, or its age."""


def follow_by_numpy(
    entry: BoolArray,
    leave: BoolArray,
    relatives: FloatArray,
    stop: FloatArray,
    longest: int,
    held: BoolArray,
    age: IntArray,
    growth: FloatArray,
    ended: IntArray,
) -> None:
    """Do what `follow` does, one session of age a step."""
    held[:] = entry
    age[:] = np.where(entry, np.int64(0), np.int64(-1))
    growth[:] = np.where(entry, 1.0, np.nan)
    ended[:] = NOT_ENDED
    row, column = np.nonzero(entry)
    floor = 1.0 - stop[row, column]
    path = np.ones(len(row))
    for lag in range(1, longest + 1):
        row = row + 1
        inside = row < len(entry)
        inside[inside] = ~entry[row[inside], column[inside]]
        row, column, floor, path = row[inside], column[inside], floor[inside], path[inside]
        if len(row) == 0:
            break
        path = path * relatives[row, column]
        reason = np.select(
            [leave[row, column], ~(path > floor), np.full(len(row), lag == longest)],
            [EXIT, STOP, TIME],
            NOT_ENDED,
        )
        ended[row, column] = reason
        on = reason == NOT_ENDED
        row, column, floor, path = row[on], column[on], floor[on], path[on]
        held[row, column] = True
        age[row, column] = lag
        growth[row, column] = path


@compiled(plain=True)
def ending(leaves: bool, path: float, floor: float, lag: int, longest: int) -> int:
    """Why a position ends in a session, so many sessions after its entry."""
    if leaves:
        return EXIT
    if not path > floor:
        return STOP
    return TIME if lag == longest else NOT_ENDED


@compiled(
    "const boolean[:, ::1]",
    "const boolean[:, ::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "int64",
    "boolean[:, ::1]",
    "int64[:, ::1]",
    "float64[:, ::1]",
    "int64[:, ::1]",
    reference=follow_by_numpy,
)
def follow(
    entry: BoolArray,
    leave: BoolArray,
    relatives: FloatArray,
    stop: FloatArray,
    longest: int,
    held: BoolArray,
    age: IntArray,
    growth: FloatArray,
    ended: IntArray,
) -> None:
    """Follow every entry to its end; all arrays have the shape (sessions, securities).

    Parameters
    ----------
    entry, leave, relatives, stop : as of `strategies.holdings.hold`
    longest : sessions after which a position ends
    held, age, growth, ended : are written, as `strategies.holdings.Holdings` has them
    """
    sessions, securities = entry.shape
    lag = np.full(securities, -1, dtype=np.int64)
    path, floor = np.ones(securities), np.ones(securities)
    for t in range(sessions):
        for n in range(securities):
            held[t, n], age[t, n], growth[t, n], ended[t, n] = False, -1, np.nan, NOT_ENDED
            if entry[t, n]:
                lag[n], path[n], floor[n] = 0, 1.0, 1.0 - stop[t, n]
            elif lag[n] >= 0:
                lag[n] += 1
                path[n] *= relatives[t, n]
                ended[t, n] = ending(leave[t, n], path[n], floor[n], lag[n], longest)
                if ended[t, n] != NOT_ENDED:
                    lag[n] = -1
            if lag[n] >= 0:
                held[t, n], age[t, n], growth[t, n] = True, lag[n], path[n]


def carry_by_numpy(
    entry: BoolArray,
    leave: BoolArray,
    close: FloatArray,
    move: FloatArray,
    stop: FloatArray,
    weight: FloatArray,
    score: FloatArray,
    longest: int,
    target: FloatArray,
    rank: FloatArray,
) -> None:
    """Do what `carry` does, by `follow_by_numpy`."""
    relatives = np.where(np.isnan(close), 1.0, 1.0 + move)
    held, growth = np.empty(entry.shape, dtype=bool), np.empty(entry.shape)
    age, ended = np.empty((2, *entry.shape), dtype=np.int64)
    follow_by_numpy(entry, leave, relatives, stop, longest, held, age, growth, ended)
    row, column = np.nonzero(held)
    entries = row - age[row, column], column
    target[:], rank[:] = 0.0, np.nan
    target[row, column], rank[row, column] = weight[entries], score[entries]


@compiled(
    "const boolean[:, ::1]",
    "const boolean[:, ::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "int64",
    "float64[:, ::1]",
    "float64[:, ::1]",
    reference=carry_by_numpy,
)
def carry(
    entry: BoolArray,
    leave: BoolArray,
    close: FloatArray,
    move: FloatArray,
    stop: FloatArray,
    weight: FloatArray,
    score: FloatArray,
    longest: int,
    target: FloatArray,
    rank: FloatArray,
) -> None:
    """Follow every entry to its end as `follow` does, and carry two of its figures along.

    Parameters
    ----------
    entry, leave, stop, longest : as of `follow`; `stop`, `weight` and `score` are read at entries
        alone
    close, move : price, NaN in a session without a bar, in which nothing moves; and its change, as
        a fraction
    target, rank : are written: weight and score of the entry, 0 and NaN where nothing is held
    """
    sessions, securities = entry.shape
    lag = np.full(securities, -1, dtype=np.int64)
    path, floor = np.ones(securities), np.ones(securities)
    of_weight, of_score = np.zeros(securities), np.zeros(securities)
    for t in range(sessions):
        for n in range(securities):
            if entry[t, n]:
                lag[n], path[n], floor[n] = 0, 1.0, 1.0 - stop[t, n]
                of_weight[n], of_score[n] = weight[t, n], score[t, n]
            elif lag[n] >= 0:
                lag[n] += 1
                path[n] *= 1.0 if close[t, n] != close[t, n] else 1.0 + move[t, n]
                if ending(leave[t, n], path[n], floor[n], lag[n], longest) != NOT_ENDED:
                    lag[n] = -1
            if lag[n] >= 0:
                target[t, n], rank[t, n] = of_weight[n], of_score[n]
            else:
                target[t, n], rank[t, n] = 0.0, np.nan


def fit_by_numpy(weight: FloatArray, score: FloatArray, limit: float, room: BoolArray) -> None:
    """Do what `fit` does, one session a step."""
    room[:] = True
    size = np.abs(weight)
    for row in np.flatnonzero(np.cumsum(size, axis=1)[:, -1:].max(axis=1, initial=0.0) > limit):
        asking = np.flatnonzero(size[row])
        best_first = asking[np.argsort(-score[row, asking], kind="stable")]
        room[row, best_first[np.cumsum(size[row, best_first]) > limit]] = False


@compiled(plain=True)
def goes_before(one: float, other: float) -> bool:
    """Whether a score is the higher one; NaN is the lowest."""
    return one > other or (np.isnan(other) and not np.isnan(one))


@compiled(plain=True)
def insert(
    order: IntArray, scores: FloatArray, sizes: FloatArray, count: int, score: float, size: float
) -> int:
    """Make a place among those before, whose scores and sizes are given; return it.

    Never before an equal one, so that the first stays first.
    """
    at = count
    while at > 0 and goes_before(score, scores[at - 1]):
        order[at], scores[at], sizes[at] = order[at - 1], scores[at - 1], sizes[at - 1]
        at -= 1
    scores[at], sizes[at] = score, size
    return at


@compiled(
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "float64",
    "boolean[:, ::1]",
    reference=fit_by_numpy,
)
def fit(weight: FloatArray, score: FloatArray, limit: float, room: BoolArray) -> None:
    """Say which positions fit into a limit when those of the highest score go first.

    Parameters
    ----------
    weight, score : (sessions, securities); of equal scores the first column goes first, NaN last
    limit : largest sum of the absolute weights of a session
    room : is written
    """
    sessions, securities = weight.shape
    asking, order = np.empty((2, securities + 1), dtype=np.int64)
    scores, sizes = np.empty((2, securities + 1))
    before = np.zeros(securities + 2)  # Sum of the sizes that go before each place.
    for t in range(sessions):
        total, asked = 0.0, 0
        for n in range(securities):
            room[t, n] = True
            total += abs(weight[t, n])
            # Written in any case: who asks is too hard to foresee to branch.
            asking[asked] = n
            asked += weight[t, n] != 0.0
        if not total > limit:
            continue
        count, full = 0, False
        for each in range(asked):
            n = asking[each]
            room[t, n] = False
            if full and not goes_before(score[t, n], scores[count - 1]):
                continue
            first = insert(order, scores, sizes, count, score[t, n], abs(weight[t, n]))
            order[first] = n
            count += 1
            # Behind the first one without room there is none, whatever goes before it.
            for at in range(first, count):
                before[at + 1] = before[at] + sizes[at]
                if before[at + 1] > limit:
                    count, full = at + 1, True
                    break
        for at in range(count - 1 if full else count):
            room[t, order[at]] = True


def add_up_by_numpy(
    weight: FloatArray, rows: BoolArray, gross: FloatArray, net: FloatArray
) -> None:
    """Do what `add_up` does."""
    said = np.where(rows, weight, 0.0)
    # `cumsum` adds one after the other; `sum` adds in pairs.
    gross[:] = np.cumsum(np.abs(said), axis=1)[:, -1:].sum(axis=1)
    net[:] = np.abs(np.cumsum(said, axis=1)[:, -1:].sum(axis=1))


@compiled(
    "const float64[:, :]",
    "const boolean[:, :]",
    "float64[::1]",
    "float64[::1]",
    reference=add_up_by_numpy,
)
def add_up(weight: FloatArray, rows: BoolArray, gross: FloatArray, net: FloatArray) -> None:
    """Add up the absolute weights of each session, and its weights, in the order of the columns.

    Parameters
    ----------
    weight : (sessions, securities), read where there are `rows`
    gross, net : (sessions,) are written; of the net sum, the size
    """
    for t in range(weight.shape[0]):
        absolute, total = 0.0, 0.0
        for n in range(weight.shape[1]):
            if rows[t, n]:
                absolute += abs(weight[t, n])
                total += weight[t, n]
        gross[t], net[t] = absolute, abs(total)
