"""The strategy `constructed`: from a forecast to weights, by a method and within limits."""

import json
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from quant_platform.conventions import PERIOD_SESSIONS
from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import LONGEST_PERIOD
from quant_platform.market.panel import Panel
from quant_platform.packages import optional_package
from quant_platform.strategies.construction import estimators, plain
from quant_platform.strategies.construction.chain import Constructed as Made
from quant_platform.strategies.construction.chain import Plan, Rule, construct
from quant_platform.strategies.construction.estimators import ANY, Choice
from quant_platform.strategies.construction.limits import WeightLimits
from quant_platform.strategies.parameters import StrategyParameters
from quant_platform.strategies.signal_arrays import SignalArrays
from quant_platform.strategies.weight_strategy import VOLATILITY, WeightStrategy

METHODS = ("equal", "inverse_volatility", "risk_parity", "hierarchical", "mean_variance")

RETURNS = "return_1"
"""Feature that covariances are made of: the total return of a session."""

BASIS_POINT = 1e-4


class Constructed(WeightStrategy):
    """Hold the members with the highest forecasts, weighted by a method and within limits.

    After the close of a period's first session, the `names` members with the highest value of the
    feature `forecast` get weights by `method`, of the returns of the last `window` sessions:
    `equal`; `inverse_volatility`; `risk_parity` (the same part of the variance each);
    `hierarchical` (hierarchical risk parity); `mean_variance` (expected return, from the forecasts,
    less risk_aversion/2 × variance, and less costs); or `skfolio:NAME`, any estimator of
    `skfolio.optimization` with its own defaults. Covariances are shrunk. All but the first two need
    the extra `optimize`.

    Weights are then brought within the limits of names, sectors and beta; what these leave no room
    for stays in cash. A choice that fails keeps the weights of the one before, or else is cash, and
    says why in the metadata of its session's rows. `strategies/construction/` has the algorithm.
    """

    class Parameters(StrategyParameters):
        """Parameters of constructed."""

        forecast: Annotated[
            str, Field(min_length=1, description="Feature that securities are chosen by.")
        ] = "momentum_120"
        method: Annotated[str, Field(description=f"{', '.join(METHODS)}, or {ANY}NAME.")] = (
            "inverse_volatility"
        )
        names: Annotated[int, Field(ge=1, le=500, description="Securities held at most.")] = 50
        window: Annotated[
            int, Field(ge=21, le=1000, description="Sessions of returns that it looks back on.")
        ] = 252
        every: Annotated[
            Literal["week", "month", "quarter"], Field(description="Period of the choices.")
        ] = "month"
        max_name: Annotated[
            float, Field(gt=0, le=1, description="Largest weight of one security.")
        ] = 1.0
        max_sector: Annotated[
            float, Field(gt=0, le=1, description="Largest weight of one sector.")
        ] = 1.0
        max_turnover: Annotated[
            float, Field(gt=0, le=2, description="Most that a choice trades, bought and sold.")
        ] = 2.0
        max_beta: Annotated[
            float, Field(gt=0, le=10, description="Largest beta to the members' mean; 10: any.")
        ] = 10.0
        risk_aversion: Annotated[float, Field(gt=0, le=1000, description="Of mean_variance.")] = 5.0
        cost: Annotated[
            float, Field(ge=0, le=1000, description="Cost of trading, basis points of the value.")
        ] = 0.0

        @model_validator(mode="after")
        def _possible(self) -> "Constructed.Parameters":
            if self.method not in METHODS and not self.method.startswith(ANY):
                raise ValueError(
                    f"method is {self.method!r}; allowed: {', '.join(METHODS)}, {ANY}NAME"
                )
            if self.names * self.max_name < 1.0 - 1e-9:
                raise ValueError(
                    f"{self.names} names of at most {self.max_name:g} each can never hold more than"
                    f" {self.names * self.max_name:g} of the equity: raise names or max_name"
                )
            if self.max_name > self.max_sector:
                raise ValueError(
                    f"max_name ({self.max_name:g}) is above max_sector ({self.max_sector:g}), which"
                    " no name of a sector can use: lower max_name"
                )
            return self

    name = "constructed"
    version = "1.0.0"
    by_default = False
    reads_sectors = True
    row_features = (VOLATILITY,)
    parameters: Parameters

    def __init__(self, **parameters: Any) -> None:
        """Take parameters by name; see `Parameters`."""
        super().__init__(**parameters)
        self.horizon = PERIOD_SESSIONS[self.parameters.every]
        read = (VOLATILITY, RETURNS, self.parameters.forecast)
        self.optional_features = tuple(dict.fromkeys(read))  # type: ignore[misc]
        if self.parameters.method not in ("equal", "inverse_volatility"):
            # Whoever asks for it hears at once that the extra is missing.
            optional_package("skfolio", estimators.EXTRA, f"The method {self.parameters.method}")
        if self.parameters.method.startswith(ANY):
            estimators.estimator_named(self.parameters.method.removeprefix(ANY))()

    @property
    def plan(self) -> Plan:
        """How the weights are constructed."""
        p = self.parameters
        limits = WeightLimits(
            p.max_name, p.max_sector, p.max_turnover, None if p.max_beta >= 10.0 else p.max_beta
        )
        return Plan(
            rule=self._rule(limits),
            limits=limits,
            names=p.names,
            window=p.window,
            every=p.every,
            goes_on=p.max_turnover < 2.0 or p.cost > 0.0,
        )

    @property
    def weight_lookback(self) -> int:
        """Sessions that a weight depends on, its own included."""
        return self.plan.lookback

    def weights(self, panel: Panel) -> FloatArray:
        """Return the weights of the last choice; see the class."""
        return self._made(panel).weights

    def arrays(self, panel: Panel) -> SignalArrays:
        """Return the same as signals, with the reasons of choices that failed in the metadata."""
        made = self._made(panel)
        arrays = self.arrays_of(panel, made.weights)
        if not made.failures:
            return arrays

        def rest() -> Any:
            columns = arrays.rest()
            metadata = columns["metadata"]
            for session, reason in made.failures.items():
                metadata[session] = json.dumps({"kept": reason})
            return {**columns, "metadata": metadata}

        return replace(arrays, rest=rest)

    def _made(self, panel: Panel) -> Made:
        return construct(panel, panel[self.parameters.forecast], panel[RETURNS], self.plan)

    def _rule(self, limits: WeightLimits) -> Rule:
        """Return the function that gives the weights of a choice."""
        p = self.parameters
        # A cost is paid once and weights are held for a period: spread over its sessions.
        cost = p.cost * BASIS_POINT / LONGEST_PERIOD[p.every]
        if p.method == "equal":
            return lambda choice: plain.equal(choice.returns)
        if p.method == "inverse_volatility":
            return lambda choice: plain.inverse_volatility(choice.returns)
        return partial(_estimated, p.method, p.risk_aversion, limits, cost)


def _estimated(
    method: str, risk_aversion: float, limits: WeightLimits, cost: float, choice: Choice
) -> FloatArray:
    """Weights of a choice by an estimator of skfolio."""
    if method == "risk_parity":
        estimator = estimators.risk_parity()
    elif method == "hierarchical":
        estimator = estimators.hierarchical()
    elif method == "mean_variance":
        expected = estimators.expected_returns(choice)
        estimator = estimators.mean_variance(risk_aversion, expected)
    else:
        try:
            estimator = estimators.estimator_named(method.removeprefix(ANY))()
        except TypeError as error:
            raise SettingsError(f"{method} cannot be made without arguments ({error})") from None
    return estimators.fitted(estimator, choice, limits, cost)
