"""Fixtures that tests of several folders share: a server, fresh databases, the sample market.

One embedded server serves a whole test session; each test that asks for `database` gets a copy of a
provisioned template, which takes some hundredths of a second. Nothing a test does to the process's
environment outlives it, and the settings of whoever runs the tests are not seen by any.
"""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.pipeline.provision import provision
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.storage.embedded import start_embedded
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.server import Server

TEMPLATE = "provisioned"
OUTSIDE = ("DATABASE_URL", "DAGSTER_DATABASE_URL", "DAGSTER_HOME", "UNIVERSE", "MASSIVE_API_KEY")
PREFIXES = (PREFIX, "POLYGON_")


@pytest.fixture(scope="session", autouse=True)
def _no_outside_settings() -> None:
    for name in list(os.environ):
        if name in OUTSIDE or name.startswith(PREFIXES):
            del os.environ[name]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def server_folders() -> Iterator[Callable[[str], Path]]:
    """Return a function that makes a folder for a server's data.

    Not under pytest's own temporary folder: when the tests run as root the server runs as another
    user, and each start of pytest takes that folder's rights from everybody else.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        numbers = itertools.count()

        def make(name: str) -> Path:
            folder = Path(root).resolve() / str(next(numbers)) / name
            folder.parent.mkdir()
            return folder

        yield make


@pytest.fixture(scope="session")
def server(server_folders: Callable[[str], Path]) -> Iterator[Server]:
    """Return the running server; it stops with the test session."""
    home = server_folders("server")
    yield Server(home)
    start_embedded(home).cleanup()


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Name of a database with schema, registered columns and models, and no rows else."""
    server.execute("CREATE DATABASE {}", TEMPLATE)
    database = Database(server.url(TEMPLATE))
    provision(database)
    return TEMPLATE


@pytest.fixture
def new_database(server: Server, template: str) -> Iterator[Callable[[str | None], Database]]:
    """Return a function that copies a database by its name (default: the provisioned template)."""
    made: list[tuple[str, Database]] = []

    def create(source: str | None = None) -> Database:
        name = server.create(source or template)
        made.append((name, Database(server.url(name))))
        return made[-1][1]

    yield create
    for name, database in made:
        database.engine.dispose()
        server.drop(name)


@pytest.fixture
def database(new_database: Callable[[str | None], Database]) -> Database:
    """Return a fresh provisioned database of this test's own."""
    return new_database(None)


@pytest.fixture
def empty_database(new_database: Callable[[str | None], Database]) -> Database:
    """Return a fresh database without any table."""
    return new_database("template1")


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    """Settings over `database` with a home of the test's own."""
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(tmp_path / "home")}
    return Settings.load(values, tmp_path)


@pytest.fixture(scope="session")
def vendor() -> SampleVendor:
    """Return the sample market's vendor."""
    return SampleVendor()


@pytest.fixture(scope="session")
def sample_panel(vendor: SampleVendor) -> Panel:
    """Panel of the whole sample market."""
    whole = (vendor.first_session, vendor.last_session)
    # A symbol of the sample is a security.
    bars, actions = (
        frame.rename(columns={"symbol": "security_id"})
        for frame in (vendor.bars(*whole), vendor.actions(*whole))
    )
    return Panel.from_frames(bars, actions, XNYS.sessions(*whole))
