"""A stored portfolio as an account that can be explained, over its last sessions.

What belongs here: reading what `evaluation/attribution/` takes, for round trips and the return
against a benchmark. What does not: sums over a long range, which need no daily rows
(`attribution.py`).
"""

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SessionError
from quant_platform.evaluation.attribution.account import Account, filled_groups
from quant_platform.market.grid import Grid
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.trading.costs import costs_of

_PORTFOLIOS = """
SELECT date, equity, interest, borrow_fees, daily_return FROM (
    SELECT * FROM portfolios WHERE model_id = $1::text::integer AND date <= $2::text::date
    ORDER BY date DESC LIMIT $3::text::integer
) AS latest ORDER BY date
"""

_POSITIONS = """
SELECT date, security_id, shares, price, value FROM positions
WHERE model_id = $1::text::integer AND account = 'simulated' AND shares <> 0
    AND date BETWEEN $2::text::date AND $3::text::date
"""

_FILLS = """
SELECT date, security_id, number, reason, shares, price, commission, tax, spread, impact
FROM fills WHERE model_id = $1::text::integer AND account = 'simulated'
    AND date BETWEEN $2::text::date AND $3::text::date ORDER BY date, security_id, number
"""

_BARS = """
SELECT date, security_id, close_price FROM market_data
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id = ANY($3::text::text[])
"""

_ACTIONS = """
SELECT date, security_id, split_ratio, cash_amount FROM corporate_actions
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id = ANY($3::text::text[])
"""

_SECTORS = """
SELECT date, security_id, sector FROM trading_universe
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id = ANY($3::text::text[])
"""


def stored_account(
    settings: Settings,
    database: Database,
    model_id: int,
    last: str,
    sessions: int = SESSIONS_PER_YEAR,
) -> Account:
    """Read the last sessions of a stored portfolio.

    Parameters
    ----------
    last : last session, ISO date
    sessions : how many, as far as there are portfolios

    Raises
    ------
    SessionError
        The model has no portfolio up to that session.
    """
    model = str(model_id)
    # One more: what was held before the first session.
    rows = bulk.query(database, _PORTFOLIOS, (model, last, str(sessions + 1)))
    if rows.empty:
        raise SessionError(
            f"Model {model} has no portfolio up to {last}",
            f"Run: quant-platform backfill --start {last} --end {last}",
        )
    first_of_all = len(rows) <= sessions
    days = [f"{day:%Y-%m-%d}" for day in rows["date"]]
    span = (days[0], days[-1])
    positions = bulk.query(database, _POSITIONS, (model, *span))
    fills = bulk.query(database, _FILLS, (model, days[0] if first_of_all else days[1], days[-1]))
    names = tuple(sorted({*positions["security_id"], *fills["security_id"]}))
    listed = "{" + ",".join(f'"{name}"' for name in names) + "}"
    bars, actions, sectors = (
        bulk.query(database, sql, (*span, listed)) for sql in (_BARS, _ACTIONS, _SECTORS)
    )
    start = rows.iloc[0]
    before = float(start["equity"])
    opening = None
    if first_of_all:
        change = float(start["daily_return"])
        before /= 1.0 + (change if change == change else 0.0)
    else:
        opening = positions[positions["date"] == start["date"]]
        positions = positions[positions["date"] > start["date"]].reset_index(drop=True)
        rows = rows[1:].reset_index(drop=True)
    grid = Grid(rows["date"].to_numpy().astype("datetime64[D]"), names)
    members = grid.members(sectors)
    codes, known = filled_groups(members["sectors"].astype(np.int64), members["sector_names"])
    costs = costs_of(settings)
    given = grid.actions(actions)
    return Account(
        grid.days,
        names,
        rows,
        positions,
        fills,
        grid.columns(bars, {"close": "close_price"})["close"],
        given["split"],
        given["dividend"],
        before,
        opening,
        withholding=costs.withholding,
        borrow_rate=costs.borrow_rate,
        groups=codes,
        group_names=known,
    )


def tickers(database: Database, last: str) -> "dict[str, str]":
    """Return the newest ticker of each security that was a member up to a session."""
    rows: pd.DataFrame = bulk.query(
        database,
        "SELECT DISTINCT ON (security_id) security_id, symbol FROM trading_universe"
        " WHERE date <= $1::text::date AND security_id IS NOT NULL"
        " ORDER BY security_id, date DESC",
        (last,),
    )
    return dict(zip(rows["security_id"], rows["symbol"], strict=True))
