"""What the recipe of a feature set is a digest of: all that its values come from."""

import pytest

from quant_platform.features.feature_registry import sets
from quant_platform.pipeline.recipes import feature_modules, feature_recipe

BY_NAME = {each.name: each for each in sets()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("technical", "kernels.window_loops"),
        ("alpha158", "features.library.alpha158.common"),
        ("alpha158", "kernels.rolling_rows"),
        ("market", "kernels.rolling_moments"),
        ("cross_section", "features.library.technical.momentum"),
        ("cross_section", "kernels.cross_section"),
    ],
)
def test_the_sources_behind_a_set(name: str, expected: str) -> None:
    """Also those that its own modules only use."""
    modules = [module.__name__ for module in feature_modules(BY_NAME[name])]
    assert f"quant_platform.{expected}" in modules


def test_a_set_that_uses_little_is_computed_again_for_little() -> None:
    modules = [module.__name__ for module in feature_modules(BY_NAME["calendar"])]
    assert "quant_platform.kernels.rolling_moments" not in modules
    assert len({feature_recipe(each) for each in sets()}) == len(sets())
