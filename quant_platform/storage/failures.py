"""What a server or a driver says of a failure, as one line with its cause and a remedy.

The server's own sentence stays; what drivers write around it, and every password, goes. A remedy
belongs to a cause that is known: where there is none, none is guessed. What does not belong here:
failures of the embedded server's files and processes (`embedded.py`).
"""

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from quant_platform.errors import DatabaseError
from quant_platform.settings import without_password
from quant_platform.storage.addresses import database_name

if TYPE_CHECKING:
    from adbc_driver_manager import Error

READ_ONLY = "25006"
"""SQLSTATE of a statement that writes where only reading is allowed."""

_UNKNOWN_CAUSE = "The server's log tells more"

_STOPPED = "It was stopped; run it again to go on"

_REMEDIES = {
    "53100": "The server's disk is full: make room and run it again; nothing was half written",
    "53200": "The server has no memory left: run it again when it has",
    "53300": "End other processes of this user, or raise the limit: ALTER ROLE … CONNECTION LIMIT",
    "57014": "It took too long: QUANT_PLATFORM_SQL_SECONDS allows more",
    "57P01": "The server was stopped: start it and run it again; nothing was half written",
    "57P03": "The server is starting or stopping: run it again in a moment",
    READ_ONLY: "The server only reads, as a standby does: name its primary in DATABASE_URL",
    "22P05": "The database cannot hold every character: make one with ENCODING 'UTF8'",
    "3F000": "Is the name right, and was `quant-platform db upgrade` run?",
    "42P01": "Is the name right, and was `quant-platform db upgrade` run?",
    "42501": "Give the database user the rights it lacks",
    "2BP01": "Drop what others made of these tables, or move it elsewhere, and run it again",
    "55P03": "Another process is writing there: run it again when it has ended",
}
"""What to do, by the SQLSTATE of an error."""

_CONNECTING = (
    (
        r"password authentication failed|no password supplied",
        "The server refused the user or password of {place}",
        "Check DATABASE_URL",
    ),
    (
        r'database ".*" does not exist',
        "The database {name!r} does not exist on {place}",
        "Create it: createdb {name}",
    ),
    (
        r"could not translate host name|Name or service not known",
        "The host of {place} is unknown",
        "Check the host name in DATABASE_URL",
    ),
    (
        r"too many (?:connections|clients)|remaining connection slots",
        "{place} takes no more connections: {reason}",
        _REMEDIES["53300"],
    ),
    (
        r"No space left on device",
        "{place} does not let in: {reason}",
        _REMEDIES["53100"],
    ),
    (
        r"the database system is (?:starting|shutting|in recovery|not yet)",
        "{place} does not let in yet: {reason}",
        _REMEDIES["57P03"],
    ),
    (
        r"permission denied|Permission denied|not permitted to log in|no pg_hba.conf entry",
        "{place} does not let in: {reason}",
        "Give the user the right to connect, or name another one in DATABASE_URL",
    ),
    (
        r"role \".*\" does not exist|Peer authentication failed|authentication failed",
        "{place} does not know the user: {reason}",
        "Create it (createuser), or name another one in DATABASE_URL",
    ),
    (
        r"refused|timeout|timed out|No route|unreachable|No such file",
        "No PostgreSQL server answers at {place}",
        "Is it running, and are host and port right?",
    ),
    (
        r"SSL|certificate",
        "{place} cannot be reached safely: {reason}",
        "Check sslmode and the certificates in DATABASE_URL",
    ),
    (
        r"invalid (?:URI|connection option|dsn|port|value)|missing \"=\"|unexpected character",
        "{place} cannot be read as an address: {reason}",
        "Check DATABASE_URL",
    ),
)
"""Signs in the text of a failed connection, which has no SQLSTATE: what it means, what to do."""


_FILES = (
    (r"No space left|Disk quota exceeded", "The disk is full: make room and run it again"),
    (
        r"Read-only file system",
        "Nothing can be written there: set QUANT_PLATFORM_HOME to a folder on another disk",
    ),
    (
        r"[Pp]ermission denied|not permitted|wrong ownership",
        "It belongs to another user: give it to this one (cp -a keeps owners, with the platform"
        " stopped), or set QUANT_PLATFORM_HOME to a folder of your own",
    ),
    (
        r"Not a directory|File exists|exists but is not empty",
        "Something else has that name: move it away, or set QUANT_PLATFORM_HOME to another folder",
    ),
    (
        r"shared memory|Cannot allocate memory|semaphores",
        "The machine lacks memory for it: end other programs, or set DATABASE_URL",
    ),
)
"""Signs in the text of an error of files or of a program's start: what to do."""


