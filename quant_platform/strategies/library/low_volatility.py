"""The strategy `low_volatility`: hold the members whose returns vary least."""

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


class LowVolatility(WeightStrategy):
    """Hold the members with the lowest volatility of the last 60 sessions, equally.

    After the close of a month's first session, members are ranked by realized_volatility_60. The
    lowest `fraction` of those with a known one above 0 share the portfolio equally until the next
    choice. A price that does not move at all is no low risk but no trading.

    The rule is the low-risk portfolio of Blitz and van Vliet, "The Volatility Effect", *Journal of
    Portfolio Management* 34(1), 2007, who take three years of weekly returns; the short window is
    that of Ang, Hodrick, Xing and Zhang, "The Cross-Section of Volatility and Expected Returns",
    *Journal of Finance* 61(1), 2006, lengthened from one month to three.
    """

    class Parameters(StrategyParameters):
        """Parameters of low_volatility."""

        fraction: Annotated[
            float, Field(gt=0, le=1, description="Share of the members that is held.")
        ] = 0.1

    name = "low_volatility"
    version = "1.0.0"
    by_default = False
    horizon = PERIOD_SESSIONS["month"]
    optional_features = (VOLATILITY, "realized_volatility_60")
    row_features = (VOLATILITY,)
    parameters: Parameters

    def weights(self, panel: Panel) -> FloatArray:
        """Return the weights of the calmest members of the last choice; see the class."""
        volatility = panel["realized_volatility_60"]
        score = np.where(volatility > 0.0, -volatility, np.nan)
        return held(panel, shared(top_fraction(panel, score, self.parameters.fraction)), "month")
