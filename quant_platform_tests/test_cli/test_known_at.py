"""`sql --known-at` as a user runs it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.tables import fetch

COMMAND = str(Path(sys.executable).with_name("quant-platform"))

Sql = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sql(database: Database, tmp_path: Path) -> Sql:
    """Run `quant-platform sql` over a database in which a row of quarantine came on 2024-03-01."""
    fetch(
        database,
        "INSERT INTO quarantine (table_name, reason, row, recorded_at)"
        " VALUES ('t', 'late', '{}', '2024-03-01 22:00Z')",
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "sql", *arguments],
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "LANG": "C.UTF-8",
                "COLUMNS": "200",
                "DATABASE_URL": database.url,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-03-01T22:00Z", "1"),
        ("2024-03-01 17:00-05:00", "1"),
        ("2024-03-01T21:59:59Z", "0"),
        ("2024-03-01", "0"),
        ("9999-12-31", "1"),
    ],
)
def test_reads_what_was_known(sql: Sql, moment: str, expected: str) -> None:
    done = sql("--known-at", moment, "SELECT count(*) AS n FROM quarantine;", "--csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"n\n{expected}\n", "")


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2024-03-01T22:00", "has no time zone"),
        ("last week", "is not a moment"),
        ("", "is not a moment"),
    ],
)
def test_a_bad_moment_is_one_line(sql: Sql, moment: str, words: str) -> None:
    done = sql("--known-at", moment, "SELECT 1")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.strip().splitlines()
    assert words in line
    assert "2024-03-01T22:00Z" in line


def test_reads_only(sql: Sql, database: Database) -> None:
    done = sql("--known-at", "9999-12-31", "DELETE FROM models")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert fetch(database, "SELECT count(*) > 0 FROM models") == [(True,)]


def test_help_names_it(sql: Sql) -> None:
    assert "--known-at" in sql("--help").stdout
