"""A panel's arrays for the securities of one simulation: wider than the panel, or narrower.

What does not belong here: what is done with them (`simulation.py`).
"""

from dataclasses import dataclass

import numpy as np

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.panel import Panel
from quant_platform.trading.delistings import Endings


def widen(
    values: FloatArray, have: tuple[str, ...], want: tuple[str, ...], fill: FloatArray | float
) -> FloatArray:
    """Rearrange the columns of `have` as those of `want`, with `fill` for new securities."""
    result = np.empty((len(values), len(want)))
    result[:] = fill
    position = {security_id: column for column, security_id in enumerate(want)}
    shared = [column for column, security_id in enumerate(have) if security_id in position]
    result[:, [position[have[column]] for column in shared]] = values[:, shared]
    return result


@dataclass(frozen=True)
class MarketArrays:
    """The panel's arrays for the securities of a simulation, and which sessions have actions."""

    panel: Panel
    open: FloatArray
    close: FloatArray
    split: FloatArray
    dividend: FloatArray
    traded: BoolArray
    has_split: BoolArray
    has_dividend: BoolArray
    retired: BoolArray

    @classmethod
    def of(cls, panel: Panel, security_ids: tuple[str, ...], endings: Endings) -> "MarketArrays":
        """Bars and actions of `panel`, and what `endings` knows, for `security_ids`."""
        split = widen(panel.split, panel.security_ids, security_ids, 1.0)
        dividend = widen(panel.dividend, panel.security_ids, security_ids, 0.0)
        traded = widen(panel.traded.astype(np.float64), panel.security_ids, security_ids, 0.0) > 0.0
        return cls(
            panel=panel,
            open=widen(panel.open, panel.security_ids, security_ids, np.nan),
            close=widen(panel.close, panel.security_ids, security_ids, np.nan),
            split=split,
            dividend=dividend,
            traded=traded,
            has_split=(split != 1.0).any(axis=1),
            has_dividend=(dividend != 0.0).any(axis=1),
            retired=endings.retired_in(panel.sessions, security_ids),
        )
