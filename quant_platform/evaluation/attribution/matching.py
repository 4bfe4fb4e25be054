"""First in, first out: which fill opened the shares that another one closed.

All fills of a security are in units of one session. A fill that turns a position around closes it
with one part and opens another with the rest. Along the cumulative shares of one side of a
security, fills that open and fills that close cut the same line into pieces: each piece was opened
by one fill, and closed by one or none.

What does not belong here: what a piece gained (`trips.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray

FLAT = 1e-9
"""Share of what was held or traded below which what is left of a position is rounding."""


@dataclass(frozen=True)
class Pieces:
    """Shares that one fill opened and another one closed.

    Attributes
    ----------
    opened, closed : numbers of the two fills; −1: still open
    size : shares, positive, in the common units
    of_opened, of_closed : share of the fill that the piece is; 0 of a fill that there is none of
    episode : number of the time from flat to flat that the piece belongs to
    """

    opened: NDArray[np.int64]
    closed: NDArray[np.int64]
    size: FloatArray
    of_opened: FloatArray
    of_closed: FloatArray
    episode: NDArray[np.int64]


def match(security: NDArray[np.int64], shares: FloatArray) -> Pieces:
    """Match the fills of securities, first in, first out.

    Parameters
    ----------
    security : number of each fill's security; fills are ordered by it, and by time within it
    shares : positive bought, negative sold, in units of one session; none is 0

    Examples
    --------
    Bought 10 and 20, sold 15: all of the first and 5 of the second.

    >>> pieces = match(np.zeros(3, dtype=np.int64), np.array([10.0, 20.0, -15.0]))
    >>> pieces.opened.tolist(), pieces.closed.tolist(), pieces.size.tolist()
    ([0, 1, 1], [2, 2, -1], [10.0, 5.0, 15.0])
    """
    if not len(shares):
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Pieces(none, none, nothing, nothing, nothing, none)
    before, after = _positions(security, shares)
    against = before * shares < 0.0
    closing = np.where(against, np.minimum(np.abs(shares), np.abs(before)), 0.0)
    # What is left by rounding is closed, too.
    closing = np.where(against & (after == 0.0), np.abs(shares), closing)
    opening = np.abs(shares) - closing
    side = np.where(shares > 0.0, 1, -1)
    episode = np.cumsum((before == 0.0) | (before * after < 0.0)) - 1
    opens, closes = np.flatnonzero(opening > 0.0), np.flatnonzero(closing > 0.0)
    group_of_open = 2 * security[opens] + (side[opens] > 0)
    group_of_close = 2 * security[closes] + (side[closes] < 0)
    flat = (after == 0.0) | (before * after < 0.0)
    first, second = _order(group_of_open), _order(group_of_close)
    opens, closes = opens[first], closes[second]
    group_of_open, group_of_close = group_of_open[first], group_of_close[second]
    begun = _sums_within(opening[opens], group_of_open)
    ended = _closed_so_far(
        closing[closes], group_of_close, flat[closes], opens, closes, begun, group_of_open
    )
    return _cut(
        opens,
        closes,
        begun,
        ended,
        group_of_open,
        group_of_close,
        opening,
        closing,
        shares,
        episode,
    )


def _order(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.argsort(groups, kind="stable")


def _starts(groups: NDArray[np.int64]) -> BoolArray:
    first = np.ones(len(groups), dtype=bool)
    first[1:] = groups[1:] != groups[:-1]
    return first


def _sums_within(values: FloatArray, groups: NDArray[np.int64]) -> FloatArray:
    """Cumulative sums that begin anew with each group."""
    total = np.cumsum(values)
    first = _starts(groups)
    base = np.where(first, total - values, 0.0)
    number = np.cumsum(first) - 1
    return np.asarray(total - base[np.flatnonzero(first)][number]) if len(values) else total


def _positions(security: NDArray[np.int64], shares: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Shares before and after each fill; 0 where rounding alone is left."""
    after = _sums_within(shares, security)
    first = _starts(security)
    before = np.concatenate(([0.0], after[:-1]))
    before[first] = 0.0
    after[np.abs(after) <= FLAT * np.maximum(np.abs(shares), np.abs(before))] = 0.0
    before[1:] = after[:-1]
    before[first] = 0.0
    return before, after


