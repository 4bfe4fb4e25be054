"""The table of assumptions in the documents is that of the code."""

from quant_platform.trading.assumptions import with_assumptions
from quant_platform_tests.support.services import CHECKOUT


def test_the_table_is_current():
    text = (CHECKOUT / "docs/conventions.md").read_text(encoding="utf-8")
    wanted = "run python -m quant_platform.trading.assumptions docs/conventions.md"
    assert with_assumptions(text) == text, wanted
