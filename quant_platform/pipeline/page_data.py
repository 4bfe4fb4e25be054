"""What the page of a report date shows: read from the database, as frames.

What does not belong here: where the page is put (`pages.py`), and how it looks (`reports/`).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd

from quant_platform.errors import SessionError
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.performance import performance_intervals
from quant_platform.evaluation.risk_free import YIELD, risk_free_rates
from quant_platform.isolation import is_added
from quant_platform.market.calendar import platform_calendar
from quant_platform.pipeline.page_frames import computed_frames
from quant_platform.pipeline.recipes import portfolio_recipe
from quant_platform.pipeline.seen import holdout_states
from quant_platform.reports.data import ReportData
from quant_platform.reports.ranking import TREND_SESSIONS, model_trends, rank_models, score_rows
from quant_platform.reports.report import performance_reports
from quant_platform.reports.sections.order import queries
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.holdout import sealed_from
from quant_platform.storage.schema import tables_with_history
from quant_platform.strategies.books import books_of, with_portfolios
from quant_platform.strategies.models import models_of
from quant_platform.trading.costs import costs_of

QUALITY_SESSIONS = 63
"""Sessions of data quality that a page sums up."""

REQUEST_SESSIONS = 10
"""Sessions, the page's own the last of them, of which a page says whether they came."""

A_MONTH = timedelta(days=30)
"""Never without `REQUEST_SESSIONS` sessions."""

FIRST_COUNTED = (
    "market_data",
    "corporate_actions",
    "trading_universe",
    "features",
    "signals",
    "portfolios",
    "model_performance",
    "performance_statistics",
    "factor_evaluation",
    "performance_reports",
    "alerts",
    "data_quality",
    "quarantine",
)
"""Tables whose rows are counted first, in this order, even where they hold none."""


BEFORE_REPORT = (*FIRST_COUNTED[: FIRST_COUNTED.index("performance_reports")], "alerts")
"""Tables that are finished when a report is computed: only these may a page count."""


PORTFOLIO_COLUMNS = (
    *("date", "model_id", "equity", "daily_return", "turnover", "gross_exposure"),
    *("net_exposure", "trade_count", "costs", "interest", "borrow_fees"),
    *("signals_judged", "signals_hit"),
)
"""Columns of `portfolios` that pages show."""


def gather(settings: Settings, database: Database, session: str) -> ReportData:
    """Read everything the page of `session` shows."""
    recent = _recent_sessions(database, session, max(TREND_SESSIONS + 1, QUALITY_SESSIONS))
    models = _all(database, "SELECT * FROM models ORDER BY id")
    models = models[models["model_name"].isin(with_portfolios(settings))].reset_index(drop=True)

    def of_models(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["model_id"].isin(models["id"])].reset_index(drop=True)

    trend_start = recent[-(TREND_SESSIONS + 1) :][0]
    performance = of_models(_between(database, "model_performance", trend_start, session))
    alerts = _between(database, "alerts", session, session)
    today = [pd.Timestamp(session)]
    of_session = performance[performance["date"] == today[0]]
    if of_session.empty:
        raise SessionError(
            f"There are no figures for {session} yet",
            f"Run: quant-platform backfill --start {session} --end {session}",
        )
    scored = score_rows(performance, models)
    statistics = _between(database, "performance_statistics", session, session)
    portfolios = of_models(
        _all(
            database,
            f"SELECT {', '.join(PORTFOLIO_COLUMNS)} FROM portfolios"  # noqa: S608 — constant names
            " WHERE date <= $1::text::date ORDER BY date, model_id",
            session,
        )
    )
    risk_free = _risk_free(settings, database, pd.DatetimeIndex([*portfolios["date"], *today]))
    return ReportData(
        date=today[0],
        models=models,
        portfolios=portfolios,
        performance=of_session,
        ranking=_with_holdout(settings, database, rank_models(scored, statistics, today)),
        trends=model_trends(scored, today),
        signals=of_models(_between(database, "signals", session, session)),
        alerts=alerts,
        data_quality=_between(database, "data_quality", recent[-QUALITY_SESSIONS:][0], session),
        refused=_all(
            database,
            "SELECT table_name, reason, count(*) AS rows FROM quarantine"
            " WHERE date = $1::text::date AND mended_at IS NULL"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
            session,
        ),
        outstanding=_outstanding(settings, database, date.fromisoformat(session)),
        row_counts=_session_counts(database, session),
        assumptions=_assumptions(settings, database, session),
        summary=str(
            performance_reports(performance, statistics, models, alerts, today)["summary"].iloc[0]
        ),
        risk_free=risk_free,
        intervals=_intervals(portfolios, of_session, models, risk_free),
        frames=_asked(database, session, models)
        | computed_frames(settings, database, session, models, of_session),
    )


def _with_holdout(settings: Settings, database: Database, ranking: pd.DataFrame) -> pd.DataFrame:
    """Add the state of the sealed hold-out as it is now: what was looked at stays so for ever."""
    if sealed_from(database) is None:
        return ranking
    states = holdout_states(database, models_of(settings), books_of(settings))
    names = [states.get(str(name)) for name in ranking["model_name"]]
    return ranking.assign(holdout=pd.Series(names, ranking.index, dtype=object))


