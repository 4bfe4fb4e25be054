"""Checks of the simulated portfolios' accounts: they close, and nothing is borrowed in secret.

What does not belong here: recomputing what follows from their returns (`computed.py`).
"""

import pandas as pd

from quant_platform.pipeline.attribution import PAID
from quant_platform.quality.check import CheckContext
from quant_platform.quality.verdict import Findings, failures
from quant_platform.storage import bulk
from quant_platform.trading.costs import costs_of

TOLERANCE = 1e-9
"""Difference that a return computed again may have."""

CENT = 0.01

ROUNDING = 1e-10
"""Share of the equity that the parts of a P&L may miss of it."""

SHARE = 1e-4
"""Shares by which a sum of shares may be apart: rounding of numbers."""


def portfolio_accounting(context: CheckContext) -> Findings:
    """Equity is cash, what is owed and positions; the return is its change, where it was positive.

    Not judged: sessions without a portfolio.
    """
    rows = context.read(
        "portfolios",
        columns=["date", "model_id", "equity", "cash", "receivables", "daily_return"],
    )
    held = rows[["date", "model_id"]].merge(_totals(context), how="left", on=["date", "model_id"])
    total = rows["cash"] + rows["receivables"] + held["value"].fillna(0.0)
    sums = (total - rows["equity"]).abs() > CENT
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


def pnl_attribution(context: CheckContext) -> Findings:
    """What positions, fills, dividends, interest and fees add up to is the change of equity.

    To 1e-10 of the equity; dividends are worked out anew from the corporate actions. Not judged:
    sessions without a portfolio in the session before.
    """
    rows = context.read(
        "portfolios", columns=["date", "model_id", "equity", "interest", "borrow_fees"]
    )
    database, window = context.platform.database, context.window
    # The session before the window's first, of which nothing is paid.
    span = (window[0], window[-1])
    withheld = repr(costs_of(context.platform.settings).withholding)
    paid = bulk.query(database, PAID, (*span, withheld))
    dividends = paid.groupby(["date", "model_id"], as_index=False)["dividends"].sum()
    key = ["date", "model_id"]
    for part in (_totals(context), bulk.query(database, _SPENT, span), dividends):
        rows = rows.merge(part, how="left", on=key)
    rows = rows.sort_values(key, kind="stable").fillna(
        {"value": 0.0, "spent": 0.0, "dividends": 0.0}
    )
    of_model = rows.groupby("model_id")
    before, held = of_model["equity"].shift(), of_model["value"].shift()
    pnl = rows["value"] - held - rows["spent"] + rows["dividends"]
    pnl += rows["interest"] - rows["borrow_fees"]
    rows["difference"] = (pnl - (rows["equity"] - before)).abs()
    size = pd.concat([rows["equity"].abs(), before.abs(), rows["value"].abs()], axis=1).max(axis=1)
    known = rows[before.notna() & rows["date"].isin(pd.DatetimeIndex(list(context.sessions)))]
    wrong = known[known["difference"] > ROUNDING * size[known.index].clip(lower=1.0)]
    examples = [f"model {row.model_id}: {row.difference:.4f} apart" for row in wrong.itertuples()]
    failing = failures(wrong["date"].to_numpy(), examples)
    return context.judged_on(
        known["date"].unique(), failing, "there is no portfolio in the session before"
    )


_SPENT = """
SELECT date, model_id, sum(shares * price + commission + tax) AS spent FROM fills
WHERE date BETWEEN $1::text::date AND $2::text::date AND account = 'simulated' GROUP BY 1, 2
"""


def book_attribution(context: CheckContext) -> Findings:
    """A book's lines add up to the change of its equity, and its members' shares to its positions.

    Not judged: sessions without a book.
    """
    lines = context.read("book_attribution", columns=["date", "model_id", "pnl"])
    pnl = lines.groupby(["date", "model_id"], as_index=False)["pnl"].sum()
    rows = context.read("portfolios", columns=["date", "model_id", "equity", "daily_return"])
    rows = rows.merge(pnl, on=["date", "model_id"])
    # Nothing is a share of an equity that was not positive.
    change = rows["equity"] - rows["equity"] / (1.0 + rows["daily_return"])
    rows["difference"] = (rows["pnl"] - change).abs()
    wrong = rows[rows["difference"] > CENT]
    examples = [f"model {row.model_id}: {row.difference:.2f} apart" for row in wrong.itertuples()]
    key = ["date", "model_id", "security_id"]
    parts, whole = (
        context.read(table, columns=[*key, "shares"]).groupby(key)["shares"].sum()
        for table in ("book_holdings", "positions")
    )
    whole = whole[whole.index.isin(lines["model_id"].unique(), level="model_id")]
    differences = parts.sub(whole, fill_value=0.0).abs()
    apart = differences[differences > SHARE].reset_index()
    examples += [
        f"model {row.model_id}: {row.shares:g} shares of {row.security_id} apart"
        for row in apart.itertuples()
    ]
    days = pd.concat([wrong["date"], apart["date"]])
    return context.judged_on(
        lines["date"].unique(), failures(days.to_numpy(), examples), "there is no book"
    )


def long_only_exposure(context: CheckContext) -> Findings:
    """A book without short positions borrows no more than it paid, or may pay at a higher open.

    Orders that are sized from the close before cost more at a higher open: what is borrowed then is
    the delay of the session's purchases, and what was paid so far in costs and interest. Not
    judged: sessions without a portfolio, and those in which every one has a short position.
    """
    rows = context.read("portfolios", columns=["date", "model_id", "cash", "equity", "receivables"])
    paid = bulk.query(context.platform.database, _PAID, (context.sessions[-1],))
    rows = rows.merge(paid, on=["date", "model_id"])
    rows = rows.merge(_totals(context), how="left", on=["date", "model_id"])
    rows = rows[~(rows["least"] < 0.0)]
    over = rows[-rows["cash"] > rows["paid"] + rows["receivables"].clip(lower=0.0) + CENT]
    examples = [
        f"model {row.model_id}: cash {row.cash:.2f} of equity {row.equity:.2f}"
        for row in over.itertuples()
    ]
    failing = failures(over["date"].to_numpy(), examples)
    return context.judged_on(rows["date"].unique(), failing, "there is no long-only portfolio")


_PAID = """
SELECT date, model_id, sum(costs + greatest(-interest, 0) + borrow_fees + coalesce(delay, 0))
    OVER (PARTITION BY model_id ORDER BY date) AS paid
FROM portfolios LEFT JOIN (
    SELECT date, model_id, sum(greatest(delay, 0)) AS delay FROM fills GROUP BY date, model_id
) AS late USING (date, model_id)
WHERE date <= $1::text::date
"""


_TOTALS = """
SELECT date, model_id, coalesce(sum(value), 0) AS value, min(shares) AS least FROM positions
WHERE date BETWEEN $1::text::date AND $2::text::date GROUP BY date, model_id
"""


def _totals(context: CheckContext) -> pd.DataFrame:
    """Value of all positions, and the least number of shares, by session and model."""
    window = context.window
    return bulk.query(context.platform.database, _TOTALS, (window[0], window[-1]))
