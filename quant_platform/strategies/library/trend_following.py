"""The strategy `trend_following`: each security by its own trend, at equal risk."""

from typing import Annotated

import numpy as np
from pydantic import Field

from quant_platform.conventions import PERIOD_SESSIONS
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.strategies.parameters import StrategyParameters
from quant_platform.strategies.weight_strategy import VOLATILITY, WeightStrategy, at_most, held


class TrendFollowing(WeightStrategy):
    """Hold what has risen over a year, and sell short what has fallen, sized to equal volatility.

    After the close of a month's first session, a member's weight is sign(return_252) ·
    target_volatility / (σ · n), where σ is realized_volatility_60 and n the number of members with
    both known; one with σ = 0 weighs 0. With `short` off, what has fallen weighs 0 and counts in n
    all the same. Where the absolute weights of a session add up to more than 1, all are scaled down
    to it. They are held until the next choice.

    The rule is Moskowitz, Ooi and Pedersen, "Time Series Momentum", *Journal of Financial
    Economics* 104(2), 2012: twelve months of formation, one month of holding. They trade futures
    at 40 % volatility each and take returns beyond the risk-free rate and an exponentially weighted
    σ; here it is the total return, a plain σ of 60 sessions, and no leverage.
    """

    class Parameters(StrategyParameters):
        """Parameters of trend_following."""

        target_volatility: Annotated[
            float,
            Field(gt=0, le=2, description="Annual volatility of a position of weight 1, a share."),
        ] = 0.2
        short: Annotated[bool, Field(description="Whether what has fallen is sold short.")] = False

    name = "trend_following"
    version = "1.0.0"
    by_default = False
    horizon = PERIOD_SESSIONS["month"]
    optional_features = (VOLATILITY, "realized_volatility_60", "return_252")
    row_features = (VOLATILITY,)
    parameters: Parameters

    def weights(self, panel: Panel) -> FloatArray:
        """Return the weights of the last choice; see the class."""
        p = self.parameters
        trend, volatility = np.sign(panel["return_252"]), panel["realized_volatility_60"]
        known = panel.member & panel.traded & np.isfinite(trend) & np.isfinite(volatility)
        follows = known & (volatility > 0.0) & ((trend > 0.0) | (p.short & (trend < 0.0)))
        size = p.target_volatility / np.where(follows, volatility, np.inf)
        count = np.maximum(known.sum(axis=1, keepdims=True), 1)
        asked = np.where(follows, trend * size / count, 0.0)
        return held(panel, at_most(asked, self.max_gross), "month")
