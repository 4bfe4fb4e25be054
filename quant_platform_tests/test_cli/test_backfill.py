"""`backfill` over the sample market: it leaves what is finished alone, and does the rest."""

from collections.abc import Callable

import pytest
from dagster import DagsterRun, deserialize_value

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
def runs(server: Server, new_database: Callable[[str | None], Database]) -> Database:
    """Dagster's database, of this test alone."""
    return new_database("template1")


@pytest.fixture
def backfill(command: Run, runs: Database) -> Callable[..., str]:
    """Run the command and return what it prints."""

    def run(*arguments: str) -> str:
        done = command("backfill", *RANGE, *arguments, DAGSTER_DATABASE_URL=runs.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.runs = runs.url  # type: ignore[attr-defined]
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
    entries = "SELECT asset, date::text, run_id FROM computations ORDER BY 1, 2"
    market = set(fetch(database, entries))
    # Three kinds of facts, the reference data and the universe.
    assert len(market) == 3 * 5

    assert "succeeded" in backfill()
    before = fetch(database, entries)
    # Features, signals of four models, portfolios with positions, fills, cash owed and positions
    # that were closed, figures, what features foretold, how probable signals are, exposures, factor
    # returns and forecasts of risk, alerts and reports.
    assert len(before) == 3 * 24
    assert market < set(before)
    assert fetch(database, "SELECT count(*) FROM performance_reports") == [(3,)]

    assert backfill() == FINISHED
    assert fetch(database, entries) == before

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
    after = fetch(database, entries)
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert all(new[2] != old[2] for new, old in zip(after, before, strict=True) if old[0] in OWN)


def test_the_ui_knows_whose_run_it_is(backfill: Callable[..., str], runs: Database) -> None:
    """Overview, Timeline and Jobs look for a run's origin; the daemon never starts it again."""
    backfill("--select", "group:market")
    tags = dict(fetch(runs, "SELECT key, value FROM run_tags"))
    assert tags[".dagster/repository"] == "__repository__@quant_platform"
    assert tags["dagster/max_retries"] == "0"
    ((body,),) = fetch(runs, "SELECT run_body FROM runs")
    run = deserialize_value(body, DagsterRun)
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.location_name == "quant_platform"
    assert run.remote_job_origin.job_name == "daily_update"


def test_an_asset_that_there_is_not(command: Run) -> None:
    done = command("backfill", *RANGE, "--select", "nosuch")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "'nosuch' selects no assets" in line
    assert "There are: alerts, corporate_actions, factor_evaluation, factor_exposures" in line


def test_what_follows_from_a_correction_is_named_and_computed_again(
    backfill: Callable[..., str], command: Run, database: Database
) -> None:
    """A close of the middle session was wrong when it was stored; the source has it right."""
    backfill()
    right = rows(database)
    # Stored as if the vendor had sent a dearer close at first, and everything computed from it.
    fetch(
        database,
        "UPDATE market_data SET close_price = close_price + 0.05, high_price = high_price + 0.05"
        " WHERE date = '2004-08-20' AND symbol = 'IBM'",
    )
    backfill("--recompute", "--select", "key:features+")
    wrong = rows(database)
    assert wrong != right
    assert "Stale" not in command("status").stdout

    # The source sends that session again; nothing else is asked to be computed.
    runs = backfill.runs  # type: ignore[attr-defined]
    again = ("--start", "2004-08-20", "--end", "2004-08-20", "--refetch", "--select")
    done = command("backfill", *again, "market_data", DAGSTER_DATABASE_URL=runs)
    assert done.returncode == 0, done.stderr
    for said in (done.stdout, command("status").stdout, command("doctor").stdout):
        lines = [line.split() for line in said.splitlines()]
        assert any("features" in line[:1] or "features:" in line[:2] for line in lines), said
        assert "quant-platform backfill --stale" in said
    assert fetch(database, STALE) == [(day, False) for day in ("2004-08-20", "2004-08-23")]

    done = command("backfill", "--stale", DAGSTER_DATABASE_URL=runs)
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout
    assert rows(database) == right
    assert fetch(database, STALE) == []
    done = command("backfill", "--stale", DAGSTER_DATABASE_URL=runs)
    assert done.stdout == "Nothing is stale: all rows follow from what is stored\n"


def test_stale_stands_alone(command: Run) -> None:
    done = command("backfill", "--stale", "--start", "2004-08-20")
    assert done.returncode == 2
    assert "give it alone" in done.stderr
    done = command("backfill")
    assert done.returncode == 2
    assert "YYYY-MM-DD" in done.stderr


STALE = (
    "SELECT date::text, passed FROM data_quality WHERE check_name = 'stale_sessions'"
    " AND NOT passed ORDER BY 1"
)

TABLES = (
    *("market_data", "trading_universe", "features", "signals", "portfolios"),
    *("model_performance", "performance_reports", "alerts"),
)


def rows(database: Database) -> list[tuple[str, str]]:
    """Every row, without clocks."""
    return [
        (table, text)
        for table in TABLES
        for (text,) in fetch(
            database,
            f"SELECT (to_jsonb(t) - 'recorded_at' - 'created_at')::text FROM {table} AS t"  # noqa: S608 — our names
            " ORDER BY 1",
        )
    ]
