"""What is left out of sample of what was chosen in sample.

1. **Figures** of a stitched series of returns: those that need nothing but returns, the benchmark's
   and the risk-free rate. Turnover and trades belong to one account, and a stitched series has
   several.
2. **Shrinkage**: 1 − mean figure out of sample ÷ mean figure in sample, over the folds that have
   both; undefined unless the mean in sample is above 0.
3. **Rank correlation** of a fold: Spearman's, of all configurations' figures in training with those
   in the test. In noise it is about zero.
4. **Place** of what was chosen among all configurations in the test: its rank ÷ (their number + 1),
   where rank 1 is the worst and equal figures share their ranks. That of a choice without skill is
   ½ on average (`overfitting.py` has the source).

What does not belong here: which sessions are in a fold (`learning/folds.py`), and how a strategy is
run over them (`research/validation.py`).
"""

import math

import numpy as np
import pandas as pd

from quant_platform.evaluation.bootstrap import metric_intervals
from quant_platform.evaluation.metrics import METRICS, session_rate
from quant_platform.evaluation.windows import TrailingWindow
from quant_platform.kernels.arrays import FloatArray

FIGURES = (
    *("total_return", "annualized_return", "excess_return", "annualized_volatility"),
    *("sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown", "win_rate", "alpha", "beta"),
)
"""Figures of a stitched series."""

CHOOSABLE = (
    *("sharpe_ratio", "sortino_ratio", "calmar_ratio", "total_return", "annualized_return"),
    *("excess_return", "alpha", "max_drawdown", "win_rate"),
)
"""Figures by which parameters are chosen: more of them is better."""


def window_of(returns: FloatArray, benchmark: FloatArray, rates: FloatArray) -> TrailingWindow:
    """Return the window of series of returns alone: no turnover, exposure or trades are known.

    Parameters
    ----------
    returns : (T,) or (N, T) session returns, as fractions
    benchmark : (T,) those of the benchmark; NaN where it has none
    rates : (T,) annual risk-free rates, as fractions
    """
    unknown = np.full(returns.shape, np.nan)
    return TrailingWindow(
        returns,
        np.broadcast_to(benchmark, returns.shape),
        turnover=unknown,
        exposure=unknown,
        trades=unknown,
        signals_judged=unknown,
        signals_hit=unknown,
        risk_free=np.broadcast_to(session_rate(rates), returns.shape),
    )


def figure(name: str, returns: FloatArray, benchmark: FloatArray, rates: FloatArray) -> FloatArray:
    """One figure of N series of returns, (N, T); NaN where one has a gap, and of no session.

    Examples
    --------
    >>> figure("total_return", np.array([[0.1, 0.1], [0.1, np.nan]]), np.zeros(2), np.zeros(2))
    array([0.21,  nan])
    """
    if not returns.shape[-1]:
        return np.full(len(returns), np.nan)
    values = METRICS[name](window_of(returns, benchmark, rates))
    return np.where(np.isfinite(returns).all(axis=-1), values, np.nan)


def figures(returns: FloatArray, benchmark: FloatArray, rates: FloatArray) -> dict[str, float]:
    """Every one of `FIGURES` of one series, (T,), over the sessions that have a return."""
    known = np.isfinite(returns)
    if not known.any():
        return dict.fromkeys(FIGURES, math.nan)
    window = window_of(returns[None, known], benchmark[known], rates[known])
    return {name: float(METRICS[name](window)[0]) for name in FIGURES}


def intervals(returns: FloatArray, benchmark: FloatArray, rates: FloatArray) -> pd.DataFrame:
    """Estimates and 95 % intervals of `FIGURES` of one series, by the stationary bootstrap.

    Returns
    -------
    DataFrame
        A row per figure: estimate, lower, upper; NaN where undefined (`bootstrap.py`).
    """
    known = np.isfinite(returns)
    window = window_of(returns[known], benchmark[known], rates[known])
    chosen = {name: METRICS[name] for name in FIGURES}
    return metric_intervals(window, chosen, identity="out of sample")


def shrinkage(in_sample: FloatArray, out_of_sample: FloatArray) -> float:
    """1 − mean out of sample ÷ mean in sample; NaN unless that is above 0.

    Examples
    --------
    >>> shrinkage(np.array([2.0, 1.0, 3.0]), np.array([1.0, 0.5, np.nan]))
    0.5
    """
    known = np.isfinite(in_sample) & np.isfinite(out_of_sample)
    if not known.any():
        return math.nan
    before, after = float(in_sample[known].mean()), float(out_of_sample[known].mean())
    return 1.0 - after / before if before > 0.0 else math.nan


def place(values: FloatArray, chosen: int) -> float:
    """Rank of one of the values among the known ones ÷ (their number + 1); NaN if it has none.

    Examples
    --------
    >>> place(np.array([1.0, 3.0, 2.0]), 1), place(np.array([1.0, 1.0, 1.0]), 0)
    (0.75, 0.5)
    """
    known = values[np.isfinite(values)]
    if chosen < 0 or not np.isfinite(values[chosen]) or len(known) < 2:
        return math.nan
    below, equal = float((known < values[chosen]).sum()), float((known == values[chosen]).sum())
    return (below + (equal + 1.0) / 2.0) / (len(known) + 1.0)


def largest(values: FloatArray) -> int:
    """Number of the first of the largest values; −1: none is known.

    Examples
    --------
    >>> largest(np.array([np.nan, 2.0, 2.0])), largest(np.array([np.nan]))
    (1, -1)
    """
    known = np.flatnonzero(np.isfinite(values))
    return int(known[np.argmax(values[known])]) if len(known) else -1
