"""What QUANT_PLATFORM_ALERT_RULES changes of the rules, and how faults are told."""

import pytest

from quant_platform.alerts.rules import ModelSilent, PerformanceLimit
from quant_platform.alerts.stored_rules import STORED_RULES
from quant_platform.alerts.tuning import rules_in_force
from quant_platform.errors import SettingsError


def test_without_the_setting_all_rules_are_in_force() -> None:
    rules = rules_in_force("")
    assert [rule.name for rule in rules.of_sessions] == [
        "drawdown_limit",
        "return_limit",
        "model_silent",
        "data_stale",
    ]
    assert [rule.name for rule in rules.stored] == [rule.name for rule in STORED_RULES]
    assert {"data_quality", "ranking_change", "promise_broken", "drift"} <= {
        rule.name for rule in rules.stored
    }


def test_severity_and_threshold() -> None:
    rules = rules_in_force(
        "drawdown_limit=warning:-0.3, model_silent=info:42, return_limit=critical"
    )
    drawdown, fall, silent, _ = rules.of_sessions
    assert isinstance(drawdown, PerformanceLimit)
    assert (drawdown.severity, drawdown.limit, drawdown.window) == ("warning", -0.3, "252d")
    assert isinstance(fall, PerformanceLimit)
    assert (fall.severity, fall.limit) == ("critical", -0.1)
    assert silent == ModelSilent(window=42, severity="info")


def test_rules_are_switched_off() -> None:
    rules = rules_in_force("data_stale=off,ranking_change=off")
    assert "data_stale" not in [rule.name for rule in rules.of_sessions]
    left = [rule.name for rule in STORED_RULES if rule.name != "ranking_change"]
    assert [rule.name for rule in rules.stored] == left


def test_the_severity_of_a_stored_rule() -> None:
    quality, ranking, *_ = rules_in_force("ranking_change=critical").stored
    assert (quality.severity, ranking.severity) == ("", "critical")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drawdown=critical", "names 'drawdown', which is no alert rule"),
        ("drawdown_limit=loud", "gives drawdown_limit the severity 'loud'"),
        ("drawdown_limit=critical:low", "gives drawdown_limit the threshold 'low'"),
        ("drawdown_limit=critical:nan", "gives drawdown_limit the threshold 'nan'"),
        ("drawdown_limit=critical:inf", "gives drawdown_limit the threshold 'inf'"),
        ("model_silent=info:64", "model_silent cannot look at 64 sessions"),
        ("model_silent=info:0", "model_silent cannot look at 0 sessions"),
        ("model_silent=info:2.5", "model_silent cannot look at 2.5 sessions"),
        ("ranking_change=info:2", "ranking_change has no threshold"),
        ("data_stale=info", "data_stale can only be off"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        rules_in_force(text)
    assert fault in str(caught.value)
