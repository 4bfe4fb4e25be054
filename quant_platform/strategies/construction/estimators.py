"""Weights of skfolio's estimators, given what the limits and costs are.

An estimator is told of limits and costs as far as it has parameters for them; what it cannot keep
is kept afterwards (`limits.py`). Moments are of the returns of the window: covariances after Ledoit
and Wolf, "Honey, I Shrunk the Sample Covariance Matrix", *Journal of Portfolio Management* 30(4),
2004; expected returns are the forecasts alone, as volatility × score × an information coefficient
(Grinold, "Alpha is Volatility Times IC Times Score", *Journal of Portfolio Management* 20(4),
1994). What does not belong here: rules without a package (`plain.py`).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import FloatArray
from quant_platform.packages import optional_package
from quant_platform.strategies.construction.limits import Sectors, WeightLimits, constraints
from quant_platform.strategies.risk import INFORMATION_COEFFICIENT

EXTRA = "optimize"

ANY = "skfolio:"
"""What the name of any other estimator begins with."""


@dataclass(frozen=True)
class Choice:
    """What is known when weights are chosen, of the securities to choose among.

    Attributes
    ----------
    returns : (sessions, securities) of the window, no NaN; each security's vary
    scores : forecasts, the higher the better
    sectors : numbers, −1 for none
    betas : to the members' mean return
    before : weights of the last choice
    total : what the weights are to sum to
    """

    returns: FloatArray
    scores: FloatArray
    sectors: Sectors
    betas: FloatArray
    before: FloatArray
    total: float


def expected_returns(choice: Choice) -> FloatArray:
    """Expected returns of one session: σ · z · IC, with z the score among the chosen."""
    spread = choice.scores.std()
    away = choice.scores - choice.scores.mean()
    z = away / spread if spread > 0.0 else np.zeros(len(away))
    expected: FloatArray = INFORMATION_COEFFICIENT * choice.returns.std(axis=0, ddof=1) * z
    return expected


def risk_parity() -> Any:
    """An estimator by which each security brings the same part of the variance."""
    optimization = _module("optimization")
    return optimization.RiskBudgeting(prior_estimator=_prior())


def hierarchical() -> Any:
    """Hierarchical risk parity (López de Prado, "Building Diversified Portfolios …", 2016)."""
    return _module("optimization").HierarchicalRiskParity(prior_estimator=_prior())


def mean_variance(risk_aversion: float, expected: FloatArray) -> Any:
    """Maximise expected return − risk_aversion/2 · variance, with the forecasts as returns."""
    optimization = _module("optimization")
    return optimization.MeanRisk(
        objective_function=optimization.ObjectiveFunction.MAXIMIZE_UTILITY,
        risk_aversion=risk_aversion / 2.0,
        prior_estimator=_prior(expected),
    )


def estimator_named(name: str) -> Callable[[], Any]:
    """Return what makes an estimator of `skfolio.optimization` by its name.

    Raises
    ------
    SettingsError
        skfolio has none of that name, or it cannot be made without arguments.
    """
    optimization = _module("optimization")
    base = optimization.BaseOptimization
    found = getattr(optimization, name, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        names = sorted(
            each
            for each, value in vars(optimization).items()
            if isinstance(value, type) and issubclass(value, base) and not _is_base(each)
        )
        raise SettingsError(
            f"skfolio has no estimator {name!r}", f"Choose from: {', '.join(names)}"
        )
    return found


def fitted(estimator: Any, choice: Choice, limits: WeightLimits, cost: float) -> FloatArray:
    """Return the weights of an estimator, told of limits and costs as far as it has them.

    Parameters
    ----------
    estimator : of skfolio; a copy of it is fitted
    cost : of trading, as a share of what is traded and of the sessions that weights are held

    Raises
    ------
    Exception
        Whatever the estimator raises: it is the caller who goes on.
    """
    copy = _clone(estimator)
    copy.set_params(**_told(copy.get_params(deep=False), choice, limits, cost))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy.fit(choice.returns)
    weights = np.asarray(copy.weights_, dtype=np.float64)
    if weights.shape != choice.scores.shape or not np.isfinite(weights).all():
        raise ValueError("the estimator gives no weight for some security")
    # What a solver leaves at zero but for rounding is not held.
    result: FloatArray = np.where(np.abs(weights) < 1e-7, 0.0, weights)
    return result


def _told(
    having: dict[str, Any], choice: Choice, limits: WeightLimits, cost: float
) -> dict[str, Any]:
    """Parameters of an estimator that say what the limits and costs are."""
    rows, most = constraints(limits, choice.sectors, choice.betas)
    told: dict[str, Any] = {}
    # Weights of a smaller budget are those of a whole one, scaled, where it takes none itself.
    scale = choice.total if "budget" in having else 1.0
    if "budget" in having:
        told["budget"] = choice.total
    if "max_weights" in having:
        told["max_weights"] = min(limits.name * scale / choice.total, 1.0)
    if "left_inequality" in having and len(rows):
        told |= {"left_inequality": rows, "right_inequality": most * scale / choice.total}
    if "transaction_costs" in having and cost > 0.0:
        told |= {"transaction_costs": cost, "previous_weights": choice.before}
    return told


def _prior(expected: FloatArray | None = None) -> Any:
    """Moments with shrunk covariances, and given expected returns where there are any."""
    moments, prior = _module("moments"), _module("prior")
    mean = None if expected is None else _given(moments, expected)
    return prior.EmpiricalPrior(mu_estimator=mean, covariance_estimator=moments.LedoitWolf())


def _given(moments: Any, expected: FloatArray) -> Any:
    """An estimator of expected returns that returns those it is given."""

    class Given(moments.BaseMu):  # type: ignore[misc]
        def __init__(self, values: FloatArray | None = None) -> None:
            self.values = values

        def fit(self, X: Any, y: Any = None, **_: Any) -> Any:  # noqa: N803 — skfolio's name
            self.mu_ = np.asarray(self.values)
            return self

    return Given(expected)


def _clone(estimator: Any) -> Any:
    return optional_package("sklearn", EXTRA, "The construction").clone(estimator)


def _is_base(name: str) -> bool:
    return name.startswith(("Base", "Convex"))


def _module(name: str) -> Any:
    return optional_package(f"skfolio.{name}", EXTRA, "This construction")
