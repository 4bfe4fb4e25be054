"""`backfill` over the sample market: it leaves what is finished alone, and does the rest."""

from collections.abc import Callable

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.services import Run
from quant_platform_tests.support.tables import fetch

RANGE = ("--start", "2004-08-19", "--end", "2004-08-23")
"""Thursday, Friday and Monday."""

FINISHED = (
    "All 3 sessions from 2004-08-19 to 2004-08-23 are finished already;"
    " --recompute computes them again\n"
)


@pytest.fixture
def backfill(
    command: Run, server: Server, new_database: Callable[[str | None], Database]
) -> Callable[..., str]:
    """Run the command and return what it prints; runs are kept in a database of their own."""
    runs = new_database("template1")

    def run(*arguments: str) -> str:
        done = command("backfill", *RANGE, *arguments, DAGSTER_DATABASE_URL=runs.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


OWN = ("features", "portfolios", "model_performance", "alerts", "performance_reports")


def test_it_does_what_is_missing_and_no_more(
    backfill: Callable[..., str], database: Database
) -> None:
    said = backfill("--dry-run")
    assert "3 sessions from 2004-08-19 to 2004-08-23, 0 of them stored already" in said
    assert "signals/mean_reversion" in said
    assert fetch(database, "SELECT count(*) FROM market_data") == [(0,)]

    backfill("--select", "group:market")
    said = backfill("--dry-run")
    assert "3 of them stored already" in said
    assert "features" in said
    assert "market_data" not in said
    rows = "SELECT asset, date::text, run_id FROM computations ORDER BY 1, 2"
    market = set(fetch(database, rows))
    # Three kinds of facts, the reference data and the universe.
    assert len(market) == 3 * 5

    assert "succeeded" in backfill()
    before = fetch(database, rows)
    # Features, signals of three models, portfolios, figures, alerts and reports.
    assert len(before) == 3 * 13
    assert market < set(before)
    assert fetch(database, "SELECT count(*) FROM performance_reports") == [(3,)]

    assert backfill() == FINISHED
    assert fetch(database, rows) == before

    # What a failed check looked at is computed and looked at again before anything follows.
    fetch(
        database,
        "UPDATE data_quality SET passed = false WHERE check_name = 'portfolio_accounting'"
        " AND date = '2004-08-20'",
    )
    assert "succeeded" in backfill()
    verdicts = "SELECT bool_and(passed) FROM data_quality WHERE check_name = 'portfolio_accounting'"
    assert fetch(database, verdicts) == [(True,)]

    assert "succeeded" in backfill("--recompute")
    after = fetch(database, rows)
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert all(new[2] != old[2] for new, old in zip(after, before, strict=True) if old[0] in OWN)


def test_an_asset_that_there_is_not(command: Run) -> None:
    done = command("backfill", *RANGE, "--select", "nosuch")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "'nosuch' selects no assets" in line
    assert "There are: alerts, corporate_actions, features" in line
