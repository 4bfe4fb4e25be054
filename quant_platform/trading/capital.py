"""`CapitalRule`: how the capital of a book is divided among its members.

1. `equal`: the same share for each of n members, 1 / n.
2. `fixed`: the shares that are stated; what they leave of 1 stays cash.
3. `inverse_volatility`: (1 / sᵢ) / Σ (1 / sⱼ), where sᵢ is the standard deviation (divisor n − 1)
   of the member's last `lookback` session returns. Equal shares until every member has so many,
   and where one of them has none that differ.

Shares are set for the first session of each period, from what was known after the close of the
session before; they hold until the next one. What does not belong here: what is done with them
(`book.py`), and the members (`strategies/books.py`).
"""

import math
from dataclasses import dataclass

import numpy as np

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.market.calendar import Calendar
from quant_platform.trading.rebalancing import MONTHLY, QUARTERLY, WEEKLY, Rebalance

EQUAL, INVERSE_VOLATILITY, FIXED = "equal", "inverse_volatility", "fixed"
RULES = (EQUAL, INVERSE_VOLATILITY, FIXED)
PERIODS = (WEEKLY, MONTHLY, QUARTERLY)

LOOKBACK = 63
"""Sessions whose returns a volatility is taken from: about three months."""

LONGEST_LOOKBACK = 2520

ROUNDING = 1e-9
"""What fixed shares may exceed 1 by."""


@dataclass(frozen=True)
class CapitalRule:
    """A rule of capital.

    Attributes
    ----------
    rule : one of `RULES`
    shares : of `fixed`, the share of each member; else empty
    lookback : of `inverse_volatility`, sessions whose returns are looked at
    every : the period in whose first session shares are set: weekly, monthly or quarterly

    Raises
    ------
    SettingsError
        There is no such rule or period, or a number is out of its range.
    """

    rule: str = EQUAL
    shares: tuple[float, ...] = ()
    lookback: int = LOOKBACK
    every: str = MONTHLY

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise SettingsError(
                f"There is no rule of capital {self.rule!r}", f"Write one of {', '.join(RULES)}"
            )
        if self.every not in PERIODS:
            raise SettingsError(
                f"Capital cannot be set {self.every!r}", f"Write one of {', '.join(PERIODS)}"
            )
        if not 2 <= self.lookback <= LONGEST_LOOKBACK:
            raise SettingsError(
                f"The look-back of a volatility is {self.lookback}",
                f"Allowed: 2 to {LONGEST_LOOKBACK} sessions",
            )
        wrong = [share for share in self.shares if not 0.0 < share <= 1.0]
        if wrong:
            raise SettingsError(
                f"A share of capital is {wrong[0]:g}", "Allowed: above 0, up to 1 in all"
            )
        if math.fsum(self.shares) > 1.0 + ROUNDING:
            raise SettingsError(
                f"The shares of capital are {math.fsum(self.shares):g} in all",
                "Allowed: up to 1; what is left stays cash",
            )

    def due(self, sessions: SessionArray, calendar: Calendar) -> BoolArray:
        """Return in which of consecutive sessions shares are set."""
        return Rebalance(self.every).due(sessions, calendar)

    def divide(self, returns: FloatArray) -> FloatArray:
        """Return the members' shares.

        Parameters
        ----------
        returns : (any, M) session returns up to the session before, oldest first
        """
        members = returns.shape[1]
        equal = np.full(members, 1.0 / members)
        if self.rule == FIXED:
            return np.array(self.shares)
        if self.rule == EQUAL or len(returns) < self.lookback:
            return equal
        recent = returns[len(returns) - self.lookback :]
        # Each column by itself: the sum of a row of an array may be taken in another order.
        risks = [float(np.std(np.ascontiguousarray(each), ddof=1)) for each in recent.T]
        if not all(0.0 < risk < math.inf for risk in risks):
            return equal
        inverse = np.array([1.0 / risk for risk in risks])
        return inverse / math.fsum(inverse.tolist())

    def over(
        self,
        sets: BoolArray,
        before: tuple[float, ...],
        earlier: FloatArray,
        returns: FloatArray,
    ) -> FloatArray:
        """Return the shares in each session, (T, M).

        Parameters
        ----------
        sets : (T,) sessions in which they are set
        before : shares after the session before; empty: none were set yet
        earlier : (any, M) the members' returns before the first session, oldest first
        returns : (T, M) in the sessions
        """
        known = np.vstack((earlier, returns))
        current = np.array(before)
        shares = np.empty(returns.shape)
        for t in range(len(returns)):
            if sets[t] or not len(current):
                current = self.divide(known[: len(earlier) + t])
            shares[t] = current
        return shares

    def __str__(self) -> str:
        looks = f" of {self.lookback} sessions" if self.rule == INVERSE_VOLATILITY else ""
        return f"{self.rule}{looks}, {self.every}"
