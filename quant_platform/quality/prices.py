"""Judgements about a session's facts: pure functions of a panel, each a grid of verdicts.

What belongs here: what makes a bar or a session suspicious. What does not: where verdicts are
stored, whether they stop a run (`defs/checks`), and what can be refused row by row when it is
written (the tables' own constraints).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.medians import trailing_median
from quant_platform.market.liquidity import value_traded
from quant_platform.market.panel import Panel

JUMP_LIMIT = 0.25
"""One-session total return beyond which a price change wants an explanation."""

STALE_SESSIONS = 5
"""Sessions in a row with the same open, high, low and close after which a price is stale."""

VOLUME_MULTIPLE = 50.0
"""Value traded, as a multiple of the median of the sessions before or a part of it as small, beyond
which it is doubtful."""


def bars_before(panel: Panel, sessions: int) -> NDArray[np.int64]:
    """Bars that each security had in the `sessions` sessions before: (sessions, securities)."""
    total = np.cumsum(panel.traded, axis=0, dtype=np.int64)
    before = np.zeros_like(total)
    before[1:] = total[:-1]
    before[sessions + 1 :] -= total[: -sessions - 1]
    return before


def total_returns(panel: Panel) -> FloatArray:
    """One-session holding return, splits and dividends explained away; NaN in the first row."""
    change = np.full(panel.close.shape, np.nan)
    held = (panel.close[1:] + panel.dividend[1:]) * panel.split[1:]
    change[1:] = held / panel.close[:-1] - 1.0
    return change


def unexplained_jumps(panel: Panel, limit: float = JUMP_LIMIT) -> BoolArray:
    """Closes that moved more than `limit` without a split or dividend that explains it."""
    return panel.traded & (np.abs(total_returns(panel)) > limit)


def volume_outliers(panel: Panel, multiple: float = VOLUME_MULTIPLE) -> BoolArray:
    """Bars that traded `multiple` times what the symbol's last sessions had, or that part of it.

    Value and not shares, so that a split is no outlier.
    """
    value = value_traded(panel)
    median, counted = trailing_median(value, USUAL_SESSIONS)
    usual = np.full(value.shape, np.nan)
    usual[1:] = np.where(counted == USUAL_SESSIONS, median, np.nan)[:-1]
    far = (value > multiple * usual) | ((value > 0.0) & (value * multiple < usual))
    outliers: BoolArray = panel.traded & (usual > 0.0) & far
    return outliers


def stale_prices(panel: Panel) -> BoolArray:
    """Bars that end a run of `STALE_SESSIONS` or more with not a single price change."""
    flat = (panel.open == panel.high) & (panel.high == panel.low) & (panel.low == panel.close)
    same = np.zeros(panel.close.shape, dtype=bool)
    same[1:] = flat[1:] & (panel.close[1:] == panel.close[:-1])
    run = np.zeros(panel.close.shape, dtype=np.int64)
    for row in range(1, len(run)):
        run[row] = np.where(same[row], run[row - 1] + 1, 0)
    return panel.traded & (run >= STALE_SESSIONS - 1)
