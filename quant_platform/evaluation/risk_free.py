"""The risk-free rate of each session: the 3-month Treasury yield known by then.

Treasuries are quoted bond-equivalent: twice the return of half a year. The rate of a year is that
return compounded, (1 + y/2)² − 1 (US Treasury, "Interest Rates: Frequently Asked Questions").
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

YIELD = "yield_3_month"


def risk_free_rates(
    treasury_yields: pd.DataFrame,
    sessions: Sequence[object] | NDArray[np.datetime64] | pd.DatetimeIndex,
    *,
    default: float = 0.0,
) -> pd.Series:
    """Annual risk-free rate in each session, as a fraction.

    Parameters
    ----------
    treasury_yields : rows of `treasury_yields`: date, observed_on, yield_3_month in percent. A
        yield holds from the session in which it is known until the next one is.
    sessions : the sessions wanted
    default : rate of sessions before the first known yield, as a fraction

    Examples
    --------
    >>> yields = pd.DataFrame({"date": pd.to_datetime(["2024-01-03"]), "yield_3_month": [5.0]})
    >>> yields["observed_on"] = pd.Timestamp("2024-01-02")
    >>> risk_free_rates(yields, ["2024-01-02", "2024-01-03", "2024-01-04"]).round(6).tolist()
    [0.0, 0.050625, 0.050625]
    """
    days = np.asarray(sessions, dtype="datetime64[D]")
    yields = treasury_yields[treasury_yields[YIELD].notna()].sort_values(["date", "observed_on"])
    since = yields["date"].to_numpy().astype("datetime64[D]")
    half_year = yields[YIELD].to_numpy(dtype=np.float64) / 100.0 / 2.0
    # Row −1, the one before the first yield, is the last of this array.
    rates = np.append((1.0 + half_year) ** 2 - 1.0, default)
    rows = np.searchsorted(since, days, side="right") - 1
    return pd.Series(rates[rows], index=pd.DatetimeIndex(days.astype("datetime64[s]")))
