"""Labels: what a model learns to foretell, and the session at which each label is known.

A label of session t is about what follows t's close, by the platform's convention: the position is
entered at the open of t + 1. Its `ends` is the session after whose close the label is known. Only a
label whose `ends` lies at or before a training cut may be learned from at that cut.

1. `ForwardReturn`: total return from the open of t + 1 to the open of t + 1 + horizon.
2. `ReturnRank`: rank of that return among the members of the session.
3. `VolatilityScaled`: that return over the volatility known at t.
4. `TripleBarrier`: which of three barriers the position meets first.

Every value is worked out step by step from its own session on, so that it has the same bits
wherever the panel begins or ends (laws 1 and 2). What does not belong here: which labels a fold may
use (`folds.py`, `walk_forward.py`), and their weights (`weights.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.cross_section import rank
from quant_platform.kernels.windows import window_std
from quant_platform.market.panel import Panel
from quant_platform.market.total_return import total_returns

Ends = NDArray[np.int32]
"""Positions of sessions in a panel."""

NONE = -1
"""`ends` where there is no label."""

LONGEST_HORIZON = 252
"""Sessions; a label of a longer one would leave most training windows without any."""

VOLATILITY_SESSIONS = 20
"""Sessions of the volatility that a label is scaled by, unless it says otherwise."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of a panel's sessions and securities.

    Attributes
    ----------
    values : (sessions, securities), NaN where there is no label
    ends : (sessions, securities) int32: position in the panel of the session after whose close the
        label is known, −1 where there is none
    """

    values: FloatArray
    ends: Ends

    @property
    def session_ends(self) -> NDArray[np.int64]:
        """Last position that any label of a session reaches, the session's own without a label."""
        own = np.arange(len(self.ends))
        reached: NDArray[np.int64] = np.maximum(self.ends.max(axis=1, initial=NONE), own)
        return reached


@runtime_checkable
class Label(Protocol):
    """Makes labels of a panel. An own one needs these two attributes and one method.

    Attributes
    ----------
    horizon : sessions that a position is held at most
    lookback : sessions that a label depends on up to its own, that one included
    """

    @property
    def horizon(self) -> int:
        """Sessions that a position is held at most."""

    @property
    def lookback(self) -> int:
        """Sessions up to the label's own that it depends on, that one included."""

    def of(self, panel: Panel) -> Labels:
        """Return the labels of the members of each session."""


@dataclass(frozen=True)
class ForwardReturn:
    """Total return from the next session's open to the open `horizon` sessions later.

    A security that stops trading on the way leaves at its last close. A dividend is reinvested at
    the close of its ex-date, and is the holder's where that is the session of the exit.

    Attributes
    ----------
    horizon : sessions between the two opens
    """

    horizon: int = 5

    def __post_init__(self) -> None:
        _check_horizon(self.horizon)

    @property
    def lookback(self) -> int:
        """The label's own session."""
        return 1

    def of(self, panel: Panel) -> Labels:
        """Return the returns as fractions, known after the session of the exit."""
        held = _Held.begin(panel)
        found = np.full(panel.close.shape, np.nan)
        for step in held.go_on(self.horizon + 1):
            if step.number == self.horizon + 1:
                with np.errstate(invalid="ignore", divide="ignore"):
                    found[: step.positions] = (
                        step.growth * step.opening / held.entry[: step.positions]
                    )
        return _labels(found - 1.0, panel, self.horizon + 1)


@dataclass(frozen=True)
class ReturnRank:
    """Rank of the forward return among the members of its session, from above 0 to 1.

    Equal returns share their mean rank.

    Attributes
    ----------
    horizon : as of `ForwardReturn`
    """

    horizon: int = 5

    def __post_init__(self) -> None:
        _check_horizon(self.horizon)

    @property
    def lookback(self) -> int:
        """The label's own session."""
        return 1

    def of(self, panel: Panel) -> Labels:
        """Return the ranks, known when the returns are."""
        returns = ForwardReturn(self.horizon).of(panel)
        return Labels(rank(returns.values, np.isfinite(returns.values)), returns.ends)


@dataclass(frozen=True)
class VolatilityScaled:
    """Forward return over the volatility of as many sessions, as known at the label's session.

    The volatility is the standard deviation (divisor n − 1) of total returns from close to close
    over the last `sessions`, times the root of the horizon. No label where it is 0 or unknown.

    Attributes
    ----------
    horizon : as of `ForwardReturn`
    sessions : of the volatility
    """

    horizon: int = 5
    sessions: int = VOLATILITY_SESSIONS

    def __post_init__(self) -> None:
        _check_horizon(self.horizon)
        _check_sessions(self.sessions)

    @property
    def lookback(self) -> int:
        """Sessions of the volatility, and the close before them."""
        return self.sessions + 1

    def of(self, panel: Panel) -> Labels:
        """Return returns in units of their expected deviation."""
        returns = ForwardReturn(self.horizon).of(panel)
        scale = _volatility(panel, self.sessions) * np.sqrt(self.horizon)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = returns.values / np.where(scale > 0.0, scale, np.nan)
        return Labels(values, np.where(np.isfinite(values), returns.ends, NONE).astype(np.int32))


