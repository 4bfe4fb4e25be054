"""Frames of a page that are worked out of stored rows: P&L, trips, benchmark, survivors, features.

All of it is of the last sessions: a year, or fewer where a market is so large that reading a year
of it would be what a page waits for. What does not belong here: rows that a section shows as they
are stored (`queries` of the sections), and how a section shows them (`reports/`).
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.attribution.account import Account
from quant_platform.evaluation.attribution.brinson import active_return, group_names, side_of
from quant_platform.evaluation.attribution.trips import round_trips
from quant_platform.evaluation.factor_rows import summary_of
from quant_platform.pipeline.accounts import stored_account, tickers
from quant_platform.pipeline.attribution import stored_attribution
from quant_platform.pipeline.page_studies import declared_studies
from quant_platform.pipeline.survivorship import stored_survivorship
from quant_platform.reports.explained import (
    ACTIVE,
    CHANGES,
    PNL,
    active_frame,
    survivorship_frames,
    trip_frames,
)
from quant_platform.reports.sections.factors import FACTORS
from quant_platform.reports.sections.studies import STUDIES
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.trading.costs import costs_of

MOST_ROWS = 200_000
"""Positions that are read of all models together."""

FEWEST_SESSIONS = 21

_SIZE = """
SELECT (SELECT count(*) FROM positions WHERE date = $1::text::date AND shares <> 0) AS positions,
    (SELECT count(*) FROM trading_universe WHERE date = $1::text::date) AS members
"""

_TRADED = """
SELECT DISTINCT model_id FROM fills WHERE date <= $1::text::date AND account = 'simulated'
"""

_SESSIONS = """
SELECT DISTINCT date::text AS date FROM portfolios WHERE date <= $1::text::date
ORDER BY date DESC LIMIT $2::text::integer
"""

_FACTORS = """
SELECT date, feature, horizon, rank_ic, ic, slope, spread, turnover, autocorrelation, coverage,
    return_1, return_2, return_3, return_4, return_5
FROM factor_evaluation WHERE date <= $1::text::date AND date >= $2::text::date
"""


def computed_frames(
    settings: Settings,
    database: Database,
    session: str,
    models: pd.DataFrame,
    performance: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Work out what the sections of a page show beside stored rows.

    Parameters
    ----------
    session : ISO date
    models : rows of `models` with a portfolio
    performance : rows of `model_performance` of the session: what each model is judged against
    """
    size = bulk.query(database, _SIZE, (session,)).iloc[0]
    count = sessions_of(max(int(size["positions"]), int(size["members"])))
    frames = survivorship_frames(stored_survivorship(settings, database, session, count).universe)
    frames |= _pnl(settings, database, session, models, count)
    traded = bulk.query(database, _TRADED, (session,))["model_id"]
    ids = [each for each in models["id"].tolist() if each in set(traded)]
    accounts = {each: stored_account(settings, database, each, session, count) for each in ids}
    frames |= _trips(accounts, tickers(database, session) if ids else {})

    def account_of(model: int, sessions: int) -> Account:
        """Of the same sessions as another one, which is younger."""
        return stored_account(settings, database, model, session, sessions)

    frames |= _active(accounts, models, performance, account_of)
    frames[STUDIES] = declared_studies(database, session)
    return frames | _features(database, session)


def sessions_of(rows: int) -> int:
    """Sessions that are looked at of a market with so many positions, or members, in one.

    Examples
    --------
    >>> [sessions_of(rows) for rows in (0, 500, 5_000, 50_000)]
    [252, 252, 40, 21]
    """
    return max(min(MOST_ROWS // max(rows, 1), SESSIONS_PER_YEAR), FEWEST_SESSIONS)


def _pnl(
    settings: Settings, database: Database, session: str, models: pd.DataFrame, count: int
) -> dict[str, pd.DataFrame]:
    days = _sessions(database, session, count + 1)
    found = stored_attribution(
        database,
        session,
        since=days[0] if len(days) > count else None,
        withholding=costs_of(settings).withholding,
    )
    rows = found.rows[found.rows["model_id"].isin(models["id"])]
    if not (rows["pnl"] != 0.0).any():
        return {}
    changes = found.models.reset_index()
    return {
        PNL: rows.reset_index(drop=True),
        CHANGES: changes[changes["model_id"].isin(models["id"])].reset_index(drop=True),
    }


def _trips(accounts: Mapping[int, Account], named: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    parts = [
        trip_frames(model, round_trips(account), named, len(account.sessions))
        for model, account in accounts.items()
    ]
    return _together(parts)


def _active(
    accounts: Mapping[int, Account],
    models: pd.DataFrame,
    performance: pd.DataFrame,
    account_of: Callable[[int, int], Account],
) -> dict[str, pd.DataFrame]:
    """Explain the return of each model against its benchmark, where that has an account too."""
    ids = dict(zip(models["model_name"], models["id"], strict=True))
    against = dict(zip(performance["model_id"], performance["benchmark"], strict=True))
    parts = []
    for model, account in accounts.items():
        name = against.get(model)
        other = accounts.get(ids.get(name, -1))
        if other is None or other is account:
            continue
        if len(other.sessions) > len(account.sessions):
            other = account_of(ids[name], len(account.sessions))
        if not np.array_equal(other.sessions, account.sessions):
            continue
        names = group_names(account, other)
        found = active_return(
            side_of(account, names), side_of(other, names), account.sessions, names
        )
        parts.append({ACTIVE: active_frame(model, str(name), found)})
    return _together(parts)


def _features(database: Database, session: str) -> dict[str, pd.DataFrame]:
    """Sums over the rows of the last year."""
    first = _sessions(database, session, SESSIONS_PER_YEAR)[0]
    rows = bulk.query(database, _FACTORS, (session, first))
    if rows.empty:
        return {}
    means = rows.groupby(["feature", "horizon"])[[f"return_{k}" for k in range(1, 6)]].mean()
    return {FACTORS: summary_of(rows).join(means).reset_index()}


def _sessions(database: Database, session: str, count: int) -> list[str]:
    """The last sessions with a portfolio, ascending, as ISO dates; the session itself if none."""
    days = bulk.query(database, _SESSIONS, (session, str(count)))["date"]
    return sorted(days.astype("str")) or [session]


def _together(parts: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Frames of several models as one of each name."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {
        name: pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        for name in names
    }
