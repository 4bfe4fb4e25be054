"""`PortfolioState`: all that a simulated portfolio carries from one session to the next.

It is written to rows of `portfolios`, `positions` and `pending_cash`, and read back with the same
bits: nothing that matters later is left out. Changing a portfolio does not belong here: see
`simulation.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import FloatArray
from quant_platform.trading.columns import columns_of, names_of
from quant_platform.trading.engine import layout

SETTLEMENT, DIVIDEND = "settlement", "dividend"
"""Kinds of cash that is owed."""

POSITION_COLUMNS = (
    "shares",
    "price",
    "target_weight",
    "wanted_weight",
    "traded_ask",
    "ask",
    "is_due",
    "sessions_without_bar",
    "is_retired",
    "sessions_held",
    "best_price",
    "stop_price",
    "profit_price",
    "trailing_stop",
    "longest_hold",
    "limit_price",
    "trigger_price",
    "barred_ask",
    "reason",
)
"""Columns of the table `positions` that hold the engine's book, in the order of its columns."""

FLAGS = ("is_due", "is_retired")
COUNTS = ("sessions_without_bar", "sessions_held")


@dataclass(frozen=True)
class Position:
    """One security of a portfolio, after the close of a session.

    Attributes
    ----------
    security_id : what is held
    shares : shares held, negative if sold short; in units of the session
    price : last known price of one share, in units of the session; NaN if none is known
    target_weight : weight last traded to
    wanted_weight : weight to trade to next; differs from `target_weight` while an order waits, or
        where the rule of rebalancing leaves the position alone
    traded_ask : weight that the strategy asked for when the position was last traded; default:
        `target_weight`
    ask : weight that the strategy asks for now, before it is scaled; default: `wanted_weight`
    is_due : whether a rebalancing waits
    sessions_without_bar : sessions since the last bar, while there are shares
    is_retired : the reference data say that the security is delisted, and no bar came since
    sessions_held : sessions since the position was opened
    best_price : highest close since then, lowest of a short position
    stop_price, profit_price : prices at which it is left; NaN: none
    trailing_stop : share below `best_price` at which it is left; NaN: none
    longest_hold : sessions after which it is left; infinite: never
    limit_price, trigger_price : prices that a waiting order needs; NaN: none
    barred_ask : while the strategy asks for this weight, nothing is bought after a stop; NaN: none
    reason : number in `engine.layout.REASONS` of why the next order is made
    """

    security_id: str
    shares: float
    price: float
    target_weight: float
    wanted_weight: float
    traded_ask: float = math.nan
    ask: float = math.nan
    is_due: bool = False
    sessions_without_bar: int = 0
    is_retired: bool = False
    sessions_held: int = 0
    best_price: float = math.nan
    stop_price: float = math.nan
    profit_price: float = math.nan
    trailing_stop: float = math.nan
    longest_hold: float = math.inf
    limit_price: float = math.nan
    trigger_price: float = math.nan
    barred_ask: float = math.nan
    reason: int = 0

    def __post_init__(self) -> None:
        if math.isnan(self.traded_ask):
            object.__setattr__(self, "traded_ask", self.target_weight)
        if math.isnan(self.ask):
            object.__setattr__(self, "ask", self.wanted_weight)

    @property
    def value(self) -> float:
        """Value of the shares at the last known price, in currency."""
        return self.shares * self.price if self.shares else 0.0

    @property
    def numbers(self) -> list[float]:
        """The position as a column of the engine's book."""
        return [float(getattr(self, name)) for name in POSITION_COLUMNS]