def _closed_so_far(
    closing: FloatArray,
    groups: NDArray[np.int64],
    flat: BoolArray,
    opens: NDArray[np.int64],
    closes: NDArray[np.int64],
    begun: FloatArray,
    group_of_open: NDArray[np.int64],
) -> FloatArray:
    """Cumulative shares closed, which are exactly those opened where a position is flat."""
    ended = _sums_within(closing, groups)
    if not len(closes) or not len(opens):
        return ended
    # The last fill of the same group that opened before each one that closed.
    span = int(max(opens.max(), closes.max())) + 1
    last = np.searchsorted(group_of_open * span + opens, groups * span + closes) - 1
    known = (last >= 0) & (group_of_open[np.maximum(last, 0)] == groups)
    limit = np.where(known, begun[np.maximum(last, 0)], ended)
    # From a flat position on, the sums go on from where the two are equal.
    at_flat = np.where(flat, np.arange(len(ended)), -1)
    marks = np.maximum.accumulate(at_flat)
    firsts = np.flatnonzero(_starts(groups))
    begins = firsts[np.cumsum(_starts(groups)) - 1]
    inside = marks >= begins
    correction = np.where(inside, (limit - ended)[np.maximum(marks, 0)], 0.0)
    return np.minimum(ended + correction, limit)


def _cut(
    opens: NDArray[np.int64],
    closes: NDArray[np.int64],
    begun: FloatArray,
    ended: FloatArray,
    group_of_open: NDArray[np.int64],
    group_of_close: NDArray[np.int64],
    opening: FloatArray,
    closing: FloatArray,
    shares: FloatArray,
    episode: NDArray[np.int64],
) -> Pieces:
    """Cut each group's line where a fill ends that opened or that closed."""
    ends = np.concatenate((begun, ended))
    groups = np.concatenate((group_of_open, group_of_close))
    opened = np.concatenate((np.ones(len(opens)), np.zeros(len(closes)))).astype(np.int64)
    order = np.lexsort((opened, ends, groups))
    ends, groups, opened = ends[order], groups[order], opened[order]
    before = np.concatenate(([0.0], ends[:-1]))
    before[_starts(groups)] = 0.0
    size = ends - before
    at_open = np.cumsum(opened) - opened
    at_close = np.cumsum(1 - opened) - (1 - opened)
    at_open = np.minimum(at_open, len(opens) - 1)
    first, second = opens[at_open], np.full(len(size), -1, dtype=np.int64)
    is_closed = np.zeros(len(size), dtype=bool)
    if len(closes):
        at_close = np.minimum(at_close, len(closes) - 1)
        is_closed = (group_of_close[at_close] == groups) & (ends <= ended[at_close])
        second = np.where(is_closed, closes[at_close], -1)
    place = np.maximum(second, 0)
    # A piece that is rounding of both its fills is none: both have others.
    least = np.where(is_closed, np.minimum(opening[first], closing[place]), opening[first])
    real = size > FLAT * least
    size, first, second, place = size[real], first[real], second[real], place[real]
    is_closed = is_closed[real]
    whole, count = np.abs(shares), len(shares)
    of_opened = size / np.bincount(first, weights=size, minlength=count)[first]
    of_opened *= opening[first] / whole[first]
    used = np.bincount(second[is_closed], weights=size[is_closed], minlength=count)[place]
    parts = size / np.where(used > 0.0, used, 1.0) * closing[place] / whole[place]
    return Pieces(first, second, size, of_opened, np.where(is_closed, parts, 0.0), episode[first])
