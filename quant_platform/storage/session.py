"""What every session of a database relies on, whatever the server, database or role would have.

Dates, moments and numbers travel as text in places: how they are written is a setting, which a
database or a role may have changed for its own programs. What does not belong here: where the
database is (`database.py`).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg2.extensions

ENCODING = "UTF8"

RELIED_ON = {
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "standard_conforming_strings": "on",
    # The shortest text that reads back as the same number.
    "extra_float_digits": "1",
    "client_encoding": ENCODING,
}
"""Settings and their values."""

STATEMENT = "SELECT " + ", ".join(
    f"set_config('{name}', '{value}', false)" for name, value in RELIED_ON.items()
)


def prepare(connection: "psycopg2.extensions.connection") -> None:
    """Set what is relied on, outside of a transaction, which a rollback would undo."""
    if connection.encoding != ENCODING:
        # The driver, too, must know.
        connection.set_client_encoding(ENCODING)
    before = connection.autocommit
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT)
    connection.autocommit = before
