"""`dagster dev` alone, in a fresh copy of the checkout, with no variable of ours in sight."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quant_platform_tests.support.services import CHECKOUT, Service, free_port

NEEDED = ("quant_platform", "sql", "dagster.yaml", "workspace.yaml", "pyproject.toml")
DAGSTER = str(Path(sys.executable).with_name("dagster"))

INSTANCE = "{ instance { info } }"
ASSETS = "{ assetNodes { assetKey { path } } }"


@pytest.fixture
def copy(server_folders: Callable[[str], Path]) -> Path:
    """Copy what a clone has; nothing that running left behind."""
    folder = server_folders("clone")
    folder.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *NEEDED],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, target)
    return folder


@pytest.fixture
def service(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    home, port = copy / ".quant-platform", free_port()
    monkeypatch.setenv("PYTHONPATH", str(copy))
    service = Service.start(
        [DAGSTER, "dev", "-p", str(port)], home, port, copy.parent / "dagster.log", copy, bare=True
    )
    yield service
    # `dagster dev` in the background does not pass a signal on to its children.
    service.interrupt(signal.SIGTERM)
    service.kill()


def test_dagster_dev_finds_code_and_storage_by_itself(service: Service, copy: Path) -> None:
    found = service.ask(ASSETS)["assetNodes"]
    assert ["market_data"] in [node["assetKey"]["path"] for node in found]
    assert len(found) == 20
    assert "event_log_storage: BulkEventLogStorage" in service.ask(INSTANCE)["instance"]["info"]
    # The embedded server keeps its data in the clone, and nothing went into a file beside it.
    assert (copy / ".quant-platform" / "postgres" / "PG_VERSION").is_file()
    assert not list(copy.rglob("*.db"))
