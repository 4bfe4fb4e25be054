"""Every example in a docstring of the package runs, and prints what stands below it.

Examples of `RESEARCH` look at what a user has after `quant-platform demo`: they run on a database
that holds the facts and features of the whole sample market. All others run plainly. `doctest`
finds the examples by itself; a test counts them in the source, so that none is missed.
"""

import doctest
import importlib
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import quant_platform
from quant_platform.settings import PREFIX
from quant_platform_tests.support.server import Server

RESEARCH = ("quant_platform.research",)
"""Modules, and all below them, whose examples read the user's database."""

PACKAGE = Path(quant_platform.__file__).parent


def examples() -> Iterator[doctest.DocTest]:
    """Yield the examples of each docstring that has some."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "quant_platform.")]
    for name in [quant_platform.__name__, *names]:
        yield from (test for test in finder.find(importlib.import_module(name)) if test.examples)


ALL = list(examples())
STORED = [test for test in ALL if test.name.startswith(RESEARCH)]
PLAIN = [test for test in ALL if not test.name.startswith(RESEARCH)]


def run(test: doctest.DocTest) -> None:
    """Run the examples of a docstring; fail with what `doctest` says of those that differ."""
    report = io.StringIO()
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    result = runner.run(test, out=report.write, clear_globs=False)
    assert result.failed == 0, report.getvalue()
    assert result.attempted == len(test.examples), f"{test.name} skips examples"


@pytest.fixture
def demonstrated(
    server: Server, sample_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let the settings name a copy of the database with the whole sample market."""
    name = server.create(sample_database)
    monkeypatch.setenv("DATABASE_URL", server.url(name))
    monkeypatch.setenv(PREFIX + "HOME", str(tmp_path))
    yield
    server.drop(name)


@pytest.mark.parametrize("test", PLAIN, ids=lambda test: test.name)
def test_an_example(test: doctest.DocTest) -> None:
    run(test)


@pytest.mark.parametrize("test", STORED, ids=lambda test: test.name)
def test_an_example_on_the_sample_market(test: doctest.DocTest, demonstrated: None) -> None:
    run(test)


def test_no_example_is_missed() -> None:
    prompts = {
        path.relative_to(PACKAGE): len(re.findall(r"^ *>>> ", path.read_text(), re.MULTILINE))
        for path in PACKAGE.rglob("*.py")
    }
    collected = dict.fromkeys(prompts, 0)
    for test in ALL:
        assert test.filename is not None
        collected[Path(test.filename).relative_to(PACKAGE)] += len(test.examples)
    assert collected == prompts
    assert sum(prompts.values()) > 0


def test_an_example_that_is_wrong_fails() -> None:
    parser = doctest.DocTestParser()
    wrong = parser.get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    with pytest.raises(AssertionError, match=r"Got:\n *2"):
        run(wrong)
