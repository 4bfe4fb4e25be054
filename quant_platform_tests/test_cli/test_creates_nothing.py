"""Commands that read say where there is nothing, and make nothing: neither files nor tables."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quant_platform.cli import backfill, commands, database, dividends
from quant_platform.cli.backfill import Request
from quant_platform.errors import QuantPlatformError
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.tables import fetch, shape

READING: dict[str, Callable[[], Any]] = {
    "status": commands.status,
    "report": lambda: commands.report(session=None, show=False, single_file=False),
    "doctor": commands.doctor,
    "sql": lambda: commands.sql("SELECT 1"),
    "dividends list": lambda: dividends.show(everything=False),
    "db url": lambda: database.url(dagster=False),
    "db url --dagster": lambda: database.url(dagster=True),
    "db psql": lambda: database.psql(["-c", "SELECT 1"]),
    "db reset": lambda: database.reset(yes=True),
    "backfill --dry-run": lambda: backfill.run_backfill(
        Settings.load(), "2004-08-19", "2004-08-20", Request("*"), dry_run=True
    ),
}

ALL_TABLES = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'v') AND oid >= 16384"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in no project, with the user's data inside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.mark.parametrize("command", READING)
def test_where_there_is_no_home(
    nowhere: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if command == "doctor":
        READING[command]()
        assert "Nothing is stored yet" in capsys.readouterr().out
    else:
        with pytest.raises(QuantPlatformError, match=r"no database in .*data/quant-platform"):
            READING[command]()
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("command", sorted({*READING} - {"db psql", "sql", "backfill --dry-run"}))
def test_where_there_are_no_tables(
    nowhere: Path,
    empty_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database.url)
    name = fetch(empty_database, "SELECT current_database()::text")[0][0]
    words = {
        "doctor": "Nothing is stored yet",
        "db url": name,
        "db reset": "deleted",
        "db url --dagster": "Dagster has no database yet",
    }
    said = ""
    try:
        READING[command]()
    except QuantPlatformError as error:
        said = error.message
    said += capsys.readouterr().out
    assert words.get(command, "The database is empty") in said
    assert shape(empty_database) == []
    beside = "SELECT count(*) FROM pg_database WHERE datname = %s"
    assert fetch(empty_database, beside, f"{name}_dagster") == [(0,)]
    assert list(nowhere.iterdir()) == []


def test_the_home_outside_of_a_project_is_the_user_s(nowhere: Path) -> None:
    assert Settings.load().home == nowhere / "data" / "quant-platform"
    inner = nowhere / "project" / "notebooks"
    inner.mkdir(parents=True)
    (nowhere / "project" / ".env").touch()
    os.chdir(inner)
    assert Settings.load().home == nowhere / "project" / ".quant-platform"


def test_a_folder_that_is_named_is_a_project(nowhere: Path) -> None:
    assert Settings.load(start=nowhere).home == nowhere / ".quant-platform"
    values = {PREFIX + "HOME": "state"}
    assert Settings.load(values).home == nowhere / "state"
