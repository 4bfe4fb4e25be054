"""What becomes of a position whose security stops trading: when it is closed, and at what price.

After a close, a position without a bar in the session is closed

1. where the reference data retired its security, as known by then, or
2. once it has had no bar for `DelistingRules.sessions` sessions: its end is then assumed.

It is closed at its last price × (1 + delisting return), as cash, without costs. The return is one
of two: a vendor seldom gives the reason of an end, most ends are takeovers at about the last price,
and the others show in the price. For those the default is the −30 % that T. Shumway found, "The
Delisting Bias in CRSP Data", Journal of Finance 52(1), 1997.

What does not belong here: the portfolio that holds the position (`simulation.py`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.market.panel import Panel, pivot
from quant_platform.settings import Settings

DELISTING_SESSIONS = 20
"""Sessions without a bar after which a position counts as ended: about a month."""

DELISTING_RETURN = 0.0
"""Return from the last price to what is paid, without evidence of distress."""

DISTRESSED_RETURN = -0.3
"""The same with evidence of distress: Shumway (1997), delistings for performance."""

DISTRESS_PRICE = 1.0
"""A last price below this is evidence of distress: the exchanges' own limit, in currency."""

DISTRESS_FALL = 0.8
"""So is a last price that lies further than this below the highest close of a year."""


@dataclass(frozen=True)
class DelistingRules:
    """When a position counts as ended, and what is paid for it.

    Attributes
    ----------
    sessions : sessions without a bar after which its end is assumed
    normal_return : return from the last price to what is paid, as a fraction
    distressed_return : the same where there is evidence of distress
    distress_price : a last price below this is such evidence, in currency
    distress_fall : so is a fall by more than this fraction from the highest close of a year
    """

    sessions: int = DELISTING_SESSIONS
    normal_return: float = DELISTING_RETURN
    distressed_return: float = DISTRESSED_RETURN
    distress_price: float = DISTRESS_PRICE
    distress_fall: float = DISTRESS_FALL

    def __post_init__(self) -> None:
        allowed = {
            "sessions": 1 <= self.sessions <= SESSIONS_PER_YEAR,
            "normal_return": -1.0 <= self.normal_return <= 1.0,
            "distressed_return": -1.0 <= self.distressed_return <= 1.0,
            "distress_price": 0.0 <= self.distress_price < math.inf,
            "distress_fall": 0.0 < self.distress_fall <= 1.0,
        }
        for name, is_allowed in allowed.items():
            if not is_allowed:
                raise SettingsError(
                    f"The delisting rule {name} is {getattr(self, name)!r}",
                    "Allowed: 1 to 252 sessions, returns from −1 to 1, a price ≥ 0, a fall above 0"
                    " and up to 1.",
                )

    @classmethod
    def of(cls, settings: Settings) -> "DelistingRules":
        """Read the rules of the settings."""
        return cls(
            sessions=settings.delisting_sessions,
            normal_return=settings.delisting_return,
            distressed_return=settings.distressed_return,
            distress_price=settings.distress_price,
            distress_fall=settings.distress_fall,
        )

    def is_distressed(self, price: FloatArray, high: FloatArray) -> BoolArray:
        """Whether last prices are evidence of distress, given the highest closes of a year."""
        floor = (1.0 - self.distress_fall) * high
        return np.asarray((price < self.distress_price) | (price < floor))


@dataclass(frozen=True)
class ClosedPosition:
    """A position that was closed because its security stopped trading.

    Attributes
    ----------
    date : session after whose close it was closed
    security_id : what was held
    assumed : its end is assumed from missing bars; else the reference data say so
    sessions_without_bar : sessions since its last bar
    shares, last_price : what was held, negative if sold short, and its last price, in units of the
        session
    year_high : highest close of the last 252 sessions, in the same units
    distressed : there was evidence of distress
    delisting_return : return from the last price to what was paid
    proceeds : cash received (paid, for a short position: negative)
    """

    date: np.datetime64
    security_id: str
    assumed: bool
    sessions_without_bar: int
    shares: float
    last_price: float
    year_high: float
    distressed: bool
    delisting_return: float
    proceeds: float


