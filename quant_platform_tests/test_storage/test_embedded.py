"""The embedded server: started, shared, killed, healed. Each test has a home of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from quant_platform.errors import DatabaseError
from quant_platform.pipeline.provision import provision
from quant_platform.settings import Settings
from quant_platform.storage.database import dagster_url, platform_database
from quant_platform.storage.embedded import DATA_DIRECTORY, client_program, start_embedded
from quant_platform_tests.support.tables import fetch

WORKER = """
import sys
from pathlib import Path
from quant_platform.settings import Settings
from quant_platform.storage.database import platform_database
home = Path(sys.argv[1])
connection = platform_database(Settings.load({"QUANT_PLATFORM_HOME": str(home)}, home)).connect()
print("ready", flush=True)
sys.stdin.readline()
"""


def settings_of(home: Path) -> Settings:
    return Settings.load({"QUANT_PLATFORM_HOME": str(home)}, home.parent)


def postmaster(home: Path) -> int:
    return int((home / DATA_DIRECTORY / "postmaster.pid").read_text().splitlines()[0])


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def shared_home(server_folders: Callable[[str], Path]) -> Iterator[Path]:
    """Home with blanks, quotes and letters of other alphabets in its path."""
    home = server_folders("a home of O'Neill & Söhne")
    yield home
    start_embedded(home).leave()


@pytest.fixture
def home(server_folders: Callable[[str], Path]) -> Path:
    return server_folders("home")


def test_a_path_with_blanks(shared_home: Path) -> None:
    settings = settings_of(shared_home)
    database = platform_database(settings)
    assert fetch(database, "SELECT current_database()::text") == [("quant_platform",)]
    with database.arrow() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert "quant_platform_dagster" in dagster_url(settings)


def test_migrations_run_there(shared_home: Path) -> None:
    database = platform_database(settings_of(shared_home))
    provision(database)
    assert provision(database) == []


def test_many_threads_join_one_server(shared_home: Path) -> None:
    settings = settings_of(shared_home)
    with ThreadPoolExecutor(8) as pool:
        urls = {pool.submit(lambda: platform_database(settings).url) for _ in range(8)}
        assert len({future.result() for future in urls}) == 1


def test_the_server_listens_on_no_address(shared_home: Path) -> None:
    """It trusts whoever reaches it, so nobody else may."""
    database = platform_database(settings_of(shared_home))
    assert fetch(database, "SHOW listen_addresses") == [("",)]


def test_several_processes_share_it_and_the_last_one_stops_it(home: Path) -> None:
    workers = [_worker(home) for _ in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    pid = postmaster(home)
    workers[0].communicate("\n", timeout=30)
    assert is_running(pid)
    workers[1].communicate("\n", timeout=30)
    assert [worker.returncode for worker in workers] == [0, 0]
    assert not is_running(pid)


def test_a_killed_server_heals_and_has_lost_nothing(home: Path) -> None:
    settings = settings_of(home)
    database = platform_database(settings)
    fetch(database, "CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)")
    killed = postmaster(settings.home)
    os.kill(killed, signal.SIGKILL)
    while is_running(killed):
        time.sleep(0.02)
    try:
        again = platform_database(settings)
        assert fetch(again, "SELECT x FROM kept") == [(1,)]
        assert postmaster(settings.home) != killed
    finally:
        start_embedded(settings.home).leave()


def test_a_killed_process_does_not_keep_the_server_up(home: Path) -> None:
    """The kernel lets go of its lock; the next to leave is the last."""
    worker = _worker(home)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    pid = postmaster(home)
    worker.kill()
    worker.communicate()
    assert is_running(pid)
    following = _worker(home)
    assert following.stdout is not None
    assert following.stdout.readline() == "ready\n"
    assert postmaster(home) == pid
    following.communicate("\n", timeout=60)
    assert not is_running(pid)


def test_a_data_directory_of_another_version(tmp_path: Path) -> None:
    data = tmp_path / DATA_DIRECTORY
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseError, match="belongs to PostgreSQL 16") as caught:
        start_embedded(tmp_path)
    assert "QUANT_PLATFORM_HOME" in caught.value.hint
    # Nothing was touched.
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(DatabaseError, match="does not start") as caught:
        start_embedded(tmp_path / "home")
    assert "\n" not in caught.value.message


def test_a_folder_with_something_else_in_it(tmp_path: Path) -> None:
    data = tmp_path / DATA_DIRECTORY
    data.mkdir()
    (data / "holiday.jpg").write_text("")
    with pytest.raises(DatabaseError, match="does not start") as caught:
        start_embedded(tmp_path)
    assert "\n" not in caught.value.message
    assert (data / "holiday.jpg").exists()


def test_psql_is_the_server_s_own() -> None:
    said = subprocess.run([client_program("psql"), "--version"], capture_output=True, check=True)
    assert b"PostgreSQL" in said.stdout


def _worker(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_text_is_ordered_by_its_characters_codes(shared_home: Path) -> None:
    rows = fetch(
        platform_database(settings_of(shared_home)),
        "SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = 'quant_platform'",
    )
    assert rows == [("b", "C.UTF-8")]
