"""A forecaster with all that was chosen about it, as a `Trial` of the ledger.

It counts by its estimator with every parameter, its features, label, schedule and seed; by the code
of what is no part of a package; and by the version of its library. What does not belong here: what
comes of it (`research/forecast_trials.py`).
"""

import pandas as pd

from quant_platform.features.feature_registry import select
from quant_platform.learning.forecaster import Forecaster
from quant_platform.learning.identity import described, library
from quant_platform.storage.trials import Trial
from quant_platform.strategies.source import code_digest, source_digest
from quant_platform.strategies.source_text import written_source
from quant_platform.strategies.trials import Terms

PREFIX = "forecast: "
"""What the names of forecasts in the ledger begin with; no strategy is called so."""

BENCHMARK = pd.Series(dtype=float, name="nothing")
"""What a spread of its own money is judged against."""


def forecast_trial(terms: Terms, forecaster: Forecaster) -> Trial:
    """Return what a forecaster is made of."""
    own = type(forecaster.estimator), type(forecaster.label)
    features = [each.function for each in select(forecaster.features)]
    return terms.trial(
        f"{PREFIX}{type(forecaster.estimator).__name__}",
        library(forecaster),
        source_digest(source_digest(*own), code_digest(*own, *features)),
        {**described(forecaster), "seed": forecaster.seed, "recipe": forecaster.recipe},
        BENCHMARK,
    )


def forecaster_text(forecaster: Forecaster) -> str:
    """Source of its estimator and label, as far as they are no files of a package."""
    return written_source(type(forecaster.estimator), type(forecaster.label))
