"""`backtest` and `sweep` as a user runs them, over a market of five sessions."""

import json
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest
import typer

from quant_platform.cli.research_arguments import pairs_of, several
from quant_platform.errors import SettingsError
from quant_platform.storage.database import Database
from quant_platform_tests.support.five_sessions import FIRST, LAST, store_market
from quant_platform_tests.support.services import Run
from quant_platform_tests.support.tables import fetch

DAYS = ("--start", FIRST, "--end", LAST)
GRID = ("--grid", "stop_atr=1,2", "max_holding=5,10")


def test_a_sweep_and_the_same_again(command: Run, database: Database) -> None:
    store_market(database)
    done = command("sweep", "enhanced_momentum", *DAYS, *GRID)
    assert done.returncode == 0, done.stderr
    assert "stop atr" in done.stdout
    # Nothing crosses in five sessions.
    assert "None of 4 configurations has a Sharpe ratio." in done.stdout
    assert fetch(database, "SELECT count(*), count(DISTINCT parameters) FROM trials") == [(4, 4)]
    again = command("sweep", "enhanced_momentum", *DAYS, *GRID, "--csv")
    lines = again.stdout.splitlines()
    assert lines[0].startswith("stop_atr,max_holding,total_return")
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["1", "5"],
        ["1", "10"],
        ["2", "5"],
        ["2", "10"],
    ]


def test_trials_and_studies_are_listed(command: Run, database: Database) -> None:
    store_market(database)
    assert command("trials").stdout == "There is no trial yet\n"
    for capital in ("1000", "2000", "2000"):
        setting = {"QUANT_PLATFORM_CAPITAL": capital}
        done = command("backtest", "equal_weight", *DAYS, "--study", "a question", **setting)
        assert done.returncode == 0, done.stderr
    assert command("sweep", "enhanced_momentum", *DAYS, *GRID).returncode == 0
    rows = json.loads(command("trials", "--study", "a question", "--json").stdout)
    assert [(row["strategy"], row["runs"]) for row in rows] == [("equal_weight", 1)] * 2
    listed = command("studies", "--json").stdout
    assert {row["name"]: row["trials"] for row in json.loads(listed)} == {
        "a question": 2,
        f"{getuser()} {datetime.now(UTC):%Y-%m-%d}": 4,
    }
    assert "a question" in command("studies").stdout
    assert "Trials    6, studies 2" in command("status").stdout
    unknown = command("trials", "--study", "another")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "There is no study 'another'" in unknown.stderr


def test_a_hold_out_is_sealed_and_opened_once(command: Run, database: Database) -> None:
    store_market(database)
    sealed = {"QUANT_PLATFORM_HOLDOUT": "2024-01-05"}
    assert "Sealed from 2024-01-05 on" in command("db", "upgrade", **sealed).stdout
    hint = "open them once for a study: quant-platform unseal STUDY"
    refused = command("backtest", "equal_weight", *DAYS, "--study", "mine")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: The sessions from 2024-01-05 on are sealed")
    assert hint in refused.stderr
    counted = command("sql", "SELECT count(*) AS n FROM market_data", "--csv")
    assert counted.stdout == "n\n3\n"
    assert hint in counted.stderr
    moved = command("db", "upgrade", QUANT_PLATFORM_HOLDOUT="2024-01-08")
    assert moved.returncode == 1
    assert "is never moved to a later session" in moved.stderr
    before = ("--start", FIRST, "--end", "2024-01-04", "--study", "mine")
    assert command("backtest", "equal_weight", *before).returncode == 0
    opened = command("unseal", "mine", "--yes")
    assert opened.stdout.startswith("The hold-out is opened for the study 'mine' on ")
    again = command("unseal", "mine", "--yes")
    assert (again.returncode, again.stdout) == (1, "")
    assert "A study opens it once" in again.stderr
    done = command("backtest", "equal_weight", *DAYS, "--study", "mine")
    assert done.returncode == 0, done.stderr
    assert f"{FIRST} to {LAST}" in done.stdout


