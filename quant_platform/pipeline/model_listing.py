"""The models with their states and monitors, as tables and sentences to be shown.

Sessions of a sealed hold-out are left out. What does not belong here: changing a state
(`model_states.py`), and charts (`reports/monitor.py`).
"""

import pandas as pd

from quant_platform.errors import UnknownNameError
from quant_platform.reports.monitor import monitor_sentence
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.model_states import state_of

_LISTED = """
SELECT m.model_name AS model, coalesce(s.state, 'candidate') AS state, s.date::text AS since,
    s.person, CASE WHEN s.promised IS NOT NULL THEN round((s.promised * sqrt(252))::numeric, 2)
        END::float8 AS promised, r.date::text AS session, r.sessions,
    round((r.mean * sqrt(252))::numeric, 2)::float8 AS mean,
    round((r.upper * sqrt(252))::numeric, 2)::float8 AS upper,
    CASE WHEN r.e_value IS NOT NULL THEN round(least(r.e_value, 1e6)::numeric, 2) END::float8
        AS e_value,
    CASE WHEN r.crossed THEN 'broken' WHEN NOT r.crossed THEN 'holds' END AS promise
FROM models AS m
LEFT JOIN LATERAL (SELECT * FROM model_states WHERE model_id = m.id AND known_on <
    coalesce(holdout_session(), 'infinity') ORDER BY id DESC LIMIT 1) AS s ON true
LEFT JOIN LATERAL (SELECT * FROM model_monitor WHERE model_id = m.id AND promoted_on = s.date
    AND date < coalesce(holdout_session(), 'infinity') ORDER BY date DESC LIMIT 1) AS r ON true
ORDER BY 1
"""

_CHANGES = """
SELECT s.date::text AS since, s.state, s.person, s.why, s.known_on::text AS known_on, s.sessions,
    round((s.mean * sqrt(252))::numeric, 2)::float8 AS mean,
    round((s.lower * sqrt(252))::numeric, 2)::float8 AS lower,
    round((s.haircut * sqrt(252))::numeric, 2)::float8 AS haircut,
    round((s.promised * sqrt(252))::numeric, 2)::float8 AS promised,
    s.trials, round(s.effective_trials::numeric, 1)::float8 AS effective_trials,
    to_char(s.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS recorded
FROM model_states AS s JOIN models AS m ON m.id = s.model_id
WHERE m.model_name = $1 AND s.known_on < coalesce(holdout_session(), 'infinity') ORDER BY s.id
"""

_ROWS = """
SELECT r.date, m.model_name, r.state, r.promoted_on, r.sessions, r.mean, r.lower, r.upper,
    r.promised, r.e_value, r.crossed
FROM model_monitor AS r JOIN models AS m ON m.id = r.model_id
WHERE m.model_name = $1 AND r.date < coalesce(holdout_session(), 'infinity') ORDER BY 1 DESC LIMIT 1
"""


def listed(database: Database) -> pd.DataFrame:
    """One row per model: state, and the newest figures of its monitor, annualised by √252."""
    rows = bulk.query(database, _LISTED)
    return rows.rename(columns={"e_value": "e-value"})


def changes_of(database: Database, model: str) -> pd.DataFrame:
    """Every change of a model's state, oldest first, with what was promised.

    Raises
    ------
    UnknownNameError
        There is no such model.
    """
    if state_of(database, model) is None:
        names = bulk.query(database, "SELECT model_name FROM models ORDER BY 1")
        known = ", ".join(names["model_name"]) or "none"
        raise UnknownNameError(f"There is no model {model!r}", f"Models: {known}")
    return bulk.query(database, _CHANGES, (model,))


def standing_of(database: Database, model: str) -> str:
    """Say where the test of a model's promise stands."""
    rows = bulk.query(database, _ROWS, (model,))
    if rows.empty:
        return f"There is no row of the monitor of {model}"
    return monitor_sentence({str(name): value for name, value in rows.iloc[0].items()})
