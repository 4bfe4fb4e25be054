"""`ForecastStrategy`: a rule that trades by what a forecaster foretells.

A subclass states its `forecaster`, and writes `weights(panel)` of `panel["forecast"]`. The platform
trains the forecaster on its schedule, stores its forecasts as the asset `forecasts/<name>`, and
hands those of each session to the strategy beside its features. A cell without a forecast is NaN.
What does not belong here: learning (`learning/`).
"""

from abc import abstractmethod
from typing import TYPE_CHECKING

from quant_platform.errors import UnknownNameError
from quant_platform.learning.drift import FORECAST as FORECAST  # the strategy's name for it, too
from quant_platform.market.panel import Panel
from quant_platform.strategies.weight_strategy import VOLATILITY, WeightStrategy

if TYPE_CHECKING:
    from quant_platform.learning.forecaster import Forecaster


class ForecastStrategy(WeightStrategy):
    """A rule from forecasts to target weights."""

    optional_features = (VOLATILITY,)
    row_features = (VOLATILITY,)
    by_default = False

    @property
    @abstractmethod
    def forecaster(self) -> "Forecaster":  # type: ignore[override]
        """What is trained, and when."""

    def cut(self, panel: Panel, last: int | None) -> Panel:
        """Return the sessions that the signals of the last ones depend on.

        Raises
        ------
        UnknownNameError
            The panel lacks a feature that the strategy reads, or forecasts.
        """
        if FORECAST not in panel.features:
            raise UnknownNameError(
                f"Strategy {self.name} trades by forecasts, and the panel holds none",
                f"Backfill forecasts/{self.name} first: quant-platform backfill --select forecasts",
            )
        return super().cut(panel, last)
