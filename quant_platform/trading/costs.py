"""What a trade costs: commission on the value filled, and slippage against the trade.

What does not belong here: which trades are made (`simulation.py`).
"""

import math
from dataclasses import dataclass

import numpy as np

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import FloatArray

BASIS_POINT = 1e-4


@dataclass(frozen=True)
class Costs:
    """Trading costs in basis points of the value traded.

    Attributes
    ----------
    commission_bp : paid on the value filled (shares × fill price)
    slippage_bp : distance of the fill price from the open, against the trade
    """

    commission_bp: float = 5.0
    slippage_bp: float = 5.0

    def __post_init__(self) -> None:
        for name in ("commission_bp", "slippage_bp"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 <= value < 1.0 / BASIS_POINT):
                raise SettingsError(
                    f"The trading cost {name} is {value!r}",
                    "Allowed: a number of basis points, ≥ 0, < 10000.",
                )

    def fill_price(self, open_price: FloatArray, shares: FloatArray) -> FloatArray:
        """Return the price at which `shares` (negative: sold) are filled at the open."""
        return open_price * (1.0 + np.sign(shares) * (self.slippage_bp * BASIS_POINT))

    def commission(self, fill_price: FloatArray, shares: FloatArray) -> FloatArray:
        """Return the commission, in currency."""
        return np.abs(shares) * fill_price * (self.commission_bp * BASIS_POINT)


DEFAULT_COSTS = Costs()
"""5 basis points of commission and 5 of slippage."""
