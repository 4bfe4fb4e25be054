"""The sealed hold-out in the database: where it begins, and for which studies it was opened.

The setting declares it, and the database keeps it: from then on it holds whatever the setting says,
and is only ever moved to an earlier session. Row-level security keeps it from every login but the
owner's (`seal_tables()` of sql/migrations/0027_holdout.sql). What does not belong here: what
research refuses (`research/reader.py`), and how a login that row-level security does not concern is
shown less (`sealed_views.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from quant_platform.errors import DatabaseError, SealedError, SettingsError, UnknownNameError
from quant_platform.storage.database import Database
from quant_platform.storage.failures import server_error
from quant_platform.storage.trials import METRIC_COLUMNS, Trial

if TYPE_CHECKING:
    import psycopg2.extensions

VARIABLE = "QUANT_PLATFORM_HOLDOUT"

LOWER_IS_BETTER = frozenset(
    {"annualized_volatility", "max_drawdown_sessions", "turnover", "average_exposure", "beta"}
)
"""Figures by which the highest trial is not the best."""

_RESOLVED = """
SELECT (array_agg(date ORDER BY date))[2] FROM (SELECT DISTINCT date FROM market_data
    ORDER BY date DESC LIMIT %s) AS last HAVING count(*) > %s
"""

_DECLARED = """
SELECT holdout_session(), ARRAY(SELECT declared FROM holdouts),
    has_function_privilege('seal_tables()', 'EXECUTE')
"""

_OPEN = """
INSERT INTO unsealings (study_id, trial_id, person)
SELECT id, %s, %s FROM studies WHERE name = %s ON CONFLICT DO NOTHING
"""

_TRIALS_OF_STUDY = """
SELECT t.id FROM study_trials AS s JOIN trials AS t ON t.id = s.trial_id
JOIN studies ON studies.id = s.study_id
LEFT JOIN LATERAL (SELECT {} AS figure FROM trial_runs WHERE trial_id = t.id AND failed IS NULL
    AND last_session < holdout_session() ORDER BY id DESC LIMIT 1) AS newest ON true
WHERE studies.name = %s ORDER BY figure DESC NULLS LAST, t.id
"""

_TRIAL = """
SELECT strategy, strategy_version, source_digest, parameters::text, universe, first_session::text,
    last_session::text, costs::text, limits::text, delistings::text, capital, risk_free, benchmark
FROM trials WHERE id = %s
"""

_OPENINGS = """
SELECT s.name, u.person, u.created_at, u.trial_id{}
FROM unsealings AS u JOIN studies AS s ON s.id = u.study_id JOIN trials AS t ON t.id = u.trial_id
WHERE {} ORDER BY u.created_at, s.id
"""


@dataclass(frozen=True)
class Opening:
    """A study for which the hold-out was opened.

    Attributes
    ----------
    study : its name
    person, opened_at : who opened it, and when
    trial : id of the configuration that may be run over it
    """

    study: str
    person: str
    opened_at: datetime
    trial: str

    def __str__(self) -> str:
        return (
            f"opened for the study {self.study!r} on {self.opened_at:%Y-%m-%d} by {self.person},"
            f" with the trial {self.trial[:12]}"
        )


def sealed_from(database: Database) -> date | None:
    """Return the first session that is sealed; None: none is."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('holdouts') IS NOT NULL")
            if not cursor.fetchall()[0][0]:
                return None
            cursor.execute("SELECT holdout_session()")
            first: date | None = cursor.fetchall()[0][0]
            return first
    finally:
        connection.close()


def is_sealed(database: Database, session: str) -> bool:
    """Whether a session (ISO date) belongs to the hold-out."""
    first = sealed_from(database)
    return first is not None and session >= first.isoformat()


def keep_holdout(database: Database, declared: str, person: str) -> date | None:
    """Keep in the database what the setting declares, and seal its tables, new ones too.

    Parameters
    ----------
    database : by the login that owns the tables
    declared : a session (ISO date) or a number of last sessions, which is counted once, as soon as
        there are more sessions than that; empty: what stands in the database holds on

    Returns
    -------
    First session that is sealed; None: none is.

    Raises
    ------
    SettingsError
        It is later than what the database keeps.
    DatabaseError
        The login may not write it.
    """
    import psycopg2

    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('holdouts') IS NOT NULL")
            if not cursor.fetchall()[0][0]:
                raise DatabaseError(
                    "The database cannot keep a hold-out yet", "Run: quant-platform db upgrade"
                )
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('quant_platform_holdout'))")
            cursor.execute(_DECLARED)
            first: date | None
            first, known, is_owner = cursor.fetchall()[0]
            if declared and declared not in known:
                first = _declare(cursor, declared, person, first)
            if first is not None and is_owner:
                cursor.execute("SELECT seal_tables()")
    except psycopg2.errors.InsufficientPrivilege:
        raise DatabaseError(
            "The hold-out is not in the database yet, and this login may not write it",
            "Whoever owns the tables runs: quant-platform db upgrade",
        ) from None
    except psycopg2.Error as error:
        raise server_error(database.url, error) from None
    finally:
        connection.close()
    return first


def _declare(
    cursor: "psycopg2.extensions.cursor", declared: str, person: str, first: date | None
) -> date | None:
    """Write a new declaration; return the first session that is sealed then."""
    wanted = _resolved(cursor, declared)
    if wanted is None:
        return first
    if first is not None and wanted > first:
        raise SettingsError(
            f"{VARIABLE} is {declared}, and this database is sealed from {first} on",
            f"A hold-out is never moved to a later session: set {VARIABLE}={first}",
        )
    cursor.execute(
        "INSERT INTO holdouts (first_session, declared, person) VALUES (%s, %s, %s)",
        (wanted, declared, person),
    )
    return wanted


