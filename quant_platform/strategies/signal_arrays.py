"""`SignalArrays`: what a strategy says in each cell, before it becomes rows.

Weights and types are what is traded and judged. The rest of a row, its text and its risk figures
among it, is made when rows are. What does not belong here: rows (`base.py`), and the weights of a
simulation (`targets.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class SignalArrays:
    """What the columns of the same names hold, in the panel's shape; read where there are rows.

    Attributes
    ----------
    signal_type : 1, 0 or −1
    target_weight : as a share of the equity
    rest : makes the other arguments of `Strategy.frame`, by name
    rows : where there are rows, if that was worked out
    is_sound : whether strength, confidence and stop price keep the rules of `Strategy.run` in every
        row
    """

    signal_type: NDArray[np.integer]
    target_weight: FloatArray
    rest: Callable[[], dict[str, Any]]
    rows: BoolArray | None = None
    is_sound: bool = True

    def columns(self) -> dict[str, Any]:
        """Return the arguments of `Strategy.frame`."""
        return {
            "signal_type": self.signal_type,
            "target_weight": self.target_weight,
            **self.rest(),
        }
