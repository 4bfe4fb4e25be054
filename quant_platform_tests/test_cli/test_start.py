"""What the command may import before it knows what to do; the start-up time follows from it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quant_platform.storage.database import Database

HEAVY = {"dagster", "pandas", "numpy", "pyarrow", "sqlalchemy", "plotly", "psycopg2"}

PROGRAM = """
import json, sys
from quant_platform.cli.main import main
sys.argv = ["quant-platform", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
print("\\n" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def modules(folder: Path, *arguments: str, **environment: str) -> set[str]:
    """Top-level modules that are loaded when the command has done its work."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    code, names = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["demo", "--help"], ["backfill", "--help"], ["db", "--help"]],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    assert modules(tmp_path, *arguments) & HEAVY == set()


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_the_settings_are_loaded_by_commands_alone(tmp_path: Path, argument: str) -> None:
    """They bring pydantic, which takes as long as all the rest; Typer loads it for options."""
    assert "pydantic" not in modules(tmp_path, argument)


@pytest.mark.parametrize(
    "arguments", [["sql", "SELECT 1"], ["db", "url"], ["db", "upgrade"]], ids=" ".join
)
def test_without_need_dagster_stays_out(
    tmp_path: Path, database: Database, arguments: list[str]
) -> None:
    assert "dagster" not in modules(tmp_path, *arguments, DATABASE_URL=database.url)


def test_status_needs_neither_dagster_nor_pandas(tmp_path: Path, database: Database) -> None:
    loaded = modules(
        tmp_path, "status", DATABASE_URL=database.url, DAGSTER_DATABASE_URL=database.url
    )
    assert loaded & {"dagster", "pandas"} == set()
