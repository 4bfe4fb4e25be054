"""What a forecaster is, for people and for the ledger: its parts in words, and its library.

What does not belong here: whether it is the same (`Forecaster.recipe`).
"""

from typing import Any

from quant_platform.learning.artefacts import LIGHTGBM, SKOPS, library_of
from quant_platform.learning.forecaster import Forecaster, GradientRanker


def library(forecaster: Forecaster) -> str:
    """Name and version of the library that a forecaster is trained by."""
    estimator = forecaster.estimator
    of_lightgbm = isinstance(estimator, GradientRanker) or type(estimator).__module__.startswith(
        "lightgbm"
    )
    return library_of(LIGHTGBM if of_lightgbm else SKOPS)


def described(forecaster: Forecaster) -> dict[str, Any]:
    """Return what a forecaster is, for people to read."""
    names = ("window", "retrain", "minimum", "warm", "select", "promotion")
    return {
        "features": list(forecaster.features),
        "label": repr(forecaster.label),
        "estimator": " ".join(repr(forecaster.estimator).split()),
        **{name: getattr(forecaster, name) for name in names},
    }
