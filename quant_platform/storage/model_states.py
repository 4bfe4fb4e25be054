"""Rows of `model_states`: what each model is used for, from which session on, and who said so.

What does not belong here: which change is allowed (`pipeline/model_states.py`), and what is
promised (`evaluation/monitor.py`).
"""

from contextlib import closing
from datetime import date
from typing import NamedTuple

import pandas as pd

from quant_platform.storage import bulk
from quant_platform.storage.database import Database

CANDIDATE, CHALLENGER, CHAMPION = "candidate", "challenger", "champion"
DEMOTED, RETIRED = "demoted", "retired"

IN_USE = (CHALLENGER, CHAMPION)
"""States in which a model is monitored."""

PROMISE = ("sessions", "mean", "lower", "haircut", "promised", "trials", "effective_trials")
"""Columns that say what was promised; null in other states."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('quant_platform'), hashtext('model_states'))"

_NEWEST = """
SELECT s.state, s.date FROM models AS m LEFT JOIN model_states AS s ON s.model_id = m.id
WHERE m.model_name = %s ORDER BY s.id DESC NULLS LAST LIMIT 1
"""

_INSERT = """
INSERT INTO model_states (date, model_id, state, why, person, known_on, sessions, mean, lower,
    haircut, promised, trials, effective_trials)
SELECT %s, id, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM models WHERE model_name = %s
"""

_STATES = """
SELECT s.id, s.date, m.model_name, s.model_id, s.state, s.why, s.person, s.login, s.known_on,
    s.sessions, s.mean, s.lower, s.haircut, s.promised, s.trials, s.effective_trials, s.recorded_at
FROM model_states AS s JOIN models AS m ON m.id = s.model_id
WHERE ($1 = '' OR m.model_name = $1) ORDER BY s.id
"""


class State(NamedTuple):
    """A state, and the first session in which it holds; None: from the beginning."""

    name: str
    since: date | None


class Change(NamedTuple):
    """A row to be written.

    Attributes
    ----------
    begins : first session in which it holds
    known_on : the session before
    promise : values of `PROMISE`; None each where nothing is promised
    """

    begins: date
    model: str
    state: str
    why: str
    person: str
    known_on: date
    promise: tuple[object, ...] = (None,) * len(PROMISE)


def state_of(database: Database, model: str) -> State | None:
    """Newest state of a model; None: there is no such model."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(_NEWEST, (model,))
        rows = cursor.fetchall()
    if not rows:
        return None
    name, since = rows[0]
    return State(name or CANDIDATE, since)


def record_state(database: Database, change: Change, before: State) -> bool:
    """Write a change; False, and nothing written, if the state is not `before` any more."""
    with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_LOCK)
        cursor.execute(_NEWEST, (change.model,))
        name, since = cursor.fetchall()[0]
        if State(name or CANDIDATE, since) != before:
            return False
        values = (change.begins, change.state, change.why, change.person, change.known_on)
        cursor.execute(_INSERT, (*values, *change.promise, change.model))
        return True


def states_of(database: Database, model: str = "") -> pd.DataFrame:
    """All changes in their order, of one model or of all: a row each, with the model's name."""
    return bulk.query(database, _STATES, (model,))
