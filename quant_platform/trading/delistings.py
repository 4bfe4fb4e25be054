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
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.market.panel import Panel, pivot
from quant_platform.settings import Settings
from quant_platform.trading.market_arrays import MarketArrays

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


@dataclass(frozen=True)
class Ends:
    """Securities that stopped trading, in the order of the sessions after which that is settled.

    Attributes
    ----------
    session, column : numbers of the session, and of the security among the market's
    frame : one row each with what `ClosedPosition` says of it but `shares` and `proceeds`
    """

    session: NDArray[np.int64]
    column: NDArray[np.int64]
    frame: pd.DataFrame

    @property
    def price(self) -> FloatArray:
        """What is paid for a share."""
        prices: FloatArray = self.frame["paid"].to_numpy(dtype=np.float64)
        return prices


def find_ends(
    market: MarketArrays,
    endings: Endings,
    idle: NDArray[np.int64],
    price: FloatArray,
    retired: BoolArray,
) -> Ends:
    """Find the securities whose end is settled in the sessions of a market.

    That depends on the market alone: a security with a position has had a bar since, so its
    sessions without one are those since its last bar.

    Parameters
    ----------
    market : the sessions
    endings : when a security counts as ended, and what is paid for it
    idle, price, retired : (N,) of each security before the first session: sessions without a bar,
        last price, and whether the reference data retired it
    """
    silent = ~market.traded
    columns = np.flatnonzero(silent.any(axis=0))
    silent, is_retired = silent[:, columns], market.retired[:, columns]
    number = np.arange(len(silent))[:, None]
    last_bar = np.maximum.accumulate(np.where(silent, -1, number), axis=0)
    last_retired = np.maximum.accumulate(np.where(is_retired, number, -1), axis=0)
    waited = np.where(last_bar < 0, idle[columns] + number + 1, number - last_bar)
    gone = (last_retired >= 0) & (last_retired >= last_bar)
    gone |= (last_bar < 0) & retired[columns]
    settled = silent & (gone | (waited >= endings.rules.sessions))
    first = settled.copy()
    first[1:] &= ~settled[:-1]
    rows = []
    for t, at in zip(*np.nonzero(first), strict=True):
        column, bar = columns[at], last_bar[t, at]
        last = price[column] if bar < 0 else market.close[bar, column]
        for each in market.split[bar + 1 : t + 1, column]:
            last = last / each
        if last > 0.0:
            rows.append((int(t), int(column), not gone[t, at], int(waited[t, at]), float(last)))
    return _priced(rows, market, endings)


def _priced(
    rows: Sequence[tuple[int, int, bool, int, float]], market: MarketArrays, endings: Endings
) -> Ends:
    """Say what is paid for each end."""
    highs = [_high(market, endings, t, column) for t, column, *_ in rows]
    price = np.array([last for *_, last in rows], dtype=np.float64)
    high = np.maximum(np.array(highs, dtype=np.float64), price)
    distressed = endings.rules.is_distressed(price, high)
    returns = np.where(distressed, endings.rules.distressed_return, endings.rules.normal_return)
    frame = pd.DataFrame(
        {
            "assumed": [assumed for _, _, assumed, _, _ in rows],
            "sessions_without_bar": [waited for _, _, _, waited, _ in rows],
            "last_price": price,
            "year_high": high,
            "distressed": distressed,
            "delisting_return": returns,
            "paid": price * (1.0 + returns),
        }
    )
    numbers = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
    return Ends(numbers[:, 0].copy(), numbers[:, 1].copy(), frame)


def _high(market: MarketArrays, endings: Endings, t: int, column: int) -> float:
    """Highest close of the year up to a session."""
    session, name = market.sessions[t], market.security_ids[column]
    if endings.year_highs:
        return endings.year_highs(session, [name])[name]
    return year_highs(market.panel, [name], market.offset + t)[name]


def closed_frame(
    ends: Ends,
    sessions: SessionArray,
    security_ids: Sequence[str],
    shares: Mapping[tuple[int, int], float],
) -> pd.DataFrame:
    """Return the rows of `closed_positions`, without the model.

    Parameters
    ----------
    shares : shares of the positions that were closed, by the numbers of session and security
    """
    keys = list(zip(ends.session.tolist(), ends.column.tolist(), strict=True))
    held = np.array([key in shares for key in keys], dtype=bool)
    rows = ends.frame[held].reset_index(drop=True)
    closed = [key for key in keys if key in shares]
    rows["date"] = sessions[[t for t, _ in closed]].astype("datetime64[s]")
    rows["security_id"] = [security_ids[column] for _, column in closed]
    rows["shares"] = [shares[key] for key in closed]
    rows["proceeds"] = rows["shares"] * rows["paid"]
    return rows[list(CLOSED_COLUMNS)].astype(_TYPES)
