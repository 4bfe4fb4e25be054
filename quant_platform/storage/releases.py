"""Rows of `account_releases`: halted accounts that a person released.

What does not belong here: who may be released, and when (`pipeline/releases.py`).
"""

from datetime import date

from quant_platform.storage.database import Database

_RECORD = """
INSERT INTO account_releases (model_id, account, date, released_by)
SELECT id, %s, %s, %s FROM models WHERE model_name = %s ON CONFLICT DO NOTHING
"""

_RELEASES = """
SELECT m.model_name, array_agg(r.date ORDER BY r.date)
FROM account_releases AS r JOIN models AS m ON m.id = r.model_id WHERE r.account = %s GROUP BY 1
"""


def record_release(database: Database, model: str, account: str, session: date, by: str) -> bool:
    """Record that an account is released before a session; return whether it was not before."""
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_RECORD, (account, session, by, model))
            return cursor.rowcount > 0
    finally:
        connection.close()


def releases_of(database: Database, account: str) -> dict[str, list[date]]:
    """Return the sessions before which an account was released, by the model's name."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_RELEASES, (account,))
            return dict(cursor.fetchall())
    finally:
        connection.close()
