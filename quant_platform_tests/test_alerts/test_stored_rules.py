"""Rules over stored tables that extensions name."""

from types import ModuleType

import pytest

from quant_platform.alerts import stored_rules
from quant_platform.alerts.stored_rules import DATA_QUALITY, STORED_RULES, StoredRule
from quant_platform.alerts.tuning import rules_in_force
from quant_platform.errors import ContractError


def extend(monkeypatch: pytest.MonkeyPatch, **names: object) -> None:
    module = ModuleType("mine")
    vars(module).update(names)
    monkeypatch.setattr(stored_rules, "extension_modules", lambda: (module,))


def test_a_rule_of_an_extension_follows_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = StoredRule("mine", "SELECT 1")
    # One that is imported from the platform counts once; a name with an underscore is none.
    extend(monkeypatch, DATA_QUALITY=DATA_QUALITY, MINE=mine, _DRAFT=StoredRule("draft", ""))
    assert stored_rules.all_stored_rules() == (*STORED_RULES, mine)
    assert rules_in_force("mine=critical").stored[-1].severity == "critical"
    assert rules_in_force("mine=off").stored == STORED_RULES


def test_two_rules_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    extend(monkeypatch, MINE=StoredRule("data_quality", "SELECT 1"))
    with pytest.raises(ContractError, match="Two alert rules are called 'data_quality'"):
        stored_rules.all_stored_rules()
