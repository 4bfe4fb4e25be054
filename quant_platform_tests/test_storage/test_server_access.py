"""Who gets into the embedded server: its owner and root, wherever the home lies; nobody else."""

import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from quant_platform.settings import Settings
from quant_platform.storage import cluster
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.embedded import (
    DATA_DIRECTORY,
    EmbeddedServer,
    client_program,
    start_embedded,
)
from quant_platform.storage.server_access import READER
from quant_platform_tests.support.tables import fetch

STRANGER: dict[str, Any] = (
    {"user": pwd.getpwnam("nobody").pw_uid, "group": pwd.getpwnam("nobody").pw_gid}
    if os.geteuid() == 0
    else {}
)
"""Another user of the machine; only root can try what one may do."""

MAKE_AT_ONCE = """
import sys, time
from pathlib import Path
from quant_platform.storage import cluster, server_access
server_access.USER_OF_ROOT = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
data = Path(sys.argv[2])
data.parent.mkdir(parents=True, exist_ok=True)
server_access.open_way(data.parent)
cluster._make(data)
"""

HOMES = [
    "home",
    "a home with blanks",
    "Zuhause für Söhne, 口座",
    'quoted "home" it\'s $HOME `id`',
    "x" * 180,
]

JOIN_AND_LEAVE = """
import sys, random, time
from pathlib import Path
from quant_platform.storage.database import Database
from quant_platform.storage.embedded import start_embedded
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    server = start_embedded(Path(sys.argv[1]))
    connection = Database(server.url("postgres")).connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    time.sleep(random.random() / 20)
    server.leave()
print("done")
"""


def settings_of(home: Path) -> Settings:
    return Settings.load({"QUANT_PLATFORM_HOME": str(home)}, home.parent)


