"""`WeightStrategy`: a rule that is nothing but target weights, and what such rules share.

A subclass writes `weights(panel)`. The platform fills in what a signal has beside its weight: its
type (a weight that appears buys, one that vanishes or is below 0 sells), a strength of its size, a
confidence of 1, and the risk figures of the security's volatility.

`top_fraction`, `shared` and `held` are the steps of a rule that ranks the members, gives the chosen
ones a share each, and keeps them until the next choice. What does not belong here: entries, exits
and stops (`position_strategy.py`).
"""

from abc import abstractmethod

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.threads import by_rows
from quant_platform.market.calendar import LONGEST_PERIOD
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import BUY, HOLD, SELL, Strategy
from quant_platform.strategies.signal_arrays import SignalArrays

VOLATILITY = "realized_volatility_20"
"""Feature that the risk figures are made of."""

MONTH = LONGEST_PERIOD["month"]
"""Sessions that hold the last choice of a rule that chooses every month."""


class WeightStrategy(Strategy):
    """A rule that returns target weights.

    A subclass names `VOLATILITY` among the features that it reads. Cells without a row (no member,
    no close, or no value of a required feature) weigh 0, whatever the rule says of them.
    """

    @abstractmethod
    def weights(self, panel: Panel) -> FloatArray:
        """Return target weights, (sessions, securities), shares of the equity."""

    @property
    def weight_lookback(self) -> int:
        """Sessions that a weight depends on, its own included: those since the month's choice."""
        return MONTH

    @property
    def lookback(self) -> int:
        """Sessions that a weight depends on, and the one before it."""
        return self.weight_lookback + 1

    @property
    def max_weight(self) -> float:
        """Largest absolute weight of one symbol."""
        return self.max_gross

    def signals(self, panel: Panel) -> pd.DataFrame:
        """Return the rows of the weights."""
        return self.frame(panel, **self.arrays(panel).columns())

    def arrays(self, panel: Panel) -> SignalArrays:
        """Return the same without making rows."""
        return self.arrays_of(panel, self.weights(panel))

    def arrays_of(self, panel: Panel, weights: FloatArray) -> SignalArrays:
        """Return what the weights say, without making rows."""
        rows = self.rows(panel)
        asked = _asked(weights, rows)
        kind = np.empty(weights.shape, dtype=np.int8)

        def compare(part: slice) -> None:
            # Nothing is held before the first session.
            nothing = np.zeros((1, weights.shape[1]))
            start, now = part.start, asked[part]
            earlier = asked[start - 1 : part.stop - 1] if start else np.vstack((nothing, now[:-1]))
            left = (now == 0.0) & (earlier != 0.0)
            bought = (now > 0.0) & (earlier <= 0.0)
            kind[part] = np.where(bought, BUY, np.where(left | (now < 0.0), SELL, HOLD))

        by_rows(compare, weights.shape)
        return SignalArrays(
            signal_type=kind,
            target_weight=asked,
            rest=lambda: {
                "strength": np.minimum(np.abs(asked), 1.0),
                "confidence": np.where(asked != 0.0, 1.0, 0.0),
                "stop_price": np.full(asked.shape, np.nan),
                "score": np.sign(asked),
                "metadata": np.full(asked.shape, "{}", dtype=object),
            },
        )


def _asked(weights: FloatArray, rows: BoolArray) -> FloatArray:
    """Return the weights where there are rows, and 0 elsewhere: as they are where they are so."""
    stray: list[slice] = []

    def look(part: slice) -> None:
        if ((weights[part] != 0.0) & ~rows[part]).any():
            stray.append(part)

    by_rows(look, weights.shape)
    if not stray:
        return weights
    asked = np.zeros(weights.shape)
    by_rows(lambda part: np.copyto(asked[part], weights[part], where=rows[part]), weights.shape)
    return asked


def top_fraction(panel: Panel, values: FloatArray, fraction: float) -> BoolArray:
    """Return which members have the largest values, session by session.

    As many are chosen as `fraction` of the members with a known value, rounded down, but at least
    one where there is any. Of equal values the first security by its id is chosen.
    """
    # Ranked from the largest value on, so that the first of equal ones comes first.
    place = panel.rank(-values, ties="first")
    known = np.isfinite(place)
    count = known.sum(axis=1, keepdims=True)
    wanted = np.maximum(np.floor(fraction * count + 1e-9), 1.0)
    chosen: BoolArray = known & (np.where(known, place * count, np.inf) < wanted + 0.5)
    return chosen


def shared(chosen: BoolArray) -> FloatArray:
    """Return equal weights of what is chosen in each session; their sum is 1, or 0 without any."""
    weights: FloatArray = chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1)
    return weights


def at_most(weights: FloatArray, max_gross: float) -> FloatArray:
    """Return the weights, those of a session scaled down where their gross exceeds `max_gross`.

    Notes
    -----
    Sums run from security to security, so that one without a weight changes no bit of them.
    """
    gross = np.cumsum(np.abs(weights), axis=1)[:, -1:]
    scaled: FloatArray = weights * np.minimum(1.0, max_gross / np.maximum(gross, max_gross))
    return scaled


def held(panel: Panel, weights: FloatArray, every: str) -> FloatArray:
    """Return the weights of the first session of each period, held until that of the next.

    They are 0 before the first such session of the panel; see `Panel.top` for the look-back that
    this asks for.
    """
    begins = panel.every(every)
    nothing = np.zeros((1, weights.shape[1]))
    kept: FloatArray = np.concatenate((nothing, weights[begins]))[np.cumsum(begins)]
    return kept
