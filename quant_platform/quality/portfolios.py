"""Checks of the simulated portfolios' accounts: they close, and nothing is borrowed in secret.

What does not belong here: recomputing what follows from their returns (`computed.py`).
"""

import json

import numpy as np
import pandas as pd

from quant_platform.quality.check import CheckContext
from quant_platform.quality.verdict import Findings, failures
from quant_platform.storage import bulk

TOLERANCE = 1e-9
"""Difference that a return computed again may have."""

CENT = 0.01


def portfolio_accounting(context: CheckContext) -> Findings:
    """Equity is cash plus positions, and the return is its change, where equity was positive.

    Not judged: sessions without a portfolio.
    """
    rows = context.read(
        "portfolios", columns=["date", "model_id", "equity", "cash", "daily_return", "positions"]
    )
    held = np.array([_value(text) for text in rows["positions"]])
    sums = (rows["cash"] + held - rows["equity"]).abs() > CENT
    before = rows.groupby("model_id")["equity"].shift()
    change = rows["equity"] / before - 1.0
    # Nothing is a share of an equity that is not positive.
    undefined = before <= 0.0
    jumps = (change - rows["daily_return"]).abs() > TOLERANCE
    jumps = (jumps & ~undefined) | (undefined != rows["daily_return"].isna())
    bad = (sums | jumps) & rows["date"].isin(pd.DatetimeIndex(list(context.sessions)))
    examples = [f"model {row.model_id}: equity {row.equity:.2f}" for row in rows[bad].itertuples()]
    failing = failures(rows[bad]["date"].to_numpy(), examples)
    return context.judged_on(rows["date"].unique(), failing, "there is no portfolio")


def long_only_exposure(context: CheckContext) -> Findings:
    """A book without short positions borrows no more than the costs that it has paid.

    That is a gross exposure of at most 1 plus costs. Not judged: sessions without a portfolio, and
    those in which every one has a short position.
    """
    rows = context.read("portfolios", columns=["date", "model_id", "cash", "equity", "positions"])
    paid = bulk.query(
        context.platform.database,
        "SELECT date, model_id, sum(costs) OVER (PARTITION BY model_id ORDER BY date) AS paid"
        " FROM portfolios WHERE date <= $1::text::date",
        (context.sessions[-1],),
    )
    rows = rows.merge(paid, on=["date", "model_id"])
    long_only = [_is_long_only(text) for text in rows["positions"]]
    rows = rows[np.array(long_only, dtype=bool)]
    over = rows[-rows["cash"] > rows["paid"] + CENT]
    examples = [
        f"model {row.model_id}: cash {row.cash:.2f} of equity {row.equity:.2f}"
        for row in over.itertuples()
    ]
    failing = failures(over["date"].to_numpy(), examples)
    return context.judged_on(rows["date"].unique(), failing, "there is no long-only portfolio")


def _is_long_only(positions: str) -> bool:
    return all(entry["shares"] >= 0.0 for entry in json.loads(positions).values())


def _value(positions: str) -> float:
    return float(sum(entry["value"] for entry in json.loads(positions).values()))