def ask(server: EmbeddedServer, role: str, **who: Any) -> subprocess.CompletedProcess[str]:
    """Ask the server for its role, by psql, as a user of the machine."""
    folder = str(server.postmaster.socket_folder)
    address = ["-h", folder, "-p", str(server.postmaster.port), "-U", role, "-d", "postgres"]
    return subprocess.run(
        [client_program("psql"), "-X", "-w", "-At", *address, "-c", "SELECT current_user"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **who,
    )


@pytest.mark.parametrize("name", HOMES)
def test_only_the_owner_and_root_get_in(server_folders: Callable[[str], Path], name: str) -> None:
    home = server_folders(name)
    database = platform_database(settings_of(home))
    assert fetch(database, "SELECT current_user::text") == [("postgres",)]
    with database.arrow() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
    with database.engine.connect() as opened:
        assert opened.exec_driver_sql("SELECT 1").scalar() == 1
    database.engine.dispose()
    server = start_embedded(home)
    folder = server.postmaster.socket_folder
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == server.data.stat().st_uid
        # Even who reaches the socket is somebody the kernel knows, and has no role.
        rules = [
            line.split()
            for line in (server.data / "pg_hba.conf").read_text().splitlines()
            if not line.startswith("#")
        ]
        assert {rule[-1] if rule[0] == "host" else rule[3] for rule in rules} == {
            "peer",
            "scram-sha-256",
        }
        assert ask(server, "postgres").stdout == "postgres\n"
        if STRANGER:
            for role in ("postgres", READER, "nobody"):
                refused = ask(server, role, **STRANGER)
                assert refused.returncode == 2
                assert "Permission denied" in refused.stderr
            folder.chmod(0o755)
            (folder / f".s.PGSQL.{server.postmaster.port}").chmod(0o777)
            refused = ask(server, "postgres", **STRANGER)
            assert 'Peer authentication failed for user "postgres"' in refused.stderr
            folder.chmod(0o700)
    finally:
        server.leave()
    assert folder == server.data or not folder.exists()


def test_a_home_that_trusted_everybody_does_so_no_more(
    server_folders: Callable[[str], Path],
) -> None:
    """Former releases let in whoever reached the socket."""
    home = server_folders("home")
    server = start_embedded(home)
    fetch(platform_database(settings_of(home)), "CREATE TABLE kept AS SELECT 1 AS x")
    server.leave()
    (server.data / "pg_hba.conf").write_text("local all all trust\nhost all all 0.0.0.0/0 trust\n")
    (server.data / "pg_ident.conf").write_text("")
    try:
        assert fetch(platform_database(settings_of(home)), "SELECT x FROM kept") == [(1,)]
        methods = "SELECT DISTINCT auth_method FROM pg_hba_file_rules ORDER BY 1"
        assert fetch(platform_database(settings_of(home)), methods) == [
            ("peer",),
            ("scram-sha-256",),
        ]
    finally:
        start_embedded(home).leave()


def test_nothing_of_a_fixed_name_lies_in_shared_folders(
    server_folders: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two homes whose sockets cannot lie in them: two folders, gone with their servers."""
    shared = server_folders("shared")
    shared.mkdir(mode=0o777)
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "is not there"))
    homes = [server_folders("x" * 120) for _ in range(2)]
    servers = [start_embedded(home) for home in homes]
    inside = sorted(shared.iterdir())
    assert inside == sorted(server.postmaster.socket_folder for server in servers)
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in inside)
    for server in servers:
        server.leave()
    assert list(shared.iterdir()) == []


def test_the_server_gets_no_secret(
    server_folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_API_KEY", "a-secret-key")
    server = start_embedded(server_folders("home"))
    try:
        process = psutil.Process(server.postmaster.pid)
        assert "a-secret-key" not in str(process.environ()) + str(process.cmdline())
    finally:
        server.leave()


def test_the_number_of_the_dead_server_is_another_process_s(
    server_folders: Callable[[str], Path],
) -> None:
    """A `postmaster.pid` left behind, as after a reboot or in a new container."""
    home = server_folders("home")
    server = start_embedded(home)
    left = (server.data / "postmaster.pid").read_text()
    server.leave()
    lines = left.splitlines()
    (server.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    try:
        assert start_embedded(home).postmaster.pid not in (os.getpid(), server.postmaster.pid)
    finally:
        start_embedded(home).leave()


def test_a_start_killed_while_the_data_are_made_is_finished_by_the_next(
    server_folders: Callable[[str], Path],
) -> None:
    home = server_folders("home")
    program = "import sys; from pathlib import Path; from quant_platform.storage.embedded import *;"
    program += "start_embedded(Path(sys.argv[1]))"
    killed = subprocess.Popen([sys.executable, "-c", program, str(home)])
    while not list(home.glob("postgres-draft-*/PG_VERSION")):
        assert killed.poll() is None
        time.sleep(0.001)
    killed.kill()
    killed.wait()
    assert not (home / DATA_DIRECTORY).exists()
    server = start_embedded(home)
    try:
        assert list(home.glob("postgres-draft-*")) == []
    finally:
        server.leave()


def test_many_processes_that_come_go_and_are_killed(server_folders: Callable[[str], Path]) -> None:
    """Whoever joins can use the server, and the last one to leave has stopped it."""
    home = server_folders("home")
    command = [sys.executable, "-c", JOIN_AND_LEAVE, str(home), "8"]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    time.sleep(3)
    for victim in workers[:2]:
        victim.send_signal(signal.SIGKILL)
    server = cluster.running(home / DATA_DIRECTORY)
    if server is not None:
        os.kill(server.pid, signal.SIGQUIT)  # the server too, at once
    ended = [worker.communicate(timeout=120) for worker in workers[2:]]
    for _, errors in ended:
        # Only a connection that was cut by the kill may have failed.
        assert "does not start" not in errors, errors
    last = start_embedded(home)
    last.leave()
    assert cluster.running(home / DATA_DIRECTORY) is None


def test_several_first_starts_at_once_make_one_user(server_folders: Callable[[str], Path]) -> None:
    # Without root there is no user to make, and what is left is that each makes its data.
    user = f"quant{os.getpid()}"
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE_AT_ONCE, user, str(server_folders("home") / "postgres")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        for start in starts:
            assert start.stdout is not None
            assert start.stdout.readline() == "ready\n"
        for start in starts:
            assert start.stdin is not None
            start.stdin.write("\n")
            start.stdin.flush()
        assert [start.communicate()[1] for start in starts] == [""] * 3
    finally:
        if os.geteuid() == 0:
            subprocess.run(["userdel", user], check=False, capture_output=True)


def test_db_serve_keeps_it_up_until_ctrl_c(server_folders: Callable[[str], Path]) -> None:
    home = server_folders("home")
    serving = subprocess.Popen(
        [str(Path(sys.executable).with_name("quant-platform")), "db", "serve"],
        env=os.environ | {"QUANT_PLATFORM_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None
    assert serving.stderr is not None
    url = serving.stdout.readline().strip()
    assert "Ctrl-C" in serving.stderr.readline()
    assert fetch(Database(url), "SELECT current_database()::text") == [("quant_platform",)]
    serving.send_signal(signal.SIGINT)
    serving.communicate(timeout=120)
    assert serving.returncode == 0
    assert cluster.running(home / DATA_DIRECTORY) is None
