"""A changed formula is another code version of its features: what follows from them is stale."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from quant_platform.defs.build import build_defs
from quant_platform.features.library.technical import momentum
from quant_platform.pipeline import recipes
from quant_platform.settings import Settings
from quant_platform.vendors.sample import SampleVendor

FEATURES = dg.AssetKey("features")

Version = Callable[[Callable[[str], str]], str | None]


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Version]:
    """Return a function: code version of the features where the text of their momentum differs."""
    settings = Settings.load({"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, tmp_path)
    source = inspect.getsource

    def with_text(change: Callable[[str], str]) -> str | None:
        def read(code: object) -> str:
            text = source(code)  # type: ignore[arg-type]
            return change(text) if code is momentum else text

        monkeypatch.setattr(inspect, "getsource", read)
        recipes.feature_recipe.cache_clear()
        assets = build_defs(settings=settings, vendor=SampleVendor()).assets or ()
        found = next(
            each
            for each in assets
            if isinstance(each, dg.AssetsDefinition) and FEATURES in each.keys
        )
        return found.code_versions_by_key[FEATURES]

    yield with_text
    recipes.feature_recipe.cache_clear()


def test_a_formula_and_nothing_else(version: Version) -> None:
    now = version(lambda text: text)
    assert now is not None
    assert version(lambda text: f"# Said better.\n\n{text}\n") == now
    title = momentum.__doc__ or ""
    assert version(lambda text: text.replace(title, "Another title.")) == now
    assert version(lambda text: text.replace("RSI_ALPHA = 1.0", "RSI_ALPHA = 2.0")) != now
