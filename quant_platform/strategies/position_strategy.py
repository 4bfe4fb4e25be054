"""`PositionStrategy`: a rule with entries, exits and stops, which states its conditions alone.

A subclass writes `conditions(panel)`, where it would buy, sell or leave and how sure it is. From
its parameters come size, stop and the longest time in a position, from `positions.py` the memory.
What does not belong here: what becomes of the conditions (`positions.py`, `holdings.py`).
"""

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.limits import REFUSE
from quant_platform.strategies.parameters import StrategyParameters
from quant_platform.strategies.positions import Conditions, PositionRules, position_arrays
from quant_platform.strategies.signal_arrays import SignalArrays
from quant_platform.trading.orders import TradingRules


class PositionParameters(StrategyParameters):
    """Parameters of every strategy with positions; a subclass may state other defaults."""

    min_confidence: Annotated[
        float, Field(ge=0, le=1, description="Confidence below which there is no signal.")
    ] = 0.3
    max_position: Annotated[
        float,
        Field(gt=0, le=1, description="Weight at confidence 1, as a share of the portfolio."),
    ] = 0.05
    volatility_limit: Annotated[
        float,
        Field(gt=0, le=10, description="Annual volatility above which positions shrink."),
    ] = 0.30
    stop_atr: Annotated[
        float, Field(gt=0, le=100, description="Stop below the entry close, in ATR.")
    ] = 2.0
    max_holding: Annotated[
        int,
        Field(ge=1, le=SESSIONS_PER_YEAR, description="Sessions after which a position ends."),
    ] = 60
    stop_inside: Annotated[
        bool, Field(description="Whether the stop is an order, and not watched at closes alone.")
    ] = False


class PositionStrategy(Strategy):
    """A rule that enters, holds and leaves long positions.

    A position has the weight max_position · confidence · min(1, volatility_limit/σ), where σ is
    realized_volatility_20, and a stop `stop_atr` × atr_14 below the entry's close. It ends on the
    rule's exit or sell, at a close at or below its stop, or after `max_holding` sessions. With
    `stop_inside` the simulation leaves it in the session whose bar reaches the stop, too; the
    signals are the same.

    A subclass names `POSITION_FEATURES` among its `required_features`, and as `condition_lookback`
    the sessions of the panel that a condition depends on, its own included.
    """

    Parameters: ClassVar[type[StrategyParameters]] = PositionParameters
    condition_lookback: ClassVar[int] = 1
    on_excess = REFUSE
    parameters: PositionParameters

    @abstractmethod
    def conditions(self, panel: Panel) -> Conditions:
        """Return where the rule would buy, sell or leave, and how sure it is."""

    @property
    def rules(self) -> PositionRules:
        """Limits of signals and positions."""
        p = self.parameters
        return PositionRules(
            p.min_confidence, p.max_position, p.volatility_limit, p.stop_atr, p.max_holding
        )

    @property
    def trading_rules(self) -> TradingRules:
        """How the portfolio trades the targets, and whether it keeps their stops."""
        return replace(super().trading_rules, stops=self.parameters.stop_inside)

    @property
    def lookback(self) -> int:
        """The positions' memory, and what its oldest condition depends on."""
        return self.rules.memory + self.condition_lookback - 1

    @property
    def max_weight(self) -> float:
        """Largest target weight of one symbol."""
        return self.parameters.max_position

    def signals(self, panel: Panel) -> pd.DataFrame:
        """Return the signals of every session of the panel."""
        return self.frame(panel, **self.arrays(panel).columns())

    def arrays(self, panel: Panel) -> SignalArrays:
        """Return the same without making rows."""
        return position_arrays(self, panel, self.conditions(panel), self.rules)
