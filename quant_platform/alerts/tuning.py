"""Which alert rules are in force, and how QUANT_PLATFORM_ALERT_RULES changes them.

The setting is `name=severity` or `name=severity:threshold`, with commas between them; the severity
`off` takes a rule out. What does not belong here: what a rule finds (`rules.py`,
`stored_rules.py`).
"""

from dataclasses import dataclass
from typing import TypeVar

from quant_platform.alerts.rules import SEVERITIES, AlertRule, Tunable, all_rules
from quant_platform.alerts.stored_rules import StoredRule, all_stored_rules
from quant_platform.errors import SettingsError

VARIABLE = "QUANT_PLATFORM_ALERT_RULES"

OFF = "off"

Rule = TypeVar("Rule", AlertRule, StoredRule)

Wanted = dict[str, tuple[str, float | None]]
"""Severity and threshold by the name of a rule; no threshold: the rule's own."""


@dataclass(frozen=True)
class RulesInForce:
    """Rules evaluated with each session's report, and rules over what is stored."""

    of_sessions: tuple[AlertRule, ...]
    stored: tuple[StoredRule, ...]


def rules_in_force(text: str) -> RulesInForce:
    """Return the rules as the setting `text` changes them.

    Raises
    ------
    SettingsError
        A name, severity or threshold is none.
    ContractError
        Two rules have one name.
    """
    wanted = _read(text)
    of_sessions, stored = all_rules(), all_stored_rules()
    names = {rule.name for rule in of_sessions} | {rule.name for rule in stored}
    for name in wanted:
        if name not in names:
            raise SettingsError(
                f"{VARIABLE} names {name!r}, which is no alert rule",
                f"There are: {', '.join(sorted(names))}",
            )
    return RulesInForce(_tuned(of_sessions, wanted), _tuned(stored, wanted))


def _tuned(rules: tuple[Rule, ...], wanted: Wanted) -> tuple[Rule, ...]:
    tuned = []
    for rule in rules:
        severity, threshold = wanted.get(rule.name, ("", None))
        if severity == OFF:
            continue
        if severity:
            if not isinstance(rule, Tunable):
                raise SettingsError(f"{VARIABLE}: {rule.name} can only be {OFF}", "Write that")
            rule = rule.tuned(severity, threshold)
        tuned.append(rule)
    return tuple(tuned)


def _read(text: str) -> Wanted:
    wanted: Wanted = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, values = entry.partition("=")
        severity, _, threshold = values.partition(":")
        if severity not in (*SEVERITIES, OFF):
            raise SettingsError(
                f"{VARIABLE} gives {name} the severity {severity!r}",
                f"It can be {', '.join(SEVERITIES)} or {OFF}",
            )
        wanted[name] = severity, _number(name, threshold) if threshold else None
    return wanted


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise SettingsError(f"{VARIABLE} gives {name} the threshold {text!r}", "Write a number")
    return number
