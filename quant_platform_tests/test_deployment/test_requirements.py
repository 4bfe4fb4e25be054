"""The pins: they agree with pyproject.toml, carry hashes, and name no registry."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from quant_platform_tests.support.services import CHECKOUT

FILES = ("requirements.txt", "requirements-dev.txt")
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"]
DEVELOPMENT = PROJECT["project"]["optional-dependencies"]["dev"]
BUILD = [*PROJECT["build-system"]["requires"], "editables"]


def pins(file: str) -> dict[str, Version]:
    """Return the pinned version of each package."""
    lines = (CHECKOUT / file).read_text().splitlines()
    heads = [Requirement(line.removesuffix("\\")) for line in lines if re.match(r"\w", line)]
    found: dict[str, Version] = {}
    for head in heads:
        (specifier,) = head.specifier
        assert specifier.operator == "==", head
        found[canonicalize_name(head.name)] = Version(specifier.version)
    return found


@pytest.mark.parametrize("file", FILES)
def test_no_registry_is_named(file: str) -> None:
    text = (CHECKOUT / file).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-", text.replace("    --hash=sha256:", ""), re.MULTILINE)


@pytest.mark.parametrize("file", FILES)
def test_every_pin_has_a_hash(file: str) -> None:
    entries = re.split(r"\n(?=\w)", (CHECKOUT / file).read_text())
    without = [
        entry.splitlines()[0]
        for entry in entries
        if "==" in entry and "--hash=sha256:" not in entry
    ]
    assert without == []


@pytest.mark.parametrize(
    ("file", "requirements"),
    [
        ("requirements.txt", RUNTIME + BUILD),
        ("requirements-dev.txt", RUNTIME + DEVELOPMENT + BUILD),
    ],
    ids=FILES,
)
def test_every_dependency_of_the_project_is_pinned_within_its_range(
    file: str, requirements: list[str]
) -> None:
    pinned = pins(file)
    for requirement in map(Requirement, requirements):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not pinned: make pins"
        assert requirement.specifier.contains(version), (
            f"{requirement} does not admit {version}: make pins"
        )


def test_development_runs_on_the_versions_that_are_shipped() -> None:
    runtime, development = (pins(file) for file in FILES)
    assert runtime == {name: development.get(name) for name in runtime}
