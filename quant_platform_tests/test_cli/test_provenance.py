"""`reproduce`, `compare` and `runcard` as a user runs them, over a market of five sessions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from quant_platform.cli.application import complete_app
from quant_platform.errors import ContractError
from quant_platform.research.store import Store
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.five_sessions import FIRST, LAST, Ten, store_market
from quant_platform_tests.support.tables import fetch

Command = Callable[..., Any]


@pytest.fixture
def invoke(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs the command in this process."""
    store_market(database)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv(PREFIX + "HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return lambda *words: CliRunner().invoke(complete_app(), list(words))


@pytest.fixture
def trials(database: Database, invoke: Command, tmp_path: Path) -> list[str]:
    """Ids of two trials that differ in their costs' commission."""
    store = Store(database, Settings.load(start=tmp_path))
    ids = []
    for costs in ({}, {"QUANT_PLATFORM_COMMISSION_BP": "50"}):
        values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(tmp_path / "home"), **costs}
        store = Store(database, Settings.load(values, tmp_path))
        run = store.backtest("buy_and_hold", FIRST, LAST).run
        assert run is not None
        ids.append(run.trial.id)
    return ids


def test_reproduce(invoke: Command, trials: list[str], database: Database) -> None:
    done = invoke("reproduce", trials[0])
    assert done.exit_code == 0, done.output
    assert "Same bytes: 5 returns and all figures" in done.stdout
    fetch(database, "ALTER TABLE trial_runs DISABLE TRIGGER ALL")
    fetch(database, "UPDATE trial_runs SET daily_returns[2] = 0.5")
    done = invoke("reproduce", trials[0][:10], "--json")
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert said["same"] is False
    assert said["differences"][0].startswith("return of 2024-01-03: 0.5 then")
    missing = invoke("reproduce", "ffff")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "No trial of the ledger begins with ffff" in missing.stderr


def test_stored_source_is_run_by_consent_alone(invoke: Command, database: Database) -> None:
    result = Store(database).backtest(Ten(), FIRST, LAST)
    assert result.run is not None
    done = invoke("reproduce", result.run.trial.id)
    assert done.exit_code == 2
    assert "running it runs code from the database" in done.stderr
    done = invoke("reproduce", result.run.trial.id, "--run-stored-source")
    assert done.exit_code == 0, done.output
    assert done.stderr == "Source that is stored with the trial may be run\n"


def test_compare(invoke: Command, trials: list[str], tmp_path: Path) -> None:
    done = invoke("compare", *trials)
    assert done.exit_code == 1, done.output
    assert "assumption: costs, commission_bp: 5.0 and 50.0" in done.stdout
    said = json.loads(invoke("compare", *trials, "--json").stdout)
    assert said["reasons"] == [{"kind": "assumption", "what": "costs, commission_bp: 5.0 and 50.0"}]
    assert invoke("compare", trials[0], trials[0]).exit_code == 0
    assert invoke("compare", trials[0], "beef").exit_code == 2
    assert invoke("compare", trials[0], str(tmp_path / "none.zip")).exit_code == 2


def test_runcard(
    invoke: Command, trials: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = invoke("runcard", trials[0], "-o", "mine.zip")
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    done = invoke("runcard", "--verify", "mine.zip")
    assert done.exit_code == 0, done.output
    assert "Digests hold; the accounts close in all 5 sessions" in done.stdout
    assert invoke("compare", "mine.zip", "mine.zip").exit_code == 0
    card = tmp_path / "mine.zip"
    card.write_bytes(card.read_bytes()[:-100])
    done = invoke("runcard", "--verify", "mine.zip")
    assert isinstance(done.exception, ContractError)
    assert invoke("runcard", "--verify", "none.zip").exit_code == 2
