"""`new` writes files that work as they stand, in a project that had no extensions."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from quant_platform.cli.application import complete_app
from quant_platform.errors import SettingsError
from quant_platform_tests.support.services import CHECKOUT, KERNELS

KINDS = ("strategy", "feature", "check", "vendor")

LOOK = """
import sys

import pytest

from quant_platform.definitions import defs
from quant_platform.features.feature_registry import all_features
from quant_platform.quality.check_registry import library_checks
from quant_platform.vendors.vendor_registry import vendor_classes

keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
assert "signals/my_strategy" in keys, keys
assert "my_feature" in {each.name for each in all_features()}
assert "my_check" in {each.name for each in library_checks()}
assert "my_vendor" in vendor_classes()
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "extensions"]))
"""


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Result]:
    """Run `new` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda kind, name: CliRunner().invoke(complete_app(), ["new", kind, name])


def test_what_it_writes_is_found_and_its_tests_pass(
    new: Callable[[str, str], Result], tmp_path: Path
) -> None:
    for kind in KINDS:
        done = new(kind, f"my_{kind}")
        assert done.exit_code == 0, done.output
        assert f"extensions/my_{kind}.py" in done.output
    settings = tmp_path / ".env"
    assert settings.read_text() == "QUANT_PLATFORM_EXTENSIONS=extensions\n"
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    # Another process: extensions are imported once in each.
    found = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(CHECKOUT),
            KERNELS: os.environ[KERNELS],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "4 passed" in found.stdout


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("strategy", "Momentum!", "cannot be a name"),
        ("feature", "class", "cannot be a name"),
        ("strategy", "../up", "cannot be a name"),
        ("strategy", "mean_reversion", "There is a strategy mean_reversion already"),
        ("feature", "rsi_14", "There is a feature rsi_14 already"),
        ("vendor", "polygon", "There is a vendor polygon already"),
    ],
)
def test_a_name_that_cannot_be_or_is_taken_writes_nothing(
    new: Callable[[str, str], Result], tmp_path: Path, kind: str, name: str, words: str
) -> None:
    done = new(kind, name)
    assert isinstance(done.exception, SettingsError)
    assert words in done.exception.message
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(new: Callable[[str, str], Result], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    assert new("check", "mine").exit_code == 0
    assert (tmp_path / ".env").read_text() == "A=1\nQUANT_PLATFORM_EXTENSIONS=extensions\n"
    before = (tmp_path / "extensions" / "mine.py").read_text()
    done = new("feature", "mine")
    assert isinstance(done.exception, SettingsError)
    assert "exists already" in done.exception.message
    assert (tmp_path / "extensions" / "mine.py").read_text() == before
