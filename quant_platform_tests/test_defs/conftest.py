"""Fixtures: labs over fresh databases, and one database that holds the first five months."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.base import Vendor
from quant_platform_tests.support.instance_harness import open_instance
from quant_platform_tests.support.lab import (
    FIRST,
    LAST,
    Lab,
    MakeLab,
    WindowVendor,
    failure_text,
)
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.trading import Trading


def _settings(url: str, home: Path, **more: str) -> Settings:
    return Settings.load({"DATABASE_URL": url, "QUANT_PLATFORM_HOME": str(home), **more}, home)


@pytest.fixture(scope="session")
def filled(
    server: Server, template: str, events: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database with every asset of all sessions from `FIRST` to `LAST`; copy it."""

    def fill(url: str) -> None:
        home = tmp_path_factory.mktemp("filled")
        # An instance in memory would take half a minute for the events of so many partitions.
        name = server.create(events)
        with open_instance(server.url(name), home / "instance") as instance:
            lab = Lab(_settings(url, home), WindowVendor(FIRST, LAST), instance)
            result = lab.run("daily_update", FIRST, LAST)
            assert result.success, failure_text(result)
        server.drop(name)

    return server.template("filled", fill, source=template)


@pytest.fixture
def make_lab(
    new_database: Callable[[str | None], Database], tmp_path: Path, server: Server, events: str
) -> Iterator[MakeLab]:
    """Return a function (vendor, database to copy, further settings) → lab over a fresh copy.

    Its events are in PostgreSQL: in memory each of them takes several times as long.
    """
    labs: list[tuple[Lab, str]] = []

    def make(vendor: Vendor, source: str | None = None, **more: str) -> Lab:
        home = tmp_path / f"home{len(labs)}"
        home.mkdir()
        name = server.create(events)
        instance = open_instance(server.url(name), home / "instance")
        lab = Lab(_settings(new_database(source).url, home, **more), vendor, instance)
        labs.append((lab, name))
        return lab

    yield make
    for lab, name in labs:
        lab.instance.dispose()
        server.drop(name)


@pytest.fixture
def lab(make_lab: MakeLab, filled: str) -> Lab:
    """Return a lab over a copy of the filled database."""
    return make_lab(WindowVendor(FIRST, LAST), filled)


@pytest.fixture(scope="session")
def events(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database with Dagster's tables and no event; copy it."""

    def fill(url: str) -> None:
        with open_instance(url, tmp_path_factory.mktemp("events")):
            pass

    return server.template("events", fill)


@pytest.fixture
def trading(database: Database, tmp_path: Path, server: Server, events: str) -> Iterator[Trading]:
    name = server.create(events)
    with open_instance(server.url(name), tmp_path / "instance") as instance:
        made = Trading(database, tmp_path, datetime(2025, 4, 1, 12, tzinfo=UTC), instance)
        yield made
        made.close()
    server.drop(name)
