"""`walk-forward` as a user runs it, over a market of five sessions, in this process.

Nothing crosses in five sessions, so every account stays in cash and returns nothing.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from quant_platform.cli.application import complete_app
from quant_platform.storage.database import Database
from quant_platform_tests.support.five_sessions import FIRST, LAST, store_market
from quant_platform_tests.support.tables import fetch

WALK = ("walk-forward", "enhanced_momentum", "--start", FIRST, "--end", LAST, "--test", "1")
GRID = ("--grid", "stop_atr=1,2", "max_holding=5")

Walk = Callable[..., Result]


@pytest.fixture
def walk(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Walk:
    store_market(database)
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("QUANT_PLATFORM_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(complete_app(), [*WALK, *words])


def test_folds_are_listed_and_written(walk: Walk, database: Database, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ("--train", "3", "--metric", "total_return", "--study", "a walk", "--html", str(page))
    done = walk(*options, *GRID)
    assert done.exit_code == 0, done.output
    assert "out of sample" in done.stdout
    assert "Chosen by total return in 2 folds: 0.00 in training and 0.00" in done.stdout
    assert page.read_text().startswith("<!doctype html>")
    counted = "SELECT count(*) FROM study_trials JOIN studies ON id = study_id WHERE name = %s"
    assert fetch(database, counted, "a walk") == [(2 * 2 * 2,)]
    again = walk("--train", "3", "--metric", "total_return", "--csv", *GRID)
    lines = again.stdout.splitlines()
    assert lines[0].startswith("train_first,train_last,train_sessions,test_first")
    assert [line.split(",")[6:8] for line in lines[1:]] == [["1", "5"], ["1", "5"]]


def test_a_fold_without_a_choice_says_so(walk: Walk) -> None:
    done = walk("--train", "4", "--growing", *GRID)
    assert done.exit_code == 0, done.output
    assert "Fold 1 failed: no configuration has this figure in training" in done.output
    assert "Nothing chosen by sharpe ratio has a result out of sample" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--train", "5", *GRID), "There are 5 sessions and train is 5"),
        (("--train", "3", "--grid", "stop=1"), "no parameter stop"),
        (("--train", "3", "--grid", "stop_atr=1..2"), "stop_atr=1..2 is a range"),
        (("--train", "3", "--metric", "turnover", *GRID), "cannot be chosen by 'turnover'"),
    ],
)
def test_what_cannot_be_is_one_line(walk: Walk, words: tuple[str, ...], message: str) -> None:
    done = walk(*words)
    assert done.exit_code == 1
    assert message in str(done.exception)


def test_without_a_grid_it_is_wrong_usage(walk: Walk) -> None:
    assert walk("--train", "3").exit_code == 2
