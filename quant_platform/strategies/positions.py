"""From conditions to signals, for strategies that enter, hold and leave long positions.

A strategy works out, session by session, where it would buy, sell or leave and how sure it is; this
module adds the memory (`holdings.py`), sizes, stops, types and reasons. The rules are the same for
all strategies:

- a signal is the first session in which a condition is met with at least the minimum confidence, so
  a condition that lasts gives one signal, not one a session;
- a buy opens a position (type 1), or renews it with its own size and stop;
- a sell (type −1) leaves the position or keeps out: target 0;
- where the positions held ask for more than the model's `max_gross`, those of the highest score are
  chosen, as many as there is room for; the score is the confidence of the entry, and of equal ones
  the first by security goes first. The others have target 0 until there is room (reason `no room`);
- a position also ends (type 0, target 0) on the strategy's exit condition, at its stop, by its age,
  or when the symbol leaves the universe;
- while it is held (type 0), weight, strength and confidence stay those of its entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import WEIGHT_NOISE
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.positions import carry, fit
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import BUY, SELL, Strategy, metadata_json
from quant_platform.strategies.holdings import EXIT, STOP, TIME, Holdings, hold
from quant_platform.strategies.risk import volatility_scale
from quant_platform.strategies.signal_arrays import SignalArrays

LARGEST_STOP = 0.99
"""Largest stop distance, as a fraction of the entry close: a stop price stays positive."""

NO_ROOM = "no room"
"""Reason in the metadata of a position that is not held because others have a higher score."""


@dataclass(frozen=True)
class Conditions:
    """What a strategy sees in each cell; arrays of shape (sessions, securities).

    Attributes
    ----------
    buy, sell : the condition of a signal is met, whatever its confidence
    leave : the condition to leave a position is met
    strength, confidence : 0 to 1, of the buy or sell signal; read only where there is one
    details : makes figures for the metadata of rows with a signal or a position
    """

    buy: BoolArray
    sell: BoolArray
    leave: BoolArray
    strength: FloatArray
    confidence: FloatArray
    details: Callable[[], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class PositionRules:
    """Limits of signals and positions.

    Attributes
    ----------
    min_confidence : below it a condition is no signal
    max_position : target weight at confidence 1, as a share of the portfolio
    volatility_limit : annual volatility above which positions shrink in proportion
    stop_atr : distance of the stop below the entry close, in average true ranges
    max_holding : sessions after which a position ends
    """

    min_confidence: float
    max_position: float
    volatility_limit: float
    stop_atr: float
    max_holding: int

    @property
    def memory(self) -> int:
        """Sessions of conditions that matter.

        From the one before the oldest entry whose end still shows to the session itself.
        """
        return self.max_holding + 2


def position_arrays(
    strategy: Strategy, panel: Panel, conditions: Conditions, rules: PositionRules
) -> SignalArrays:
    """Return what a strategy says that sees `conditions` and follows `rules`."""
    rows = strategy.rows(panel)
    able = rows & (conditions.confidence >= rules.min_confidence)
    buy, sell = _first(conditions.buy & able), _first(conditions.sell & able & ~conditions.buy)
    leave = conditions.leave | sell | ~panel.member
    # Sizes and stops are those of entries: elsewhere there is nothing to work out.
    at = np.nonzero(buy)
    sure = conditions.confidence[at]
    scale = volatility_scale(panel["realized_volatility_20"][at], rules.volatility_limit)
    weight, stop = np.empty(buy.shape), np.empty(buy.shape)
    weight[at] = rules.max_position * sure * scale
    stop[at] = np.minimum(rules.stop_atr * panel["atr_14"][at] / panel.close[at], LARGEST_STOP)
    target, score = np.empty(buy.shape), np.empty(buy.shape)
    confidence = np.ascontiguousarray(conditions.confidence)
    close, move = map(np.ascontiguousarray, (panel.close, panel["momentum_1"]))
    carry(buy, leave, close, move, stop, weight, confidence, rules.max_holding, target, score)
    room = has_room(target, score, strategy.max_gross)
    np.copyto(target, 0.0, where=~room)
    signal_type = np.zeros(buy.shape, dtype=np.int8)
    np.copyto(signal_type, SELL, where=sell)
    np.copyto(signal_type, BUY, where=buy & room)

    def rest() -> dict[str, Any]:
        positions = hold(buy, leave, price_relatives(panel), stop, rules.max_holding)
        return _rest(panel, conditions, positions, room, sell, stop, rows)

    signals = np.nonzero(buy | sell)
    said = [each[signals] for each in (conditions.strength, conditions.confidence)]
    sound = all(((each >= 0.0) & (each <= 1.0)).all() for each in said)
    return SignalArrays(
        signal_type, target, rest, rows, is_sound=sound and bool((stop[at] < 1.0).all())
    )


def _rest(
    panel: Panel,
    conditions: Conditions,
    positions: Holdings,
    room: BoolArray,
    sell: BoolArray,
    stop: FloatArray,
    rows: BoolArray,
) -> dict[str, Any]:
    """What beside types and weights is said of positions and sells."""
    chosen = positions.held & room
    strength, confidence = (
        np.where(positions.held, positions.of_entry(each), np.where(sell, each, 0.0))
        for each in (conditions.strength, conditions.confidence)
    )
    return {
        "strength": strength,
        "confidence": confidence,
        "stop_price": np.where(chosen, positions.stop_price(panel.close, stop), np.nan),
        "score": np.where(sell, -confidence, confidence),
        "metadata": _metadata(panel, conditions, positions, chosen, sell, rows),
    }


def has_room(weights: FloatArray, score: FloatArray, max_gross: float) -> BoolArray:
    """Return which positions fit into `max_gross` when those of the highest score go first.

    Parameters
    ----------
    weights : (sessions, securities), 0 where nothing is asked for
    score : (sessions, securities); of equal scores the first column goes first

    Notes
    -----
    Sums run from position to position, so that a security without one changes no bit of them.
    """
    room = np.empty(weights.shape, dtype=bool)
    fit(np.ascontiguousarray(weights), np.ascontiguousarray(score), max_gross + WEIGHT_NOISE, room)
    return room


def without_room(signals: pd.DataFrame) -> int:
    """Count the rows of positions that there was no room for."""
    return int(signals["metadata"].str.contains(f'"{NO_ROOM}"', regex=False).sum())


def price_relatives(panel: Panel) -> FloatArray:
    """Return each close over the one before it, adjusted for splits; 1 in a session without a bar.

    From the feature `momentum_1`, which is measured from the last known close: the session that
    ends a gap carries the gap's whole move.
    """
    return np.where(np.isnan(panel.close), 1.0, 1.0 + panel["momentum_1"])


def _first(met: BoolArray) -> BoolArray:
    """Return where a condition is met that was not met in the session before."""
    first = met.copy()
    first[1:] &= ~met[:-1]
    return first


def _metadata(
    panel: Panel,
    conditions: Conditions,
    positions: Holdings,
    chosen: BoolArray,
    sell: BoolArray,
    rows: BoolArray,
) -> NDArray[np.object_]:
    """State, for rows with a signal, a position or the end of one, why and on what figures."""
    ended = positions.ended
    reason = np.select(
        [
            positions.held & ~chosen,
            positions.age == 0,
            sell,
            ended == EXIT,
            ended == STOP,
            ended == TIME,
        ],
        [NO_ROOM, "buy", "sell", "exit", "stop", "time"],
        "hold",
    )
    where = rows & (sell | positions.held | (ended != 0))
    age = np.where(positions.held, positions.age.astype(np.float64), np.nan)
    return metadata_json(where, {"reason": reason, "age": age, **conditions.details()})
