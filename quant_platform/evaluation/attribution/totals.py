"""Sums of an account's lines by security, group or cause; each table adds up to the P&L.

What does not belong here: how a line comes about (`gains.py`), and round trips (`trips.py`).
"""

import numpy as np
import pandas as pd

from quant_platform.evaluation.attribution.gains import COSTS, GAINS
from quant_platform.trading.attribution import CASH_LINE

SECURITY, SECTOR, COST, MODEL, FILL, POSITION = (
    "security",
    "sector",
    "cost",
    "model",
    "fill",
    "position",
)
KINDS = (SECURITY, SECTOR, COST, MODEL, FILL, POSITION)
"""What P&L can be attributed to."""


def by_security(lines: pd.DataFrame) -> pd.DataFrame:
    """Sum the lines of each security, the greatest gain first; the cash is a row."""
    return _summed(lines, "security_id")


def by_sector(lines: pd.DataFrame) -> pd.DataFrame:
    """Sum the lines of each group, the greatest gain first; the cash is a row."""
    return _summed(lines, "group").rename(columns={"group": "sector"})


def by_cause(lines: pd.DataFrame) -> pd.DataFrame:
    """Return what each gain and each cost amounts to in all; costs are negative."""
    causes = [*GAINS, *COSTS]
    signs = np.array([1.0] * len(GAINS) + [-1.0] * len(COSTS))
    totals = lines[causes].sum().to_numpy(dtype=np.float64) * signs
    return pd.DataFrame({"cause": causes, "pnl": totals + 0.0})


def by_member(attribution: pd.DataFrame) -> pd.DataFrame:
    """Sum the rows of `book_attribution` of each member; its cash is a row.

    A book of which no member is known has no row.
    """
    columns = ["pnl", "price_gain", "dividends", "costs", "borrow_fees", "interest"]
    summed = attribution.groupby("member", as_index=False)[columns].sum()
    return _ordered(summed.rename(columns={"member": "model"}))


def by_model(lines: pd.DataFrame, name: str) -> pd.DataFrame:
    """Sum all lines of a model that is no book; the cash is a row."""
    of = np.where(lines["security_id"] == CASH_LINE, CASH_LINE, name)
    return _summed(lines.assign(model=of), "model")


def _summed(lines: pd.DataFrame, by: str) -> pd.DataFrame:
    columns = ["pnl", *GAINS, *COSTS]
    return _ordered(lines.groupby(by, as_index=False)[columns].sum())


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("pnl", ascending=False, kind="stable", ignore_index=True)
