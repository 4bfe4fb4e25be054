"""Splits and dividends as rows, and closes side by side."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import FloatArray

NAN = np.nan


def closes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"close_price": "price"})[["date", "security_id", "price"]]


def action_rows(rows: Sequence[tuple[str, str, float, float]]) -> pd.DataFrame:
    """Rows of (ex-date, symbol, split ratio, amount)."""
    frame = pd.DataFrame(rows, columns=["date", "security_id", "split_ratio", "cash_amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]).astype("datetime64[s]"))


def rows(
    symbols: Sequence[str | None], close: Sequence[float] | FloatArray, first: str = "2004-08-02"
) -> pd.DataFrame:
    days = pd.date_range(first, periods=len(symbols)).astype("datetime64[s]")
    return pd.DataFrame(
        {"date": days, "security_id": list(symbols), "close_price": close, "volume": 100.0}
    )
