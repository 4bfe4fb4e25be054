"""Fixtures that tests of several folders share: a server, fresh databases, the sample market.

One embedded server serves all processes of a test run; each test that asks for `database` gets a
copy of a provisioned template. Nothing a test does to the process's environment outlives it, and
the settings of whoever runs the tests are not seen by any.
"""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.pipeline.provision import provision
from quant_platform.settings import HOME_NAME, PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.server import Server, memory_folder

SHARED = pytest.StashKey[Path]()
"""Folder that all processes of a test run share."""

SERVED = {"shared_folder", "server_folders", "in_folder", "bucket"}
"""Fixtures of a test that starts a server, joins the shared one, or runs the command."""

OUTSIDE = ("DATABASE_URL", "DAGSTER_DATABASE_URL", "DAGSTER_HOME", "UNIVERSE", "MASSIVE_API_KEY")
PREFIXES = (PREFIX, "POLYGON_")


# How long an example takes depends on the machine.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder that the processes of this test run share; the first of them makes it.

    Not under pytest's own temporary folder: when the tests run as root the server runs as another
    user, and each start of pytest takes that folder's rights from everybody else.
    """
    # Who runs the tests in the background may have them ignore Ctrl-C; what they start does not.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    given = getattr(config, "workerinput", {}).get("shared")
    config.stash[SHARED] = Path(given or tempfile.mkdtemp(dir=memory_folder())).resolve()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the folder."""
    node.workerinput["shared"] = str(node.config.stash[SHARED])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a server or services, so that `make test-quick` can leave it out."""
    for item in items:
        if isinstance(item, pytest.Function) and not SERVED.isdisjoint(item.fixturenames):
            item.add_marker("services")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[SHARED], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _no_outside_settings(pytestconfig: pytest.Config) -> None:
    for name in list(os.environ):
        if name in OUTSIDE or name.startswith(PREFIXES):
            del os.environ[name]
    # A test outside of any project has a home of the test run's own.
    os.environ["XDG_DATA_HOME"] = str(pytestconfig.stash[SHARED] / "data")
    # Kernels are compiled for the checkout, not again for the home of each test.
    os.environ["NUMBA_CACHE_DIR"] = str(pytestconfig.rootpath / HOME_NAME / "kernels")


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def server_folders() -> Iterator[Callable[[str], Path]]:
    """Return a function that makes a folder for the data of a server of one test's own.

    Outside pytest's own temporary folder, for the reason that `pytest_configure` names.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        numbers = itertools.count()

        def make(name: str) -> Path:
            folder = Path(root).resolve() / str(next(numbers)) / name
            folder.parent.mkdir()
            return folder

        yield make


@pytest.fixture(scope="session")
def shared_folder(pytestconfig: pytest.Config) -> Path:
    """Folder that all processes of the test run share."""
    return pytestconfig.stash[SHARED]


@pytest.fixture(scope="session")
def server(shared_folder: Path) -> Iterator[Server]:
    """Return the running server of the test run; it stops with the last process that uses it."""
    joined = Server(shared_folder / "server")
    yield joined
    joined.leave()


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Name of a database with schema, registered columns and models, and no rows else."""
    return server.template("provisioned", lambda url: provision(Database(url)))


@pytest.fixture(scope="session")
def sample_database(
    server: Server,
    template: str,
    vendor: SampleVendor,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Name of a database with the facts and features of the whole sample market; copy it."""

    def fill(url: str) -> None:
        # Only who needs this waits for the import of Dagster.
        from quant_platform_tests.support import lab, pipeline

        first, last = (day.isoformat() for day in _range(vendor))
        home = tmp_path_factory.mktemp("sample")
        assets = (*pipeline.FACTS, "features")
        result = pipeline.run(Database(url), home, first, last, vendor=vendor, assets=assets)
        assert result.success, lab.failure_text(result)

    return server.template("sample", fill, source=template)


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
        database.close()
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
    whole = _range(vendor)
    # A symbol of the sample is a security.
    bars, actions = (
        frame.rename(columns={"symbol": "security_id"})
        for frame in (vendor.bars(*whole), vendor.actions(*whole))
    )
    return Panel.from_frames(bars, actions, XNYS.sessions(*whole))


def _range(vendor: SampleVendor) -> tuple[date, date]:
    """First and last session of the sample market."""
    assert vendor.last_session is not None
    return vendor.first_session, vendor.last_session
