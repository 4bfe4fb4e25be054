"""docs/features.md is what the registry says now."""

from quant_platform.cli.features_file import PAGE, page
from quant_platform.features.feature_registry import all_features
from quant_platform_tests.support.services import CHECKOUT


def test_the_page_is_current() -> None:
    assert (CHECKOUT / PAGE).read_text(encoding="utf-8") == page(), "Run make settings"


def test_every_feature_has_its_formula_and_the_page_no_gap() -> None:
    text = page()
    assert all(f"`{each.name}`" in text for each in all_features())
    assert "{n}" not in text
