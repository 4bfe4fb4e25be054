"""The strategy `cross_sectional_momentum`: hold the winners of the last year but one month."""

from typing import Annotated

import numpy as np
from pydantic import Field

from quant_platform.conventions import PERIOD_SESSIONS
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.strategies.parameters import StrategyParameters
from quant_platform.strategies.weight_strategy import (
    VOLATILITY,
    WeightStrategy,
    held,
    shared,
    top_fraction,
)


class CrossSectionalMomentum(WeightStrategy):
    """Hold the members with the highest return from twelve months to one month ago, equally.

    After the close of a month's first session, members are ranked by (1 + return_252) / (1 +
    return_20) − 1, the total return from 252 to 20 sessions before. The highest `fraction` of those
    with both returns known share the portfolio equally until the next choice; weights are not
    brought back to equal in between.

    The rule is the winners' side of Jegadeesh and Titman, "Returns to Buying Winners and Selling
    Losers", *Journal of Finance* 48(1), 1993, with twelve months of formation, the last of them
    left out, and one month of holding.
    """

    class Parameters(StrategyParameters):
        """Parameters of cross_sectional_momentum."""

        fraction: Annotated[
            float, Field(gt=0, le=1, description="Share of the members that is held.")
        ] = 0.1

    name = "cross_sectional_momentum"
    version = "1.0.0"
    by_default = False
    horizon = PERIOD_SESSIONS["month"]
    optional_features = (VOLATILITY, "return_252", "return_20")
    row_features = (VOLATILITY,)
    parameters: Parameters

    def weights(self, panel: Panel) -> FloatArray:
        """Return the weights of the last month's winners; see the class."""
        with np.errstate(divide="ignore", invalid="ignore"):  # A total loss has no return since.
            score = (1.0 + panel["return_252"]) / (1.0 + panel["return_20"]) - 1.0
        chosen = top_fraction(panel, score, self.parameters.fraction)
        return held(panel, shared(chosen), "month")
