"""Databases with the look-back filled, and with the whole range computed in one run."""

from collections.abc import Callable

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS, FIRST, LAST, Market, run
from quant_platform_tests.support.server import Server


@pytest.fixture(scope="session")
def base(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database with facts and features of the year before `FIRST`."""
    name = server.create(template)
    start = Market.first_session.isoformat()
    result = run(
        Database(server.url(name)),
        tmp_path_factory.mktemp("base"),
        start,
        "2004-07-30",
        assets=[*FACTS, "features"],
    )
    assert result.success, failure_text(result)
    return name


@pytest.fixture(scope="session")
def whole(server: Server, base: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Database in which `FIRST` to `LAST` was computed in one run; not to be changed."""
    database = Database(server.url(server.create(base)))
    assert run(database, tmp_path_factory.mktemp("whole"), FIRST, LAST).success
    return database


@pytest.fixture
def fresh(new_database: Callable[[str | None], Database], base: str) -> Database:
    """Copy of `base` of the test's own."""
    return new_database(base)


@pytest.fixture
def computed(new_database: Callable[[str | None], Database], whole: Database) -> Database:
    """Copy of `whole` of the test's own."""
    return new_database(whole.url.partition("@/")[2].partition("?")[0])
