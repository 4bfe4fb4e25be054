"""The PostgreSQL server of a test run: one for all its processes, with templates to copy.

A template is a database that was filled once, whichever process needed it first, and that nobody
may connect to afterwards; a copy of it takes some hundredths of a second. Which databases a test
gets is decided by the fixtures of the `conftest.py` files, not here.
"""

import fcntl
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from psycopg2 import sql

from quant_platform.storage.database import Database
from quant_platform.storage.embedded import start_embedded

EMPTY = "template1"
"""The server's own template: no tables."""

MEMORY, NEEDED = Path("/dev/shm"), 3 * 2**30  # noqa: S108 — a folder of a random name is made there
"""Where Linux keeps files in memory, and the bytes that must be free there (a third is taken)."""

_numbers = itertools.count()


def memory_folder() -> Path | None:
    """Folder whose files are kept in memory, if this machine has room there.

    Each database is some three hundred files, and most tests make and drop one. A file system that
    does not use the places of deleted files again at once then searches for free ones: a fifth of
    a second a database.
    """
    try:
        room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    except OSError:
        return None
    return MEMORY if room > NEEDED and os.access(MEMORY, os.W_OK) else None


class Server:
    """The server under `home`, started or joined, and databases on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with self._locked("server"):
            info = start_embedded(home).postmaster
            self.place = f"?host={info.socket_folder}&port={info.port}"
            # These databases live for seconds: nothing of them need survive a power cut.
            for option in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
                self.execute(f"ALTER SYSTEM SET {option} = off")
            self.execute("ALTER SYSTEM SET max_wal_size = '160MB'")
            self.execute("SELECT pg_reload_conf()")

    def leave(self) -> None:
        """Stop the server if no other process of the test run uses it."""
        with self._locked("server"):
            start_embedded(self.home).leave()

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}{self.place}"

    def execute(self, statement: str, *names: str) -> list[tuple[object, ...]]:
        """Run a statement of administration; `names` fill its {} as quoted identifiers."""
        connection = Database(self.url("postgres")).connect()
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def create(self, template: str = EMPTY) -> str:
        """Copy a template into a new database and return its name."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        # Of a small database, two thirds of the time that writing it to the log takes.
        self.execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        return name

    def drop(self, name: str) -> None:
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def template(self, name: str, fill: Callable[[str], object], *, source: str = EMPTY) -> str:
        """Return `name`, a template that `fill` made out of a copy of `source`, once a test run.

        Parameters
        ----------
        fill : gets the URL of the copy
        """
        with self._locked(name):
            if not self._exists(name):
                draft = self.create(source)
                fill(self.url(draft))
                self.execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", draft)
                # A database is renamed and copied only while nobody, not even an idle connection,
                # is in it.
                self.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"  # noqa: S608 — our name
                    f" WHERE datname = '{draft}'"
                )
                self.execute("ALTER DATABASE {} RENAME TO {}", draft, name)
        return name

    def _exists(self, name: str) -> bool:
        rows = self.execute(
            f"SELECT 1 FROM pg_database WHERE datname = '{name}'"  # noqa: S608 — our name
        )
        return bool(rows)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold the lock of a thing that only one process may make."""
        with (self.home.parent / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
