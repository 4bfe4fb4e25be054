"""In a position or not: the memory of a strategy, without a recursion.

What a strategy holds after session t is worked out from the last `max_holding + 1` sessions alone,
so a value does not depend on where a computation started. The rules that make this exact:

1. An entry opens a position in its session, or *replaces* the one that is held: age, stop and size
   are then those of the new entry. (Were entries ignored while holding, a position could depend on
   a chain of older ones without end.)
2. A position ends in the first later session with an exit, or with its close at or below the stop,
   or when it has been held for `max_holding` sessions.
3. Exits without a position, and rows before the start of the arrays, mean nothing.

Prices are followed as the product of one-session price relatives, so a split in between
has no effect.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.positions import EXIT as EXIT  # read from here by strategies
from quant_platform.kernels.positions import STOP as STOP
from quant_platform.kernels.positions import TIME as TIME
from quant_platform.kernels.positions import follow

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Holdings:
    """What is held after each session; arrays of shape (sessions, securities).

    Attributes
    ----------
    held : a position is held after the session
    age : sessions since its entry, 0 in the session of the entry; −1 where none is held
    growth : close over the close of the entry session, both in the same units; NaN where none is
        held
    ended : why the position of the session before ended in this one (`EXIT`, `STOP`, `TIME`), else
        0
    """

    held: BoolArray
    age: IntArray
    growth: FloatArray
    ended: IntArray

    @cached_property
    def cells(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of the cells in which a position is held."""
        rows, columns = np.nonzero(self.held)
        return rows, columns

    @cached_property
    def entries(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of the same positions, the cells of their entries."""
        rows, columns = self.cells
        return rows - self.age[rows, columns], columns

    def of_entry(self, values: FloatArray) -> FloatArray:
        """Return, where a position is held, `values` of the session of its entry, NaN elsewhere."""
        result = np.full(self.held.shape, np.nan)
        result[self.cells] = values[self.entries]
        return result

    def stop_price(self, close: FloatArray, stop_distance: FloatArray) -> FloatArray:
        """Return each position's stop price in units of the session, NaN without a position."""
        return close * (1.0 - self.of_entry(stop_distance)) / self.growth


def hold(
    entry: BoolArray,
    leave: BoolArray,
    relatives: FloatArray,
    stop_distance: FloatArray,
    max_holding: int,
) -> Holdings:
    """Follow every entry to its end.

    Parameters
    ----------
    entry, leave : (sessions, securities), known after the close; an entry wins over an exit
    relatives : (sessions, securities), close over the previous session's close in the same units; a
        NaN ends the position as a stop does, since its stop can no longer be watched
    stop_distance : (sessions, securities), loss at which a position entered in that session is
        given up, as a fraction of the entry close
    max_holding : sessions after which a position ends, at least 1
    """
    shape = entry.shape
    held, growth = np.empty(shape, dtype=bool), np.empty(shape)
    age, ended = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    entry, leave = np.ascontiguousarray(entry), np.ascontiguousarray(leave)
    relatives, stop = np.ascontiguousarray(relatives), np.ascontiguousarray(stop_distance)
    follow(entry, leave, relatives, stop, max_holding, held, age, growth, ended)
    return Holdings(held, age, growth, ended)
