"""The checks that failed, from the verdicts that are stored."""

from datetime import date
from typing import Any

from quant_platform.cli import console
from quant_platform.storage.database import Database

CHECKS = 10
"""Checks that are named; those that stop a run come first."""

_FAILING = """
SELECT check_name, severity, count(*), max(date), sum(failures)
FROM data_quality
WHERE NOT passed
    AND (%(first)s::date IS NULL OR date >= %(first)s::date)
    AND (%(last)s::date IS NULL OR date <= %(last)s::date)
GROUP BY 1, 2 ORDER BY severity, 4 DESC LIMIT %(limit)s
"""


def show_failing(database: Database, first: date | None = None, last: date | None = None) -> None:
    """Print the failing checks of the sessions from `first` to `last`; default: of all."""
    failing = _rows(database, {"first": first, "last": last, "limit": CHECKS})
    if not failing:
        console.out.print("Failing checks: none")
        return
    headers = ["check", "severity", "sessions", "last", "failures"]
    console.table("Failing checks", headers, failing)


def _rows(database: Database, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_FAILING, parameters)
            return list(cursor.fetchall())
    finally:
        connection.close()
