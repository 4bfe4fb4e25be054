"""`IdleConnections`: bulk connections that a process keeps for the next use.

They are closed when nobody holds their database any more, or at exit: later the driver could not.
A child that was forked begins without any, and never closes its parent's. What does not belong
here: how a connection is opened (`database.py`).
"""

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet, finalize

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

KEPT = 2
"""Connections that a process keeps of a database."""

_of_parents: list["Connection"] = []
"""Connections inherited over a fork: kept, unused, so that nothing closes them."""


class IdleConnections:
    """Connections that wait for their next use, for any thread of this process."""

    def __init__(self) -> None:
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._waiting: list[Connection] = []
        self._lock, self._owner = threading.Lock(), os.getpid()
        finalize(self, _close_each, self._waiting, self._owner)

    def in_a_child(self) -> None:
        """Begin anew after a fork, with a lock that no other thread held."""
        _of_parents.extend(self._waiting)
        self._begin()

    def take(self) -> "Connection | None":
        """Take a connection that still answers; None without any."""
        from adbc_driver_manager import Error

        with self._lock:
            while self._waiting:
                connection = self._waiting.pop()
                try:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT 1")
                        cursor.fetchall()
                    connection.rollback()
                except Error:
                    connection.close()
                else:
                    return connection
        return None

    def give_back(self, connection: "Connection") -> None:
        """Keep a connection for its next use, or close it where enough of them wait."""
        with self._lock:
            if len(self._waiting) < KEPT and self._owner == os.getpid():
                self._waiting.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close those that wait."""
        with self._lock:
            _close_each(self._waiting, self._owner)


_all: "WeakSet[IdleConnections]" = WeakSet()


def _in_a_child() -> None:
    for each in list(_all):
        each.in_a_child()


os.register_at_fork(after_in_child=_in_a_child)


def _close_each(waiting: "list[Connection]", owner: int) -> None:
    """Close connections, and leave alone those of a parent's."""
    from adbc_driver_manager import Error

    while waiting:
        connection = waiting.pop()
        if owner != os.getpid():
            _of_parents.append(connection)
            continue
        with suppress(Error):
            connection.close()