def test_a_backtest_and_its_page(command: Run, database: Database, tmp_path: Any) -> None:
    """Equal weight of one security: bought at 10 on the second session, 20 in the end with 1."""
    store_market(database)
    page = tmp_path / "page.html"
    done = command("backtest", "equal_weight", *DAYS, "--html", str(page))
    assert done.returncode == 0, done.stderr
    assert f"equal_weight, {FIRST} to {LAST}, against equal_weight" in done.stdout
    assert "sharpe ratio" in done.stdout
    assert page.read_text().startswith("<!doctype html>")


FAULTY = """
from quant_platform.strategies.weight_strategy import WeightStrategy


class Faulty(WeightStrategy):
    \"\"\"Has no luck.\"\"\"

    name = "faulty"
    version = "1.0.0"
    weight_lookback = 1
    by_default = False

    def weights(self, panel):
        {}
"""


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            "raise ValueError('no luck\\nat all')",
            "error: The backtest of faulty failed: ValueError: no luck (faulty.py:14)."
            " --debug shows all of it",
        ),
        (
            "while True: pass",
            "error: The strategy faulty did not end within 1 s, at faulty.py:14. Mend it, or let it"
            " take longer: time_limit=, or QUANT_PLATFORM_STEP_SECONDS",
        ),
    ],
)
def test_a_strategy_that_fails_is_one_line(
    command: Run, database: Database, tmp_path: Path, body: str, line: str
) -> None:
    store_market(database)
    (tmp_path / "faulty.py").write_text(FAULTY.format(body))
    extensions = {
        "QUANT_PLATFORM_EXTENSIONS": str(tmp_path),
        "QUANT_PLATFORM_STEP_SECONDS": "1",
    }
    done = command("backtest", "faulty", *DAYS, **extensions)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [line]


def test_a_backtest_of_a_book(command: Run, database: Database) -> None:
    store_market(database)
    books = {"QUANT_PLATFORM_BOOKS": "core = equal(equal_weight, buy_and_hold)"}
    done = command("backtest", "core", *DAYS, **books)
    assert done.returncode == 0, done.stderr
    assert f"core, {FIRST} to {LAST}, against equal_weight" in done.stdout
    refused = command("backtest", "core", *DAYS, QUANT_PLATFORM_BOOKS="core = equal(slow)")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines() == [
        "error: QUANT_PLATFORM_BOOKS: slow of the book core is no model that runs. There are:"
        " buy_and_hold, enhanced_momentum, equal_weight, mean_reversion. Add it to"
        " QUANT_PLATFORM_MODELS"
    ]


def test_a_parameter_that_is_refused_is_one_line(command: Run, database: Database) -> None:
    done = command("backtest", "enhanced_momentum", *DAYS, "--set", "stop_atr=-1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "error: Strategy enhanced_momentum: parameter stop_atr is -1. Allowed: a number, > 0,"
        " ≤ 100."
    ]


def test_words_after_an_option_belong_to_it() -> None:
    assert pairs_of(["a=1"], ["b=2,3", "c = x"], "--grid") == [("a", "1"), ("b", "2,3"), ("c", "x")]


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        (None, ["a=1"], "What is 'a=1'"),
        (["a"], [], "'a' is no parameter"),
        (["a="], [], "'a=' is no parameter"),
        (["a=1"], ["a=2"], "a is given twice"),
    ],
)
def test_what_is_no_parameter(given: Any, more: Any, message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        pairs_of(given, more, "--grid")


@pytest.mark.parametrize(
    ("text", "is_sample", "expected"),
    [
        ("1,2.5", False, [1, 2.5]),
        ("true,x", False, [True, "x"]),
        ("1e-3", False, [0.001]),
        ("1..3", True, (1, 3)),
        ("0.5..2", True, (0.5, 2)),
    ],
)
def test_values(text: str, is_sample: bool, expected: object) -> None:
    found = several("a", text, is_sample=is_sample)
    assert found == expected
    assert [type(each) for each in found] == [type(each) for each in expected]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["1..3", "1,,2"])
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError):
        several("a", text, is_sample=False)
