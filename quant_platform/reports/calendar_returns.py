"""Returns by calendar month and year, from the models' histories.

What does not belong here: returns over windows of sessions (`evaluation/`).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports.histories import Histories


def period_returns(
    dates: NDArray[np.datetime64], equity: FloatArray, returns: FloatArray, unit: str
) -> "pd.Series[float]":
    """Compounded return of each calendar month (unit `M`) or year (`Y`), by its first day.

    Parameters
    ----------
    dates, equity, returns : (T,) of one model, oldest first

    Returns
    -------
    Series
        Equity at the period's last session over that before its first; NaN where the latter is not
        positive, since nothing is a share of that.
    """
    if not len(dates):
        return pd.Series(dtype="float64", index=pd.DatetimeIndex([]))
    periods = dates.astype(f"datetime64[{unit}]")
    starts = np.flatnonzero(np.append(True, periods[1:] != periods[:-1]))
    ends = np.append(starts[1:], len(dates)) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        before = np.concatenate((equity[:1] / (1.0 + returns[:1]), equity[:-1]))[starts]
        values = equity[ends] / np.where(before > 0.0, before, np.nan) - 1.0
    return pd.Series(values, index=pd.DatetimeIndex(periods[starts].astype("datetime64[s]")))


def monthly_returns(histories: Histories) -> dict[int, pd.DataFrame]:
    """Compounded return per model, year and calendar month.

    Returns
    -------
    dict
        Model id → frame indexed by year, newest first, with columns 1 … 12 (NaN where the model has
        no session) and "year".
    """
    tables = {}
    for model in histories.models:
        series = (
            histories.dates_of(model),
            histories.of_model(model, "equity"),
            histories.of_model(model, "daily_return"),
        )
        months, years = period_returns(*series, "M"), period_returns(*series, "Y")
        index = pd.DatetimeIndex(years.index).year.to_numpy()
        wide = np.full((len(index), 13), np.nan)
        days = pd.DatetimeIndex(months.index)
        rows = np.searchsorted(index, days.year.to_numpy())
        wide[rows, days.month.to_numpy() - 1] = months.to_numpy()
        wide[:, 12] = years.to_numpy()
        table = pd.DataFrame(wide, index=index, columns=[*range(1, 13), "year"])
        tables[model] = table.sort_index(ascending=False)
    return tables
