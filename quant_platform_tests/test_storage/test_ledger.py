"""The ledger's tables and their one function: what it takes, and that nothing is ever changed."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg2
import pytest

from quant_platform.storage.database import Database
from quant_platform.storage.ledger import Ledger, record_statement
from quant_platform.storage.migrations import sql_folder
from quant_platform.storage.trials import (
    METRIC_COLUMNS,
    Circumstance,
    Counted,
    Outcome,
    Study,
    Trial,
    TrialRun,
)
from quant_platform_tests.support.readers import reading_login
from quant_platform_tests.support.tables import LEDGER, MIGRATIONS, content, fetch

TRIAL = Trial(
    strategy="mine",
    strategy_version="1",
    source_digest="0123456789abcdef",
    parameters='{"a": 1}',
    universe="all",
    first_session="2004-08-02",
    last_session=None,
    costs="{}",
    limits="{}",
    delistings="{}",
    capital=1000.0,
    risk_free=0.0,
    benchmark="equal_weight",
)
RUN = TrialRun(TRIAL, "code", "data", "2004-08-02", "2004-08-04")
GOOD = Outcome(
    {name: 0.5 for name in METRIC_COLUMNS if name != "beta"},
    np.array([0.0, 0.1, 1e-45], dtype=np.float32),
    seconds=0.25,
)
BAD = Outcome({}, np.empty(0, np.float32), "it \0raised")
STUDY = Study("a question", "somebody", True, "it rises", "sharpe_ratio", 2, "never")
HOW = Circumstance("notebook", "somebody", "machine")
SOURCES = {"0123456789abcdef": "def mine(): ..."}


def record(
    database: Database, *runs: tuple[TrialRun, Outcome | None], study: Study = STUDY
) -> Counted:
    return Ledger(database, None).record(study, runs, HOW, SOURCES)


def numbered(number: int) -> TrialRun:
    return replace(RUN, trial=replace(TRIAL, parameters=f'{{"a": {number}}}'))


def test_what_was_recorded_is_found(database: Database) -> None:
    assert record(database, (RUN, GOOD)) == Counted("a question", 1, 2)
    found = Ledger(database, None).find([RUN.digest, "f" * 32])
    assert list(found) == [RUN.digest]
    np.testing.assert_array_equal(found[RUN.digest].returns, GOOD.returns)
    assert found[RUN.digest].metrics["sharpe_ratio"] == 0.5
    assert np.isnan(found[RUN.digest].metrics["beta"])
    assert fetch(
        database,
        "SELECT t.id, parameters, t.first_session::text, t.last_session, r.digest, seconds"
        " FROM trial_runs AS r JOIN trials AS t ON t.id = trial_id",
    ) == [(TRIAL.id, {"a": 1}, "2004-08-02", None, RUN.digest, 0.25)]
    declared = "SELECT name, person, declared, hypothesis, budget, give_up FROM studies"
    assert fetch(database, declared) == [("a question", "somebody", True, "it rises", 2, "never")]
    assert fetch(database, "SELECT digest, source FROM trial_sources") == [*SOURCES.items()]
    assert fetch(database, "SELECT count(*) FROM study_trials") == [(1,)]


def test_the_same_counts_once_and_other_data_is_another_run(database: Database) -> None:
    other = replace(RUN, data_version="corrected")
    for _ in range(2):
        assert record(database, (RUN, GOOD), (RUN, GOOD), (other, GOOD)).trials == 1
    assert fetch(database, "SELECT count(*) FROM trial_runs") == [(2,)]


def test_a_failure_counts_and_gives_way_to_a_result(database: Database) -> None:
    record(database, (RUN, BAD))
    assert Ledger(database, None).find([RUN.digest]) == {}
    assert fetch(database, "SELECT failed, daily_returns FROM trial_runs") == [("it raised", None)]
    record(database, (RUN, GOOD))
    record(database, (RUN, BAD))
    assert list(Ledger(database, None).find([RUN.digest])) == [RUN.digest]
    assert fetch(database, "SELECT count(*) FROM trial_runs") == [(2,)]


def test_what_is_looked_at_again_counts_in_that_study_too(database: Database) -> None:
    record(database, (RUN, GOOD))
    assert record(database, (RUN, None), study=Study("another", "x")) == Counted("another", 1, None)
    assert fetch(database, "SELECT count(*) FROM trials") == [(1,)]
    assert fetch(database, "SELECT count(*) FROM trial_runs") == [(1,)]


def test_beyond_its_budget_a_study_is_exploratory_whatever_is_declared_later(
    database: Database,
) -> None:
    counts = [record(database, (numbered(each), GOOD)) for each in range(3)]
    assert [each.is_exploratory for each in counts] == [False, False, True]
    assert str(counts[-1]) == (
        "3 trials of the study 'a question', which had a budget of 2: it is exploratory"
    )
    later = record(database, (RUN, GOOD), study=replace(STUDY, budget=100))
    assert (later.budget, later.is_exploratory) == (2, True)


def test_more_than_a_statement_takes(database: Database) -> None:
    runs = [(numbered(each), GOOD) for each in range(450)]
    assert record(database, *runs).trials == 450
    assert len(Ledger(database, None).find([run.digest for run, _ in runs])) == 450


@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize(
    "statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET created_at = now()"]
)
def test_not_even_the_owner_changes_a_row(database: Database, table: str, statement: str) -> None:
    record(database, (RUN, GOOD))
    before = content(database, table)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="never changed or deleted"):
        fetch(database, statement.format(table))
    assert content(database, table) == before != []


def entry(**changes: Any) -> dict[str, Any]:
    _, (_, entries, _) = record_statement(STUDY, [(RUN, GOOD)], HOW)
    made: dict[str, Any] = json.loads(entries)[0]
    made["run"] |= {key: value for key, value in changes.items() if key in made["run"]}
    made |= {key: value for key, value in changes.items() if key in made}
    return made


@pytest.mark.parametrize(
    ("study", "entries"),
    [
        ([], [entry()]),
        (vars(STUDY), []),
        (vars(STUDY), [entry()] * 1001),
        (vars(STUDY), "x"),
        ({**vars(STUDY), "name": ""}, [entry()]),
        ({**vars(STUDY), "name": None}, [entry()]),
        ({**vars(STUDY), "budget": 0}, [entry()]),
        (vars(STUDY), [entry(made_of='{"strategy": "x"}')]),
        (vars(STUDY), [entry(made_of=TRIAL.made_of.replace("{", '{"mine": 1, ', 1))]),
        (vars(STUDY), [entry(made_of=replace(TRIAL, capital=-1.0).made_of)]),
        (vars(STUDY), [entry(made_of="no document")]),
        (vars(STUDY), [entry(origin="somewhere")]),
        (vars(STUDY), [entry(sharpe_ratio="Infinity")]),
        (vars(STUDY), [entry(daily_returns=None)]),
        (vars(STUDY), [entry(daily_returns="{x}")]),
        (vars(STUDY), [entry(ran_on='{"first_session": "2004-08-02"}')]),
    ],
)
def test_what_is_no_trial_is_refused_whole(database: Database, study: Any, entries: Any) -> None:
    with pytest.raises(psycopg2.Error):
        fetch(
            database,
            "SELECT record_trial(%s::jsonb, %s::jsonb, '{}'::jsonb)",
            json.dumps(study),
            json.dumps(entries),
        )
    assert [fetch(database, f"SELECT count(*) FROM {each}") for each in LEDGER] == [[(0,)]] * 5  # noqa: S608


@pytest.fixture
def reader(database: Database) -> Iterator[Database]:
    """Return the database by a login that may only read."""
    with reading_login(database) as found:
        yield found


def test_a_reader_writes_by_the_function_and_by_nothing_else(
    database: Database, reader: Database
) -> None:
    assert record(reader, (RUN, GOOD)).can_be_ranked
    for table in LEDGER:
        for statement in ("INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                fetch(reader, f"SET TRANSACTION READ WRITE; {statement.format(table)}")
    assert fetch(database, "SELECT count(*) FROM trials") == [(1,)]


def test_a_reader_cannot_put_objects_of_their_own_in_the_function_s_way(
    database: Database, reader: Database
) -> None:
    """Its search path is pinned: a temporary table of the same name is not written to."""
    fetch(
        reader,
        "SET TRANSACTION READ WRITE; CREATE TEMPORARY TABLE trials (LIKE public.trials);"
        " SELECT record_trial(%s::jsonb, %s::jsonb, '{}'::jsonb)",
        json.dumps(vars(STUDY)),
        json.dumps([entry()]),
    )
    assert fetch(database, "SELECT id FROM trials") == [(TRIAL.id,)]


def test_writers_of_the_same_trials_at_once_count_them_once(database: Database) -> None:
    runs = [(numbered(each), GOOD) for each in range(100)]
    errors: list[Exception] = []

    def write(order: int) -> None:
        try:
            record(database, *runs[::order])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert fetch(database, "SELECT count(*) FROM trial_runs") == [(100,)]


OLD = """
INSERT INTO trials (id, sweep_id, strategy, strategy_version, source_digest, parameters,
    code_version, data_version, first_session, last_session, costs, limits, delistings, capital,
    risk_free, benchmark, sharpe_ratio, daily_returns, failed)
