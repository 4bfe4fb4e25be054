"""Returns that can be had after a session: from the next open to an open some sessions later.

A value of session t is known after its close, so what it foretells begins with the open of t + 1.
Returns are total returns: splits are followed, dividends reinvested at the close of their ex-date
(`adjustment.py`). A security that has stopped trading by the exit leaves at its last close.

A return is made of the bars and actions between its entry and its exit and of nothing else, so that
its bits do not depend on where a panel begins or ends. What does not belong here: what is paired
with the returns (`evaluation/`), and labels that know costs or barriers (`learning/`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.adjustment import first_bar_from
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel


def realised_returns(panel: Panel, horizons: Sequence[int]) -> dict[int, FloatArray]:
    """Return, by horizon, the returns that end with the open of each session.

    Parameters
    ----------
    panel : bars (open and close) and corporate actions
    horizons : sessions from entry to exit, whole numbers above 0

    Returns
    -------
    dict
        Horizon h → (sessions, securities): the return of session t begins with the open of t − h.
        NaN where the panel begins later, and where the security did not trade in t − h.
    """
    shape, traded = panel.traded.shape, panel.traded
    last = np.maximum.accumulate(np.where(traded, np.arange(shape[0])[:, None], -1), axis=0)
    carried = np.take_along_axis(panel.close, np.maximum(last, 0), axis=0)
    exits = np.where(traded, panel.open, np.where(last >= 0, carried, np.nan))
    entries = np.where(traded & (panel.open > 0.0), panel.open, np.nan)
    rows, columns, growth = _share_growth(panel)
    product, done = np.ones(shape), 0
    returns = {}
    for horizon in sorted(horizons):
        for later in range(done, horizon):
            # From the newest action to the oldest, one session a step.
            at = rows + later
            counts = at < shape[0]
            counts[counts] = last[at[counts], columns[counts]] >= rows[counts]
            product[at[counts], columns[counts]] *= growth[counts]
        done = horizon
        found = np.full(shape, np.nan)
        found[horizon:] = exits[horizon:] * product[horizon:] / entries[:-horizon] - 1.0
        returns[horizon] = np.where(np.isfinite(found), found, np.nan)
    return returns


def forward_returns(panel: Panel, horizons: Sequence[int]) -> dict[int, FloatArray]:
    """Return, by horizon, the returns that begin with the open after each session.

    As `realised_returns`, horizon + 1 sessions earlier; NaN where the panel ends before the exit.
    """
    found = {}
    for horizon, realised in realised_returns(panel, horizons).items():
        later = np.full(realised.shape, np.nan)
        later[: -(horizon + 1)] = realised[horizon + 1 :]
        found[horizon] = later
    return found


def _share_growth(panel: Panel) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Sessions and securities with an action, and the shares that one share became by it."""
    rows, columns = np.nonzero((panel.split != 1.0) | (panel.dividend != 0.0))
    bar = first_bar_from(panel.traded)[rows, columns]
    known = np.flatnonzero(bar < len(panel.sessions))
    price = np.full(len(rows), np.nan)
    price[known] = panel.close[bar[known], columns[known]]
    for each in known[bar[known] > rows[known]].tolist():
        # Rare: the ex-date had no bar. The price is brought back into units of the ex-date.
        between = panel.split[rows[each] + 1 : bar[each] + 1, columns[each]]
        price[each] *= float(np.prod(between))
    paid = panel.dividend[rows, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        reinvested = (price + paid) / price
    return rows, columns, panel.split[rows, columns] * np.where(price > 0.0, reinvested, 1.0)
