"""`targets_of`: the weights of a strategy as arrays, where no row of its signals is needed.

It says what `Strategy.run` says, bit for bit, or nothing: where a strategy writes rows only, breaks
a rule, or asks for more than a limit that refuses, rows must be made, and `run` names the one that
is at fault. What does not belong here: orders made of the weights (`trading/orders.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.conventions import WEIGHT_NOISE
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import BUY, SELL, Strategy
from quant_platform.strategies.limits import REFUSE, totals_of_arrays
from quant_platform.strategies.signal_arrays import SignalArrays


@dataclass(frozen=True)
class Targets:
    """What of the signals of some sessions is traded and judged; shape (sessions, securities).

    Attributes
    ----------
    rows : where there is a signal
    types : 1, 0 or −1
    weights, asked : after and before they were scaled; one and the same where none was
    """

    rows: BoolArray
    types: NDArray[np.integer]
    weights: FloatArray
    asked: FloatArray


def targets_of(strategy: Strategy, panel: Panel, last: int) -> Targets | None:
    """Return the weights of the last sessions of a panel; None where rows must be made.

    Parameters
    ----------
    panel : the sessions wanted with `lookback − 1` earlier ones
    last : how many sessions are wanted

    Raises
    ------
    UnknownNameError
        The panel lacks a feature that the strategy reads.
    """
    if not _says_all(type(strategy)):
        return None
    seen = strategy.cut(panel, last)
    arrays = strategy.arrays(seen)
    if arrays is None:
        return None
    wanted = slice(len(seen.sessions) - last, None)
    rows = (strategy.rows(seen) if arrays.rows is None else arrays.rows)[wanted]
    if not _keeps_rules(arrays, wanted, rows, seen.close[wanted], strategy.max_weight):
        return None
    asked = arrays.target_weight[wanted]
    excess = _excess(asked, rows, strategy)
    if excess is None:
        return None
    # As `within_limits` divides: a session that is not scaled by exactly 1.
    weights = asked / excess[:, None] if (excess > 1.0).any() else asked
    return Targets(rows, arrays.signal_type[wanted], weights, asked)


def _says_all(cls: type[Strategy]) -> bool:
    """Whether what `arrays` returns is what `signals` and `run` make their rows of."""

    def owner(name: str) -> int:
        return next(at for at, each in enumerate(cls.__mro__) if name in vars(each))

    plain = all(cls.__mro__[owner(name)] is Strategy for name in ("run", "frame", "_check"))
    return plain and owner("arrays") <= owner("signals")


def _keeps_rules(
    arrays: SignalArrays, wanted: slice, rows: BoolArray, close: FloatArray, limit: float
) -> bool:
    """Whether the rows keep the rules of `Strategy.run`."""
    kind, weight = arrays.signal_type[wanted], arrays.target_weight[wanted]
    holds = (weight >= -limit) & (weight <= limit) & (close > 0.0) & (close < np.inf)
    holds &= (kind <= BUY) & (kind >= SELL)
    holds &= (kind != BUY) | (weight > 0.0)
    holds &= (kind != SELL) | (weight <= 0.0)
    holds |= ~rows
    return arrays.is_sound and bool(holds.all())


def _excess(asked: FloatArray, rows: BoolArray, strategy: Strategy) -> FloatArray | None:
    """Factor by which each session asks for more than the limits, at least 1; None: refused."""
    gross, net = totals_of_arrays(asked, rows)
    beyond = (gross > strategy.max_gross + WEIGHT_NOISE) | (net > strategy.max_net + WEIGHT_NOISE)
    if strategy.on_excess == REFUSE and beyond.any():
        return None
    return np.maximum(np.maximum(gross / strategy.max_gross, net / strategy.max_net), 1.0)
