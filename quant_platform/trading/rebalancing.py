"""`Rebalance`: when a model's positions are brought back to their target weights.

A model states its rule as text (`monthly`, `drift 0.05`). Entries and exits are never held back: a
security whose target becomes other than 0, becomes 0 or changes its sign is traded at the next open
under every rule. The rules differ in when a position that stays is traded:

1. `never`: not at all.
2. `on_change`: when the weight that the strategy asks for changes.
3. `every_session`: at every open.
4. `weekly`, `monthly`, `quarterly`: at the open of the first session of the week (from Monday),
   month or quarter, by the exchange's calendar, wherever a computation starts.
5. `drift x`: when its weight at a close lies farther than x from its target.

What does not belong here: trading (`simulation.py`).
"""

import math
from dataclasses import dataclass

import numpy as np

from quant_platform.errors import ContractError, SessionError
from quant_platform.kernels.arrays import BoolArray, SessionArray
from quant_platform.market.calendar import Calendar

NEVER, ON_CHANGE, EVERY_SESSION = "never", "on_change", "every_session"
WEEKLY, MONTHLY, QUARTERLY, DRIFT = "weekly", "monthly", "quarterly", "drift"

RULES = (NEVER, ON_CHANGE, EVERY_SESSION, WEEKLY, MONTHLY, QUARTERLY, f"{DRIFT} x")
"""Every rule as it is written; x is a share of the equity, such as 0.05."""


@dataclass(frozen=True)
class Rebalance:
    """A rule of rebalancing.

    Attributes
    ----------
    rule : one of the names of this module
    beyond : for `drift`, the largest difference from the target that is left alone, as a share of
        the equity; else infinite
    """

    rule: str = ON_CHANGE
    beyond: float = math.inf

    @classmethod
    def of(cls, text: str) -> "Rebalance":
        """Read a rule as a strategy states it.

        Raises
        ------
        ContractError
            There is no such rule.

        Examples
        --------
        >>> Rebalance.of("drift 0.05").beyond
        0.05
        """
        name, _, figure = text.strip().partition(" ")
        if name == DRIFT:
            try:
                beyond = float(figure)
            except ValueError:
                beyond = math.nan
            if 0.0 < beyond < math.inf:
                return cls(DRIFT, beyond)
        elif text in RULES:
            return cls(text)
        raise ContractError(
            f"There is no rule of rebalancing {text!r}",
            f"Write one of {', '.join(RULES)}; x is a share of the equity, such as 0.05.",
        )

    def __str__(self) -> str:
        return f"{self.rule} {self.beyond:g}" if self.rule == DRIFT else self.rule

    def due(self, sessions: SessionArray, calendar: Calendar) -> BoolArray:
        """Return in which of consecutive sessions all positions are traded."""
        if self.rule == EVERY_SESSION:
            return np.ones(len(sessions), dtype=bool)
        if self.rule not in (WEEKLY, MONTHLY, QUARTERLY) or not len(sessions):
            return np.zeros(len(sessions), dtype=bool)
        try:
            before = [calendar.previous(sessions[0].item())]
        except SessionError:
            before = []
        periods = _periods(
            np.concatenate((np.asarray(before, sessions.dtype), sessions)), self.rule
        )
        changes = periods[1:] != periods[:-1]
        # The calendar's very first session begins a period, whatever its date.
        return changes if before else np.concatenate(([True], changes))


AS_ASKED = Rebalance()
"""The rule of a model that states none: positions are traded when what is asked for changes."""


def _periods(sessions: SessionArray, rule: str) -> np.ndarray:
    """Return the number of the week, month or quarter of each session."""
    if rule == WEEKLY:
        # Day 0 is Thursday, 1 January 1970; weeks begin on Monday.
        return np.asarray((sessions.astype("datetime64[D]").astype(np.int64) + 3) // 7)
    months = sessions.astype("datetime64[M]").astype(np.int64)
    return np.asarray(months // 3 if rule == QUARTERLY else months)
