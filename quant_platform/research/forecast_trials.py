"""A forecast as a trial of the ledger: what came of it, as figures and returns.

One run over a range of sessions is one trial: its trainings are all of one configuration, and are
looked at together. Its returns are those of the spread of its forecasts before costs
(`evaluation/forecast_spread.py`). The spread pays for itself, so its returns are compared with 0
and not with a risk-free rate. Figures of orders and fills stay empty.

What does not belong here: the configuration's identity (`strategies/forecast_trials.py`), and how a
trial is written (`recording.py`).
"""

import numpy as np
import pandas as pd

from quant_platform.evaluation.performance import last_figures
from quant_platform.research.prepared import Assumptions
from quant_platform.storage.trials import METRIC_COLUMNS, Outcome
from quant_platform.strategies.forecast_trials import BENCHMARK
from quant_platform.trading.costs import Costs

OF_ORDERS = ("turnover", "average_exposure", "trade_count", "hit_rate", "alpha", "beta")
"""Figures that a spread does not have."""

SPREAD = Assumptions(costs=Costs(commission_bp=0.0, slippage_bp=0.0), capital=1.0)
"""What the spread assumes."""


def forecast_outcome(returns: "pd.Series[float]", seconds: float, failed: str = "") -> Outcome:
    """Return what the ledger keeps of a forecast.

    Parameters
    ----------
    returns : of the spread, by session
    seconds : that it took
    failed : why nothing was forecast; empty: something was
    """
    if failed:
        return Outcome({}, np.empty(0, dtype=np.float32), failed, seconds)
    values = returns.to_numpy(dtype=np.float64)
    frame = pd.DataFrame({"date": returns.index, "daily_return": values})
    frame["equity"] = np.cumprod(1.0 + values)
    for name in ("turnover", "gross_exposure", "trade_count", "signals_judged", "signals_hit"):
        frame[name] = 0.0
    of_all = last_figures(frame, pd.Series(0.0, returns.index, name=BENCHMARK.name))
    metrics = {name: float("nan") if name in OF_ORDERS else of_all[name] for name in METRIC_COLUMNS}
    return Outcome(metrics, values.astype(np.float32), seconds=seconds)
