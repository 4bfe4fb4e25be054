"""Markets of a few bars and the orders in them, for simulations that are worked out by hand."""

import math

import numpy as np
import pandas as pd

from quant_platform.market.panel import Panel
from quant_platform.trading.orders import Orders

DAYS = np.datetime64("2020-03-02", "D") + np.arange(10)
NAN = math.nan


def market(bars, *, splits=None, dividends=None, volume=1000.0, days=DAYS):
    """Bars and actions of a few sessions.

    Bars are symbol → (open, close), (open, high, low, close) or None a session; actions are
    (symbol, session) → figure.
    """
    rows = [
        {
            "date": pd.Timestamp(days[t]),
            "security_id": symbol,
            "open_price": bar[0],
            "high_price": max(bar),
            "low_price": min(bar),
            "close_price": bar[-1],
            "volume": volume,
        }
        for symbol, line in bars.items()
        for t, bar in enumerate(line)
        if bar is not None
    ]
    actions = [
        {"date": pd.Timestamp(days[t]), "security_id": symbol, "split_ratio": s, "cash_amount": d}
        for figures, pick in ((splits, 0), (dividends, 1))
        for (symbol, t), figure in (figures or {}).items()
        for s, d in [(figure, NAN) if pick == 0 else (NAN, figure)]
    ]
    sessions = days[: max(map(len, bars.values()))]
    columns = ["date", "security_id", "split_ratio", "cash_amount"]
    return Panel.from_frames(pd.DataFrame(rows), pd.DataFrame(actions, columns=columns), sessions)


def wants(panel, targets, *, types=None, references=None):
    """Orders from symbol → weight wanted at the open of each session (None: no opinion)."""
    symbols = tuple(sorted({*targets, *(types or {})}))
    shape = (len(panel.sessions), len(symbols))

    def fill(given, default):
        array = np.full(shape, default)
        for column, symbol in enumerate(symbols):
            for row, value in enumerate((given or {}).get(symbol, [])):
                array[row, column] = default if value is None else value
        return array

    return Orders(
        panel.sessions,
        symbols,
        targets=fill(targets, NAN),
        types=fill(types, 0.0),
        references=fill(references, NAN),
        others=np.full(len(panel.sessions), NAN),
    )
