"""`PortfolioState`: all that a simulated portfolio carries from one session to the next.

It is written to a row of `portfolios` and read back with the same bits: numbers have as many digits
as they need, and nothing that matters later is left out. Changing a portfolio does not belong here:
see `simulation.py`.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Position:
    """One security of a portfolio, after the close of a session.

    Attributes
    ----------
    security_id : what is held
    shares : shares held, negative if sold short; in units of the session
    price : last known price of one share, in units of the session; NaN without shares
    target : weight last traded to
    wanted : weight to trade to next; differs from `target` while an order waits for a bar, or where
        the rule of rebalancing leaves the position alone
    asked : weight that the strategy asked for when the position was last traded; default `target`
    asking : weight that the strategy asks for now, before it is scaled; default `wanted`
    due : whether a rebalancing waits for a bar
    idle : sessions without a bar since the last one, while there are shares
    retired : the reference data say that the security is delisted, and no bar came since
    """

    security_id: str
    shares: float
    price: float
    target: float
    wanted: float
    asked: float = math.nan
    asking: float = math.nan
    due: bool = False
    idle: int = 0
    retired: bool = False

    def __post_init__(self) -> None:
        if math.isnan(self.asked):
            object.__setattr__(self, "asked", self.target)
        if math.isnan(self.asking):
            object.__setattr__(self, "asking", self.wanted)

    @property
    def value(self) -> float:
        """Value of the shares at the last known price, in currency."""
        return self.shares * self.price if self.shares else 0.0


@dataclass(frozen=True)
class PortfolioState:
    """A portfolio after the close of a session: cash, equity and positions, sorted by security.

    A `ruined` one had a close without positive equity, and is traded no more.
    """

    cash: float
    equity: float
    positions: tuple[Position, ...] = ()
    ruined: bool = False

    @classmethod
    def start(cls, capital: float) -> "PortfolioState":
        """Return a portfolio of nothing but cash."""
        return cls(cash=capital, equity=capital)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "PortfolioState":
        """Read the state from a row of `portfolios`; `positions` is JSON text or already parsed."""
        held = row["positions"]
        held = json.loads(held) if isinstance(held, str | bytes) else held
        return cls(
            cash=float(row["cash"]),
            equity=float(row["equity"]),
            positions=tuple(
                Position(
                    security_id,
                    shares=float(entry["shares"]),
                    price=math.nan if entry["price"] is None else float(entry["price"]),
                    target=float(entry["target"]),
                    wanted=float(entry.get("wanted", entry["target"])),
                    asked=float(entry.get("asked", math.nan)),
                    asking=float(entry.get("asking", math.nan)),
                    due=bool(entry.get("due", False)),
                    idle=int(entry.get("idle", 0)),
                    retired=bool(entry.get("retired", False)),
                )
                for security_id, entry in sorted(held.items())
            ),
            ruined=bool(row["ruined"]),
        )

    def to_row(self) -> dict[str, Any]:
        """Return the columns of a row of `portfolios` that hold it; positions are JSON text."""
        return {
            "cash": self.cash,
            "equity": self.equity,
            "ruined": self.ruined,
            "positions": positions_json(self.positions, self.equity),
        }


def positions_json(positions: Iterable[Position], equity: float) -> str:
    """Return security → shares, price, value, weight, target, and where they say more the rest.

    `wanted` and `asked` stand there where they differ from `target`, `asking` where it differs from
    `wanted`, `due` where it is true, `idle` and `retired` while no bar comes. The weight is null
    where equity is not positive.
    """
    entries: dict[str, dict[str, float | None]] = {}
    for position in positions:
        value = position.value
        weight = ratio(value, equity)
        entry: dict[str, float | None] = {
            "shares": position.shares,
            "price": None if math.isnan(position.price) else position.price,
            "value": value,
            "weight": None if math.isnan(weight) else weight,
            "target": position.target,
        }
        if position.wanted != position.target:
            entry["wanted"] = position.wanted
        if position.asked != position.target:
            entry["asked"] = position.asked
        if position.asking != position.wanted:
            entry["asking"] = position.asking
        if position.due:
            entry["due"] = True
        if position.idle:
            entry["idle"] = position.idle
        if position.retired:
            entry["retired"] = True
        entries[position.security_id] = entry
    return compact_json(entries)


def compact_json(value: object) -> str:
    """Return JSON text without spaces, keys sorted, numbers to the last bit; NaN is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def ratio(value: float, equity: float) -> float:
    """Return value/equity; NaN for a portfolio whose equity is not positive."""
    return value / equity if equity > 0.0 else math.nan
