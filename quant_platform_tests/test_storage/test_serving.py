"""The embedded server on a port: one login, which reads, with a password for that time."""

import socket
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from quant_platform.errors import DatabaseError
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage import bulk, cluster
from quant_platform.storage.database import Database
from quant_platform.storage.embedded import DATA_DIRECTORY, start_embedded
from quant_platform.storage.serving import on_port, reader_url
from quant_platform_tests.support.services import free_port
from quant_platform_tests.support.tables import fetch


def test_a_port_for_a_login_that_reads(server_folders: Callable[[str], Path]) -> None:
    home = server_folders("home")
    settings = Settings.load({PREFIX + "HOME": str(home)}, home.parent)
    port = free_port()
    try:
        with on_port(settings, port) as database:
            fetch(database, "CREATE TABLE facts AS SELECT 7 AS x")
            with reader_url(settings, database, port) as url:
                assert f"@127.0.0.1:{port}/quant_platform" in url
                reader = Database(url)
                assert bulk.query(reader, "SELECT x FROM facts")["x"].tolist() == [7]
                with pytest.raises(psycopg2.Error, match=r"read-only|permission denied"):
                    fetch(reader, "INSERT INTO facts VALUES (8)")
                reader.close()
                password = url.partition("//")[2].partition("@")[0].partition(":")[2]
                # Nobody else comes by the port, and not without the password.
                for other in (
                    url.replace("quant_platform_reader:", "postgres:"),
                    url.replace(f":{password}@", "@"),
                    url.replace(password, password[::-1]),
                ):
                    with pytest.raises(psycopg2.OperationalError):
                        psycopg2.connect(other)
                # What comes by the socket finds it by its other name.
                again = start_embedded(home)
                assert fetch(Database(again.url("quant_platform")), "SELECT x FROM facts") == [(7,)]
                assert password not in (home / DATA_DIRECTORY / "log").read_text()
                with pytest.raises(DatabaseError, match="runs already"), on_port(settings, port):
                    pass
            with pytest.raises(psycopg2.OperationalError):
                psycopg2.connect(url)
    finally:
        start_embedded(home).leave()
    assert cluster.running(home / DATA_DIRECTORY) is None


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    settings = Settings.load({PREFIX + "HOME": str(tmp_path / "home")}, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DatabaseError, match=f"Port {port}"), on_port(settings, port):
            pass
    assert not (tmp_path / "home").exists()