SELECT repeat(to_hex(n), 32), 'sweep', 'mine', '1', 'abc', jsonb_build_object('a', n / 2),
    'code', 'data ' || n, '2004-08-02', '2004-08-04', '{}', '{}', '{}', 1000, 0, 'equal_weight',
    n, CASE WHEN n < 3 THEN ARRAY[0.1, 1e-60, 'NaN', 1e300, -1e300] END,
    CASE WHEN n = 3 THEN 'it raised' END
FROM generate_series(0, 3) AS n
"""


def test_rows_of_before_are_carried_over(empty_database: Database) -> None:
    """Four runs of two configurations, over data of four versions."""
    last = [path.stem for path in MIGRATIONS].index("0026_ledger")
    for path in MIGRATIONS[:last]:
        fetch(empty_database, path.read_text().replace("%", "%%"))
    fetch(empty_database, OLD)
    fetch(empty_database, MIGRATIONS[last].read_text().replace("%", "%%"))
    assert fetch(
        empty_database,
        "SELECT parameters, array_agg(digest ORDER BY digest) FROM trials"
        " JOIN trial_runs ON trial_id = trials.id GROUP BY 1 ORDER BY 1::text",
    ) == [({"a": 0}, ["0" * 32, "1" * 32]), ({"a": 1}, ["2" * 32, "3" * 32])]
    newest = "SELECT sharpe_ratio, daily_returns::text, failed FROM trial_runs ORDER BY digest"
    numbers = "{0.1,0,NaN,Infinity,-Infinity}"
    assert fetch(empty_database, newest) == [
        (0.0, numbers, None),
        (1.0, numbers, None),
        (2.0, numbers, None),
        (3.0, None, "it raised"),
    ]
    assert fetch(empty_database, "SELECT name, declared FROM studies") == [
        ("before the ledger", False)
    ]
    rollback = sql_folder() / "migrations" / "0026_ledger.rollback.sql"
    fetch(empty_database, rollback.read_text().replace("%", "%%"))
    kept = "SELECT id, sharpe_ratio, sweep_id, costs FROM trials ORDER BY 1"
    assert fetch(empty_database, kept) == [
        (str(each) * 32, float(each), "sweep", "{}") for each in range(4)
    ]
