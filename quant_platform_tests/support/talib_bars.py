"""The sample's bars as TA-Lib wants them, and our features of them.

TA-Lib knows no splits: it gets prices adjusted to the last session, made here. What does not belong
here: what is compared.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import quant_platform.vendors
from quant_platform.features.compute import compute_features
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel

DATA = Path(quant_platform.vendors.__file__).parent / "data" / "stocks.csv.gz"
SPLITS = [("AAPL", "2000-06-21"), ("AAPL", "2005-02-28"), ("MSFT", "2003-02-18")]
"""Two for one, all three."""

WAIT_UNTIL_STORED = 450
"""Bars after which the starts of all recursive averages weigh nothing."""


@dataclass(frozen=True)
class Adjusted:
    """One symbol as TA-Lib wants it: prices and volumes in the units of the last session."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    later: FloatArray
    """Shares of the last session per share of each session."""


@cache
def raw() -> pd.DataFrame:
    frame = pd.read_csv(DATA, parse_dates=["Date"]).rename(
        columns={"Ticker": "security_id", "Date": "date", "Volume": "volume"}
    )
    prices = {name: f"{name.lower()}_price" for name in ("Open", "High", "Low", "Close")}
    return frame.rename(columns=prices).sort_values(["security_id", "date"], ignore_index=True)


@cache
def features() -> pd.DataFrame:
    actions = pd.DataFrame(SPLITS, columns=["security_id", "date"])
    actions["date"] = pd.to_datetime(actions["date"])
    actions = actions.assign(action_type="split", split_ratio=2.0, cash_amount=np.nan)
    sessions = np.unique(raw()["date"].to_numpy().astype("datetime64[D]"))
    panel = Panel.from_frames(raw(), actions, sessions)
    return compute_features(panel, names=["technical", "patterns"])


@cache
def adjusted(symbol: str) -> Adjusted:
    rows = raw()[raw()["security_id"] == symbol]
    later = np.ones(len(rows))
    for name, day in SPLITS:
        if name == symbol:
            later[(rows["date"] < day).to_numpy()] *= 2.0
    opened, high, low, close = (
        rows[f"{name}_price"].to_numpy() / later for name in ("open", "high", "low", "close")
    )
    return Adjusted(opened, high, low, close, rows["volume"].to_numpy(dtype=float) * later, later)


def ours(symbol: str, name: str) -> FloatArray:
    return features().loc[features()["security_id"] == symbol, name].to_numpy()
