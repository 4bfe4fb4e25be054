"""The embedded PostgreSQL server of a home: started on demand, shared, stopped by its last user.

Each process that uses the server holds a shared lock on a file of the home. One that leaves asks
for that lock alone: if it gets it, nobody else is there, and it stops the server. The kernel lets
go of the lock of a process that was killed, so that a dead one never counts. Starting and leaving
exclude each other by a second lock. What does not belong here: how a server is started
(`cluster.py`), and which databases exist on it (`database.py`).
"""

import atexit
import fcntl
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from quant_platform.errors import DatabaseError
from quant_platform.storage import cluster
from quant_platform.storage.failures import file_remedy
from quant_platform.storage.server_access import SUPERUSER, give_to_owner

DATA_DIRECTORY = "postgres"
"""Name of the data directory under the platform's home."""

_LOCK, _USERS = "postgres.lock", "postgres.users"
"""Files of the home that are locked by who starts or stops the server, and by who uses it."""

_threads = threading.RLock()

_used: dict[Path, tuple[int, int]] = {}
"""Homes whose server is used: process that joined it, and descriptor of the users' file.

A process that was forked inherits this, and is no user until it joins itself.
"""


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server that this process uses.

    Attributes
    ----------
    home : folder of the platform, in full
    postmaster : its process and its socket
    """

    home: Path
    postmaster: cluster.Postmaster

    @property
    def data(self) -> Path:
        """Data directory."""
        return (self.home / DATA_DIRECTORY).resolve()

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Return the URL of a database, by the socket."""
        host = quote(str(self.postmaster.socket_folder), safe="/")
        return f"postgresql://{user}@/{database}?host={host}&port={self.postmaster.port}"

    def leave(self) -> None:
        """Be no user any more; the last one stops the server. It is done at exit."""
        _leave(self.home)


def has_database(home: Path) -> bool:
    """Whether a server's data lie under a home; nothing is started or made."""
    try:
        return (home.expanduser() / DATA_DIRECTORY / "PG_VERSION").is_file()
    except PermissionError:
        return True  # another user's


def start_embedded(home: Path, port: int | None = None) -> EmbeddedServer:
    """Start (or join) the server of `home`.

    Parameters
    ----------
    port : TCP port on 127.0.0.1, if it is started now

    Raises
    ------
    DatabaseError
        The data directory is of another PostgreSQL version, or the server does not start.
    """
    named = home.expanduser()
    data = named / DATA_DIRECTORY
    with _threads:
        try:
            for folder in (named, data):
                _refuse_a_link_to_nothing(folder)
            home = named.resolve()
            data = (home / DATA_DIRECTORY).resolve()
            _check_version(data)
            home.mkdir(parents=True, exist_ok=True)
            with _locked(home):
                _join(home)
                return EmbeddedServer(home, cluster.ensure_running(data, port))
        except (OSError, RuntimeError, subprocess.SubprocessError, KeyError) as error:
            reason = _last_line(data, error)
            raise DatabaseError(
                f"The embedded PostgreSQL server does not start in {data}: {reason}",
                file_remedy(reason) or f"Look at {data / 'log'}",
            ) from error


def client_program(name: str) -> str:
    """Path of a PostgreSQL client program such as psql: the embedded server's own."""
    return str(cluster.program(name))


def _join(home: Path) -> None:
    """Become a user of the server, once in this process."""
    process, _ = _used.get(home, (0, 0))
    if process == os.getpid():
        return
    users = _open(home, _USERS)
    fcntl.flock(users, fcntl.LOCK_SH)
    _used[home] = (os.getpid(), users)
    atexit.register(_leave, home)


def _leave(home: Path) -> None:
    with _threads:
        process, users = _used.get(home, (0, 0))
        if process != os.getpid():
            return
        del _used[home]
        # A home that was removed meanwhile cannot be locked: its server ends by itself.
        with suppress(OSError), _locked(home):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                cluster.stop((home / DATA_DIRECTORY).resolve())
        os.close(users)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Keep other processes from starting or stopping the server of this home."""
    lock = _open(home, _LOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open(home: Path, name: str) -> int:
    file = os.open(home / name, os.O_RDWR | os.O_CREAT, 0o600)
    if os.fstat(file).st_uid != home.stat().st_uid:
        give_to_owner(file, home)
    return file


def _refuse_a_link_to_nothing(folder: Path) -> None:
    """Refuse a link whose target is not there: it may lie on a disk that is not mounted."""
    if folder.is_symlink() and not folder.exists():
        raise DatabaseError(
            f"{folder} is a link to {folder.readlink()}, which is not there",
            "Is its disk mounted? Or make the folder, or remove the link",
        )


def _check_version(data: Path) -> None:
    marker = data / "PG_VERSION"
    if marker.exists() and marker.read_text().strip() != str(cluster.VERSION):
        raise DatabaseError(
            f"The data directory {data} belongs to PostgreSQL {marker.read_text().strip()},"
            f" the embedded server is {cluster.VERSION}",
            "Set QUANT_PLATFORM_HOME to another folder,"
            " or dump and reload the old one with its own version",
        )


def _last_line(data: Path, error: Exception) -> str:
    """Line that explains most: the server's last FATAL or PANIC, else the error's first line."""
    try:
        lines = (data / "log").read_text(errors="replace").splitlines()[-50:]
    except OSError:
        lines = []
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    if fatal and isinstance(error, RuntimeError):
        return fatal[-1]
    return (str(error).splitlines() or [type(error).__name__])[0]
