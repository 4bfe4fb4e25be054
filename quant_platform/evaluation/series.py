"""`evaluate`: every metric of any series of returns.

What does not belong here: metrics (`metrics.py`), and rows of models (`performance.py`).
"""

from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.evaluation.metrics import METRICS, session_rate
from quant_platform.evaluation.windows import TrailingWindow
from quant_platform.kernels.arrays import FloatArray


@overload
def evaluate(
    returns: "pd.Series | FloatArray",
    benchmark: "pd.Series | FloatArray | None" = None,
    *,
    risk_free: float = 0.0,
) -> "pd.Series[float]": ...


@overload
def evaluate(
    returns: pd.DataFrame,
    benchmark: "pd.Series | FloatArray | None" = None,
    *,
    risk_free: float = 0.0,
) -> pd.DataFrame: ...


def evaluate(
    returns: "pd.Series | pd.DataFrame | FloatArray",
    benchmark: "pd.Series | FloatArray | None" = None,
    *,
    risk_free: float = 0.0,
) -> "pd.Series[float] | pd.DataFrame":
    """Compute the figures of one series of session returns, or of several.

    Parameters
    ----------
    returns : simple returns as fractions, a session a row; a column a series
    benchmark : returns that alpha, beta and the like refer to: by the same index, or as many
    risk_free : annual rate, as a fraction

    Returns
    -------
    A figure per metric, in the columns of `model_performance`; of a frame, a column per series. NaN
    where a figure is undefined, and where it needs trades or positions.

    Raises
    ------
    ContractError
        There are no returns, or a return or the benchmark's is unknown.

    Examples
    --------
    Two sessions of 10 % and −10 %:

    >>> figures = evaluate(np.array([0.1, -0.1]))
    >>> float(figures["total_return"].round(4)), float(figures["max_drawdown"].round(4))
    (-0.01, -0.1)
    """
    if isinstance(returns, pd.DataFrame):
        return pd.DataFrame(
            {name: evaluate(returns[name], benchmark, risk_free=risk_free) for name in returns}
        )
    values = _known(returns, "returns")
    against = np.full(values.shape, np.nan)
    if benchmark is not None:
        aligned = benchmark
        if isinstance(benchmark, pd.Series) and isinstance(returns, pd.Series):
            aligned = benchmark.reindex(returns.index)
        against = _known(aligned, "benchmark's returns")
        if against.shape != values.shape:
            raise ContractError(
                f"The benchmark has {len(against)} returns, and the series {len(values)}",
                "Pass one for each session, or both as series with dates",
            )
    unknown = np.full((1, len(values)), np.nan)
    window = TrailingWindow(
        values[None, :],
        against[None, :],
        turnover=unknown,
        exposure=unknown,
        trades=unknown,
        signals_judged=unknown,
        signals_hit=unknown,
        risk_free=float(session_rate(risk_free)),
    )
    figures = {name: float(metric(window).reshape(-1)[0]) for name, metric in METRICS.items()}
    name = returns.name if isinstance(returns, pd.Series) else None
    return pd.Series(figures, name=name, dtype=np.float64)


def _known(values: "pd.Series | NDArray[np.floating]", what: str) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 1 or not len(array):
        raise ContractError(f"The {what} are no series of numbers", "Pass one return a session")
    unknown = np.flatnonzero(~np.isfinite(array))
    if len(unknown):
        first = unknown[0]
        where = f"{values.index[first]}" if isinstance(values, pd.Series) else f"number {first}"
        raise ContractError(
            f"The {what} are unknown in {len(unknown)} sessions, the first at {where}",
            "Leave them out: returns.dropna()",
        )
    return array
