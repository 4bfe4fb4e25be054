"""Links and files that the documents name lead somewhere; each package has its charter."""

import ast
import re
from pathlib import Path

import pytest

from quant_platform_tests.support.services import CHECKOUT

DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`((?:[\w.-]+/)*(?:[\w-]+\.(?:py|sql|toml|yaml)|[\w.-]+/))`")
EXAMPLES = {
    "quant_platform/vendors/sqlite_file.py",
    "quant_platform/features/library/relative_range.py",
    "quant_platform/strategies/library/golden_cross.py",
    "quant_platform/quality/library/wide_range.py",
    "quant_platform/defs/assets/breadth.py",
    "quant_platform/reports/sections/idle_cash.py",
    "sql/migrations/1001_market_breadth.sql",
    "sql/migrations/1001_market_breadth.rollback.sql",
    ".quant-platform/",
}
"""Files that a reader is told to write, and what running the platform makes."""

PATHS = [
    path.relative_to(CHECKOUT)
    for top in ("quant_platform", "quant_platform_tests", "sql", "docs", "benchmarks", "docker")
    for path in [CHECKOUT / top, *(CHECKOUT / top).rglob("*")]
] + [path.relative_to(CHECKOUT) for path in CHECKOUT.iterdir()]

SOURCE = re.compile(r'\bsrc="([^"]+)"')


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    targets = [*LINK.findall(text), *SOURCE.findall(text)]
    local = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    missing = [target for target in local if target and not (document.parent / target).exists()]
    assert missing == []


PRESENT = [path for path in DOCUMENTS if path.name not in ("renamed.md", "CHANGELOG.md")]
"""Documents that name only what there is."""


@pytest.mark.parametrize("document", PRESENT, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_files_that_are_named_exist(document: Path) -> None:
    """A document names a file from the top, from the package or from its folder, or a folder."""
    text = FENCED.sub("", document.read_text())
    named = {name for name in NAMED.findall(text) if "<" not in name} - EXAMPLES
    assert sorted(name for name in named if not _exists(name)) == []


def _exists(name: str) -> bool:
    wanted = "/" + name.removesuffix("/")
    return any(f"/{path}".endswith(wanted) for path in PATHS)


def test_each_package_says_what_belongs_in_it_and_what_does_not() -> None:
    charters = {
        path: " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())
        for path in (CHECKOUT / "quant_platform").rglob("__init__.py")
    }
    silent = [str(path) for path, text in charters.items() if "does not belong here" not in text]
    assert silent == []
