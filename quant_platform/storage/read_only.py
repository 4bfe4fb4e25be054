"""What a user's statement may be: one that reads, and calls no function that may change something.

A read-only transaction lets through much that is no reading: `COPY … TO PROGRAM`, locks, ends of
other sessions, files of the server. So a statement is looked at before it runs:

1. Its first word, after blanks, comments and brackets, is that of a statement that reads.
   PostgreSQL takes one statement at a time here, and the transaction forbids those that write
   within them (`WITH … DELETE`, `SELECT … FOR UPDATE`).
2. No function is called that the server's catalogue calls volatile, but for a few that are known to
   be harmless. Whatever acts beyond its result is volatile: `pg_sleep`, `nextval`, `set_config`,
   `pg_read_file`, `pg_advisory_lock`, `dblink`.

What does not belong here: the login as which a statement runs (`reader_login.py`).
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from quant_platform.errors import DatabaseError

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

READING = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"})
"""First words of the statements that read."""

HARMLESS = frozenset(
    {
        *("random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7"),
        *("clock_timestamp", "timeofday"),
        *("pg_relation_size", "pg_table_size", "pg_indexes_size", "pg_total_relation_size"),
        *("pg_database_size", "pg_tablespace_size", "pg_blocking_pids", "pg_is_in_recovery"),
        *("bernoulli", "system"),  # methods of TABLESAMPLE
    }
)
"""Volatile functions that change nothing."""

_HINT = "`sql` only reads; use `quant-platform db psql` for anything else"

# As PostgreSQL's own scanner splits a statement: its blanks, and any sign beyond ASCII in names.
_TOKEN = re.compile(
    r"""
      (?P<blank> [ \t\n\r\f\v]+ | --[^\n\r]* )
    | (?P<comment> /\* )
    | (?P<escaped_name> [uU]&" )
    | (?P<text> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' )
    | (?P<dollars> \$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$ )
    | (?P<quoted> "(?:[^"]|"")*" )
    | (?P<name> [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)

_COMMENT_MARK = re.compile(r"/\*|\*/")

_VOLATILE = """
SELECT DISTINCT proname::text FROM pg_proc
WHERE provolatile = 'v' AND proname = ANY (string_to_array($1, chr(31))::name[]) ORDER BY 1
"""


def first_word(statement: str) -> str:
    """First word of a statement in upper case, after brackets; empty where it begins otherwise."""
    for kind, piece in _tokens(statement):
        if kind == "name":
            return piece.upper()
        if piece != "(":
            break
    return ""


def functions_called(statement: str) -> set[str]:
    """Functions that a statement may call and that are not known to be harmless.

    Raises
    ------
    DatabaseError
        The statement is none that reads.
    """
    word = first_word(statement)
    if word not in READING:
        what = f"{word} is no statement that reads" if word else "This is no statement that reads"
        raise DatabaseError(what, _HINT)
    return _called(statement) - HARMLESS


def refuse_volatile(cursor: "Cursor", functions: set[str]) -> None:
    """Refuse functions of these names that the server's catalogue calls volatile.

    Raises
    ------
    DatabaseError
        One of them is.
    """
    if not functions:
        return
    cursor.execute(_VOLATILE, ("\x1f".join(sorted(functions)),))
    volatile = [name for (name,) in cursor.fetchall()]
    if volatile:
        raise DatabaseError(f"{volatile[0]}() may do more than read", _HINT)


def _called(statement: str) -> set[str]:
    """Names that may be a function's: before a bracket, or after a dot, as `(1.0).pg_sleep`."""
    called: set[str] = set()
    name, before = "", ""
    for kind, piece in _tokens(statement):
        if kind == "escaped_name":
            raise DatabaseError('Names in escapes (U&"…") are refused', _HINT)
        if piece == "(" and name:
            called.add(name)
        name = {"name": piece.lower(), "quoted": piece[1:-1].replace('""', '"')}.get(kind, "")
        if name and before == ".":
            called.add(name)
        before = piece
    return called


def _tokens(statement: str) -> Iterator[tuple[str, str]]:
    """Kind and text of what a statement is made of; without blanks, comments and strings."""
    position = 0
    while (match := _TOKEN.match(statement, position)) is not None:
        kind, position = str(match.lastgroup), match.end()
        if kind == "comment":
            position = _comment_end(statement, position)
        elif kind == "dollars":
            end = statement.find(match[0], position)
            # What is never closed is an error of syntax to the server.
            position = len(statement) if end < 0 else end + len(match[0])
            yield "text", ""
        elif kind == "text":
            yield kind, ""
        elif kind != "blank":
            yield kind, match[0]


def _comment_end(statement: str, position: int) -> int:
    """Position after a comment whose beginning was read; comments may hold comments."""
    depth = 1
    while depth:
        mark = _COMMENT_MARK.search(statement, position)
        if mark is None:
            return len(statement)
        depth += 1 if mark[0] == "/*" else -1
        position = mark.end()
    return position