def _asked(database: Database, session: str, models: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What the sections of a page ask for; of its models where rows are of a model."""
    frames = {}
    for name, statement in queries().items():
        rows = _all(database, statement, session)
        if "model_id" in rows:
            rows = rows[rows["model_id"].isin(models["id"])].reset_index(drop=True)
        frames[name] = rows
    return frames


def _intervals(
    portfolios: pd.DataFrame,
    performance: pd.DataFrame,
    models: pd.DataFrame,
    risk_free: float | pd.Series,
) -> pd.DataFrame:
    """Intervals of the platform's own metrics over 252 sessions.

    Those that refer to a benchmark that is no model are null.
    """
    ids = dict(zip(models["model_name"], models["id"], strict=True))
    names = dict(zip(performance["model_id"], performance["benchmark"], strict=True))
    against = {model: ids[name] for model, name in names.items() if name in ids}
    own = {name: each for name, each in METRICS.items() if not is_added(each.function)}
    return performance_intervals(portfolios, against, risk_free=risk_free, metrics=own)


def _assumptions(settings: Settings, database: Database, session: str) -> dict[str, str]:
    """What the figures of a session rest on, by name, in words."""
    sources = _all(
        database,
        "SELECT DISTINCT source FROM market_data WHERE date = $1::text::date ORDER BY 1",
        session,
    )
    recipe = portfolio_recipe(settings)
    computed_by = _all(
        database,
        "SELECT recipe FROM computations WHERE asset = 'portfolios' AND date = $1::text::date",
        session,
    )
    assumptions = {
        "Bars of the session": ", ".join(sources["source"]) if len(sources) else "none",
        "Start capital": f"{settings.capital:,.2f}",
        "Trading": f"{settings.costs.split()[0]}: {costs_of(settings)}",
        "Limits": settings.limits or "none",
    }
    if len(computed_by) and computed_by["recipe"].iloc[0] != recipe:
        assumptions["Other settings"] = (
            f"the portfolios were computed with {computed_by['recipe'].iloc[0]}; the settings now"
            f" say {recipe}"
        )
    return assumptions


def row_counts(database: Database) -> dict[str, int]:
    """Rows of every table a user looks at: `FIRST_COUNTED`, then others that hold any."""
    return _counted(database, FIRST_COUNTED)


def _outstanding(settings: Settings, database: Database, session: date) -> pd.DataFrame:
    """Requests of the last sessions that are not complete.

    The session that follows is one of them: while it is waited for, its page does not exist.
    """
    calendar = platform_calendar(settings)
    first = calendar.sessions(session - A_MONTH, session)[-REQUEST_SESSIONS]
    following = calendar.sessions(session + timedelta(days=1), session + A_MONTH)[0]
    return _all(
        database,
        "SELECT date, source, status, reason FROM ingestions WHERE status <> 'complete'"
        " AND date BETWEEN $1::text::date AND $2::text::date ORDER BY date DESC, source",
        first.isoformat(),
        following.isoformat(),
    )


def _risk_free(
    settings: Settings, database: Database, sessions: pd.DatetimeIndex
) -> float | pd.Series:
    """Return the rate that the figures were computed with: yields where there are any."""
    yields = _all(
        database,
        f"SELECT date, observed_on, {YIELD} FROM treasury_yields"  # noqa: S608 — a constant name
        f" WHERE date <= $1::text::date AND {YIELD} IS NOT NULL",
        f"{sessions.max():%Y-%m-%d}",
    )
    if yields.empty:
        return settings.risk_free
    return risk_free_rates(yields, sessions.unique(), default=settings.risk_free)


def _session_counts(database: Database, session: str) -> dict[str, int]:
    """Rows of a session in each table that its report follows from, and in others that hold any.

    Not of the tables that are written while the page is, or later: the page of a session is the
    same bytes whenever it is written.
    """
    return _counted(database, BEFORE_REPORT, " WHERE date = $1::text::date", session)


def _counted(
    database: Database, first: Sequence[str], where: str = "", *parameters: str
) -> dict[str, int]:
    """Rows of the tables `first`, and then of those that are not ours and hold any."""
    others = [name for name in tables_with_history(database) if name not in FIRST_COUNTED]
    tables = [*first, *others]
    counting = " UNION ALL ".join(
        f"SELECT {place} AS place, count(*) AS rows FROM {bulk.quoted(table)}{where}"  # noqa: S608 — names of the catalogue
        for place, table in enumerate(tables)
    )
    counted = _all(database, counting, *parameters).sort_values("place")["rows"].astype(int)
    return {
        table: rows
        for table, rows in zip(tables, counted.tolist(), strict=True)
        if rows or table in first
    }


def _recent_sessions(database: Database, session: str, count: int) -> list[str]:
    rows = _all(
        database,
        "SELECT DISTINCT date FROM portfolios WHERE date <= $1::text::date"
        " ORDER BY date DESC LIMIT $2::text::integer",
        session,
        str(count),
    )
    days = [f"{day:%Y-%m-%d}" for day in rows["date"]] if len(rows) else []
    return sorted(days) or [session]


def _between(database: Database, table: str, first: str, last: str) -> pd.DataFrame:
    return _all(
        database,
        f"SELECT * FROM {table} WHERE date BETWEEN $1::text::date AND $2::text::date"  # noqa: S608 — constant names
        " ORDER BY date",
        first,
        last,
    )


def _all(database: Database, sql: str, *parameters: str) -> pd.DataFrame:
    return bulk.query(database, sql, parameters)
