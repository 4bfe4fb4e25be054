"""Who runs the embedded server, and who gets in: its user, its rules of login, its socket's folder.

The server lets a client in by what the kernel says of the client's user (`peer`), so that there is
no password to keep: the owner of the data directory, as whom they like, and root. Over TCP comes
only the login that may but read, with a password. Root cannot run a server: it runs as the
directory's owner, or as a user made for it, who must be able to walk to the files. What does not
belong here: how the server is started (`cluster.py`).
"""

import fcntl
import os
import pwd
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

SUPERUSER = "postgres"
READER = "quant_platform_reader"
"""Login that may only read, and the only one that may come over TCP."""

USER_OF_ROOT = "pgserver"
"""User of the system that runs the servers that root makes."""

FOLDER_PREFIX = "quant-platform-"

_SOCKET_BYTES = 100
"""Longest path of a socket: 108 bytes on Linux and 104 on macOS, the closing zero included."""


def as_user(data: Path) -> dict[str, Any]:
    """Arguments of `subprocess` that make a program of the server run as the server's user."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwuid(data.stat().st_uid)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "umask": 0o077}


def hand_over(folder: Path) -> None:
    """Give a new data directory to the user who will run the server, if we are root."""
    if os.geteuid() == 0:
        user = _user_of_root()
        os.chown(folder, user.pw_uid, user.pw_gid)


def give_to_owner(file: int | Path, data: Path) -> None:
    """Give a file or folder that root made to the owner of the data directory."""
    if os.geteuid() == 0:
        owner = data.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def open_way(folder: Path) -> None:
    """Let the server's user walk to a folder of root's: enter what is above it, not list it."""
    if os.geteuid() != 0:
        return
    for above in (folder, *folder.parents):
        mode = stat.S_IMODE(above.stat().st_mode)
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)


def _user_of_root() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(USER_OF_ROOT)
    except KeyError:
        return _made_user()


def _made_user() -> pwd.struct_passwd:
    """Make the user. Of two `useradd` at a time, each would write its own user over the other's."""
    users = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(users, fcntl.LOCK_EX)
        with suppress(KeyError):
            return pwd.getpwnam(USER_OF_ROOT)
        subprocess.run(  # noqa: S603 — a fixed name
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", USER_OF_ROOT],  # noqa: S607 — root's own path
            capture_output=True,
            check=False,
        )
        return pwd.getpwnam(USER_OF_ROOT)
    finally:
        os.close(users)


def write_rules(data: Path) -> None:
    """Say who may log in. Directories of former releases let in whoever reached the socket."""
    owner = pwd.getpwuid(data.stat().st_uid).pw_name
    users = "".join(f'ours "{name}" all\n' for name in sorted({owner, "root"}))
    _write(data / "pg_ident.conf", "# Written at each start.\n" + users, data)
    _write(
        data / "pg_hba.conf",
        "# Written at each start.\n"
        "local all all peer map=ours\n"
        f"host all {READER} 127.0.0.1/32 scram-sha-256\n",
        data,
    )


def _write(path: Path, text: str, data: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=data, delete=False) as draft:  # of mode 0600
        draft.write(text.encode())
        give_to_owner(draft.fileno(), data)
    Path(draft.name).replace(path)


def socket_folder(data: Path) -> Path:
    """Return a folder that only the server's user and root may enter.

    It is the data directory itself, or a new one of a random name where the path would be too
    long, or holds what clients read as a list.
    """
    if _fits(data) and not set('",') & set(str(data)) and not data.stat().st_mode & 0o077:
        return data
    candidates = (_runtime_folder(), Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 — a folder of a random name is made there
    place = next(
        folder
        for folder in candidates
        if folder is not None and _fits(folder / (FOLDER_PREFIX + "random"))
    )
    made = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=place))
    give_to_owner(made, data)
    return made


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / ".s.PGSQL.65535")) <= _SOCKET_BYTES


def _runtime_folder() -> Path | None:
    """Return the login's runtime folder, if there is one and it is private."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if os.geteuid() == 0 or not folder.is_absolute() or not folder.is_dir():
        return None  # another user runs root's server, and could not enter
    mode = folder.stat()
    return folder if mode.st_uid == os.geteuid() and not mode.st_mode & 0o077 else None
