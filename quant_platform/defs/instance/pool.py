"""Shared connection pools: one per process and database for all Dagster instances in it.

dagster-postgres opens a connection for every statement. Here the storages of all instances of a
process that name the same database lease one SQLAlchemy engine. It keeps at most
`PoolOptions.idle` connections open, opens `PoolOptions.overflow` more on demand, and closes all of
them when the last lease ends: by `Lease.release`, or when it is collected. A connection is
pinged before use, so a restarted server is met with fresh connections. After a fork the child
starts with empty pools and leaves its parent's connections alone.
"""

import os
import threading
import weakref
from dataclasses import dataclass
from typing import Any

from dagster_postgres.utils import set_pg_statement_timeout
from sqlalchemy import Engine, create_engine, event

from quant_platform.storage.session import prepare

IDLE_CONNECTIONS = 2
"""Connections a process keeps open to one database; a server's default limit is 100 for all."""

MORE_CONNECTIONS = 8
"""Connections beyond these that a process opens while several of its threads ask at once."""

WAIT_SECONDS = 60.0
"""How long a thread waits for a connection where all of them are lent."""


@dataclass(frozen=True)
class PoolOptions:
    """What makes two leases share an engine.

    Parameters
    ----------
    url : SQLAlchemy URL naming the psycopg2 driver
    idle : connections kept open
    overflow : further connections at a time
    recycle_seconds : age at which a connection is replaced, -1 for never
    statement_timeout_ms : server-side limit of one statement, None for the server's own
    """

    url: str
    idle: int = IDLE_CONNECTIONS
    overflow: int = MORE_CONNECTIONS
    recycle_seconds: int = -1
    statement_timeout_ms: int | None = None


class Lease:
    """The right to use a shared engine, until `release` or until the lease is collected."""

    def __init__(self, options: PoolOptions) -> None:
        self.options = options
        self._pool: _Pool | None = _join(options)
        self.engine = self._pool.engine

    def change(self, options: PoolOptions) -> None:
        """Move to the engine of `options`; the former is closed if nobody else uses it."""
        if options == self.options:
            return
        self.options = options
        self._pool = _join(options)
        self.engine = self._pool.engine

    def release(self) -> None:
        """Give the pool back; the engine stays usable, and is closed when it is collected."""
        self._pool = None


class _Pool:
    """An engine that closes its connections when the last lease lets go of this object."""

    def __init__(self, options: PoolOptions) -> None:
        self.engine = _create(options)
        weakref.finalize(self, self.engine.dispose)


_lock = threading.RLock()
_pools: weakref.WeakValueDictionary[PoolOptions, _Pool] = weakref.WeakValueDictionary()


def open_pools() -> list[PoolOptions]:
    """Return what the pools of this process were made of."""
    return list(_pools)


def _join(options: PoolOptions) -> _Pool:
    with _lock:
        pool = _pools.get(options)
        if pool is None:
            pool = _pools[options] = _Pool(options)
        return pool


def _create(options: PoolOptions) -> Engine:
    engine = create_engine(
        options.url,
        isolation_level="AUTOCOMMIT",
        pool_size=options.idle,
        max_overflow=options.overflow,
        pool_timeout=WAIT_SECONDS,
        pool_recycle=options.recycle_seconds,
        pool_pre_ping=True,
    )
    event.listen(engine, "connect", lambda connection, _: prepare(connection))
    timeout = options.statement_timeout_ms
    if timeout is not None:

        def limit(connection: Any, _record: Any) -> None:
            set_pg_statement_timeout(connection, timeout)

        event.listen(engine, "connect", limit)
    return engine


def _after_fork() -> None:
    """Forget the parent's sockets without closing them, and its lock, which may be held."""
    global _lock
    _lock = threading.RLock()
    for pool in list(_pools.values()):
        pool.engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
