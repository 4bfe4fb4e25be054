"""Which objects of a module become checks of the platform."""

from dataclasses import replace
from types import ModuleType

import pytest

from quant_platform.errors import ContractError
from quant_platform.quality.check import QualityCheck
from quant_platform.quality.check_registry import collect
from quant_platform.quality.market import FACTS_CHECKS


def module(name: str, **names: object) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made


CHECK: QualityCheck = FACTS_CHECKS[0]
OTHER = replace(CHECK, name="other")


def test_checks_come_in_the_order_of_modules_and_names() -> None:
    first, second = module("a", LATE=OTHER, TEXT="no check"), module("b", CHECK=CHECK)
    assert [check.name for check in collect([first, second])] == ["other", CHECK.name]


def test_an_imported_check_counts_once_and_a_private_one_not_at_all() -> None:
    assert collect([module("a", CHECK=CHECK, _OTHER=OTHER), module("b", AGAIN=CHECK)]) == [CHECK]


def test_two_checks_of_one_name_are_refused() -> None:
    with pytest.raises(ContractError, match=f"'{CHECK.name}', one of them in b"):
        collect([module("a", CHECK=CHECK), module("b", CHECK=replace(CHECK, threshold=0.5))])
