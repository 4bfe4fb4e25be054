"""Discovery of strategies."""

from types import ModuleType

import pytest

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.strategy_registry import all_strategies, collect, strategy
from quant_platform_tests.support.builders import Constant


def module_of(name, **classes):
    module = ModuleType(name)
    for cls in classes.values():
        cls.__module__ = name
    vars(module).update(classes)
    return module


def named(class_name, **attributes):
    return type(class_name, (Constant,), {"__doc__": "One.", **attributes})


def test_the_strategies_of_the_folder_are_found_by_name():
    names = [one.name for one in all_strategies()]
    assert names == sorted(names)
    assert {"buy_and_hold", "enhanced_momentum", "equal_weight", "mean_reversion"} <= set(names)
    assert {one.benchmark for one in all_strategies()} == {None}


def test_overrides_reach_their_strategy():
    chosen = {one.name: one for one in all_strategies({"mean_reversion": {"max_holding": 7}})}
    assert chosen["mean_reversion"].parameters.model_dump()["max_holding"] == 7
    assert chosen["enhanced_momentum"].parameters.model_dump()["max_holding"] == 60
    one = strategy("mean_reversion", {"max_holding": 9})
    assert one.parameters.model_dump()["max_holding"] == 9


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match=r"no strategy momentum\..*enhanced_momentum"):
        all_strategies({"momentum": {}})
    with pytest.raises(UnknownNameError, match="Known strategies: buy_and_hold"):
        strategy("nothing")
    with pytest.raises(SettingsError, match="buy_and_hold has no parameter size"):
        all_strategies({"buy_and_hold": {"size": 1}})


def test_bases_and_imported_classes_are_no_strategies():
    private = named("_Base", name="private")
    module = module_of("m", Good=named("Good", name="good"), _Base=private)
    module.Constant = Constant
    module.Strategy = Strategy
    assert list(collect([module])) == ["good"]


def test_two_strategies_of_one_name_are_refused():
    one, two = module_of("one", A=named("A", name="x")), module_of("two", B=named("B", name="x"))
    with pytest.raises(ContractError, match="called x: A and B"):
        collect([one, two])


def test_a_strategy_without_a_version_is_refused():
    with pytest.raises(ContractError, match="A lacks a name or a version"):
        collect([module_of("one", A=named("A", name="x", version=""))])
