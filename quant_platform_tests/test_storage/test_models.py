from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from quant_platform.storage.database import Database
from quant_platform.storage.models import (
    ModelRecord,
    ModelRun,
    model_ids,
    model_run_statement,
    register_models,
)
from quant_platform_tests.support.tables import content, fetch

ONE = ModelRecord("one", "1.0", "First.", {"window": 20, "label": "ü"}, is_benchmark=False)
RUN = ModelRun("run-1", "0.1+abc", "digest", "2004-08-19", "2004-08-20", 7)


def test_registers_and_finds(database: Database) -> None:
    ids = register_models(database, [ONE])
    assert ids == model_ids(database)
    row = fetch(
        database,
        "SELECT id, version, description, parameters, is_benchmark"
        " FROM models WHERE model_name = 'one'",
    )
    assert row == [(ids["one"], "1.0", "First.", {"window": 20, "label": "ü"}, False)]


def test_again_keeps_id_and_time(database: Database) -> None:
    register_models(database, [ONE])
    before = content(database, "models")
    register_models(database, [ONE])
    assert content(database, "models") == before


def test_a_row_that_is_as_it_should_be_is_not_written(database: Database) -> None:
    place = "SELECT ctid, xmin FROM models WHERE model_name = 'one'"
    register_models(database, [ONE])
    before = fetch(database, place)
    register_models(database, [ONE])
    assert fetch(database, place) == before


def test_a_new_version_updates_in_place(database: Database) -> None:
    first = register_models(database, [ONE])["one"]
    changed = replace(ONE, version="2.0", parameters={"window": 50}, is_benchmark=True)
    assert register_models(database, [changed])["one"] == first
    row = fetch(
        database,
        "SELECT version, parameters, is_benchmark FROM models WHERE model_name = 'one'",
    )
    assert row == [("2.0", {"window": 50}, True)]


def test_a_model_that_runs_no_longer_keeps_its_row_and_is_no_benchmark(database: Database) -> None:
    register_models(database, [replace(ONE, is_benchmark=True, strategy="of")])
    register_models(database, [replace(ONE, name="two", is_benchmark=True)])
    rows = "SELECT model_name, version, strategy, is_benchmark FROM models"
    assert fetch(database, f"{rows} WHERE model_name IN ('one', 'two') ORDER BY id") == [
        ("one", "1.0", "of", False),
        ("two", "1.0", "two", True),
    ]


def test_ids_follow_the_order_given(empty_models: Database) -> None:
    records = [replace(ONE, name=name) for name in ("b", "a", "c")]
    ids = register_models(empty_models, records)
    assert sorted(ids, key=ids.__getitem__)[-3:] == ["b", "a", "c"]


def test_registering_does_not_use_up_ids(database: Database) -> None:
    first = register_models(database, [ONE])["one"]
    for _ in range(3):
        register_models(database, [ONE])
    assert register_models(database, [replace(ONE, name="two")])["two"] == first + 1


def test_many_at_once(database: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: register_models(database, [ONE]), range(6)))
    assert len({result["one"] for result in results}) == 1


def test_model_runs(database: Database) -> None:
    model = register_models(database, [ONE])["one"]
    for run in (RUN, replace(RUN, run_id="run-2")):
        statement, parameters = model_run_statement(ONE, run)
        with database.arrow() as connection, connection.cursor() as cursor:
            cursor.execute(statement, tuple(parameters))
            connection.commit()
    rows = fetch(
        database,
        "SELECT model_id, run_id, model_version, parameters, code_version, input_digest,"
        " first_session::text, last_session::text, signal_rows FROM model_runs ORDER BY id",
    )
    first = (model, "run-1", "1.0", dict(ONE.parameters), "0.1+abc", "digest")
    assert rows[0] == (*first, "2004-08-19", "2004-08-20", 7)
    assert [row[1] for row in rows] == ["run-1", "run-2"]


@pytest.fixture
def empty_models(database: Database) -> Database:
    """Return the database; its models are those of the strategies."""
    return database
