"""Prices and bars that nobody traded at: a pure function of a panel.

A bad print stands alone: it is far from what the security did before and after it, and from what
the market did. With logarithms, c′ the close before in the units of the session:

1. **Spike**: the high lies above, or the low below, all of open, close and c′ by more than the
   limit.
2. **Open**: the open lies away from c′ by more than the limit, and the close has come back.
3. **Close**: the close of the session *before* lay away from the one before that by more than the
   limit, and the open has come back. It is found in the session that comes back: nothing is known
   of it earlier.
4. **Repeated bar**: open, high, low, close and volume are those of the session before, or all four
   prices are c′, of a security whose usual range is not nearly nothing.

The limit of 1 to 3 is the largest of three: the threshold; `HABIT_MULTIPLE` times the security's
median of the same measure in its last sessions; and `MARKET_MULTIPLE` times the market's median of
the session, beyond its median move. In a panic all securities move, and their wicks are long: what
the market does in the same session accuses nobody. "Come back" leaves at most `LEFT` of the way.

What it finds and what it accuses wrongly is measured by `benchmarks/bad_prints.py`. What does not
belong here: volumes (`prices.volume_outliers`), and prices that stand still for days
(`prices.stale_prices`).
"""

import numpy as np

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.medians import known_median, trailing_median
from quant_platform.market.panel import Panel

LOOKBACK = USUAL_SESSIONS + 3
"""Sessions that a verdict is made of, its own included: the close before has a habit, too."""

PRINT_LIMIT = 0.08
"""Smallest distance, as a logarithm, that is worth a doubt."""

HABIT_MULTIPLE = 8.0
MARKET_MULTIPLE = 6.0

LEFT = 0.25
"""Part of a move that is left where a price has come back."""

SOME_RANGE = 0.005
"""Usual range of a security, as a logarithm, of which a bar without any is no bar."""


def bad_prints(panel: Panel, limit: float = PRINT_LIMIT) -> BoolArray:
    """Bars with a bad print, or after one that this bar shows to be bad."""
    return (
        spikes(panel, limit) | bad_opens(panel, limit) | bad_closes(panel, limit) | repeated(panel)
    )


def spikes(panel: Panel, limit: float = PRINT_LIMIT) -> BoolArray:
    """Bars whose high or low stands alone."""
    opened, closed, before = np.log(panel.open), np.log(panel.close), _before(panel)
    top, bottom = np.fmax(opened, closed), np.fmin(opened, closed)
    up, down = np.log(panel.high) - top, bottom - np.log(panel.low)
    # A wick that reaches back to where the price came from is no print that stands alone.
    beyond_up = np.log(panel.high) - np.fmax(top, before)
    beyond_down = np.fmin(bottom, before) - np.log(panel.low)
    return _beyond(panel, beyond_up, limit, up) | _beyond(panel, beyond_down, limit, down)


def bad_opens(panel: Panel, limit: float = PRINT_LIMIT) -> BoolArray:
    """Bars whose open stands alone."""
    before = _before(panel)
    night, day = (
        _excess(panel, np.log(panel.open) - before),
        _excess(panel, np.log(panel.close) - before),
    )
    return _alone(panel, night, day, limit)


def bad_closes(panel: Panel, limit: float = PRINT_LIMIT) -> BoolArray:
    """Bars whose open shows that the close before them stood alone."""
    before = _before(panel)
    day = _excess(panel, np.log(panel.close) - before)
    earlier = _shifted(day)
    night = _excess(panel, np.log(panel.open) - before)
    found = _alone(panel, earlier, earlier + night, limit)
    found[1:] &= panel.traded[:-1]
    return found


def repeated(panel: Panel) -> BoolArray:
    """Bars that are those of the session before, or hold its close and nothing else."""
    both = np.zeros(panel.close.shape, dtype=bool)
    both[1:] = panel.traded[1:] & panel.traded[:-1] & (panel.volume[1:] > 0.0)
    spread = np.where(panel.traded, np.log(panel.high / panel.low), np.nan)
    moves = _shifted(trailing_median(spread, USUAL_SESSIONS)[0]) > SOME_RANGE
    copied, still = both & moves, both & moves & (panel.high == panel.low)
    for values in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        copied[1:] &= values[1:] == values[:-1]
    still[1:] &= panel.close[1:] == panel.close[:-1] / panel.split[1:]
    found: BoolArray = copied | still
    return found


def _before(panel: Panel) -> FloatArray:
    """Logarithm of the close before, in the units of the session."""
    before = np.full(panel.close.shape, np.nan)
    before[1:] = np.log(panel.close[:-1] / panel.split[1:])
    return before


def _shifted(values: FloatArray) -> FloatArray:
    shifted = np.full(values.shape, np.nan)
    shifted[1:] = values[:-1]
    return shifted


def _excess(panel: Panel, move: FloatArray) -> FloatArray:
    """Move beyond the market's median move of the session."""
    move = np.where(panel.traded, move, np.nan)
    return move - known_median(move)[:, None]


def _beyond(
    panel: Panel, distance: FloatArray, limit: float, measure: FloatArray | None = None
) -> BoolArray:
    """Cells whose distance is beyond the threshold, and beyond habit and market of the measure."""
    usual = np.where(panel.traded, distance if measure is None else measure, np.nan)
    habit = _shifted(trailing_median(usual, USUAL_SESSIONS)[0])
    market = known_median(usual)[:, None]
    with np.errstate(invalid="ignore"):
        beyond: BoolArray = (
            (np.where(panel.traded, distance, np.nan) > limit)
            & (distance > HABIT_MULTIPLE * habit)
            & (distance > MARKET_MULTIPLE * market)
        )
    return beyond


def _alone(panel: Panel, away: FloatArray, left: FloatArray, limit: float) -> BoolArray:
    """Cells that went far away, of which little is left."""
    with np.errstate(invalid="ignore"):
        back: BoolArray = np.abs(left) < LEFT * np.abs(away)
    return _beyond(panel, np.abs(away), limit) & back