def _resolved(cursor: "psycopg2.extensions.cursor", declared: str) -> date | None:
    """First session of what is declared; None: there are not more sessions than it seals."""
    if not declared.isdigit():
        return date.fromisoformat(declared)
    count = int(declared)
    cursor.execute(_RESOLVED, (count + 1, count))
    rows = cursor.fetchall()
    return rows[0][0] if rows else None


def refusal(first: date) -> SealedError:
    """Return what is said to who asks for a sealed session."""
    return SealedError(
        f"The sessions from {first} on are sealed, as a hold-out",
        "End at an earlier session, or open them once for a study: quant-platform unseal STUDY",
    )


def unseal(database: Database, study: str, trial: str | None, person: str) -> Opening:
    """Open the hold-out for a study, once and for one of its configurations.

    Parameters
    ----------
    database : by the login that owns the tables
    trial : the beginning of its id; None: the best of the study by the study's figure

    Raises
    ------
    UnknownNameError
        There is no such study, or no such trial in it.
    SettingsError
        Nothing is sealed, nobody declared the study, or it was opened before.
    """
    import psycopg2

    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            chosen = _chosen(cursor, study, trial)
            cursor.execute(_OPEN, (chosen, person, study))
            is_new = cursor.rowcount > 0
    except psycopg2.errors.InsufficientPrivilege:
        raise DatabaseError(
            "This login may not open the hold-out", "Only the owner of the tables may"
        ) from None
    except psycopg2.Error as error:
        raise server_error(database.url, error) from None
    finally:
        connection.close()
    opening = opening_of(database, study)
    assert opening is not None  # noqa: S101 — it was written, by us or before
    if not is_new:
        raise SettingsError(f"The hold-out was {opening}", "A study opens it once")
    return opening


def _chosen(cursor: "psycopg2.extensions.cursor", study: str, trial: str | None) -> str:
    """Id of the trial that the hold-out is to be opened for."""
    cursor.execute("SELECT holdout_session()")
    if cursor.fetchall()[0][0] is None:
        raise SettingsError("Nothing is sealed", f"Set {VARIABLE} to the first session, before")
    asking = "SELECT declared, metric, name = 'pipeline' FROM studies WHERE name = %s"
    cursor.execute(asking, (study,))
    rows = cursor.fetchall()
    if not rows:
        raise UnknownNameError(f"There is no study {study!r}", "See: quant-platform studies")
    declared, metric, is_pipeline = rows[0]
    if not declared or is_pipeline:
        raise SettingsError(
            f"Nobody declared {study!r} as a study",
            "Declare one before its first trial: qp.study(name, budget=50), or --study",
        )
    figure = metric if metric in METRIC_COLUMNS else "sharpe_ratio"
    if trial is None and figure in LOWER_IS_BETTER:
        raise SettingsError(
            f"Which trial of {study!r} is the best by {figure}?", "Say it: --trial ID"
        )
    cursor.execute(_TRIALS_OF_STUDY.format(figure), (study,))
    trials = [str(name) for (name,) in cursor.fetchall()]
    chosen = [name for name in trials if trial is None or name.startswith(trial)]
    if not chosen or (trial is not None and len(chosen) > 1):
        found = "No trial" if not chosen else "More than one trial"
        raise UnknownNameError(
            f"{found} of {study!r} begins with {trial or 'anything'}",
            f"See: quant-platform trials --study {study!r}",
        )
    return chosen[0]


def opening_of(database: Database, study: str) -> Opening | None:
    """Return how the hold-out was opened for a study; None: it was not."""
    found = _openings(database, "s.name = %s", study)
    return found[0] if found else None


def openings_for(
    database: Database, strategy: str, parameters: Mapping[str, object]
) -> list[Opening]:
    """Return how the hold-out was opened for a strategy with these parameters, in any study.

    What a ranking shows of a model, for ever: a figure over these sessions that was looked at is no
    longer out of sample.
    """
    text = json.dumps(parameters, default=repr)
    return _openings(database, "t.strategy = %s AND t.parameters = %s::jsonb", strategy, text)


def openings_of_models(
    database: Database, models: Mapping[str, tuple[str, Mapping[str, object]]]
) -> dict[str, Opening]:
    """Return how the hold-out was opened for models, the first time, by their names.

    Parameters
    ----------
    models : model → name of the strategy and all its parameters, both as the ledger has them
    """
    found: dict[str, Opening] = {}
    for *row, strategy, parameters in _rows_of_openings(
        database, "true", more=", t.strategy, t.parameters"
    ):
        for name, of in models.items():
            if of == (strategy, parameters):
                found.setdefault(name, Opening(*row))
    return found


def trial_of_opening(database: Database, opening: Opening) -> Trial:
    """Return the configuration that a study opened the hold-out for."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_TRIAL, (opening.trial,))
            names = [each.name for each in fields(Trial)]
            return Trial(**dict(zip(names, cursor.fetchall()[0], strict=True)))
    finally:
        connection.close()


def _openings(database: Database, condition: str, *values: str) -> list[Opening]:
    return [Opening(*row) for row in _rows_of_openings(database, condition, *values)]


def _rows_of_openings(
    database: Database, condition: str, *values: str, more: str = ""
) -> list[tuple[Any, ...]]:
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('unsealings') IS NOT NULL")
            if not cursor.fetchall()[0][0]:
                return []
            cursor.execute(_OPENINGS.format(more, condition), values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
    finally:
        connection.close()
