"""Alerts that come from operation, with the origin `run`.

What does not belong here: rules over figures (`rules.py`).
"""

from quant_platform.storage.database import Database


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
