"""Fixtures: the command as a process of its own, with and without a database."""

import os
import subprocess
from pathlib import Path

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.services import COMMAND, KERNELS, Run


@pytest.fixture
def in_folder(tmp_path: Path) -> Run:
    """Run the command in an empty folder, with the given environment."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        plain = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
            KERNELS: os.environ[KERNELS],
        }
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=tmp_path,
            env=plain | {"COLUMNS": "200"} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


@pytest.fixture
def command(in_folder: Run, database: Database) -> Run:
    """Run the command over the test's own database."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return in_folder(*arguments, **({"DATABASE_URL": database.url} | environment))

    return run
