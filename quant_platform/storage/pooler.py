"""Refuse a pooler that lends a connection for a transaction alone, as PgBouncer's `transaction`.

What a session relies on (its settings, its temporary tables, locks that it holds) is then on some
other connection at the next statement: a writer would wait for ever for a lock that nobody frees.
Two sessions that are open at once have two processes of the server. Behind such a pooler they are
given the same one, or one of them has several: that is looked for, whatever order the pooler lends
in. A pooler in session mode, and a server that is asked directly, pass.
"""

import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from quant_platform.errors import DatabaseError
from quant_platform.settings import without_password
from quant_platform.storage.failures import connection_error

if TYPE_CHECKING:
    import psycopg2.extensions

ROUNDS = 3

WAIT_SECONDS = 10.0
"""How long a connection may take to be lent."""

Ask = Callable[[], int]
"""Ask a session, in a transaction of its own, for the process that serves it."""


def refuse_transaction_pooling(url: str, variable: str = "DATABASE_URL") -> None:
    """Look which processes of the server two sessions are given.

    Parameters
    ----------
    variable : the setting that names the URL

    Raises
    ------
    DatabaseError
        A pooler lends them for a transaction, or has none left.
    """
    import psycopg2

    place = without_password(url)
    opened: list[psycopg2.extensions.connection] = []
    try:
        for _ in range(2):
            opened.append(psycopg2.connect(url, async_=True))
            _wait(opened[-1])
        if lends_transactions(*(_asking(each) for each in opened)):
            raise DatabaseError(
                f"A pooler at {place} lends its connections for one transaction each",
                f"Use its session mode, or name the server itself in {variable}",
            )
    except TimeoutError:
        raise DatabaseError(
            f"{place} lends no two connections within {WAIT_SECONDS:.0f} s",
            f"Let the pooler have more connections, or name the server itself in {variable}",
        ) from None
    except psycopg2.Error as error:
        raise connection_error(url, error) from None
    finally:
        for each in opened:
            each.close()


def lends_transactions(first: Ask, second: Ask) -> bool:
    """Whether two open sessions share processes of the server, or change them."""
    of_first, of_second = {first()}, {second()}
    for _ in range(ROUNDS):
        of_second.add(second())
        of_first.add(first())
    return len(of_first) > 1 or len(of_second) > 1 or not of_first.isdisjoint(of_second)


def _asking(connection: "psycopg2.extensions.connection") -> Ask:
    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            _wait(connection)
            return int(cursor.fetchall()[0][0])

    return ask


def _wait(connection: "psycopg2.extensions.connection") -> None:
    """Wait for what an asynchronous connection does; a signal ends it."""
    from psycopg2 import extensions

    deadline = time.monotonic() + WAIT_SECONDS
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        reading = [connection] if state == extensions.POLL_READ else []
        writing = [connection] if state == extensions.POLL_WRITE else []
        if left <= 0 or not any(select.select(reading, writing, [], left)):
            raise TimeoutError