@dataclass(frozen=True)
class PortfolioState:
    """A portfolio after the close of a session.

    Attributes
    ----------
    cash, equity : in currency; equity is cash, dividends owed and positions
    positions : sorted by security
    ruined : a close had no positive equity; everything is closed out and traded no more
    halted : a limit halted the portfolio, which is closed out and trades no more until released
    highest_equity : of any close; default: `equity`
    weight_factor : by which a limit scales all weights in the next session
    session : its date; None at the start
    dividends : dividends owed, by the date of payment
    unsettled : cash of trades that are settled in one, two, … sessions
    """

    cash: float
    equity: float
    positions: tuple[Position, ...] = ()
    ruined: bool = False
    halted: bool = False
    highest_equity: float = math.nan
    weight_factor: float = 1.0
    session: np.datetime64 | None = None
    dividends: tuple[tuple[np.datetime64, float], ...] = ()
    unsettled: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if math.isnan(self.highest_equity):
            object.__setattr__(self, "highest_equity", self.equity)

    @classmethod
    def start(cls, capital: float) -> "PortfolioState":
        """Return a portfolio of nothing but cash."""
        return cls(cash=capital, equity=capital)

    @classmethod
    def from_rows(
        cls, row: Mapping[str, Any], positions: pd.DataFrame, pending: pd.DataFrame
    ) -> "PortfolioState":
        """Read the state from a row of `portfolios` and the session's rows of the other tables.

        Parameters
        ----------
        row : of `portfolios`
        positions : rows with security_id and `POSITION_COLUMNS`; a missing number is NaN
        pending : rows of `pending_cash` with kind, due_on, due_in and amount
        """
        is_dividend = (pending["kind"] == DIVIDEND).to_numpy()
        owed = pending[is_dividend].sort_values("due_on")
        later = pending[~is_dividend]
        unsettled = [0.0] * (layout.SETTLEMENTS - 1 if len(later) else 0)
        for sessions, amount in zip(
            later["due_in"].tolist(), later["amount"].tolist(), strict=True
        ):
            unsettled[int(sessions) - 1] = float(amount)
        days = owed["due_on"].to_numpy().astype("datetime64[D]")
        return cls(
            cash=float(row["cash"]),
            equity=float(row["equity"]),
            positions=_positions(positions),
            ruined=bool(row["ruined"]),
            halted=bool(row["halted"]),
            highest_equity=float(row["highest_equity"]),
            weight_factor=float(row["weight_factor"]),
            session=np.datetime64(row["date"], "D"),
            dividends=tuple(zip(days, owed["amount"].tolist(), strict=True)),
            unsettled=tuple(unsettled),
        )


_FIELDS = tuple(field.name for field in fields(Position))


def _positions(frame: pd.DataFrame) -> tuple[Position, ...]:
    """Return positions from rows of the table, sorted by security."""
    ordered = frame.sort_values("security_id")
    columns = {name: ordered[name].tolist() for name in _FIELDS}
    for name in FLAGS:
        columns[name] = [bool(value) for value in columns[name]]
    for name in COUNTS:
        columns[name] = [int(value) for value in columns[name]]
    columns["reason"] = [layout.REASONS.index(value) for value in columns["reason"]]
    longest = columns["longest_hold"]
    columns["longest_hold"] = [
        math.inf if value is None or math.isnan(value) else float(value) for value in longest
    ]
    return tuple(
        Position(*values) for values in zip(*(columns[name] for name in _FIELDS), strict=True)
    )


def positions_frame(states: FloatArray, security_ids: tuple[str, ...]) -> pd.DataFrame:
    """Return the engine's states as rows: session (its number), security_id, `POSITION_COLUMNS`."""
    session, security, *book = columns_of(states)
    columns: dict[str, Any] = {
        "session": session.astype(np.int64),
        "security_id": names_of(security_ids, security),
    }
    for name, values in zip(POSITION_COLUMNS, book, strict=True):
        if name in FLAGS:
            columns[name] = values != 0.0
        elif name in COUNTS:
            columns[name] = values.astype(np.int64)
        elif name == "reason":
            columns[name] = names_of(layout.REASONS, values)
        elif name == "longest_hold":
            columns[name] = np.where(np.isinf(values), np.nan, values)
        else:
            columns[name] = values
    return pd.DataFrame(columns, copy=False)
