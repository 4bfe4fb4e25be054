"""What prices say of splits: splits that moved nothing, and moves that look like a split.

Pure functions of a panel; which of several listed splits holds is settled in
`market/corporate_actions.py`.
"""

import math

import numpy as np

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.corporate_actions import SPLIT_TOLERANCE
from quant_platform.market.panel import Panel

EXTREME_RATIO = 1000.0
"""A split by more than this, or into fewer than one for so many, wants a second look."""

JUMP = 1.4
"""Smallest move of a night, up or down, that looks like a split."""

QUIET_SESSIONS = 5
QUIET_MULTIPLE = 2.0
"""A split is no news: at most this multiple of the busiest of the sessions before is traded."""


def opening_moves(panel: Panel) -> FloatArray:
    """Close of the session before over the open and the dividend: about r on the day of a split r.

    NaN where either is unknown or no bar is real. As rows: `panel.frame({"move": …})`.
    """
    return _moves(panel, panel.open)


def splits_without_jump(panel: Panel, tolerance: float = SPLIT_TOLERANCE) -> BoolArray:
    """Splits by whose ratio the price did not move: the ratio or the ex-date is wrong.

    Splits within the tolerance of 1 cannot be told from a night's usual move.
    """
    with np.errstate(invalid="ignore"):
        distance = np.abs(np.log(opening_moves(panel) / panel.split))
    contradicted: BoolArray = (panel.split != 1.0) & (distance > math.log1p(tolerance))
    return contradicted


def jumps_without_split(panel: Panel, limit: float = JUMP) -> BoolArray:
    """Sessions that look like a split that no action explains.

    The open lies `limit` times away from the close before, the close as well, and no unusual amount
    of money was traded.
    """
    night, day = opening_moves(panel), _moves(panel, panel.close)
    fell, rose = (night > limit) & (day > limit), (night < 1 / limit) & (day < 1 / limit)
    traded = panel.close * panel.volume
    busiest = np.full(traded.shape, np.nan)
    for sessions in range(1, QUIET_SESSIONS + 1):
        busiest[sessions:] = np.fmax(busiest[sessions:], traded[:-sessions])
    quiet = traded <= QUIET_MULTIPLE * busiest
    unexplained: BoolArray = (panel.split == 1.0) & (fell | rose) & quiet
    return unexplained


def extreme_splits(panel: Panel, limit: float = EXTREME_RATIO) -> BoolArray:
    """Splits by more than `limit`, either way."""
    extreme: BoolArray = (panel.split > limit) | (panel.split < 1 / limit)
    return extreme


def _moves(panel: Panel, price: FloatArray) -> FloatArray:
    moves = np.full(price.shape, np.nan)
    moves[1:] = panel.close[:-1] / (price[1:] + panel.dividend[1:])
    moves[~panel.traded] = np.nan
    return moves
