"""Rows of a security name a model that exists, whoever writes: what a foreign key would guarantee.

The expected answers, code 23503 and who waits for whom, are those of PostgreSQL's own foreign keys;
`test_the_same_as_a_foreign_key` asks one beside.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest
from psycopg2.errors import (
    FeatureNotSupported,
    ForeignKeyViolation,
    InsufficientPrivilege,
    LockNotAvailable,
)

from quant_platform.storage.database import Database
from quant_platform.storage.models import ModelRecord, model_ids, register_models
from quant_platform_tests.support.tables import content, fetch

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 — a class

ROWS = {
    "signals": "(date, model_id, symbol, signal_type, strength, confidence, target_weight,"
    " reference_price, security_id, asked_weight)"
    " VALUES ('2024-01-02', {}, 'A', 0, 0, 0, 0, 1, 'a', 0)",
    "positions": "(date, model_id, account, security_id, shares, value, target_weight,"
    " wanted_weight, traded_ask, ask, is_due, sessions_without_bar, is_retired, sessions_held,"
    " reason) VALUES ('2024-01-02', {}, 'x', 'a', 1, 1, 0, 0, 0, 0, false, 0, false, 0, 'target')",
    "fills": "(date, model_id, account, security_id, number, reason, shares, price,"
    " reference_price, commission, tax, spread, impact, delay)"
    " VALUES ('2024-01-02', {}, 'x', 'a', 1, 'target', 1, 1, 1, 0, 0, 0, 0, 0)",
    "pending_cash": "(date, model_id, account, kind, due_on, due_in, amount)"
    " VALUES ('2024-01-02', {}, 'x', 'settlement', '2024-01-04', 2, 1)",
    "book_holdings": "(date, model_id, member, security_id, shares, target_weight, asked_weight,"
    " traded_ask)"
    " VALUES ('2024-01-02', {}, 'm', 'a', 1, 0, 0, 0)",
}
"""Table → a row of a model, after INSERT INTO."""

NO_MODEL = 2_000_000_000


def row(model: int, table: str = "signals") -> str:
    """Return the statement that stores a row of a model."""
    return f"INSERT INTO {table} {ROWS[table].format(model)}"


def removal(model: int) -> str:
    """Return the statement that removes a model."""
    return f"DELETE FROM models WHERE id = {model}"  # noqa: S608 — a number


@pytest.fixture
def model(database: Database) -> int:
    """Return the id of a model without rows."""
    record = ModelRecord("kept", "1", "One.", {}, is_benchmark=False)
    return register_models(database, [record])["kept"]


@pytest.fixture
def two(database: Database) -> Iterator[tuple["Connection", "Connection"]]:
    """Return two connections, in transactions of their own, which wait a moment for each other."""
    with closing(database.connect()) as one, closing(database.connect()) as other:
        for each in (one, other):
            with each.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            each.commit()
        yield one, other
        one.rollback()
        other.rollback()


def _run(connection: "Connection", sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("table", ROWS)
class TestEachTable:
    def test_refuses_rows_of_no_model(self, database: Database, table: str) -> None:
        with pytest.raises(ForeignKeyViolation, match=f"{table}.*does not exist(?s:.*){NO_MODEL}"):
            fetch(database, row(NO_MODEL, table))
        assert content(database, table) == []

    def test_refuses_rows_that_come_to_name_no_model(
        self, database: Database, table: str, model: int
    ) -> None:
        fetch(database, row(model, table))
        with pytest.raises(ForeignKeyViolation, match="does not exist"):
            fetch(database, f"UPDATE {table} SET model_id = {NO_MODEL}")  # noqa: S608 — ours

    def test_keeps_its_models(self, database: Database, table: str, model: int) -> None:
        fetch(database, row(model, table))
        for statement in (
            removal(model),
            f"UPDATE models SET id = DEFAULT WHERE id = {model}",  # noqa: S608 — a number
        ):
            with pytest.raises(ForeignKeyViolation, match=f"{table} cannot be removed"):
                fetch(database, statement)
        # What was decided about models is never removed: `model_states` says so first.
        removed = f"{table} cannot be removed|model_states are never changed"
        with pytest.raises((ForeignKeyViolation, InsufficientPrivilege), match=removed):
            fetch(database, "TRUNCATE models CASCADE")
        fetch(database, f"DELETE FROM {table}")  # noqa: S608 — one of ours
        fetch(database, removal(model))
        assert "kept" not in model_ids(database)


def test_the_same_as_a_foreign_key(database: Database, model: int) -> None:
    """What a client sees of a refusal: the class of the error, its code, and the table."""
    refused = []
    with closing(database.connect()) as connection:
        _run(connection, "CREATE TEMPORARY TABLE keyed (model_id integer)")
        _run(connection, "CREATE TEMPORARY TABLE models_too (id integer PRIMARY KEY)")
        _run(connection, "ALTER TABLE keyed ADD FOREIGN KEY (model_id) REFERENCES models_too")
        connection.commit()
        for insert in (
            f"INSERT INTO keyed VALUES ({NO_MODEL})",  # noqa: S608 — a number
            row(NO_MODEL),
        ):
            with pytest.raises(psycopg2.Error) as caught:
                _run(connection, insert)
            connection.rollback()
            refused.append((caught.type, caught.value.pgcode, caught.value.diag.message_detail))
    keyed, signals = refused
    assert signals[:2] == keyed[:2]
    assert signals[2] == str(keyed[2]).replace("models_too", "models")


def test_a_model_is_not_removed_while_rows_of_it_are_written(
    two: tuple["Connection", "Connection"], model: int
) -> None:
    writer, remover = two
    _run(writer, row(model))
    with pytest.raises(LockNotAvailable):
        _run(remover, removal(model))
    remover.rollback()
    # Models are registered meanwhile: that is no removal.
    _run(remover, "UPDATE models SET version = '2'")


def test_who_waited_for_the_writer_is_refused(
    two: tuple["Connection", "Connection"], model: int
) -> None:
    writer, remover = two
    _run(remover, "SET LOCAL lock_timeout = '30s'")
    _run(writer, row(model))
    with ThreadPoolExecutor(1) as thread:
        removed = thread.submit(_run, remover, removal(model))
        writer.commit()
        with pytest.raises(ForeignKeyViolation, match="cannot be removed"):
            removed.result()


def test_who_waited_for_the_remover_is_refused(
    two: tuple["Connection", "Connection"], model: int
) -> None:
    writer, remover = two
    _run(remover, removal(model))
    insert = row(model)
    with pytest.raises(LockNotAvailable):
        _run(writer, insert)
    writer.rollback()
    remover.commit()
    with pytest.raises(ForeignKeyViolation, match="does not exist"):
        _run(writer, insert)


def test_models_are_not_removed_from_an_old_snapshot(
    two: tuple["Connection", "Connection"], model: int
) -> None:
    """Rows that were committed since it was taken could not be seen."""
    writer, remover = two
    _run(remover, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    _run(remover, "SELECT 1 FROM models")
    _run(writer, row(model))
    writer.commit()
    with pytest.raises(FeatureNotSupported, match="meanwhile"):
        _run(remover, removal(model))
