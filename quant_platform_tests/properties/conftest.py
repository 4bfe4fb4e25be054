"""Databases with the look-back filled, and with the whole range computed in one run."""

from collections.abc import Callable

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS, FIRST, LAST, SampleMarket, run
from quant_platform_tests.support.server import Server


@pytest.fixture(scope="session")
def base(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database with facts, features and factors of the year before `FIRST`; copy it."""

    def fill(url: str) -> None:
        start = SampleMarket.first_session.isoformat()
        home = tmp_path_factory.mktemp("base")
        assets = [*FACTS, "features", "factor_exposures", "factor_returns"]
        result = run(Database(url), home, start, "2004-07-30", assets=assets)
        assert result.success, failure_text(result)

    return server.template("properties_base", fill, source=template)


@pytest.fixture(scope="session")
def whole_template(server: Server, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database in which `FIRST` to `LAST` was computed in one run; copy it."""

    def fill(url: str) -> None:
        result = run(Database(url), tmp_path_factory.mktemp("whole"), FIRST, LAST)
        assert result.success, failure_text(result)

    return server.template("properties_whole", fill, source=base)


@pytest.fixture(scope="session")
def whole(server: Server, whole_template: str) -> Database:
    """Copy of `whole_template` for all tests of this process; only its ledger may change."""
    return Database(server.url(server.create(whole_template)))


@pytest.fixture
def fresh(new_database: Callable[[str | None], Database], base: str) -> Database:
    """Copy of `base` of the test's own."""
    return new_database(base)


@pytest.fixture
def computed(new_database: Callable[[str | None], Database], whole_template: str) -> Database:
    """Copy of `whole_template` of the test's own."""
    return new_database(whole_template)
