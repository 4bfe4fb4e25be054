"""`Account`: one account over consecutive sessions, with what its P&L is made of.

What belongs here: the rows and prices that are attributed, on one axis of sessions and securities.
What does not: the parts themselves (`gains.py`, `trips.py`).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import FloatArray, SessionArray

UNCLASSIFIED = "unclassified"
"""The group of a security of which no sector is stored."""

NO_SECTOR = ("", "unknown", "none", "n/a")
"""What vendors write where they know no sector, in small letters."""

POSITIONS = ("date", "security_id", "shares", "price", "value")
FILLS = (
    *("date", "security_id", "number", "reason", "shares", "price"),
    *("commission", "tax", "spread", "impact"),
)
PORTFOLIOS = ("date", "equity", "interest", "borrow_fees")


@dataclass(frozen=True, eq=False)
class Account:
    """One account over consecutive sessions; arrays have shape (T, N).

    Attributes
    ----------
    sessions, security_ids : of the rows and columns of the arrays
    portfolios : rows of `portfolios` of exactly these sessions, ascending
    positions, fills : rows of the tables of that name, of these sessions
    close : raw closes in currency per share, NaN without a bar
    split, dividend : as a panel's, 1 and 0 where there is none
    equity_before : equity before the first session, in currency
    opening : positions after the session before the first one; None: there were none
    withholding : share of the dividends of long positions that is withheld
    borrow_rate, borrow : annual fee of short positions, and (T, N) of each; NaN: `borrow_rate`
    groups, group_names : number of each security's group in each session, −1: unclassified
    """

    sessions: SessionArray
    security_ids: tuple[str, ...]
    portfolios: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    close: FloatArray
    split: FloatArray
    dividend: FloatArray
    equity_before: float
    opening: pd.DataFrame | None = None
    withholding: float = 0.0
    borrow_rate: float = 0.0
    borrow: FloatArray | None = None
    groups: NDArray[np.int64] | None = None
    group_names: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        days = self.portfolios["date"].to_numpy().astype("datetime64[D]")
        if not np.array_equal(days, self.sessions):
            raise ContractError(
                f"There are portfolios of {len(days)} sessions for prices of {len(self.sessions)}",
                "Attribute an account over the sessions that it has a row for",
            )

    @cached_property
    def held(self) -> pd.DataFrame:
        """Rows of `positions` with shares."""
        return self.positions[self.positions["shares"] != 0.0]

    @cached_property
    def equity(self) -> FloatArray:
        """Equity after each session, in currency."""
        return np.asarray(self.portfolios["equity"], dtype=np.float64)

    @cached_property
    def before(self) -> FloatArray:
        """Equity before each session, in currency."""
        return np.concatenate(([self.equity_before], self.equity[:-1]))

    @cached_property
    def returns(self) -> FloatArray:
        """Return of each session; NaN where the equity before was not positive."""
        known = self.before > 0.0
        return np.where(known, self.equity / np.where(known, self.before, 1.0) - 1.0, np.nan)

    def rows(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """Number of the session of each row of a frame.

        Raises
        ------
        ContractError
            A row is of another session.
        """
        days = frame["date"].to_numpy().astype("datetime64[D]")
        at = np.searchsorted(self.sessions, days).astype(np.int64)
        inside = at < len(self.sessions)
        if not inside.all() or not np.array_equal(self.sessions[at], days):
            raise ContractError(
                "There are positions or fills of sessions without a portfolio",
                "Attribute an account over the sessions that it has a row for",
            )
        return at

    def columns(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """Number of the security of each row of a frame.

        Raises
        ------
        ContractError
            A row is of another security.
        """
        codes, names = pd.factorize(frame["security_id"])
        known = pd.Index(self.security_ids).get_indexer(pd.Index(names)).astype(np.int64)
        if (known < 0).any():
            missing = str(names[int(np.argmax(known < 0))])
            raise ContractError(
                f"There is no price of {missing}, which the account holds or traded",
                "Pass the prices of every security of the account",
            )
        return known[codes] if len(codes) else np.zeros(0, dtype=np.int64)

    def group_of(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
        """Names of the groups of some cells."""
        if self.groups is None:
            return np.full(len(rows), UNCLASSIFIED, dtype=object)
        names = np.array([*self.group_names, UNCLASSIFIED], dtype=object)
        found: NDArray[Any] = names[self.groups[rows, columns]]
        return found


def filled_groups(
    codes: NDArray[np.int64], names: tuple[str, ...]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Carry on the last known group of each security, and forget names that say nothing.

    Parameters
    ----------
    codes : (T, N) numbers of names, −1: unknown, as of a security that is no member

    Examples
    --------
    >>> codes = np.array([[0, -1], [-1, 1]])
    >>> filled_groups(codes, ("Energy", "Unknown"))
    (array([[ 0, -1],
           [ 0, -1]]), ('Energy', 'Unknown'))
    """
    says = np.array([name.strip().lower() not in NO_SECTOR for name in names] or [True])
    known = (codes >= 0) & says[np.maximum(codes, 0)]
    last = np.maximum.accumulate(np.where(known, np.arange(len(codes))[:, None], -1), axis=0)
    carried = np.take_along_axis(codes, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, carried, -1), names
