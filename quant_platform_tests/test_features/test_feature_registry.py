"""Finding features, and refusing definitions that cannot work."""

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from quant_platform.conventions import FILL_LIMIT
from quant_platform.errors import QuantPlatformError, UnknownNameError
from quant_platform.features import library
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import (
    Feature,
    all_features,
    collect,
    feature,
    feature_family,
    select,
)
from quant_platform.features.feature_set import FeatureDefinitionError
from quant_platform.kernels.arrays import FloatArray
from quant_platform_tests.support.panels import by_hand

PROMISED = """
    sma_10 sma_20 sma_50 sma_200 ema_12 ema_26 macd macd_signal macd_histogram rsi_14
    bollinger_upper bollinger_middle bollinger_lower bollinger_percent_b bollinger_bandwidth atr_14
    volume_ratio_20 return_1 return_5 return_10 return_20 return_60 return_120 return_252
    momentum_1 momentum_5 momentum_10 momentum_20 momentum_60 momentum_120 momentum_252
    realized_volatility_20 realized_volatility_60 high_252_distance low_252_distance
    dollar_volume_20
"""

NEW_FILE = '''
from quant_platform.features.feature_registry import feature

@feature(lookback=1, inputs=("high", "low"))
def session_range(context):
    """High minus low, in currency per share."""
    return context.high - context.low
'''


def last_close(context: FeatureContext) -> FloatArray:
    """The close."""
    return context.close


def module_with(name: str, **values: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(values)
    return module


def test_every_promised_feature_exists() -> None:
    assert {each.name for each in all_features()} >= set(PROMISED.split())


def test_the_order_is_modules_alphabetical_then_as_written() -> None:
    names = [each.name for each in all_features()]
    families = [
        "return_1",
        "momentum_252",
        "rsi_14",
        "sma_10",
        "macd",
        "atr_14",
        "dollar_volume_20",
    ]
    assert [name for name in names if name in families] == families


def test_descriptions_are_one_line_with_the_size_filled_in() -> None:
    for each in all_features():
        assert each.description
        assert "\n" not in each.description
        assert "{" not in each.description
    (sma,) = select(["sma_50"])
    assert "50" in sma.description


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second place in which modules of the features folder are found."""
    monkeypatch.setattr(library, "__path__", [*library.__path__, str(tmp_path)])
    all_features.cache_clear()
    yield tmp_path
    all_features.cache_clear()


def test_one_new_file_is_enough(folder: Path) -> None:
    (folder / "session_range_example.py").write_text(NEW_FILE)
    panel = by_hand([10.0, 11.0], high=[12.0, 15.0], low=[9.0, 11.0]).panel()
    frame = compute_features(panel)
    assert frame["session_range"].tolist() == [3.0, 4.0]
    assert required_lookback(["session_range"]) == 1 + FILL_LIMIT


def test_two_files_with_the_same_name(folder: Path) -> None:
    (folder / "clash_example.py").write_text(NEW_FILE.replace("session_range", "sma_10"))
    with pytest.raises(FeatureDefinitionError, match=r"called 'sma_10': in .*clash.* and .*trend"):
        all_features()


def test_duplicates_and_imports() -> None:
    first = feature(lookback=1, inputs=("close",), name="one")(last_close)
    second = feature(lookback=2, inputs=("close",), name="one")(last_close)
    imported = [module_with("a", it=first), module_with("b", it=first, pair=(first, 3))]
    assert collect(imported) == (first,)
    with pytest.raises(FeatureDefinitionError, match="Two features are called 'one': in a and b"):
        collect([module_with("a", it=first), module_with("b", it=second)])


@pytest.mark.parametrize(
    "name",
    [
        *("", "Sma", "sma-10", "10_sma", "sma 10", "sma__10", "_sma", "sma_", "é", "a;b", "s" * 64),
        *("order", "user", "date", "security_id", "recorded_at"),
    ],
)
def test_bad_names(name: str) -> None:
    with pytest.raises(FeatureDefinitionError, match="name"):
        feature(lookback=1, inputs=("close",), name=name)(last_close)


@pytest.mark.parametrize("lookback", [0, -3])
def test_bad_lookbacks(lookback: int) -> None:
    with pytest.raises(FeatureDefinitionError, match="look-back of at least 1"):
        feature(lookback=lookback, inputs=("close",))(last_close)


@pytest.mark.parametrize("inputs", [(), ("price",), ("close", "traded")])
def test_bad_inputs(inputs: tuple[str, ...]) -> None:
    with pytest.raises(FeatureDefinitionError, match="must name one or more of open, high"):
        feature(lookback=1, inputs=inputs)(last_close)


def test_a_docstring_is_required() -> None:
    with pytest.raises(FeatureDefinitionError, match="docstring"):
        feature(lookback=1, inputs=("close",), name="silent")(lambda context: context.close)


@pytest.mark.parametrize(
    "result", [np.zeros((2, 2)), np.zeros((2, 1), dtype=np.float32), 1.0, None], ids=str
)
def test_a_wrong_result(result: FloatArray) -> None:
    wrong = Feature("wrong", 10, ("close",), lambda context: result, "Wrong")
    with pytest.raises(FeatureDefinitionError, match=r"'wrong' returned .* shape \(2, 1\)"):
        wrong.compute(FeatureContext(by_hand([1.0, 2.0]).panel()))


def test_a_family() -> None:
    @feature_family((1, 3), name="close_{n}_back", lookback=lambda n: n + 1, inputs=("close",))
    def family(context: FeatureContext, n: int) -> FloatArray:
        """Close {n} sessions ago."""
        return np.roll(context.close, n, axis=0)

    assert [each.name for each in family] == ["close_1_back", "close_3_back"]
    assert [each.lookback for each in family] == [2 + FILL_LIMIT, 4 + FILL_LIMIT]
    assert family[1].description == "Close 3 sessions ago."
    context = FeatureContext(by_hand([1.0, 2.0, 3.0, 4.0]).panel())
    assert family[1].compute(context)[3] == 1.0


def test_a_feature_is_immutable() -> None:
    with pytest.raises(FrozenInstanceError):
        all_features()[0].name = "other"  # type: ignore[misc]  # the very thing that must fail


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match=r"No feature is called ema_13, sma_11\. .*sma_10"):
        select(["sma_11", "sma_10", "ema_13"])
    assert issubclass(FeatureDefinitionError, QuantPlatformError)