CLOSED_COLUMNS = tuple(field.name for field in fields(ClosedPosition))
"""Columns of the table `closed_positions` that a simulation fills."""

_TYPES = {
    **dict.fromkeys(CLOSED_COLUMNS, "float64"),
    "date": "datetime64[s]",
    "security_id": "str",
    "sessions_without_bar": "int64",
    **dict.fromkeys(("assumed", "distressed"), "bool"),
}

YearHighs = Callable[[object, Sequence[str]], Mapping[str, float]]
"""Highest close of the 252 sessions up to a session, in its units, by security."""


@dataclass(frozen=True)
class Endings:
    """What a simulation knows of securities that stop trading.

    Attributes
    ----------
    rules : when a position counts as ended, and what is paid for it
    retired : rows of `securities` (date, security_id, delisted_on) of the sessions simulated; None:
        the reference data retire none
    year_highs : asked for the few positions that are closed; None: the panel's own sessions are
        looked at
    """

    rules: DelistingRules = DelistingRules()
    retired: pd.DataFrame | None = None
    year_highs: YearHighs | None = None

    def retired_in(self, sessions: SessionArray, security_ids: Sequence[str]) -> BoolArray:
        """Whether a session's reference data say that a security is delisted by then."""
        if self.retired is None or self.retired.empty:
            return np.zeros((len(sessions), len(security_ids)), dtype=bool)
        rows = self.retired
        ended = pd.to_datetime(rows["delisted_on"]) <= pd.to_datetime(rows["date"])
        marked = rows.loc[ended, ["date", "security_id"]].assign(row=1.0)
        return ~np.isnan(pivot(marked, "row", sessions, security_ids))


def year_highs(
    panel: Panel, security_ids: Sequence[str], last: int | None = None
) -> dict[str, float]:
    """Return the highest close of the 252 sessions up to one of the panel, in its units.

    Parameters
    ----------
    security_ids : securities asked for; one without a bar has −∞
    last : number of that session; the panel's last one if None
    """
    end = len(panel.sessions) if last is None else last + 1
    recent = slice(max(end - SESSIONS_PER_YEAR, 0), end)
    split = panel.split[recent]
    # The splits that came after each session, up to the last one.
    later = np.cumprod(np.vstack((split[1:], np.ones_like(split[:1])))[::-1], axis=0)[::-1]
    closes = np.where(panel.traded[recent], panel.close[recent] / later, -np.inf)
    highs = dict(zip(panel.security_ids, closes.max(axis=0).tolist(), strict=True))
    return {each: highs.get(each, -math.inf) for each in security_ids}


def closed_positions(
    session: np.datetime64, held: pd.DataFrame, highs: Mapping[str, float], rules: DelistingRules
) -> list[ClosedPosition]:
    """Return what is paid for positions that ended.

    Parameters
    ----------
    held : columns security_id, retired, idle (sessions without a bar), shares and price
    highs : highest closes of a year; where there was none, the last price counts
    """
    price = held["price"].to_numpy()
    high = np.maximum(np.array([highs[each] for each in held["security_id"]]), price)
    distressed = rules.is_distressed(price, high)
    returns = np.where(distressed, rules.distressed_return, rules.normal_return)
    shares = held["shares"].to_numpy()
    columns = (~held["retired"].to_numpy(), held["idle"], shares, price, high, distressed, returns)
    proceeds = shares * (price * (1.0 + returns))
    return [
        ClosedPosition(session, name, *values)
        for name, *values in zip(
            held["security_id"],
            *(np.asarray(column).tolist() for column in (*columns, proceeds)),
            strict=True,
        )
    ]


def closed_frame(closed: Sequence[ClosedPosition]) -> pd.DataFrame:
    """Return the rows of `closed_positions`, without the model."""
    rows = pd.DataFrame([astuple(each) for each in closed], columns=list(CLOSED_COLUMNS))
    return rows.astype(_TYPES)
