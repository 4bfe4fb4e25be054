"""The strategy `enhanced_momentum`: moving average crossings that other evidence confirms."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.panel import Panel
from quant_platform.strategies.position_strategy import PositionParameters, PositionStrategy
from quant_platform.strategies.positions import Conditions
from quant_platform.strategies.risk import volatility_confidence


class EnhancedMomentum(PositionStrategy):
    """Follow crossings of the 10- and 20-session averages that RSI, volume and momentum confirm.

    The crossing is a sign change of the spread sma_10/sma_20 − 1 between the previous session and
    this one (each session's spread is free of units, so a split between the two does not matter):
    upwards from ≤ 0 to > 0, downwards from ≥ 0 to < 0. It counts if at least `min_confirmations` of
    three hold, each with a strength of ½ when just met and 1 when fully met, 0 when not met:

    - RSI: rsi_14 within [`rsi_low`, `rsi_high`]; ½ + ½ (1 − |rsi − middle| / half the band);
    - volume: volume_ratio_20 ≥ `min_volume_ratio`; ½ + ½ min(1, ratio/min_volume_ratio − 1);
    - momentum: momentum_5 has the sign of the crossing; ½ + ½ min(1, |momentum_5| / (σ √(5/252))),
      where σ is realized_volatility_20.

    confidence = (sum of the three strengths)/3 · (1 − ½ clip(σ/volatility_limit − 1, 0, 1)); a
    crossing with less than `min_confidence` is no signal. strength = the change of the spread over
    the session in daily standard deviations, at most 1.

    An upward crossing buys: target weight = max_position · confidence · min(1, volatility_limit/σ),
    stop `stop_atr` × atr_14 below the close. A downward crossing sells: target 0. A position ends
    at the sell, at a close at or below its stop, or after `max_holding` sessions.
    """

    class Parameters(PositionParameters):
        """Parameters of enhanced_momentum."""

        min_confirmations: Annotated[
            int, Field(ge=0, le=3, description="Confirmations a crossing needs, of three.")
        ] = 2
        rsi_low: Annotated[float, Field(ge=0, le=100, description="Lowest RSI that confirms.")] = (
            30.0
        )
        rsi_high: Annotated[
            float, Field(ge=0, le=100, description="Highest RSI that confirms.")
        ] = 70.0
        min_volume_ratio: Annotated[
            float,
            Field(gt=0, le=100, description="Volume over its 20-session mean that confirms."),
        ] = 1.2

        @model_validator(mode="after")
        def _band(self) -> "EnhancedMomentum.Parameters":
            if self.rsi_low >= self.rsi_high:
                raise ValueError(
                    f"rsi_low ({self.rsi_low:g}) must be below rsi_high ({self.rsi_high:g})"
                )
            return self

    name = "enhanced_momentum"
    version = "1.1.0"
    condition_lookback = 2
    required_features = (
        "sma_10",
        "sma_20",
        "rsi_14",
        "volume_ratio_20",
        "momentum_1",
        "momentum_5",
        "realized_volatility_20",
        "atr_14",
    )
    parameters: Parameters

    def conditions(self, panel: Panel) -> Conditions:
        """Return where the averages cross, and how sure that is; see the class for the formulas."""
        spread = panel["sma_10"] / panel["sma_20"] - 1.0
        up, down = np.zeros((2, *spread.shape), dtype=bool)
        up[1:] = (spread[1:] > 0.0) & (spread[:-1] <= 0.0)
        down[1:] = (spread[1:] < 0.0) & (spread[:-1] >= 0.0)
        # Everything else is asked of crossings alone.
        cells = np.nonzero(up | down)
        strengths = self._confirmations(panel, up, cells)
        confirmed = np.zeros(spread.shape, dtype=bool)
        confirmed[cells] = (strengths > 0.0).sum(axis=0) >= self.parameters.min_confirmations
        volatility = panel["realized_volatility_20"][cells]
        confidence, strength = np.zeros(spread.shape), np.zeros(spread.shape)
        confidence[cells] = (strengths[0] + strengths[1] + strengths[2]) / 3.0
        confidence[cells] *= volatility_confidence(volatility, self.parameters.volatility_limit)
        change = np.abs(spread[cells] - spread[cells[0] - 1, cells[1]])
        strength[cells] = _capped(change, volatility / np.sqrt(SESSIONS_PER_YEAR))
        return Conditions(
            buy=up & confirmed,
            sell=down & confirmed,
            leave=np.zeros(spread.shape, dtype=bool),
            strength=strength,
            confidence=confidence,
            details=lambda: {
                "spread": spread,
                "confirmations": (self._confirmations(panel, up) > 0.0).sum(axis=0),
                "rsi_14": panel["rsi_14"],
                "volume_ratio_20": panel["volume_ratio_20"],
                "momentum_5": panel["momentum_5"],
            },
        )

    def _confirmations(self, panel: Panel, up: BoolArray, at: Any = ...) -> FloatArray:
        """Return the three confirmations' strengths in some cells, default all; 0 if not met."""
        p = self.parameters
        names = ("rsi_14", "volume_ratio_20", "momentum_5", "realized_volatility_20")
        rsi, ratio, momentum, volatility = (panel[name][at] for name in names)
        middle, half_band = (p.rsi_low + p.rsi_high) / 2.0, (p.rsi_high - p.rsi_low) / 2.0
        usual = volatility * np.sqrt(5.0 / SESSIONS_PER_YEAR)
        met = np.stack(
            (
                (rsi >= p.rsi_low) & (rsi <= p.rsi_high),
                ratio >= p.min_volume_ratio,
                momentum * np.where(up[at], 1.0, -1.0) > 0.0,
            )
        )
        beyond = np.stack(
            (
                np.clip(1.0 - np.abs(rsi - middle) / half_band, 0.0, 1.0),
                np.clip(ratio / p.min_volume_ratio - 1.0, 0.0, 1.0),
                _capped(np.abs(momentum), usual),
            )
        )
        return np.where(met, 0.5 + 0.5 * beyond, 0.0)


def _capped(value: FloatArray, scale: FloatArray) -> FloatArray:
    """Return min(1, value/scale) for values and scales ≥ 0; 0 where both are 0."""
    return value / np.maximum(np.maximum(scale, value), np.finfo(np.float64).tiny)
