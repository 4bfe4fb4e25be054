"""A panel's arrays for the securities of one simulation: wider than the panel, or narrower.

Arrays that fit as they are become views. What does not belong here: what is done with them
(`simulation.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.market.panel import Panel


def widen(
    values: NDArray[Any], have: tuple[str, ...], want: tuple[str, ...], fill: FloatArray | float
) -> NDArray[Any]:
    """Rearrange the columns of `have` as those of `want`, with `fill` for new securities."""
    if have == want:
        return np.ascontiguousarray(values)
    result = np.empty((len(values), len(want)), dtype=values.dtype)
    result[:] = fill
    position = {security_id: column for column, security_id in enumerate(want)}
    shared = [column for column, security_id in enumerate(have) if security_id in position]
    result[:, [position[have[column]] for column in shared]] = values[:, shared]
    return result


@dataclass(frozen=True)
class MarketArrays:
    """The last sessions of a panel, for the securities of a simulation; shape (T, N).

    Attributes
    ----------
    panel : where they come from
    offset : sessions of the panel before the first one
    sessions, security_ids : of the rows and columns
    open, high, low, close, volume, traded, split, dividend : as the panel's
    retired : the reference data say that the security is delisted; (0, 0) where they retire none
    """

    panel: Panel
    offset: int
    sessions: SessionArray
    security_ids: tuple[str, ...]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    traded: BoolArray
    split: FloatArray
    dividend: FloatArray
    retired: BoolArray

    @classmethod
    def of(
        cls, panel: Panel, security_ids: tuple[str, ...], last: int, retired: BoolArray
    ) -> "MarketArrays":
        """Bars and actions of the last sessions of `panel`, for `security_ids`."""
        offset = len(panel.sessions) - last

        def of(name: str, fill: float) -> NDArray[Any]:
            return widen(getattr(panel, name)[offset:], panel.security_ids, security_ids, fill)

        prices = {name: of(name, np.nan) for name in ("open", "high", "low", "close", "volume")}
        return cls(
            panel=panel,
            offset=offset,
            sessions=panel.sessions[offset:],
            security_ids=security_ids,
            traded=of("traded", 0.0),
            split=of("split", 1.0),
            dividend=of("dividend", 0.0),
            retired=retired,
            **prices,
        )
