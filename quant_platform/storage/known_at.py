"""Any table as it was known at a moment: views of the past that stand before the tables.

A row was known from its clock (`recorded_at`, in `signals` `created_at`) until its `superseded_at`.
`install_past_views` lets one statement read that:

1. Wait for writers that began by the moment and have not ended, so that a moment that has passed
   always reads the same.
2. Create a temporary view for each table that has a clock and that the statement may read, under
   the table's own name; PostgreSQL looks among the temporary names first. It holds the rows of the
   table and of its `_history` that were known; a column that is a copy of another table's is read
   from that one. A history itself, and a table without one, shows what it had received by then.
3. Create the database's own views that the statement may read again over these, in the order of
   their dependencies.

The caller rolls back, and nothing remains in the database. A name written with its schema, such as
`public.market_data`, still means the table of today, and so does a table without a clock.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from quant_platform.errors import DatabaseError, SessionError
from quant_platform.storage.schema import CLOCK_COLUMNS, COPIED_COLUMNS

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

Moment = str | date
"""A moment as a user gives it, `datetime` included; see `parse_moment`."""

_Table = tuple[str, str | None, str, str, str, str]
_View = tuple[str, str, str, list[str]]
"""Rows of the two statements below."""

WAIT_SECONDS = 60
"""How long to wait for a writer that began by the moment."""

_HINT = "Write it as 2024-03-01T22:00Z; a date alone is its first moment, 00:00 UTC"

# Both end with the transaction.
_SETTINGS = """
SELECT set_config('quant_platform.known_at', $1, true), set_config('lock_timeout', $2, true)
"""
_STILL = "SELECT current_setting('quant_platform.known_at', true)"

# Writers hold an advisory lock of this class until they have committed, and take the clock of their
# rows under it (replace.py). A writer that began later is passed over; one whose beginning is
# hidden from this user is waited for.
_WAIT = """
SELECT pg_advisory_lock_shared(l.classid::int4, l.objid::int4)::text,
       pg_advisory_unlock_shared(l.classid::int4, l.objid::int4)
FROM pg_locks l
JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.classid = hashtext('quant_platform')::oid AND l.objsubid = 2
  AND l.mode = 'ExclusiveLock' AND l.granted
  AND coalesce(a.xact_start <= $1::text::timestamptz, true)
