"""The tests' own PostgreSQL server: databases on it are made, copied and dropped by name.

Which databases a test gets is decided by the fixtures of the `conftest.py` files, not here.
"""

import itertools
import os
from pathlib import Path

from psycopg2 import sql

from quant_platform.storage.database import Database
from quant_platform.storage.embedded import start_embedded


class Server:
    """The test session's own PostgreSQL server, and databases on it."""

    def __init__(self, home: Path) -> None:
        info = start_embedded(home).get_postmaster_info()
        self.place = f"?host={info.socket_dir}&port={info.port}"
        self._numbers = itertools.count()
        # These databases live for seconds: nothing of them need survive a power cut.
        for option in ("fsync", "full_page_writes", "synchronous_commit"):
            self.execute(f"ALTER SYSTEM SET {option} = off")
        self.execute("SELECT pg_reload_conf()")

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}{self.place}"

    def execute(self, statement: str, *names: str) -> None:
        """Run a statement of administration; `names` fill its {} as quoted identifiers."""
        connection = Database(self.url("postgres")).connect()
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
        finally:
            connection.close()

    def create(self, template: str = "template1") -> str:
        """Create a database and return its name."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        # A database is copied only while nobody, not even an idle connection, is in it.
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"  # noqa: S608 — our name
            f" WHERE datname = '{template}'"
        )
        self.execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop(self, name: str) -> None:
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
