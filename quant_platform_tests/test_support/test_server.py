"""The server of a test run: a template is filled once, whoever asks, and copies are their own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from quant_platform.errors import DatabaseError
from quant_platform.storage.database import Database
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import fetch


def test_a_template_is_filled_once_for_all_that_joined(server: Server) -> None:
    filled: list[str] = []

    def fill(url: str) -> None:
        filled.append(url)
        fetch(Database(url), "CREATE TABLE made (number int); INSERT INTO made VALUES (7)")

    joined = [Server(server.home) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        names = list(pool.map(lambda one: one.template("made_once", fill), joined))
    assert names == ["made_once"] * 3
    assert len(filled) == 1
    first, second = server.create("made_once"), server.create("made_once")
    fetch(Database(server.url(first)), "DELETE FROM made")
    assert fetch(Database(server.url(second)), "SELECT number FROM made") == [(7,)]


def test_nobody_connects_to_a_template(server: Server, template: str) -> None:
    with pytest.raises(DatabaseError, match="not currently accepting connections"):
        Database(server.url(template)).connect()


def test_a_template_that_cannot_be_filled_is_none(server: Server) -> None:
    def fail(url: str) -> None:
        raise RuntimeError("no rows")

    with pytest.raises(RuntimeError, match="no rows"):
        server.template("half_made", fail)
    # The next one fills it.
    assert server.template("half_made", lambda url: None) == "half_made"
