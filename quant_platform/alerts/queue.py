"""Alerts that come from operation, with the origin `run`; and the queue of messages as rows.

What does not belong here: rules over figures (`rules.py`), and sending (`delivery.py`).
"""

import pandas as pd

from quant_platform.storage import bulk
from quant_platform.storage.database import Database

_QUEUED = """
SELECT e.severity, e.rule, e.subject, e.began, e.date AS last, e.ended, d.channel, d.about,
    d.attempts,
    CASE WHEN d.event_id IS NULL THEN 'not queued' WHEN d.sent_at IS NOT NULL THEN 'sent'
        ELSE 'waiting' END AS state,
    CASE WHEN d.sent_at IS NULL THEN d.due_at END AS due_at, d.sent_at, d.reason,
    e.id::text AS event, e.message
FROM alert_events AS e LEFT JOIN alert_deliveries AS d ON d.event_id = e.id
WHERE $1::text = 'all' OR e.ended IS NULL OR (d.event_id IS NOT NULL AND d.sent_at IS NULL)
ORDER BY e.date DESC, e.recorded_at DESC, e.id, d.channel, d.queued_at
"""


def queued(database: Database, *, everything: bool = False) -> pd.DataFrame:
    """Return events, with a row for each message about one.

    Parameters
    ----------
    everything : also events that are over and of which no message waits
    """
    return bulk.query(database, _QUEUED, ("all" if everything else "open",))


def raise_alert(database: Database, day: str, rule: str, subject: str, message: str) -> None:
    """Insert a critical alert; one that is there already stays as it is."""
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO alerts (date, origin, rule, subject, severity, message)"
                " VALUES (%s, 'run', %s, %s, 'critical', %s) ON CONFLICT DO NOTHING",
                (day, rule, subject, message),
            )
    finally:
        connection.close()
