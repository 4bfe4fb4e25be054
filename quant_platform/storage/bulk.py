"""Bulk reads, and the errors of the bulk driver in plain words.

Everything moves as Arrow over the binary protocol (ADBC). Writing does not belong here: see
`replace.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pandas as pd

from quant_platform.errors import QuantPlatformError
from quant_platform.storage.database import Database
from quant_platform.storage.failures import server_error, statement_error
from quant_platform.storage.frames import to_pandas
from quant_platform.storage.known_at import Moment, install_past_views, refuse_lasting
from quant_platform.storage.read_only import first_word, functions_called, refuse_volatile
from quant_platform.storage.schema import Table
from quant_platform.storage.sealed_views import install_sealed_views, shows_sealed

Scope = Mapping[str, int | str | tuple[int | str, ...]]
"""Column values that narrow a table to the part one asset owns, such as {"model_id": 3}.

A tuple stands for any of its values.
"""


BEGINNING = "0001-01-01"
"""A day before all history."""


@dataclass(frozen=True)
class Members:
    """Narrows a table to the securities that were in the universe in some of these sessions."""

    first: str
    last: str

    def condition(self) -> str:
        """SQL that follows a WHERE clause."""
        return (
            " AND security_id IN (SELECT security_id FROM trading_universe"  # noqa: S608 — dates
            f" WHERE date BETWEEN {_date(self.first)} AND {_date(self.last)})"
        )


@dataclass(frozen=True)
class Listed:
    """Narrows a table to securities that were looked up before (`members.py`)."""

    security_ids: tuple[str, ...]

    def condition(self) -> str:
        """SQL that follows a WHERE clause.

        The comparison keeps the server from joining: rows stay in the order in which they are read,
        and the list is hashed by every version.
        """
        names = ", ".join(map(literal, self.security_ids))
        return f" AND (security_id IN (SELECT unnest(ARRAY[{names}]::text[]))) IS TRUE"


def read(
    database: Database,
    table: Table,
    first: str | None,
    last: str | None,
    *,
    columns: Sequence[str] | None = None,
    scope: Scope | None = None,
    members: Members | Listed | None = None,
    among: Mapping[str, Sequence[str]] | None = None,
    known_at: Moment | None = None,
    sealed: date | None = None,
    ordered: bool = True,
    categories: Sequence[str] = (),
) -> pd.DataFrame:
    """Read the rows of `first` to `last` (ISO dates, both included), ordered by the table's key.

    None leaves a side of the range open; with neither, the table need not have a `date`. A view,
    which has no key, is ordered by date and symbol. Clock columns are left out unless `columns`
    names them; JSON columns come as text. `among` keeps rows whose text columns have one of the
    given values. With `known_at`, the rows are those that were known at that moment. Where their
    order is of no matter (`ordered`), the server need not sort them. Columns of few distinct texts
    may come as `categories`.
    """
    names = columns if columns is not None else [column.name for column in table.data_columns]
    wanted = [
        f"{quoted(name)}::text" if table.column(name).sql_type == "jsonb" else quoted(name)
        for name in names
    ]
    sql = (
        f"SELECT {', '.join(wanted)} FROM {quoted(table.name)}"  # noqa: S608 — names come from the catalogue, quoted
        # Dates as literals: the driver uses binary COPY only for a statement without parameters.
        f" WHERE true{days_sql(first, last)}{scope_sql(scope)}"
        f"{members.condition() if members else ''}{among_sql(among)}"
    )
    order = table.key or _view_order(table)
    if ordered and order:
        sql += f" ORDER BY {', '.join(map(quoted, order))}"
    return query(database, sql, known_at=known_at, categories=categories, sealed=sealed)


def query(
    database: Database,
    sql: str,
    parameters: Sequence[str] = (),
    *,
    known_at: Moment | None = None,
    categories: Sequence[str] = (),
    limit: float | None = None,
    sealed: date | None = None,
) -> pd.DataFrame:
    """Run one statement in a read-only transaction and return its rows.

    The extended protocol takes a single statement, so nothing can follow it that would leave the
    transaction. With `known_at`, tables and views read as they were known at that moment
    (`known_at.py`). A `limit`, in seconds, is set for statements of a user: they are refused unless
    they only read (`read_only.py`), and are ended when it has passed. Of the session `sealed` and
    those that follow, nothing is read, whatever the login may see (`sealed_views.py`).
    """
    functions = functions_called(sql) if limit is not None else set()
    of_a_user = sql if limit is not None else ""
    reading = translated(database, reading=True, statement=of_a_user)
    with reading, database.arrow() as connection, connection.cursor() as cursor:
        hidden = sealed if sealed and shows_sealed(cursor, of_a_user) else None
        if known_at is not None:
            install_past_views(cursor, known_at, sql, hidden)
        if hidden is not None:
            install_sealed_views(cursor, hidden, sql, of_the_past=known_at is not None)
        cursor.execute("SET TRANSACTION READ ONLY")
        if limit is not None:
            refuse_volatile(cursor, functions)
            cursor.execute(f"SET LOCAL statement_timeout = {max(1, round(1000 * limit))}")
        if first_word(sql) in _NOT_FOR_COPY or "--" in sql:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
        cursor.execute(sql, tuple(parameters) or None)
        data = cursor.fetch_arrow_table()
        if known_at is not None:
            refuse_lasting(cursor)
        return to_pandas(data, categories)


_NOT_FOR_COPY = {"SHOW", "EXPLAIN"}
"""Statements whose rows cannot come through COPY.

Nor can those with a comment to the end of the line: it would swallow what COPY puts after them.
"""


def _date(text: str) -> str:
    """Write an ISO date as an SQL literal; anything else is refused by the parser."""
    return f"DATE {literal(date.fromisoformat(text).isoformat())}"


def days_sql(first: str | None, last: str | None) -> str:
    """Conditions on the days, each starting with AND; empty without any."""
    since = "" if first is None else f" AND date >= {_date(first)}"
    return since + ("" if last is None else f" AND date <= {_date(last)}")


def among_sql(allowed: Mapping[str, Sequence[str]] | None) -> str:
    """Condition that keeps rows with these values, starting with AND; empty without any."""
    return "".join(
        f" AND {quoted(name)} = ANY (ARRAY[{', '.join(map(literal, values))}]::text[])"
        for name, values in (allowed or {}).items()
    )


def _view_order(table: Table) -> list[str]:
    names = {column.name for column in table.columns}
    return [name for name in ("date", "symbol") if name in names]


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: int | str) -> str:
    """Write a value as an SQL literal."""
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def scope_sql(scope: Scope | None, alias: str = "") -> str:
    """Condition that narrows a statement to `scope`, starting with AND; empty without one."""
    prefix = f"{alias}." if alias else ""
    return "".join(
        f" AND {prefix}{quoted(name)} {_one_of(value)}" for name, value in (scope or {}).items()
    )


def _one_of(value: int | str | tuple[int | str, ...]) -> str:
    if isinstance(value, tuple):
        return f"IN ({', '.join(literal(each) for each in value)})"
    return f"= {literal(value)}"


@contextmanager
def translated(database: Database, *, reading: bool = False, statement: str = "") -> Iterator[None]:
    """Turn the bulk driver's errors into one line with a remedy.

    Those about a user's `statement` say where in it.
    """
    from adbc_driver_manager import Error

    try:
        yield
    except QuantPlatformError:
        raise
    except Error as error:
        if statement:
            raise statement_error(database.url, statement, error) from error
        raise server_error(database.url, error, reading=reading) from error
