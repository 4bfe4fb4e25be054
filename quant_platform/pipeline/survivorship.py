"""Survivorship of what is stored, up to a session: the universe's, and each model's.

What belongs here: reading what `evaluation/survivorship.py` measures. What does not: the maths, and
running a strategy over survivors alone, which a backtest does (`result.survivorship(rerun=True)`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SessionError
from quant_platform.evaluation.survivorship import (
    Survivorship,
    UniverseHistory,
    measure,
    portfolio_scenarios,
)
from quant_platform.market.grid import Grid
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database

SPAN = 5 * SESSIONS_PER_YEAR
"""Sessions over which the universe is looked at: reading all of a long history takes seconds."""

_SESSIONS = """
SELECT date FROM (
    SELECT DISTINCT date FROM portfolios WHERE date <= $1::text::date ORDER BY 1 DESC
    LIMIT $2::text::integer
) AS latest ORDER BY date
"""

_MEMBERS = """
SELECT date, security_id FROM trading_universe
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id IS NOT NULL
"""

_BARS = """
SELECT date, security_id, close_price FROM market_data
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id IN (
    SELECT DISTINCT security_id FROM trading_universe
    WHERE date BETWEEN $1::text::date AND $2::text::date)
"""

_ACTIONS = """
SELECT date, security_id, split_ratio, cash_amount FROM corporate_actions
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id IS NOT NULL
"""

_RETIRED = """
SELECT DISTINCT security_id FROM securities
WHERE date BETWEEN $1::text::date AND $2::text::date AND delisted_on <= $2::text::date
    AND security_id IS NOT NULL
"""

_CLOSED = """
SELECT closed_positions.date, closed_positions.model_id, shares, last_price, delisting_return,
    assumed, distressed, equity
FROM closed_positions JOIN portfolios USING (date, model_id)
WHERE closed_positions.date <= $1::text::date ORDER BY 2, 1
"""

_TOTALS = """
SELECT model_id, model_name, total_return FROM model_performance
JOIN models ON models.id = model_id
WHERE date = $1::text::date AND window_name = 'inception' ORDER BY model_id
"""


@dataclass(frozen=True)
class StoredSurvivorship:
    """What ended, and what it did to the stored results.

    Attributes
    ----------
    universe : over the last `SPAN` sessions
    models : model_id, model_name, closed, assumed and distressed positions since the start, and
        total_return under each scenario
    """

    universe: Survivorship
    models: pd.DataFrame


def stored_survivorship(
    settings: Settings, database: Database, session: str, sessions: int = SPAN
) -> StoredSurvivorship:
    """Measure survivorship up to a session.

    Parameters
    ----------
    session : ISO date
    sessions : that the universe is looked at over, this one the last

    Raises
    ------
    SessionError
        There is no portfolio up to that session.
    """
    days = bulk.query(database, _SESSIONS, (session, str(sessions)))["date"]
    if not len(days):
        raise SessionError(
            f"There is no portfolio up to {session}",
            f"Run: quant-platform backfill --start {session} --end {session}",
        )
    span = f"{days.iloc[0]:%Y-%m-%d}", f"{days.iloc[-1]:%Y-%m-%d}"
    members, bars, actions, retired = (
        bulk.query(database, sql, span) for sql in (_MEMBERS, _BARS, _ACTIONS, _RETIRED)
    )
    names = tuple(sorted({*members["security_id"], *bars["security_id"]}))
    grid = Grid(days.to_numpy().astype("datetime64[D]"), names)
    history = UniverseHistory(
        grid.days,
        names,
        grid.columns(bars, {"close": "close_price"})["close"],
        **grid.actions(actions),
        member=grid.members(members)["member"],
        retired=np.isin(np.array(names, dtype=object), retired["security_id"].to_numpy(object)),
        silent=settings.delisting_sessions,
    )
    return StoredSurvivorship(measure(history), _of_models(database, session))


def _of_models(database: Database, session: str) -> pd.DataFrame:
    """Count what each model's positions came to, and restate its total return."""
    closed = bulk.query(database, _CLOSED, (session,))
    rows = []
    for model, name, total in bulk.query(database, _TOTALS, (session,)).itertuples(index=False):
        own = closed[(closed["model_id"] == model) & (closed["equity"] > 0.0)]
        counts = {
            "closed": len(own),
            "assumed": int(own["assumed"].sum()),
            "distressed": int(own["distressed"].sum()),
        }
        known = float("nan") if total is None else float(total)
        rows.append({"model_id": model, "model_name": name, **counts} | _scenarios(known, own))
    return pd.DataFrame(rows)


def _scenarios(total: float, closed: pd.DataFrame) -> dict[str, float]:
    return portfolio_scenarios(total, closed)
