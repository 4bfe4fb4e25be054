"""The strategy `ml_ranker`: hold what a gradient boosting of rankings puts first."""

from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.forecaster import Forecaster, GradientRanker
from quant_platform.learning.labels import ReturnRank
from quant_platform.market.calendar import LONGEST_PERIOD
from quant_platform.market.panel import Panel
from quant_platform.strategies.forecast_strategy import FORECAST, ForecastStrategy
from quant_platform.strategies.parameters import StrategyParameters
from quant_platform.strategies.weight_strategy import held, shared, top_fraction


class MlRanker(ForecastStrategy):
    """Hold the members that a gradient boosting of rankings foretells most of, equally.

    Trees are trained to rank the members of a session by their total return over the next `horizon`
    sessions, from `features`. After the close of a week's
    first session the highest `fraction` of the forecasts shares the portfolio equally until the
    next choice. A new version is trained after the first session of each `retrain`, and takes over
    from the one in force only where it was better out of sample by more than chance.

    The set alpha158 is that of Yang, Liu, Zhou, Bian and Liu, "Qlib: An AI-oriented Quantitative
    Investment Platform", 2020; the ranking's loss that of Bruch, WWW 2021. Horizon, window and
    trees are ours.
    """

    class Parameters(StrategyParameters):
        """Parameters of ml_ranker."""

        fraction: Annotated[
            float, Field(gt=0, le=1, description="Share of the members that is held.")
        ] = 0.1
        features: Annotated[
            str, Field(description="Features and feature sets that it learns from, joined by +.")
        ] = "alpha158+cross_section"
        horizon: Annotated[
            int, Field(ge=1, le=63, description="Sessions of the return that is foretold.")
        ] = 5
        window: Annotated[
            int, Field(ge=63, le=5_040, description="Sessions that a version is trained on.")
        ] = 756
        retrain: Annotated[
            Literal["month", "quarter", "year"],
            Field(description="Period after whose first session a version is trained."),
        ] = "year"
        promotion: Annotated[
            Literal["significant", "always"],
            Field(description="When a new version takes over."),
        ] = "significant"
        trees: Annotated[int, Field(ge=1, le=2_000, description="Trees of a version.")] = 100
        leaves: Annotated[int, Field(ge=2, le=256, description="Leaves of a tree.")] = 15
        seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="Seed of the training.")] = 0

    name = "ml_ranker"
    version = "1.0.0"
    parameters: Parameters

    @cached_property
    def forecaster(self) -> Forecaster:  # type: ignore[override]
        """Return what is trained; see the class."""
        p = self.parameters
        return Forecaster(
            features=tuple(each.strip() for each in p.features.split("+")),
            label=ReturnRank(p.horizon),
            estimator=GradientRanker(trees=p.trees, leaves=p.leaves),
            window=p.window,
            minimum=min(252, p.window),
            retrain=p.retrain,
            promotion=p.promotion,
            seed=p.seed,
        )

    @property
    def horizon(self) -> int:  # type: ignore[override]
        """Sessions of the return that is foretold."""
        return self.parameters.horizon

    @property
    def weight_lookback(self) -> int:
        """Sessions since the week's choice."""
        return LONGEST_PERIOD["week"]

    def weights(self, panel: Panel) -> FloatArray:
        """Return the weights of the week's choice; see the class."""
        known = np.where(panel.member, panel[FORECAST], np.nan)
        return held(panel, shared(top_fraction(panel, known, self.parameters.fraction)), "week")
