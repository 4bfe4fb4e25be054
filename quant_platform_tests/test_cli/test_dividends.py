"""`dividends`: a person decides about what the price did not follow."""

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.services import Run
from quant_platform_tests.support.tables import fetch

DAY = "2012-06-01"


@pytest.fixture
def doubtful(database: Database) -> Database:
    fetch(
        database,
        "INSERT INTO doubtful_dividends (date, symbol, action_type, cash_amount, security_id,"
        " source, reason) VALUES (%s, 'IBM', 'cash_dividend', 12.5, 'IBM', 'sample', %s)",
        DAY,
        "the price fell by 0.2",
    )
    return database


def test_a_decision_is_kept_with_its_author(command: Run, doubtful: Database) -> None:
    listed = command("dividends", "list")
    assert listed.returncode == 0, listed.stderr
    for word in (DAY, "IBM", "12.5", "the price fell by 0.2", "held"):
        assert word in listed.stdout
    done = command("dividends", "confirm", "IBM", DAY, "--by", "ann")
    assert done.returncode == 0, done.stderr
    assert "quant-platform backfill --stale" in done.stdout
    paid = "SELECT symbol, cash_amount FROM corporate_actions"
    assert fetch(doubtful, paid) == [("IBM", 12.5)]
    assert "No dividend is held" in command("dividends", "list").stdout
    verdict = "SELECT passed FROM data_quality WHERE check_name = 'dividends_without_fall'"
    assert fetch(doubtful, verdict) == [(True,)]
    # On second thoughts.
    assert command("dividends", "reject", "IBM", DAY, "--by", "bob").returncode == 0
    assert fetch(doubtful, paid) == []
    everything = command("dividends", "list", "--all").stdout
    assert "rejected" in everything
    assert "bob" in everything
    decided = "SELECT state, decided_by FROM dividend_decisions ORDER BY id"
    assert fetch(doubtful, decided) == [("confirmed", "ann"), ("rejected", "bob")]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("XYZ", DAY), "XYZ has no doubtful dividend with the ex-date 2012-06-01"),
        (("IBM", "2012-06-02"), "2012-06-02 is not a session"),
        (("IBM", "soon"), "soon"),
    ],
)
def test_what_is_not_there_is_one_line(
    command: Run, doubtful: Database, words: tuple[str, str], text: str
) -> None:
    done = command("dividends", "confirm", *words)
    assert done.returncode == 1
    assert text in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert fetch(doubtful, "SELECT * FROM dividend_decisions") == []
