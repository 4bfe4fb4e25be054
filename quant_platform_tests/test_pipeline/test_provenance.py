"""The version of the code that a row was made by, in a checkout of its own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import quant_platform
from quant_platform.pipeline.provenance import code_version


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with one commit, in the place of the platform's."""
    package = tmp_path / "quant_platform"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "First"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(quant_platform, "__file__", str(package / "__init__.py"))
    code_version.cache_clear()
    yield tmp_path
    code_version.cache_clear()


def version() -> str:
    code_version.cache_clear()
    return code_version()


def test_what_is_not_committed_is_part_of_the_version(checkout: Path) -> None:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()
    clean = version()
    assert clean == f"{quant_platform.__version__}+{head[:12]}"

    (checkout / "quant_platform" / "__init__.py").write_text("changed = 1\n")
    changed = version()
    assert changed.startswith(f"{clean}.dirty-")

    (checkout / "quant_platform" / "mine.py").write_text("new = 1\n")
    added = version()
    assert added.startswith(f"{clean}.dirty-")
    assert added != changed

    # What is beside the code decides nothing.
    (checkout / "notes.txt").write_text("notes\n")
    assert version() == added


def test_an_installed_package_has_its_version_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quant_platform, "__file__", str(tmp_path / "quant_platform/__init__.py"))
    assert version() == quant_platform.__version__
    code_version.cache_clear()
