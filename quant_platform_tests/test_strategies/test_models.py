"""The models of the setting QUANT_PLATFORM_MODELS."""

import pytest

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.pipeline.provision import model_record
from quant_platform.pipeline.recipes import signal_recipe, version_of
from quant_platform.settings import Settings
from quant_platform.strategies.models import default_models, model_of, models_of, read_models
from quant_platform.strategies.strategy_registry import strategy

TIGHT = "tight=enhanced_momentum(stop_atr=1, max_holding=20)"


def settings(models: str = "default", benchmark: str = "equal_weight") -> Settings:
    return Settings(models=models, benchmark=benchmark)


def test_without_the_setting_the_usual_four_run() -> None:
    names = [each.name for each in models_of(Settings())]
    assert names == ["buy_and_hold", "enhanced_momentum", "equal_weight", "mean_reversion"]


def test_several_models_of_one_strategy_with_typed_parameters() -> None:
    text = f"enhanced_momentum(stop_atr=3); {TIGHT}\n equal_weight"
    models = {each.name: each for each in models_of(settings(text))}
    assert list(models) == ["enhanced_momentum", "equal_weight", "tight"]
    assert models["enhanced_momentum"].parameters.model_dump()["stop_atr"] == 3.0
    values = models["tight"].parameters.model_dump()
    assert (values["stop_atr"], values["max_holding"]) == (1.0, 20)
    assert isinstance(values["max_holding"], int)
    # Its limits and look-back are those of its parameters: 20 sessions, the two before, one more.
    assert models["tight"].lookback == 23
    record = model_record(models["tight"])
    assert (record.name, record.strategy, record.version) == ("tight", "enhanced_momentum", "1.1.0")
    assert record.parameters["stop_atr"] == 1.0


def test_the_default_models_beside_others() -> None:
    names = [each.name for each in read_models(f"default; {TIGHT}")]
    assert names == sorted([*(each.name for each in default_models()), "tight"])
    changed = {each.name: each for each in read_models("mean_reversion(max_holding=7); default")}
    assert len(changed) == 4
    assert changed["mean_reversion"].parameters.model_dump()["max_holding"] == 7


def test_a_name_means_a_model_first_and_any_strategy_else() -> None:
    chosen = settings("default; enhanced_momentum(stop_atr=3); tight=mean_reversion(stop_atr=1)")
    assert model_of(chosen, "enhanced_momentum").parameters.model_dump()["stop_atr"] == 3.0
    one = model_of(chosen, "tight", {"max_holding": 9})
    values = one.parameters.model_dump()
    assert (one.name, values["stop_atr"], values["max_holding"]) == ("tight", 1.0, 9)
    only = settings("equal_weight")
    assert model_of(only, "mean_reversion").parameters == strategy("mean_reversion").parameters
    with pytest.raises(
        UnknownNameError, match=r"no strategy or model slow\. Models of QUANT_.*tight"
    ):
        model_of(chosen, "slow")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" ; ", "QUANT_PLATFORM_MODELS names no model"),
        (
            "momentum",
            "QUANT_PLATFORM_MODELS: there is no strategy momentum. There are: buy_and_hold",
        ),
        ("Tight=equal_weight", "'Tight=equal_weight' is no model"),
        ("equal_weight(", r"'equal_weight\(' is no model"),
        ("equal_weight; equal_weight", "has two models called equal_weight"),
        ("default=equal_weight", "cannot be called default"),
        ("mean_reversion=equal_weight", "cannot be called mean_reversion"),
        (
            "equal_weight(size=1)",
            "QUANT_PLATFORM_MODELS: Strategy equal_weight has no parameter size",
        ),
        ("mean_reversion(stop_atr=0)", "stop_atr is '0'. Allowed: a number, > 0, ≤ 100"),
        ("mean_reversion(max_holding=2.5)", "max_holding is '2.5'. Allowed: a whole number"),
        ("mean_reversion(stop_atr)", "'stop_atr' of .* is no parameter. Write parameter=value"),
        ("mean_reversion(stop_atr=1, stop_atr=2)", "has the parameter stop_atr twice"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises((SettingsError, UnknownNameError), match=said) as raised:
        models_of(settings(text))
    assert "\n" not in raised.value.message


def test_a_benchmark_must_be_among_the_models() -> None:
    with pytest.raises(
        UnknownNameError, match="mean_reversion is 'equal_weight', which is not among"
    ):
        models_of(settings("mean_reversion"))
    assert len(models_of(settings("mean_reversion", "symbol:IBM"))) == 1
    assert len(models_of(settings("mean_reversion; flat=equal_weight", "flat"))) == 2


def test_other_parameters_are_another_recipe_and_version() -> None:
    (plain,), (changed,) = (read_models(f"mean_reversion{each}") for each in ("", "(stop_atr=2)"))
    assert signal_recipe(plain) != signal_recipe(changed)
    assert version_of(plain) == "1.1.0"
    assert version_of(changed).startswith("1.1.0.with-")
    (renamed,) = read_models("mine=buy_and_hold")
    (other,) = read_models("mine=equal_weight")
    assert signal_recipe(renamed) != signal_recipe(other)
    # What was stored before models had names of their own is not computed again.
    assert signal_recipe(plain).startswith("mean_reversion 1.1.0 {")
