"""`FunctionStrategy`: a function of a panel that returns weights, as a strategy.

The function is the least that a strategy can be; the platform fills in the rest of a signal
(`weight_strategy.py`).

A function says by its attributes what it cannot say by its result: `lookback`, the sessions that a
weight depends on (the longest period of `Panel.top` unless it says otherwise), `horizon`, the
sessions that its signals are stated for, and `features`, the ones that it reads; without them they
are found by calling it. What does not belong here: strategies
with entries, exits and stops (`positions.py`).
"""

from collections.abc import Callable
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError, OverdueError, SettingsError
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import Calendar
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import SIGNAL_HORIZON
from quant_platform.strategies.weight_strategy import VOLATILITY, WeightStrategy
from quant_platform.time_limit import TimeLimit

Weights = Callable[[Panel], "FloatArray | pd.DataFrame"]

LOOKBACK = 262
"""Sessions that hold a choice of `Panel.top` for a year, its longest period."""


SOME_YEARS = date(2018, 1, 1), date(2019, 12, 31)
"""Where a function is called to see which features it reads."""

EMPTY_SECONDS = 10.0
"""How long it may take there; what it reads later is then not found."""


class FunctionStrategy(WeightStrategy):
    """A function of a panel that returns target weights."""

    name = "function"
    version: ClassVar[str] = "1.0.0"
    optional_features = (VOLATILITY,)

    def __init__(self, function: Weights, features: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.function = function
        self.name = getattr(function, "__name__", "function")
        stated = tuple(getattr(function, "features", features))
        self.optional_features = tuple(dict.fromkeys((VOLATILITY, *stated)))  # type: ignore[misc]
        self.row_features = () if VOLATILITY in stated else (VOLATILITY,)
        self._lookback = int(getattr(function, "lookback", LOOKBACK))
        self.horizon = int(getattr(function, "horizon", SIGNAL_HORIZON))
        for limit in ("max_gross", "max_net"):
            setattr(self, limit, float(getattr(function, limit, 1.0)))

    @property
    def weight_lookback(self) -> int:
        """Sessions that a weight depends on."""
        return self._lookback

    def weights(self, panel: Panel) -> FloatArray:
        """Return the function's weights."""
        return aligned_weights(self.function(panel), panel, self.name)


def aligned_weights(weights: object, panel: Panel, name: str) -> FloatArray:
    """Return what a function gave as an array of the panel's shape.

    Raises
    ------
    ContractError
        It has another shape, sessions or securities than the panel, or a weight of a
        member is not a number.
    """
    expected = "Return an array of the panel's shape, or a frame of its sessions and symbols"
    shape = panel.close.shape
    if isinstance(weights, pd.DataFrame):
        names = list(panel.symbols or panel.security_ids)
        days = pd.DatetimeIndex(panel.sessions.astype("datetime64[s]"))
        if not (weights.index.is_unique and weights.columns.is_unique):
            raise ContractError(f"{name} gave weights for a session or symbol twice", expected)
        others = [*weights.columns.difference(names), *weights.index.difference(days)]
        if others:
            raise ContractError(
                f"{name} gave weights for {others[0]}, which the panel has not", expected
            )
        weights = weights.reindex(index=days, columns=names).to_numpy()
    if not isinstance(weights, np.ndarray) or weights.shape != shape:
        kind = getattr(weights, "shape", type(weights).__name__)
        raise ContractError(f"{name} gave {kind} where the panel is {shape}", expected)
    try:
        values: FloatArray = weights.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ContractError(f"{name} gave weights that are no numbers: {error}", expected) from None
    wrong = np.argwhere(~np.isfinite(values) & panel.member)
    if len(wrong):
        t, column = wrong[0]
        raise ContractError(
            f"{name} gave the weight {values[t, column]} for {panel.security_ids[column]} on"
            f" {panel.sessions[t]} ({len(wrong)} in all)",
            "Give 0 for what is not to be held",
        )
    return values


def features_of(function: Weights, names: tuple[str, ...], calendar: Calendar) -> tuple[str, ...]:
    """Return the features that a function reads, found by calling it on an empty market.

    Parameters
    ----------
    names : every feature there is
    calendar : sessions of the exchange
    """
    stated = getattr(function, "features", None)
    if stated is not None:
        return tuple(stated)
    asked: list[str] = []

    class Asking(dict[str, FloatArray]):
        def __contains__(self, name: object) -> bool:
            return name in names

        def __missing__(self, name: str) -> FloatArray:
            asked.append(name)
            return np.zeros(shape)

    days = np.array(calendar.sessions(*SOME_YEARS)[-LOOKBACK:], dtype="datetime64[D]")
    shape = (len(days), 2)
    ones = np.ones(shape)
    panel = Panel(
        days,
        ("A", "B"),
        open=ones,
        high=ones,
        low=ones,
        close=ones,
        volume=ones,
        calendar=calendar,
        features=Asking(),
    )
    try:
        TimeLimit(EMPTY_SECONDS).call("It", lambda: function(panel))
    except OverdueError:
        pass  # the run itself has a limit of its own, and names the strategy
    except Exception as error:
        if not asked:
            raise SettingsError(
                f"{getattr(function, '__name__', function)!r} failed on an empty market: {error}",
                "State the features that it reads: function.features = ('rsi_14',)",
            ) from error
    return tuple(dict.fromkeys(asked))
