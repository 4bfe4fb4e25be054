"""The demo as a user runs it who has configured nothing; and a folder for screenshots."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from quant_platform_tests.support.services import CHECKOUT, run, wait_until_gone

OUTPUT = CHECKOUT / "test-output"


@dataclass(frozen=True)
class Demo:
    """A home after `quant-platform demo`, and what the command said."""

    home: Path
    said: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def demo(server_folders: Callable[[str], Path]) -> Iterator[Demo]:
    """Run the demo over the whole sample market."""
    home = server_folders("home")
    said = run(["demo"], home, cwd=home.parent, timeout=300)
    assert said.returncode == 0, said.stderr[-3000:]
    yield Demo(home, said)
    assert wait_until_gone(home, 15) == []


@pytest.fixture(scope="session")
def output() -> Path:
    """Folder of screenshots; git ignores it."""
    OUTPUT.mkdir(exist_ok=True)
    return OUTPUT
