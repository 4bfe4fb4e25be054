"""Tables without the sealed hold-out, for a login that row-level security does not concern.

The owner of the tables, and every superuser, is shown all rows by the server. What research reads
by such a login is read through temporary views that stand before the tables, as `known_at.py` does
it for the past. A name written with its schema would pass by them, and is refused. What does not
belong here: where the hold-out begins (`holdout.py`).
"""

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from quant_platform.errors import SealedError
from quant_platform.storage.known_at import (
    dependent_views,
    names_in,
    sealed_condition,
    view_sql,
)

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

_IS_SEALED = "SELECT row_security_active('trial_runs'::regclass), current_schema()::text"

# Those that a view of the past stands for already are left out.
_TABLES = """
SELECT quote_ident(c.relname), quote_ident(n.nspname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
  AND (c.relname = 'trial_runs' OR EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid
      AND a.attname = 'date' AND a.atttypid = 'date'::regtype AND NOT a.attisdropped))
  AND to_regclass('pg_temp.' || quote_ident(c.relname)) IS NULL
"""


def shows_sealed(cursor: "Cursor", statement: str = "") -> bool:
    """Whether the server shows this login sealed rows.

    Parameters
    ----------
    statement : a user's, which may not name a table with its schema then

    Raises
    ------
    SealedError
        It may.
    """
    cursor.execute(_IS_SEALED)
    active, schema = cursor.fetchall()[0]
    if not active and re.search(rf'(?i)\b{re.escape(str(schema))}"?\s*\.', statement):
        raise SealedError(
            f"Sessions of this database are sealed, and a name with its schema, {schema}, would"
            " pass by that",
            "Name the table alone",
        )
    return not active


def install_sealed_views(
    cursor: "Cursor", first: date, statement: str, *, of_the_past: bool = False
) -> None:
    """Make the cursor's transaction read the tables without the sessions from `first` on.

    Parameters
    ----------
    statement : what will be read; only what it may name is replaced
    of_the_past : whether tables with a clock, and views, are replaced already (`known_at.py`)
    """
    cursor.execute("SET TRANSACTION READ WRITE")
    # Read before there is any temporary view: afterwards the definitions would name the schema.
    cursor.execute(_TABLES)
    tables: list[Any] = cursor.fetchall()
    views = [] if of_the_past else dependent_views(cursor, {name for name, _ in tables})
    named = names_in(cursor, statement, [name for name, _ in tables], views)
    created = [
        f"CREATE TEMPORARY VIEW {name} AS SELECT * FROM {schema}.{name}"  # noqa: S608 — names of the catalogue, quoted
        f" WHERE {sealed_condition(name, first)};"
        for name, schema in tables
        if named is None or name in named
    ]
    created += [view_sql(view) for view in views if named is None or view[0] in named]
    cursor.execute(f"DO $sealed$ BEGIN {' '.join(created)} END $sealed$")