def file_remedy(reason: str) -> str:
    """What to do about an error of files, by its text; empty where that tells nothing."""
    return next((hint for sign, hint in _FILES if re.search(sign, reason)), "")


def connection_error(url: str, error: Exception) -> DatabaseError:
    """Translate a failed connection into one line and a remedy, without the password."""
    text = " ".join(str(error).split())
    place = without_password(url)
    reason = text.replace(url, place)
    for secret in _passwords(url):
        reason = reason.replace(secret, "***")
    known = _known_cause(text, {"place": place, "name": database_name(url), "reason": reason})
    return known or DatabaseError(f"Cannot connect to {place}: {reason}", _UNKNOWN_CAUSE)


def _known_cause(text: str, values: dict[str, str]) -> DatabaseError | None:
    for sign, message, hint in _CONNECTING:
        if re.search(sign, text):
            return DatabaseError(message.format(**values), hint.format(**values))
    return None


def _passwords(url: str) -> list[str]:
    """Return the passwords that `without_password` hides, as they stand in the URL and decoded."""
    pairs = re.findall(r"://[^:@/?#]*:(.*)@|[?&](?:ssl)?password=([^&]*)", url, re.IGNORECASE)
    plain = [secret for pair in pairs for secret in pair if secret]
    return [form for secret in plain for form in (secret, unquote(secret))]


def server_reason(error: Exception) -> str:
    """Return the server's own sentence out of a driver's error."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    reason = next((line for line in lines if "ERROR:" in line), lines[0] if lines else "no reason")
    return reason.partition("ERROR:")[2].strip() or reason.strip()


def server_error(
    url: str, error: Exception, what: str = "", *, reading: bool = False
) -> DatabaseError:
    """Translate an error of a statement, of whichever driver.

    Parameters
    ----------
    what : what could not be done, as the beginning of the line; default: the address
    reading : only reading was allowed, by whoever ran the statement
    """
    state = _state(error) or ""
    hint = _STOPPED if "due to user request" in str(error) else _REMEDIES.get(state, "")
    if reading and state == READ_ONLY:
        hint = "Only statements that read are allowed here"
    if not hint and (not state or state.startswith("08")):
        hint = "The connection was lost: run it again; nothing was half written"
    return DatabaseError(f"{what or without_password(url)}: {server_reason(error)}", hint)


def statement_error(url: str, sql: str, error: "Error") -> DatabaseError:
    """Translate the bulk driver's error about a user's statement: the sentence, and where."""
    state = _state(error) or ""
    if not state or state.startswith("08"):
        return server_error(url, error, reading=True)
    told = {_text(name): _text(value) for name, value in error.details}
    failure = server_error(url, error, reading=True)
    place = _place(sql, told.get("PG_DIAG_STATEMENT_POSITION", ""))
    hint = told.get("PG_DIAG_MESSAGE_HINT", "") or failure.hint
    return DatabaseError(f"{server_reason(error)}{place}", hint)


def _place(sql: str, position: str) -> str:
    """Line and column of a character of a statement, counted from 1, as the end of a sentence."""
    if not position.isdigit() or not 0 < int(position) <= len(sql) + 1:
        return ""
    before = sql[: int(position) - 1]
    return f", at line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def server_failure(error: BaseException) -> DatabaseError | None:
    """Translate what a server refused, however it was wrapped on its way; None: no server did.

    A driver's error may be wrapped by SQLAlchemy, and that by Dagster.
    """
    import psycopg2

    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        original = getattr(each, "orig", None)
        for candidate in (original, each):
            if isinstance(candidate, Exception) and _state(candidate) in _REMEDIES:
                return server_error("", candidate, "The database")
            # A connection that was refused has no SQLSTATE.
            if isinstance(candidate, psycopg2.OperationalError):
                reason = " ".join(str(candidate).split())
                named = re.search(r'database "(.*?)"', reason)
                name = named[1] if named else ""
                values = {"place": "the server", "name": name, "reason": reason}
                return _known_cause(reason, values) or server_error("", candidate, "The database")
        each = each.__cause__ or each.__context__
    return None


def _state(error: Exception) -> str | None:
    """SQLSTATE of a driver's error, or of the one it was made from."""
    for each in (error, error.__cause__):
        # By psycopg2's name for it, and by ADBC's.
        state = getattr(each, "pgcode", None) or getattr(each, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None
