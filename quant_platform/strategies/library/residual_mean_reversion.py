"""The strategy `residual_mean_reversion`: buy what fell behind its sector and tends to catch up."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.strategies.position_strategy import PositionParameters, PositionStrategy
from quant_platform.strategies.positions import Conditions
from quant_platform.strategies.risk import volatility_confidence

FASTEST = np.exp(-1.0 / 30.0)
"""Largest autoregression b: from here on half a deviation takes more than 21 sessions to go."""

KNOWN_SHARE = 0.9
"""Least share of the window's sessions with a residual; the others count as 0."""

NOISE = 1e-18
"""Sum of squares of levels that is nothing but rounding."""

BLOCK = 32
"""Securities that are worked on at a time, so that the sums stay in the cache."""


class ResidualMeanReversion(PositionStrategy):
    """Buy what lies far below the level that its return beyond its sector's swings around.

    1. residual ε = return_1 − mean return_1 of the members of its sector (`against = market`: of
       all members); those without a known sector are one. 0 where it is unknown, in at most a
       tenth of the window.
    2. Over the last `window` sessions, with the mean of ε taken off: X_k = ε_1 + … + ε_k.
    3. Least squares X_(k+1) = a + b X_k + ζ. There is a level only where 0 < b < exp(−1/30): then
       it is m = a/(1 − b), with σ_eq = √(variance of ζ / (1 − b²)).
    4. s = (X_last − m)/σ_eq, which is −m/σ_eq, since X_last is 0.

    Buy: s ≤ −`enter`; leave: s ≥ −`leave`; sell (target 0): s ≥ `enter`. strength =
    min(1, |s|/enter − 1); confidence = (½ + ½ strength) · (1 − ½ clip(σ/volatility_limit − 1, 0,
    1)), where σ is realized_volatility_20. A sector of one member has residuals of 0 and no signal.

    The rule is that of Avellaneda and Lee, "Statistical Arbitrage in the US Equities Market",
    *Quantitative Finance* 10(7), 2010, with their window of 60 sessions, thresholds of 1.25 and 0.5
    and bound of 30 sessions, made simpler: a beta of 1 to the plain mean of the sector in place of
    a regression on a fund, and the long side alone.
    """

    class Parameters(PositionParameters):
        """Parameters of residual_mean_reversion."""

        window: Annotated[
            int, Field(ge=20, le=250, description="Sessions of residuals, the newest included.")
        ] = 60
        against: Annotated[
            Literal["sector", "market"], Field(description="Whose mean return is taken off.")
        ] = "sector"
        enter: Annotated[
            float, Field(gt=0, le=10, description="Deviations from the level at which it enters.")
        ] = 1.25
        leave: Annotated[
            float, Field(ge=-10, le=10, description="Deviations below it at which it leaves.")
        ] = 0.5
        stop_atr: Annotated[
            float, Field(gt=0, le=100, description="Stop below the entry close, in ATR.")
        ] = 5.0

        @model_validator(mode="after")
        def _thresholds(self) -> "ResidualMeanReversion.Parameters":
            if self.leave >= self.enter:
                raise ValueError(f"leave ({self.leave:g}) must be below enter ({self.enter:g})")
            return self

    name = "residual_mean_reversion"
    version = "1.0.0"
    by_default = False
    reads_sectors = True
    required_features = ("return_1", "momentum_1", "realized_volatility_20", "atr_14")
    parameters: Parameters

    @property
    def lookback(self) -> int:
        """The positions' memory, and the window of its oldest condition."""
        return self.rules.memory + self.parameters.window - 1

    def conditions(self, panel: Panel) -> Conditions:
        """Return the conditions of every session of the panel; see the class for the formulas."""
        p = self.parameters
        # Those of no known sector are a group as well.
        groups = np.where(p.against == "sector", panel.sectors + 1, 0)
        residuals = panel.neutralize(panel["return_1"], by=groups)
        s = s_scores(residuals, p.window)
        strength = np.clip(np.abs(s) / p.enter - 1.0, 0.0, 1.0)
        confidence = (0.5 + 0.5 * strength) * volatility_confidence(
            panel["realized_volatility_20"], p.volatility_limit
        )
        return Conditions(
            buy=s <= -p.enter,
            sell=s >= p.enter,
            leave=s >= -p.leave,
            strength=strength,
            confidence=confidence,
            details=lambda: {"s_score": s},
        )


def s_scores(residuals: FloatArray, window: int) -> FloatArray:
    """Return s of each session's last `window` residuals, by the steps of the strategy.

    Parameters
    ----------
    residuals : (sessions, securities), NaN where unknown

    Returns
    -------
    (sessions, securities), NaN before the window is full, where too many residuals are unknown, and
    where the sums return to no level.
    """
    result = np.full(residuals.shape, np.nan)
    sessions = len(residuals) - window + 1
    if sessions < 1:
        return result
    for start in range(0, residuals.shape[1], BLOCK):
        part = residuals[:, start : start + BLOCK]
        known = np.isfinite(part)
        result[window - 1 :, start : start + BLOCK] = _s(
            np.where(known, part, 0.0), known, sessions, window
        )
    return result


def _s(values: FloatArray, known: FloatArray, sessions: int, window: int) -> FloatArray:
    """Follow the windows of all sessions, a residual a step: sums in the order of the sessions."""
    shape = (sessions, values.shape[1])
    count, mean = np.zeros(shape), np.zeros(shape)
    for k in range(window):
        count += known[k : k + sessions]
        mean += values[k : k + sessions]
    mean /= window
    # Sums over the pairs (x, y) of a level and the next.
    x, sum_x, sum_xx, sum_xy = (np.zeros(shape) for _ in range(4))
    sum_y, sum_yy = np.zeros(shape), np.zeros(shape)
    for k in range(window):
        y = x + (values[k : k + sessions] - mean)
        if k > 0:
            sum_x += x
            sum_y += y
            sum_xx += x * x
            sum_xy += x * y
            sum_yy += y * y
        x = y
    pairs = window - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        var_x, var_y = sum_xx - sum_x * sum_x / pairs, sum_yy - sum_y * sum_y / pairs
        cov = sum_xy - sum_x * sum_y / pairs
        b = cov / var_x
        level = (sum_y - b * sum_x) / pairs / (1.0 - b)
        rest = np.maximum(var_y - b * cov, 0.0) / (pairs - 2)
        s = -level / np.sqrt(rest / (1.0 - b * b))
    is_known = (count >= KNOWN_SHARE * window) & (b > 0.0) & (b < FASTEST) & (var_x > NOISE)
    return np.where(is_known & np.isfinite(s), s, np.nan)
