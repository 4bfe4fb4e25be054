"""Tests of many trials at once: false discoveries in a study, and superiority to the benchmark.

1. **False discovery rate**: the q-value of a trial is the smallest rate of false discoveries at
   which it is one (Y. Benjamini and Y. Hochberg, Journal of the Royal Statistical Society B 57,
   1995; under any dependence Y. Benjamini and D. Yekutieli, Annals of Statistics 29, 2001).
   Computed by statsmodels.
2. **Superior predictive ability**: the p-value of the hypothesis that no model beats the benchmark
   (P. Hansen, "A Test for Superior Predictive Ability", Journal of Business & Economic Statistics
   23, 2005). **StepM**: the models that do, with 95 % confidence in all of them together (J. Romano
   and M. Wolf, "Stepwise Multiple Testing as Formalized Data Snooping", Econometrica 73, 2005).
   Computed by arch.

Both packages come with the extra `research`. What does not belong here: ranking
(`confidence_set.py`).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from quant_platform.errors import ContractError
from quant_platform.evaluation.bootstrap import (
    FEWEST_SESSIONS,
    RESAMPLES,
    block_length,
)
from quant_platform.evaluation.confidence_set import EQUAL, SIZE, shared_block
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.packages import optional_package

EXTRA = "research"


@dataclass(frozen=True, eq=False)
class Superiority:
    """Whether models beat the benchmark.

    Attributes
    ----------
    lower, consistent, upper : p-values of Hansen's test; `consistent` is the test, the others bound
        it. NaN where nothing can be compared
    superior : whether StepM finds the model superior, by model
    compared : whether the model was compared: not if it lacks a return or equals the benchmark
    """

    lower: float
    consistent: float
    upper: float
    superior: BoolArray
    compared: BoolArray


def false_discovery_rates(p_values: ArrayLike) -> pd.DataFrame:
    """q-values of a study's trials, by both procedures.

    Parameters
    ----------
    p_values : (N,) of the trials, such as 1 − the probabilistic Sharpe ratio; NaN: not tested

    Returns
    -------
    DataFrame
        A row per trial: p_value, benjamini_hochberg, benjamini_yekutieli; NaN stays NaN.

    Raises
    ------
    ContractError
        A p-value lies outside of 0 … 1.
    SettingsError
        The extra `research` is not installed.
    """
    values = np.asarray(p_values, dtype=np.float64).reshape(-1)
    if ((values < 0.0) | (values > 1.0)).any():
        raise ContractError("A p-value lies outside of 0 to 1", "Give probabilities")
    tests = optional_package("statsmodels.stats.multitest", EXTRA, "The false discovery rate")
    tested = ~np.isnan(values)
    rates = pd.DataFrame({"p_value": values})
    for name, method in (("benjamini_hochberg", "fdr_bh"), ("benjamini_yekutieli", "fdr_by")):
        rates[name] = np.nan
        if tested.any():
            rates.loc[tested, name] = tests.multipletests(values[tested], method=method)[1]
    return rates


def superiority(
    returns: FloatArray, benchmark: FloatArray, *, seed: int = 0, resamples: int = RESAMPLES
) -> Superiority:
    """Test models against the benchmark by their mean returns.

    Parameters
    ----------
    returns : (T, M) returns of the models net of costs
    benchmark : (T,) its returns; sessions in which it has none are left out
    seed : of arch's resamples

    Raises
    ------
    ContractError
        The benchmark has other sessions than the models.
    SettingsError
        The extra `research` is not installed.
    """
    models, against = np.asarray(returns, np.float64), np.asarray(benchmark, np.float64)
    if models.ndim != 2 or against.shape != models.shape[:1]:
        raise ContractError(
            "The benchmark has other sessions than the models",
            "Give one return of the benchmark for each row of the models",
        )
    arch = optional_package("arch.bootstrap", EXTRA, "A test against the benchmark")
    known = np.isfinite(against)
    models, against = models[known], against[known]
    compared: BoolArray = np.asarray(np.isfinite(models).all(axis=0))
    compared[compared] = np.std(models[:, compared] - against[:, None], axis=0) > EQUAL
    superior = np.zeros_like(compared)
    if len(against) < FEWEST_SESSIONS or not compared.any():
        return Superiority(math.nan, math.nan, math.nan, superior, compared)
    losses = -models[:, compared]
    gains = np.ascontiguousarray((models[:, compared] - against[:, None]).T)
    options = {
        "block_size": math.ceil(shared_block([block_length(each) for each in gains])),
        "reps": resamples,
        "seed": seed,
    }
    test = arch.SPA(-against, losses, **options)
    test.compute()
    steps = arch.StepM(-against, losses, size=SIZE, **options)
    steps.compute()
    p = test.pvalues
    superior[np.flatnonzero(compared)[list(steps.superior_models)]] = True
    return Superiority(
        float(p["lower"]), float(p["consistent"]), float(p["upper"]), superior, compared
    )
