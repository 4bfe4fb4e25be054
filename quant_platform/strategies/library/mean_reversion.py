"""The strategy `mean_reversion`: buy a fall against an upward trend, which tends to reverse."""

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.strategies.position_strategy import PositionParameters, PositionStrategy
from quant_platform.strategies.positions import Conditions
from quant_platform.strategies.risk import volatility_confidence


class MeanReversion(PositionStrategy):
    """Buy extreme falls (Bollinger band, RSI) in an upward trend and leave at the middle band.

    Buy: close < bollinger_lower, rsi_14 < `rsi_low`, and the trend is up. Sell (target 0), the
    mirror image: close > bollinger_upper, rsi_14 > `rsi_high`, and the trend is down. The trend is
    up where sma_50 > sma_200, down where sma_50 < sma_200. (The close itself against sma_200 would
    leave next to nothing: after a fall deep enough for the two extremes it mostly lies below that
    average already.)

    With the depth of the extreme in two measures, each 0 when just met and 1 when fully met — how
    far the close is outside the band, in quarters of the band's width, and how far the RSI is
    beyond its threshold, in halves of what is left to 0 (or 100) —

    strength = the mean of the two; confidence = (½ + ½ strength) · (1 − ½ clip(σ/volatility_limit −
    1, 0, 1)), where σ is realized_volatility_20; below `min_confidence` there is no signal.

    Target weight = max_position · confidence · min(1, volatility_limit/σ), stop `stop_atr` × atr_14
    below the close. A position ends at a close at or above bollinger_middle, at a sell, at a close
    at or below its stop, or after `max_holding` sessions; a new extreme before that renews it.
    """

    class Parameters(PositionParameters):
        """Parameters of mean_reversion."""

        rsi_low: Annotated[
            float, Field(gt=0, le=100, description="RSI below which a buy is possible.")
        ] = 30.0
        rsi_high: Annotated[
            float, Field(ge=0, lt=100, description="RSI above which a sell is possible.")
        ] = 70.0
        stop_atr: Annotated[
            float, Field(gt=0, le=100, description="Stop below the entry close, in ATR.")
        ] = 3.0
        max_holding: Annotated[
            int,
            Field(ge=1, le=SESSIONS_PER_YEAR, description="Sessions after which a position ends."),
        ] = 20

        @model_validator(mode="after")
        def _band(self) -> "MeanReversion.Parameters":
            if self.rsi_low >= self.rsi_high:
                raise ValueError(
                    f"rsi_low ({self.rsi_low:g}) must be below rsi_high ({self.rsi_high:g})"
                )
            return self

    name = "mean_reversion"
    version = "1.1.0"
    required_features = (
        "bollinger_lower",
        "bollinger_middle",
        "bollinger_upper",
        "rsi_14",
        "sma_50",
        "sma_200",
        "momentum_1",
        "realized_volatility_20",
        "atr_14",
    )
    parameters: Parameters

    def conditions(self, panel: Panel) -> Conditions:
        """Return where the close is too far out, and how sure that is; see the class."""
        p = self.parameters
        close, rsi = panel.close, panel["rsi_14"]
        lower, upper = panel["bollinger_lower"], panel["bollinger_upper"]
        trend = panel["sma_50"] - panel["sma_200"]
        buy = (close < lower) & (rsi < p.rsi_low) & (trend > 0.0)
        sell = (close > upper) & (rsi > p.rsi_high) & (trend < 0.0)
        outside = np.where(sell, close - upper, lower - close)
        beyond = np.where(
            sell, (rsi - p.rsi_high) / (100.0 - p.rsi_high), (p.rsi_low - rsi) / p.rsi_low
        )
        strength = (_full_at(outside, (upper - lower) / 4.0) + _full_at(beyond, 0.5)) / 2.0
        confidence = (0.5 + 0.5 * strength) * volatility_confidence(
            panel["realized_volatility_20"], p.volatility_limit
        )
        return Conditions(
            buy=buy,
            sell=sell,
            leave=close >= panel["bollinger_middle"],
            strength=strength,
            confidence=confidence,
            details=lambda: {
                "rsi_14": rsi,
                "bollinger_lower": lower,
                "bollinger_middle": panel["bollinger_middle"],
                "bollinger_upper": upper,
                "trend": trend / panel["sma_200"],
            },
        )


def _full_at(value: FloatArray, full: FloatArray | float) -> FloatArray:
    """Return value/full, not below 0 and not above 1; 1 for a positive value of no scale."""
    positive = np.maximum(value, 0.0)
    return positive / np.maximum(np.maximum(full, positive), np.finfo(np.float64).tiny)
