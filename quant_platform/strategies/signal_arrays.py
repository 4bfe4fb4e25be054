"""`SignalArrays`: what a strategy says in each cell, before it becomes rows.

Rows carry text and risk figures that nobody trades on; a simulation of which only the returns are
wanted goes without them. What does not belong here: rows (`base.py`), and orders (`targets.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray


@dataclass(frozen=True)
class SignalArrays:
    """What the columns of the same names hold, in the panel's shape; read where there are rows.

    Attributes
    ----------
    signal_type : 1, 0 or −1
    strength, confidence : from 0 to 1
    target_weight : as a share of the equity
    stop_price : NaN where there is none
    score : direction times confidence, which the risk figures are made of
    metadata : makes one JSON object per cell
    """

    signal_type: NDArray[np.integer]
    strength: FloatArray
    confidence: FloatArray
    target_weight: FloatArray
    stop_price: FloatArray
    score: FloatArray
    metadata: Callable[[], NDArray[np.object_]]

    def columns(self) -> dict[str, Any]:
        """Return the arguments of `Strategy.frame`."""
        return {
            "signal_type": self.signal_type,
            "strength": self.strength,
            "confidence": self.confidence,
            "target_weight": self.target_weight,
            "stop_price": self.stop_price,
            "score": self.score,
            "metadata": self.metadata(),
        }
