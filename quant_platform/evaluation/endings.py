"""What a total return would be if securities that stopped trading had been paid for otherwise.

A closed position of value v (shares × last price) that was paid at the delisting return d would
have changed the session's equity E by v · (r − d) at the return r. The portfolio goes on with the
same returns from there, since it holds shares of its equity:

    1 + total(r) = (1 + total) · Π over sessions of (1 + Σ v · (r − d) / E)

A backtest with other `DelistingRules` simulates it anew. What does not belong here: when and at
what price positions are closed (`trading/`).
"""

import math

import numpy as np
import pandas as pd


def total_return_under(total_return: float, closed: pd.DataFrame, delisting_return: float) -> float:
    """Return the total return at one delisting return for all, as a fraction.

    Parameters
    ----------
    total_return : as it was simulated, as a fraction
    closed : closed positions of one portfolio: date, shares, last_price, delisting_return, and the
        portfolio's equity at that close
    delisting_return : return from the last price to what is paid, as a fraction
    """
    change = closed["shares"] * closed["last_price"]
    change = change * (delisting_return - closed["delisting_return"]) / closed["equity"]
    factors = 1.0 + change.groupby(closed["date"]).sum()
    product: float = math.prod(factors.to_numpy(dtype=np.float64).tolist())
    return (1.0 + total_return) * product - 1.0
