"""The strategy `short_term_reversal`: hold the losers of the last month, which tend to recover."""

from typing import Annotated

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


class ShortTermReversal(WeightStrategy):
    """Hold the members with the lowest return of the last 20 sessions, equally.

    After the close of a month's first session, members are ranked by return_20. The lowest
    `fraction` of those with a known one share the portfolio equally until the next choice.

    The rule is the buying side of Jegadeesh, "Evidence of Predictable Behavior of Security
    Returns", *Journal of Finance* 45(3), 1990, with the last month's return alone as the forecast.
    """

    class Parameters(StrategyParameters):
        """Parameters of short_term_reversal."""

        fraction: Annotated[
            float, Field(gt=0, le=1, description="Share of the members that is held.")
        ] = 0.1

    name = "short_term_reversal"
    version = "1.0.0"
    by_default = False
    horizon = PERIOD_SESSIONS["month"]
    optional_features = (VOLATILITY, "return_20")
    row_features = (VOLATILITY,)
    parameters: Parameters

    def weights(self, panel: Panel) -> FloatArray:
        """Return the weights of the last month's losers; see the class."""
        chosen = top_fraction(panel, -panel["return_20"], self.parameters.fraction)
        return held(panel, shared(chosen), "month")
