"""A database by a login that may only read its tables."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from quant_platform.storage.database import Database
from quant_platform_tests.support.tables import fetch


@contextmanager
def reading_login(database: Database) -> Iterator[Database]:
    """Yield the database by a role of its own; roles belong to the server that all tests share."""
    role = f"reads_{secrets.token_hex(8)}"
    fetch(database, f"CREATE ROLE {role}")
    fetch(database, f"ALTER ROLE {role} SET default_transaction_read_only = on")
    fetch(database, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    sign = "&" if "?" in database.url else "?"
    found = Database(f"{database.url}{sign}options=-c%20role%3D{role}")
    try:
        yield found
    finally:
        found.close()
        fetch(database, f"DROP OWNED BY {role}; DROP ROLE {role}")
