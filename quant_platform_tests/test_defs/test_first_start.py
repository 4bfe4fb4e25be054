"""Dagster's tables are all there after a first start, however an earlier one ended.

The oracle is what the stock storage of dagster-postgres makes when nothing disturbs it.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from quant_platform.defs.instance.first_start import SCHEMAS
from quant_platform.storage.database import Database
from quant_platform.storage.reset import DAGSTER_TABLES
from quant_platform_tests.support.instance_harness import open_instance
from quant_platform_tests.support.tables import fetch, shape

NOTES = "SELECT name FROM secondary_indexes WHERE migration_completed IS NOT NULL ORDER BY 1"
REVISION = "SELECT version_num FROM alembic_version"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"

State = tuple[list[tuple[object, ...]], ...]


class Killed(BaseException):
    """Ends a start as a kill does: what was committed stays, the rest is rolled back."""


@contextmanager
def killed_after(statements: int) -> Iterator[None]:
    """Let the process die after so many statements on any engine."""
    left = statements

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    sa.event.listen(sa.Engine, "after_cursor_execute", count)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", count)


def state(database: Database) -> State:
    """Everything a first start leaves in the database."""
    return shape(database), *(fetch(database, query) for query in (INDEXES, NOTES, REVISION))


@pytest.fixture
def undisturbed(new_database: Callable[[str | None], Database], tmp_path: Path) -> State:
    """What the stock storage makes."""
    database = new_database("template1")
    open_instance(database.url, tmp_path / "stock", stock=True).dispose()
    return state(database)


def test_the_same_as_the_stock_storage(
    empty_database: Database, undisturbed: State, tmp_path: Path
) -> None:
    open_instance(empty_database.url, tmp_path / "ours").dispose()
    assert state(empty_database) == undisturbed
    assert len(undisturbed[2]) > 5


@pytest.mark.parametrize("stock", [False, True])
def test_a_start_that_was_killed_is_completed_by_the_next(
    new_database: Callable[[str | None], Database],
    undisturbed: State,
    tmp_path: Path,
    stock: bool,
) -> None:
    """Whether it was one of ours, which leaves nothing, or one of another program's."""
    partial, killed = 0, 0
    for statements in itertools.count(1, 9):
        database = new_database("template1")
        try:
            with killed_after(statements):
                open_instance(database.url, tmp_path / "killed", stock=stock).dispose()
        except Killed:
            killed += 1
            partial += shape(database) not in ([], undisturbed[0])
            open_instance(database.url, tmp_path / "next").dispose()
            assert state(database) == undisturbed, statements
        else:
            break
    assert killed > 8
    assert bool(partial) == stock


def test_a_database_that_holds_a_run_is_left_as_it_is(
    empty_database: Database, tmp_path: Path
) -> None:
    """It may be of an older Dagster, whose own command brings it up to date."""
    open_instance(empty_database.url, tmp_path / "home").dispose()
    fetch(empty_database, "INSERT INTO runs (run_id, status) VALUES ('1', 'SUCCESS')")
    fetch(empty_database, "DROP TABLE instigators; DELETE FROM secondary_indexes")
    before = state(empty_database)
    open_instance(empty_database.url, tmp_path / "home").dispose()
    assert state(empty_database) == before


def test_reset_knows_all_of_dagster_s_tables() -> None:
    tables = {name for schema in SCHEMAS for name in schema.tables}
    assert {*DAGSTER_TABLES} == tables | {"alembic_version"}
