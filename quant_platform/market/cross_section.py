"""What a panel's user does with arrays: ranks, scores, clips and selections of each session.

Every method takes (sessions, securities) arrays and compares, session by session, the members with
a bar and a known (finite) value; other cells are NaN, or weigh 0. A value of session D depends on
the members of D alone, and where something is held, on those of the last rebalancing session, which
the exchange's calendar names and not the panel's first row. What does not belong here: the
arithmetic (`kernels/cross_section.py`), and what a panel holds (`panel.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import ContractError, UnknownNameError
from quant_platform.kernels import cross_section as kernels
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.kernels.cross_section import Ties
from quant_platform.market.calendar import Calendar

SECTOR = "sector"


class CrossSection:
    """Methods of `Panel` on arrays of its shape."""

    sessions: SessionArray
    traded: BoolArray
    member: BoolArray
    sectors: NDArray[np.int32]
    calendar: Calendar

    def every(self, period: str) -> BoolArray:
        """Which sessions are the first of their period by the exchange's calendar.

        Parameters
        ----------
        period : "session", "week" (from Monday), "month", "quarter" or "year"

        Raises
        ------
        UnknownNameError
            There is no such period.
        """
        return self.calendar.begins(self.sessions, period)

    def top(self, values: FloatArray, n: int = 50, every: str = "month") -> FloatArray:
        """Weights of the n members of the largest values: equal, long, held until the next choice.

        The choice is made after the close of the first session of each period, and so traded at the
        next open. Of equal values the first security by its id is chosen. Fewer members than n
        share the whole weight. Before the first choice in the panel, weights are 0: a strategy
        states a look-back that holds one, `market.calendar.LONGEST_PERIOD[every]` − 1 sessions more
        than its values need (a month: 22).

        Parameters
        ----------
        values : (sessions, securities); NaN is never chosen
        n : securities to hold
        every : period, as in `every`

        Returns
        -------
        (sessions, securities), shares of the portfolio: each session's sum is 1, or 0 without any.

        Raises
        ------
        ContractError
            The values are of another shape, or n is not positive.
        UnknownNameError
            There is no such period.

        Examples
        --------
        >>> import numpy as np
        >>> from quant_platform.market.panel import Panel
        >>> days = np.array(["2011-01-31", "2011-02-01", "2011-02-02"], dtype="datetime64[D]")
        >>> panel = Panel(days, ("A", "B", "C"), close=np.full((3, 3), 10.0))
        >>> panel.top(np.array([[1.0, 2, 3], [3, 1, 2], [1, 2, 3]]), n=2).tolist()
        [[0.0, 0.0, 0.0], [0.5, 0.0, 0.5], [0.5, 0.0, 0.5]]
        """
        if not isinstance(n, int | np.integer) or n < 1:
            raise ContractError(f"top(n={n!r}) is no number of securities", "Allowed: 1, 2, …")
        chosen_in = self.every(every)
        at = np.flatnonzero(chosen_in)
        where = self._known(values, at)
        chosen = kernels.best(values[at], where, int(n))
        weights = chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1)
        before = np.zeros((1, values.shape[1]))
        held: FloatArray = np.take(np.concatenate((before, weights)), np.cumsum(chosen_in), axis=0)
        return held

    def rank(self, values: FloatArray, ties: Ties = "average") -> FloatArray:
        """Ascending rank as a fraction of the members with a value: above 0, the largest 1.

        Parameters
        ----------
        ties : "average" (equal values share their mean rank), or "first" (by security)
        """
        return kernels.rank(values, self._known(values), ties)

    def zscore(self, values: FloatArray) -> FloatArray:
        """(x − mean) / standard deviation (divisor n) of the members.

        NaN in sessions whose values are all the same.
        """
        return kernels.zscore(values, self._known(values))

    def winsorize(self, values: FloatArray, lower: float = 0.01, upper: float = 0.99) -> FloatArray:
        """Values outside two quantiles of the members are moved to these.

        Parameters
        ----------
        lower, upper : fractions, 0 ≤ lower ≤ upper ≤ 1
        """
        if not 0.0 <= lower <= upper <= 1.0:
            raise ContractError(
                f"winsorize({lower!r}, {upper!r}) names no quantiles",
                "Allowed: 0 ≤ lower ≤ upper ≤ 1",
            )
        return kernels.winsorize(values, self._known(values), lower, upper)

    def neutralize(
        self, values: FloatArray, by: str | NDArray[np.integer[Any]] = SECTOR
    ) -> FloatArray:
        """Value minus the mean of the members of its group.

        Parameters
        ----------
        by : "sector", or (sessions, securities) numbers of groups, −1 for none

        Raises
        ------
        UnknownNameError
            There is no such grouping, or the panel knows no sectors.
        """
        groups: NDArray[np.integer[Any]]
        if isinstance(by, str):
            if by != SECTOR:
                raise UnknownNameError(
                    f"There is no grouping {by!r}",
                    f"Write {SECTOR!r}, or pass an array of group numbers",
                )
            groups = self.sectors
            if not (groups >= 0).any():
                raise UnknownNameError(
                    "The panel knows no sectors", "Pass group numbers: neutralize(values, by=array)"
                )
        else:
            groups = np.asarray(by)
            self._check_shape(groups)
        return kernels.neutralize(values, groups, self._known(values))

    def _known(self, values: FloatArray, at: NDArray[np.intp] | None = None) -> BoolArray:
        """Members with a bar and a finite value, in all sessions or those of some rows."""
        self._check_shape(values)
        rows: Any = slice(None) if at is None else at
        known: BoolArray = self.member[rows] & self.traded[rows] & np.isfinite(values[rows])
        return known

    def _check_shape(self, values: object) -> None:
        shape = getattr(values, "shape", None)
        if not isinstance(values, np.ndarray) or shape != self.member.shape:
            raise ContractError(
                f"The values are {type(values).__name__} of shape {shape}",
                f"Pass an array of the panel's shape, {self.member.shape}",
            )
