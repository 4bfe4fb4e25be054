"""The types of arrays that the platform computes with.

What does not belong here: anything that computes.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Prices, returns, weights: NaN where unknown."""

BoolArray = NDArray[np.bool_]
SessionArray = NDArray[np.datetime64]
"""Sessions as datetime64[D], ascending."""
