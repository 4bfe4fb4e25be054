"""Claims about corporate actions, and what is settled of them."""

from typing import Any

import numpy as np
import pandas as pd

from quant_platform.market.corporate_actions import resolve

NAN = np.nan
NEW, OLD = "vendor /stocks/v1", "vendor /v3/reference"


def listed(*rows: dict[str, object]) -> pd.DataFrame:
    """A vendor's rows; what is not given is the usual."""
    usual: dict[str, object] = {
        "date": "2024-05-01",
        "symbol": "A",
        "action_type": "split",
        "split_ratio": NAN,
        "cash_amount": NAN,
        "currency": None,
        "source": NEW,
        "vendor_id": None,
        "declared_on": None,
        "paid_on": None,
    }
    frame = pd.DataFrame([usual | row for row in rows], columns=list(usual))
    days = {
        name: pd.to_datetime(frame[name]).astype("datetime64[s]")
        for name in ("date", "declared_on", "paid_on")
    }
    return frame.assign(**days)


def split(ratio: float, **given: object) -> dict[str, object]:
    return {"split_ratio": ratio} | given


def paid(amount: float, **given: object) -> dict[str, object]:
    return {"action_type": "cash_dividend", "cash_amount": amount, "currency": "USD"} | given


def figures(kept: pd.DataFrame) -> list[float]:
    return kept["split_ratio"].fillna(kept["cash_amount"]).tolist()


def settled(raw: pd.DataFrame, **given: Any) -> tuple[list[float], list[tuple[float, str]]]:
    """Figures that are kept, and figure and reason of those that are not."""
    kept, losers = resolve(raw, **given)
    assert len(kept) + len(losers) == len(raw)
    return figures(kept), list(zip(figures(losers), losers["reason"], strict=True))
