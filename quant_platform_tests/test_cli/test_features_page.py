"""docs/features.md lists what the registry has, and is current."""

from pathlib import Path

from quant_platform.cli.features_page import INPUTS_READ, PAGE, page
from quant_platform.features.extras import FIELDS, NAMED
from quant_platform.features.feature_registry import INPUTS, all_features, select
from quant_platform_tests.support.services import CHECKOUT


def test_the_page_is_current() -> None:
    """`make settings` writes it."""
    assert (Path(CHECKOUT) / PAGE).read_text(encoding="utf-8") == page()


def test_every_feature_has_a_line() -> None:
    lines = page().splitlines()
    for each in all_features():
        (line,) = [line for line in lines if line.startswith(f"| `{each.name}` |")]
        assert f"| {each.lookback} |" in line


def test_every_input_has_a_line() -> None:
    listed = [name for names in INPUTS_READ for name in names.split(", ")]
    assert sorted(listed) == sorted((*INPUTS, *FIELDS, *NAMED))


def test_a_source_is_what_the_docstring_says() -> None:
    assert select(["rsi_14"])[0].source == (
        'Wilder (1978), "New Concepts in Technical Trading Systems"'
    )
    assert select(["return_1"])[0].source == ""