"""

# Names come quoted. A column that the history lacks is null in its rows.
_TABLES = """
SELECT quote_ident(t.relname), quote_ident(h.relname),
       string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
       string_agg(coalesce(quote_ident(b.attname),
           'NULL::' || format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum),
       (array_agg(quote_ident(a.attname) ORDER BY array_position(c.names, a.attname::text))
           FILTER (WHERE a.attname = ANY (c.names)))[1],
       quote_ident(current_schema())
FROM (SELECT string_to_array($1, ' ') AS names) AS c
CROSS JOIN pg_class t
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN (pg_class h JOIN pg_attribute e ON e.attrelid = h.oid AND e.attname = 'superseded_at')
    ON h.relnamespace = t.relnamespace AND h.relname = t.relname || '_history'
LEFT JOIN pg_attribute b ON b.attrelid = h.oid AND b.attname = a.attname AND NOT b.attisdropped
WHERE t.relnamespace = quote_ident(current_schema())::regnamespace AND t.relkind IN ('r', 'p')
GROUP BY t.relname, h.relname
HAVING bool_or(a.attname = ANY (c.names))
"""

_VIEWS = """
SELECT quote_ident(v.relname), quote_literal(v.relname), rtrim(pg_get_viewdef(v.oid), ';'),
       array_agg(DISTINCT quote_ident(u.relname))
FROM pg_class v
JOIN pg_rewrite r ON r.ev_class = v.oid
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
JOIN pg_class u ON u.oid = d.refobjid AND u.relnamespace = v.relnamespace
WHERE v.relnamespace = quote_ident(current_schema())::regnamespace AND v.relkind IN ('v', 'm')
GROUP BY v.oid, v.relname
"""


# A function's body may read any table; a trigger's runs when rows are written.
_FUNCTIONS = """
SELECT EXISTS (
    SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND p.prorettype <> 'trigger'::regtype
      -- One whose path is pinned looks among the temporary names last, and finds the tables first.
      AND NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) AS c WHERE c ~ '^search_path=.*pg_temp$')
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                      AND d.objid = p.oid AND d.deptype = 'e'))
"""


def parse_moment(value: Moment) -> datetime:
    """Read a moment, in UTC.

    Text is ISO 8601 with its distance from UTC (`2024-03-01T22:00Z`, `2024-03-01 17:00-05:00`). A
    date alone means its first moment in UTC, when nothing of that day was known yet. A time of day
    without a zone is refused: guessed wrong, it would show what was not known.

    Raises
    ------
    SessionError
        It is no moment, or a time of day without a zone.
    """
    moment = value
    try:
        if isinstance(moment, str):
            moment = _parse(moment.strip())
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time(), UTC)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise SessionError(f"{value!r} is not a moment", _HINT) from None
    raise SessionError(f"The moment {str(value)!r} has no time zone", _HINT)


def _parse(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)


def install_past_views(
    cursor: "Cursor", known_at: Moment, statement: str, sealed: date | None = None
) -> None:
    """Make the cursor's transaction read the tables as they were known at `known_at`.

    Parameters
    ----------
    known_at : a moment to come is the present
    statement : what will be read; only what it may name is turned back
    sealed : first session that is not to be seen, by a login that could; None: all may

    Raises
    ------
    SessionError
        `known_at` is no moment.
    """
    moment = parse_moment(known_at).isoformat(timespec="microseconds")
    # Needed for users whose transactions are read-only by default. The caller forbids writing again
    # before the user's statement.
    cursor.execute("SET TRANSACTION READ WRITE")
    _fetch(cursor, _SETTINGS, moment, f"{WAIT_SECONDS}s")
    _fetch(cursor, _WAIT, moment)
    tables: list[_Table] = _fetch(cursor, _TABLES, " ".join(("superseded_at", *CLOCK_COLUMNS)))
    # Read before there is any temporary view: afterwards the definitions would name the schema.
    views = _in_order(_fetch(cursor, _VIEWS), {name for name, *_ in tables})
    named = names_in(cursor, statement, [name for name, *_ in tables], views)
    created = [
        *(
            _table_sql(table, moment, sealed)
            for table in tables
            if named is None or table[0] in named
        ),
        *(view_sql(view) for view in views if named is None or view[0] in named),
    ]
    # One round trip to the server for all of them.
    cursor.execute(f"DO $known_at$ BEGIN {' '.join(created)} END $known_at$")


def _fetch(cursor: "Cursor", sql: str, *parameters: str) -> list[Any]:
    cursor.execute(sql, parameters or None)
    rows: list[Any] = cursor.fetchall()
    return rows


def names_in(
    cursor: "Cursor", statement: str, tables: Sequence[str], views: Sequence[_View]
) -> set[str] | None:
    """Tables and views whose names occur in the statement, with what the views read.

    None, for all, if a name may be written in escapes, or stand in a function.
    """
    text = statement.lower()
    if "u&" in text or _fetch(cursor, _FUNCTIONS)[0][0]:
        return None
    names = [*tables, *(view[0] for view in views)]
    named = {name for name in names if name.strip('"').lower() in text}
    for name, _, _, reads in reversed(views):
        if name in named:
            named.update(reads)
    return named


def refuse_lasting(cursor: "Cursor") -> None:
    """Refuse a statement that ended the transaction: a COMMIT would keep the views of the past.

    The error makes the caller close the connection, and the views go with it.

    Raises
    ------
    DatabaseError
        The transaction of `install_past_views` is no longer the current one.
    """
    if not _fetch(cursor, _STILL)[0][0]:
        raise DatabaseError(
            "The statement ended the transaction", "Only statements that read are allowed here"
        )


def _table_sql(table: _Table, moment: str, sealed: date | None) -> str:
    """Create the view of the rows of a table that were known at `moment`."""
    name, history, columns, history_columns, clock, schema = table
    begun = f"{clock} <= TIMESTAMPTZ '{moment}'"
    if sealed is not None and (name == "trial_runs" or "date" in columns.split(", ")):
        begun += f" AND {sealed_condition(name, sealed)}"
    shown = _as_copied(columns, name, name, schema, moment)
    past = f"SELECT {shown} FROM {schema}.{name} WHERE {begun}"  # noqa: S608 — names from the catalogue, quoted
    if history is not None:
        shown = _as_copied(history_columns, name, history, schema, moment)
        past += (
            f" UNION ALL SELECT {shown} FROM {schema}.{history}"  # noqa: S608 — the same
            f" WHERE {begun} AND superseded_at > TIMESTAMPTZ '{moment}'"
        )
    return f"CREATE TEMPORARY VIEW {name} AS {past};"


def _as_copied(columns: str, name: str, of: str, schema: str, moment: str) -> str:
    """Columns of a table or of its history, copies as their source held them at `moment`."""
    for copy, source in COPIED_COLUMNS.get(name, {}).items():
        same = " AND ".join(f"p.{key} = {of}.{key}" for key in ("date", "model_id", "symbol"))
        begun = f"{same} AND p.recorded_at <= TIMESTAMPTZ '{moment}'"
        held = (
            f"(SELECT p.{copy} FROM {schema}.{source} AS p WHERE {begun}"  # noqa: S608 — our names
            f" UNION ALL SELECT p.{copy} FROM {schema}.{source}_history AS p WHERE {begun}"
            f" AND p.superseded_at > TIMESTAMPTZ '{moment}' LIMIT 1) AS {copy}"
        )
        columns = ", ".join(held if each == copy else each for each in columns.split(", "))
    return columns


def view_sql(view: _View) -> str:
    """Create a view again; if that fails, say which one it was."""
    name, title, definition, _ = view
    return (
        f"BEGIN CREATE TEMPORARY VIEW {name} AS {definition}; EXCEPTION WHEN OTHERS THEN"
        " RAISE EXCEPTION 'The view % cannot be read as known at a moment, where tables have no"
        f" keys: %', {title}, SQLERRM; END;"
    )


def sealed_condition(name: str, first: date) -> str:
    """Condition on the rows of a table that are not sealed."""
    if name == "trial_runs":
        opened = "SELECT study_id FROM unsealings"
        return f"(last_session < DATE '{first}' OR study_id IN ({opened}))"
    return f"date < DATE '{first}'"


def dependent_views(cursor: "Cursor", replaced: set[str]) -> list[_View]:
    """Views of the database that rest on tables, each after those that it reads."""
    return _in_order(_fetch(cursor, _VIEWS), replaced)


def _in_order(views: Sequence[_View], replaced: set[str]) -> list[_View]:
    """Views that rest on replaced tables, each after those that it reads."""
    by_name = {view[0]: view for view in views}
    sources = {view[0]: set(view[3]) for view in views}
    ordered = []
    for name in TopologicalSorter(sources).static_order():
        if sources.get(name, set()) & replaced:
            replaced = replaced | {name}
            ordered.append(by_name[name])
    return ordered
