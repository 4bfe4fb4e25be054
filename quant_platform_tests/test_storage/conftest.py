"""One database for all tests of a file, emptied after each: cheaper still than a copy per test."""

from collections.abc import Iterator

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import fetch

_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  AND relname NOT LIKE '%%yoyo%%' AND relname <> 'database_identity'
ORDER BY relname = 'models'
"""


@pytest.fixture(scope="module")
def module_database(server: Server, template: str) -> Iterator[Database]:
    name = server.create(template)
    database = Database(server.url(name))
    yield database
    database.close()
    server.drop(name)


@pytest.fixture
def database(module_database: Database) -> Iterator[Database]:
    """Return a provisioned database without rows; what a test changes in the schema would stay."""
    models = fetch(module_database, "SELECT id FROM models")
    yield module_database
    tables = [name for (name,) in fetch(module_database, _TABLES) if name != "models"]
    deleted = "; ".join(f"DELETE FROM {table}" for table in tables)  # noqa: S608 — from the catalogue
    # Some tables are append-only: triggers refuse it.
    fetch(module_database, f"SET LOCAL session_replication_role = replica; {deleted}")
    fetch(module_database, "DELETE FROM models WHERE NOT id = ANY (%s)", [key for (key,) in models])
