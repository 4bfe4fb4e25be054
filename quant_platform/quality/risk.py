"""Checks of the risk model: scores are centred, and what is explained and what is left add up.

What does not belong here: how well forecasts turned out (`evaluation/risk_backtests.py`), which is
a figure and no fault.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.pipeline.risk import EXPOSURE_COLUMNS
from quant_platform.quality.check import ERROR, CheckContext, QualityCheck, description_of
from quant_platform.quality.sampling import NOT_SAMPLED, batches
from quant_platform.quality.verdict import Findings, failures
from quant_platform.risk import SECTOR_PREFIX, STYLES
from quant_platform.risk.characteristics import known_returns
from quant_platform.risk.regression import filled

CENTRE = 1e-4
"""Distance from 0 that a weighted mean of scores may have: they are stored in single precision."""

SUM = 1e-9
"""Difference that a return put together again may have."""


def exposures_centred(context: CheckContext) -> Findings:
    """Scores of each style average to 0 by value traded, in every session that has some.

    Not judged: sessions without exposures, and those in which some value traded is unknown.
    """
    rows = context.read("factor_exposures", columns=["date", "dollar_volume", *STYLES])
    weights = rows["dollar_volume"].to_numpy(dtype=np.float64)
    days, at = np.unique(rows["date"].to_numpy(), return_inverse=True)
    whole = np.bincount(at, ~(weights > 0.0), minlength=len(days)) == 0.0
    bad: list[object] = []
    examples: list[str] = []
    for style in STYLES:
        scores = rows[style].to_numpy(dtype=np.float64)
        known = np.isfinite(scores) & (weights > 0.0)
        sums = np.bincount(at[known], (weights * scores)[known], minlength=len(days))
        totals = np.bincount(at[known], weights[known], minlength=len(days))
        means = sums / np.where(totals > 0.0, totals, 1.0)
        for number in np.flatnonzero(whole & (np.abs(means) > CENTRE)).tolist():
            bad.append(days[number])
            examples.append(f"{style} averages to {means[number]:.3g}")
    return context.judged_on(
        days[whole], failures(bad, examples), "no value traded is known of some member"
    )


def returns_add_up(context: CheckContext) -> Findings:
    """In a sampled session, exposures times factor returns and the rest are each total return.

    Not judged: sessions that are not sampled, and those without factor returns.
    """
    judged: list[object] = []
    bad: list[object] = []
    examples: list[str] = []
    for batch in batches(context, 2):
        exposed = batch.read("factor_exposures")
        specific, factors = batch.read("specific_returns"), batch.read("factor_returns")
        bars = batch.read("market_data", columns=["date", "security_id", "close_price"])
        actions = batch.read("corporate_actions")
        for session in batch.sessions:
            window = context.platform.window([session], 2)
            day = pd.Timestamp(session)
            of_day = specific[specific["date"] == day]
            if len(window) < 2 or not len(of_day):
                continue
            judged.append(day)
            panel = Panel.from_frames(bars, actions, window)
            returns = pd.Series(known_returns(panel)[-1], index=list(panel.security_ids))
            before = exposed[exposed["date"] == pd.Timestamp(window[0])].set_index("security_id")
            before = before.loc[of_day["security_id"]]
            earned = factors[factors["date"] == day].set_index("factor")["factor_return"]
            again = _explained(before, earned) + of_day["specific_return"].to_numpy()
            apart = np.abs(again - returns[of_day["security_id"]].to_numpy()) > SUM
            bad += [day] * int(apart.sum())
            examples += [f"{name} does not" for name in of_day["security_id"].to_numpy()[apart]]
    return context.judged_on(judged, failures(bad, examples), NOT_SAMPLED)


def _explained(exposed: pd.DataFrame, earned: "pd.Series[float]") -> FloatArray:
    """Exposures times factor returns, of rows of `factor_exposures`."""
    design = filled(exposed[list(EXPOSURE_COLUMNS)].to_numpy(dtype=np.float64))
    plain = earned.reindex(list(EXPOSURE_COLUMNS)).fillna(0.0).to_numpy()
    sectors = SECTOR_PREFIX + exposed["sector"].astype("str")
    of_sector = earned.reindex(sectors.to_numpy()).fillna(0.0).to_numpy()
    total: FloatArray = design @ plain + of_sector
    return total


def _check(name: str, asset: str, function: Callable[[CheckContext], Findings]) -> QualityCheck:
    def without_threshold(context: CheckContext, threshold: float) -> Findings:
        return function(context)

    return QualityCheck(name, asset, asset, ERROR, description_of(function), without_threshold)


RISK_CHECKS = [
    _check("exposures_centred", "factor_exposures", exposures_centred),
    _check("returns_add_up", "factor_returns", returns_add_up),
]
