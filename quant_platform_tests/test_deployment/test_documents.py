"""Every relative link of the documents leads to a file or folder of the project."""

import re
from pathlib import Path

import pytest

from quant_platform_tests.support.services import CHECKOUT

DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
SOURCE = re.compile(r'\bsrc="([^"]+)"')


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    targets = [*LINK.findall(text), *SOURCE.findall(text)]
    local = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    missing = [target for target in local if target and not (document.parent / target).exists()]
    assert missing == []