@dataclass(frozen=True)
class TripleBarrier:
    """Which barrier a position meets first: 1 the upper, −1 the lower, 0 none within the horizon.

    The position is entered at the next session's open and looked at after each close, that of the
    first session included. The barriers lie `upper` and `lower` volatilities (as
    `VolatilityScaled` has them, over the horizon) above and below the entry. The label is known
    after the close that meets a barrier, so that one label may be known before another of its
    session. A close that gaps through a barrier counts as that close.

    Source: López de Prado, *Advances in Financial Machine Learning*, 2018, section 3.4.

    Attributes
    ----------
    horizon : closes that are looked at
    upper, lower : distance of the barriers
    sessions : of the volatility
    """

    horizon: int = 10
    upper: float = 1.0
    lower: float = 1.0
    sessions: int = VOLATILITY_SESSIONS

    def __post_init__(self) -> None:
        _check_horizon(self.horizon)
        _check_sessions(self.sessions)
        for name in ("upper", "lower"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise SettingsError(
                    f"The {name} barrier lies {getattr(self, name)!r} volatilities away",
                    "Allowed: a number above 0",
                )

    @property
    def lookback(self) -> int:
        """Sessions of the volatility, and the close before them."""
        return self.sessions + 1

    def of(self, panel: Panel) -> Labels:
        """Return 1, 0 or −1, NaN where the end of the data came before any barrier."""
        width = _volatility(panel, self.sessions) * np.sqrt(self.horizon)
        held = _Held.begin(panel)
        shape = panel.close.shape
        values, ends = np.full(shape, np.nan), np.full(shape, NONE, dtype=np.int32)
        begun = panel.member & np.isfinite(held.entry) & (width > 0.0)
        for step in held.go_on(self.horizon):
            now = slice(None, step.positions)
            with np.errstate(invalid="ignore", divide="ignore"):
                gain = step.growth * step.price / held.entry[now] - 1.0
            open_ = begun[now] & (ends[now] == NONE)
            above = open_ & (gain >= self.upper * width[now])
            below = open_ & (gain <= -self.lower * width[now])
            out = open_ & (step.number == self.horizon) & ~above & ~below & np.isfinite(gain)
            met = above | below | out
            values[now][met] = np.where(above, 1.0, np.where(below, -1.0, 0.0))[met]
            reached = np.arange(step.positions)[:, None] + step.number
            ends[now][met] = np.broadcast_to(reached, met.shape)[met]
        return Labels(values, ends)


class _Step(NamedTuple):
    """State of all positions a number of sessions after the label's own.

    Attributes
    ----------
    number : of sessions
    positions : how many positions have come so far within the panel
    growth : shares that one share has become, by splits and reinvested dividends
    opening, price : open and close, the last close (in today's shares) where there is no bar
    """

    number: int
    positions: int
    growth: FloatArray
    opening: FloatArray
    price: FloatArray


@dataclass(frozen=True, eq=False)
class _Held:
    """Positions entered at the open after each session; `entry` is NaN where that cannot be."""

    panel: Panel
    entry: FloatArray

    @classmethod
    def begin(cls, panel: Panel) -> "_Held":
        entry = np.full(panel.close.shape, np.nan)
        opens = np.where(panel.traded & (panel.open > 0.0), panel.open, np.nan)
        entry[:-1] = opens[1:]
        return cls(panel, entry)

    def go_on(self, sessions: int) -> Iterator[_Step]:
        """Yield the state after 1, 2, … sessions, as far as the panel goes.

        Each step combines a position's own past with its own session: no running product from the
        panel's beginning.
        """
        panel, rows = self.panel, len(self.panel.close)
        growth, last = np.empty(0), np.empty(0)
        for number in range(1, min(sessions, rows - 1) + 1):
            count = rows - number
            traded, close = panel.traded[number:], panel.close[number:]
            if number == 1:
                growth, last = np.ones(close.shape), np.where(traded, close, np.nan)
                yield _Step(1, count, growth, panel.open[1:], last)
                continue
            split, paid = panel.split[number:], panel.dividend[number:]
            growth = growth[:count] * split
            carried = last[:count] / split
            last = np.where(traded, close, carried)
            with np.errstate(invalid="ignore", divide="ignore"):
                growth = np.where(paid != 0.0, growth * (1.0 + paid / last), growth)
            yield _Step(number, count, growth, np.where(traded, panel.open[number:], carried), last)


def _labels(values: FloatArray, panel: Panel, sessions: int) -> Labels:
    """Keep what is known of members; every label is known so many sessions after its own."""
    known = panel.member & np.isfinite(values)
    reached = np.arange(len(values))[:, None] + sessions
    ends = np.where(known, reached, NONE).astype(np.int32)
    return Labels(np.where(known, values, np.nan), ends)


def _volatility(panel: Panel, sessions: int) -> FloatArray:
    """Standard deviation of the last total returns; unknown where one of them is."""
    returns = total_returns(panel)
    returns[:1] = np.nan  # a panel's first session has no close before it
    known: FloatArray = window_std(returns, sessions, ddof=1)
    return known


def known_by(labels: Labels, cut: int) -> BoolArray:
    """Which labels are known after the close of the session at position `cut`."""
    known: BoolArray = (labels.ends != NONE) & (labels.ends <= cut)
    return known


def _check_horizon(horizon: Any) -> None:
    if not isinstance(horizon, int) or not 1 <= horizon <= LONGEST_HORIZON:
        raise SettingsError(
            f"The horizon of a label is {horizon!r}",
            f"Allowed: a whole number of sessions from 1 to {LONGEST_HORIZON}",
        )


def _check_sessions(sessions: Any) -> None:
    if not isinstance(sessions, int) or not 2 <= sessions <= LONGEST_HORIZON:
        raise SettingsError(
            f"The volatility of a label is of {sessions!r} sessions",
            f"Allowed: a whole number from 2 to {LONGEST_HORIZON}",
        )
