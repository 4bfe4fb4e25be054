"""Which models are used for what, as a line that a status shows.

It loads no pandas: a status starts at once. What does not belong here: tables of states and of what
was promised (`pipeline/model_listing.py`), and changing a state (`model_states.py`).
"""

from contextlib import closing

from quant_platform.storage.database import Database

_LINE = """
SELECT string_agg(m.model_name || ' ' || s.state
    || CASE WHEN r.crossed THEN ', its promise is broken' ELSE '' END, '; ' ORDER BY m.model_name)
FROM models AS m
JOIN LATERAL (SELECT * FROM model_states WHERE model_id = m.id AND known_on <
    coalesce(holdout_session(), 'infinity') ORDER BY id DESC LIMIT 1) AS s ON true
LEFT JOIN LATERAL (SELECT crossed FROM model_monitor WHERE model_id = m.id AND promoted_on = s.date
    AND date < coalesce(holdout_session(), 'infinity') ORDER BY date DESC LIMIT 1) AS r ON true
WHERE s.state <> 'candidate'
"""


def states_line(database: Database) -> str:
    """Say in a line which models are in use, and which of their promises are broken."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(_LINE)
        rows = cursor.fetchall()
    return str(rows[0][0] or "")
