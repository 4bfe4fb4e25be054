"""`Ledger`: what the reference's rules read and write, and sums that keep their order.

What does not belong here: any rule.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.trading.engine import layout as at
from quant_platform.trading.engine.layout import Bars, Market, Tape, Wishes

Numbers = NDArray[np.intp]
"""Numbers of securities, ascending."""


def total(values: FloatArray, start: float = 0.0) -> float:
    """Return start + values[0] + values[1] + …, added in this order."""
    return float(np.add.accumulate(np.concatenate(([start], values)))[-1])


def whole_shares(shares: FloatArray, within: float) -> FloatArray:
    """Round towards zero; what lies `within` of a whole number is that."""
    near = np.round(shares)
    return np.where(np.abs(shares - near) <= within, near, np.trunc(shares))


@dataclass
class Ledger:
    """One account in one session; see `engine.loop.run` for the arrays."""

    terms: FloatArray
    tiers: FloatArray
    bars: Bars
    market: Market
    wishes: Wishes
    book: FloatArray
    account: FloatArray
    owed: FloatArray
    tape: Tape
    first: int
    t: int = 0

    def add(self, place: int, values: FloatArray) -> None:
        """Add values to a number of the account, one after the other."""
        self.account[place] = total(values, self.account[place])

    def row(self, values: NDArray) -> NDArray:  # type: ignore[type-arg]
        """Return the session's row of a market array, for the securities of the account."""
        return values[self.t, self.first : self.first + self.book.shape[1]]

    @property
    def traded(self) -> BoolArray:
        """Whether each security has a bar in the session."""
        return np.asarray(self.row(self.bars.traded))

    @property
    def is_closing(self) -> bool:
        """Whether the account is ruined or halted."""
        return bool(self.account[at.RUINED] > 0.0 or self.account[at.HALTED] > 0.0)

    def factor(self, limit: int, values: FloatArray) -> FloatArray:
        """Return the factors that meet a limit, and note or halt where it is exceeded."""
        most, action = self.terms[at.T_LIMITS + limit], self.terms[at.T_ACTIONS + limit]
        beyond = values > most + at.EXCESS
        if action == 0.0 or not beyond.any():
            return np.ones_like(values)
        self.exceeded(limit)
        if action != at.SCALE:
            return np.ones_like(values)
        return np.where(beyond, most / np.where(beyond, values, 1.0), 1.0)

    def exceeded(self, limit: int) -> None:
        """Note a limit as exceeded; halt the account where that is its action."""
        self.account[at.R_LIMITS] = float(int(self.account[at.R_LIMITS]) | (1 << limit))
        if self.terms[at.T_ACTIONS + limit] == at.HALT:
            self.account[at.HALTED] = 1.0

    def write_fills(self, numbers: Numbers, columns: dict[int, FloatArray | float]) -> None:
        """Write fills as far as there is room; columns that are not given are 0."""
        begin = int(self.account[at.FILL_COUNT])
        self.account[at.FILL_COUNT] += len(numbers)
        rows = np.zeros((at.FILL_SIZE, len(numbers)))
        rows[at.F_SESSION], rows[at.F_SECURITY] = self.t, numbers + self.first
        for place, values in columns.items():
            rows[place] = values
        room = self.tape.fills[:, begin : begin + len(numbers)]
        room[:] = rows[:, : room.shape[1]]
