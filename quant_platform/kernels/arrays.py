"""The types of arrays that the platform computes with.

What does not belong here: anything that computes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Prices, returns, weights: NaN where unknown."""

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.integer[Any]]
"""Positions of sessions or securities, and counts."""

SessionArray = NDArray[np.datetime64]
"""Sessions as datetime64[D], ascending."""
