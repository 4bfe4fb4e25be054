"""Alert rules: what needs a person's attention, per session, as rows of the table `alerts`.

A rule is a frozen object with a `name` and an `evaluate(inputs)` that returns the breaches of the
requested sessions; it reads frames and nothing else. To add a rule, name an object in an extension
(`extensions.py`), or add it to `RULES`. A rule reports the state of a session: a limit that stays
breached is reported in every session in which it is. What does not belong here: what the settings
change of a rule (`tuning.py`), and how rows become events (`events.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError, OnFailure, SessionError, SettingsError
from quant_platform.extensions import extension_modules
from quant_platform.isolation import limited

INFO, WARNING, CRITICAL = "info", "warning", "critical"

SEVERITIES = (INFO, WARNING, CRITICAL)

SILENCE = 63
"""Sessions that the rules may look back on, and those without a signal that are a breach."""

BREACH_COLUMNS = ["date", "subject", "severity", "message", "value", "threshold"]
"""What a rule returns."""

COLUMNS = ["date", "origin", "rule", "subject", "severity", "message", "value", "threshold"]


@dataclass(frozen=True, eq=False)
class AlertInputs:
    """What rules may read.

    Attributes
    ----------
    sessions : sessions to judge, ascending
    calendar : consecutive sessions from at least 62 before the first of `sessions` (or the very
        first) to the last
    models : rows of `models`
    performance : rows of `model_performance` of `sessions`
    activity : date, model_id, active_signals (number of buy and sell signals), for `calendar`; an
        absent row is a 0
    universe : date, symbol of the universe members of `sessions`
    bars : date, symbol of the bars of `sessions`
    """

    sessions: pd.DatetimeIndex
    calendar: pd.DatetimeIndex
    models: pd.DataFrame
    performance: pd.DataFrame
    activity: pd.DataFrame
    universe: pd.DataFrame
    bars: pd.DataFrame


@runtime_checkable
class AlertRule(Protocol):
    """A condition that needs attention where it holds."""

    @property
    def name(self) -> str:
        """Name of the rule in `alerts.rule`."""

    def evaluate(self, inputs: AlertInputs) -> pd.DataFrame:
        """Return breaches: date, subject, severity, message, value, threshold."""


@runtime_checkable
class Tunable(Protocol):
    """A rule whose severity and threshold the settings may change."""

    def tuned(self, severity: str, threshold: float | None) -> Self:
        """Return the rule with these; None: its own threshold. SettingsError: it cannot be."""


@dataclass(frozen=True)
class PerformanceLimit:
    """A figure of `model_performance` fell below a limit. For the benchmark it is only information.

    Attributes
    ----------
    name : name of the rule
    column : the figure, a fraction
    label : how the message calls it
    window : the window it is taken from
    limit : the lowest figure that is no breach
    severity : of a model's breach
    """

    name: str
    column: str
    label: str
    window: str
    limit: float
    severity: str

    def evaluate(self, inputs: AlertInputs) -> pd.DataFrame:
        """Breaches, one per model and session."""
        rows = inputs.performance
        rows = rows[(rows["window_name"] == self.window) & (rows[self.column] < self.limit)]
        rows = _named(rows[rows["date"].isin(inputs.sessions)], inputs.models)
        span = self.window.removesuffix("d")
        return pd.DataFrame(
            {
                "date": rows["date"],
                "subject": rows["model_name"],
                "severity": np.where(rows["is_benchmark"], INFO, self.severity),
                "message": [
                    f"{name}: {self.label} of {100 * value:+.1f} % over {span} sessions, "
                    f"limit {100 * self.limit:+.1f} %"
                    for name, value in zip(rows["model_name"], rows[self.column], strict=True)
                ],
                "value": rows[self.column],
                "threshold": self.limit,
            }
        )

    def tuned(self, severity: str, threshold: float | None) -> "PerformanceLimit":
        """Return the rule with another severity, and another limit."""
        limit = self.limit if threshold is None else threshold
        return replace(self, severity=severity, limit=limit)


@dataclass(frozen=True)
class ModelSilent:
    """A model gave no buy or sell signal for a while.

    A model is judged once its portfolio is as old as the window. The benchmark is not judged: it
    buys and holds.

    Attributes
    ----------
    window : sessions without a signal that are a breach, the session itself included
    severity : of the breach
    """

    window: int = SILENCE
    name: str = "model_silent"
    severity: str = WARNING

    def evaluate(self, inputs: AlertInputs) -> pd.DataFrame:
        """Breaches, one per model and session."""
        if not inputs.sessions.isin(inputs.calendar).all():
            raise SessionError("a session to judge is not in the calendar of the alert rules")
        rows = inputs.performance
        old_enough = (rows["window_name"] == "inception") & (rows["window_sessions"] >= self.window)
        rows = _named(rows[old_enough & rows["date"].isin(inputs.sessions)], inputs.models)
        rows = rows[~rows["is_benchmark"]]
        signals = inputs.activity.pivot_table(
            index="date", columns="model_id", values="active_signals", aggfunc="sum"
        )
        signals = signals.reindex(index=inputs.calendar, columns=rows["model_id"].unique())
        recent = signals.fillna(0.0).rolling(self.window).sum()
        place = recent.index.get_indexer(pd.Index(rows["date"]))
        column = recent.columns.get_indexer(pd.Index(rows["model_id"]))
        rows = rows[recent.to_numpy()[place, column] == 0.0]
        return pd.DataFrame(
            {
                "date": rows["date"],
                "subject": rows["model_name"],
                "severity": self.severity,
                "message": [
                    f"{name}: no buy or sell signal in the last {self.window} sessions"
                    for name in rows["model_name"]
                ],
                "value": 0.0,
                "threshold": 1.0,
            }
        )

    def tuned(self, severity: str, threshold: float | None) -> "ModelSilent":
        """Return the rule with another severity, and another window.

        Raises
        ------
        SettingsError
            The window is longer than what is read for the rules, or no number of sessions.
        """
        window = self.window if threshold is None else int(threshold)
        if window != (threshold or window) or not 1 <= window <= SILENCE:
            raise SettingsError(
                f"The alert rule {self.name} cannot look at {threshold:g} sessions",
                f"Write a whole number from 1 to {SILENCE}",
            )
        return replace(self, severity=severity, window=window)


@dataclass(frozen=True)
class DataStale:
    """A session has no bar at all, or a member of its universe has none."""

    name: str = "data_stale"

    def evaluate(self, inputs: AlertInputs) -> pd.DataFrame:
        """Breaches: one for a session without bars, else one per member without a bar."""
        empty = inputs.sessions[~inputs.sessions.isin(inputs.bars["date"])]
        whole = pd.DataFrame(
            {
                "date": empty,
                "subject": "market_data",
                "severity": CRITICAL,
                "message": [
                    f"market_data: no bar of any symbol for {day:%Y-%m-%d}" for day in empty
                ],
            }
        )
        members = inputs.universe[["date", "symbol"]]
        members = members[members["date"].isin(inputs.sessions) & ~members["date"].isin(empty)]
        merged = members.merge(
            inputs.bars[["date", "symbol"]].drop_duplicates(), how="left", indicator="_merge"
        )
        missing = merged[merged["_merge"] == "left_only"]
        single = pd.DataFrame(
            {
                "date": missing["date"],
                "subject": missing["symbol"],
                "severity": WARNING,
                "message": [
                    f"{symbol}: in the universe of {day:%Y-%m-%d}, but without a bar"
                    for day, symbol in zip(missing["date"], missing["symbol"], strict=True)
                ],
            }
        )
        return pd.concat([whole, single], ignore_index=True).assign(value=0.0, threshold=1.0)


RULES: tuple[AlertRule, ...] = (
    PerformanceLimit(
        name="drawdown_limit",
        column="max_drawdown",
        label="drawdown",
        window="252d",
        limit=-0.20,
        severity=CRITICAL,
    ),
    PerformanceLimit(
        name="return_limit",
        column="total_return",
        label="return",
        window="21d",
        limit=-0.10,
        severity=WARNING,
    ),
    ModelSilent(),
    DataStale(),
)
"""The rules that the platform brings."""


def rank(severity: str) -> int:
    """Place of a severity among all, the mildest first."""
    return SEVERITIES.index(severity)


def all_rules() -> tuple[AlertRule, ...]:
    """Return the rules in force: the platform's, then those that extensions name.

    Raises
    ------
    ContractError
        Two rules have one name.
    """
    by_name = {rule.name: rule for rule in RULES}
    for module in extension_modules():
        for name, value in vars(module).items():
            if name.startswith("_") or isinstance(value, type) or not isinstance(value, AlertRule):
                continue
            if by_name.setdefault(value.name, value) is not value:
                raise ContractError(
                    f"Two alert rules are called {value.name!r}, one of them in {module.__name__}",
                    "Rename one of them.",
                )
    return tuple(by_name.values())


def evaluate_alerts(
    inputs: AlertInputs,
    rules: Sequence[AlertRule] | None = None,
    on_failure: OnFailure | None = None,
    seconds: float = 0.0,
) -> pd.DataFrame:
    """Rows of `alerts` (without recorded_at) for the sessions of `inputs`; default: `all_rules()`.

    Ordered by date, rule and subject; value and threshold are NaN where a rule has none. A rule
    that raises or returns no breaches is told to `on_failure`, and has no rows; without that, it
    raises. `seconds` is the limit of a rule that somebody added; 0: none (`isolation.py`).
    """
    frames = []
    for rule in all_rules() if rules is None else rules:
        try:
            rows = limited(partial(rule.evaluate, inputs), seconds, rule.evaluate, type(rule))
            frames.append(checked_breaches(rows, inputs.sessions).assign(rule=rule.name))
        except Exception as error:  # whatever a rule raises, the others go on
            if on_failure is None:
                raise
            on_failure(rule.name, error)
    breaches = [frame for frame in frames if len(frame)]
    if not breaches:
        types = dict.fromkeys(COLUMNS, "str") | {"value": "float64", "threshold": "float64"}
        types["date"] = "datetime64[s]"
        return pd.DataFrame({name: pd.Series(dtype=types[name]) for name in COLUMNS})
    rows = pd.concat(breaches, ignore_index=True).assign(origin="report")
    rows = rows.sort_values(["date", "rule", "subject"], ignore_index=True)[COLUMNS]
    return rows.astype({"date": "datetime64[s]", "subject": "str", "severity": "str"})


def checked_breaches(rows: object, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Return what a rule gave, as breaches that the table takes.

    Raises
    ------
    ContractError
        It is no frame of breaches, speaks of other sessions, or twice of one subject.
    """
    if not isinstance(rows, pd.DataFrame):
        raise ContractError(f"it returned a value of type {type(rows).__name__}, and no frame")
    missing = [name for name in BREACH_COLUMNS if name not in rows]
    if missing and len(rows):
        raise ContractError(f"its breaches lack {', '.join(missing)}")
    if rows.empty:
        return rows
    texts = rows[["subject", "severity", "message"]]
    faults = {
        "a session that was not asked for": ~rows["date"].isin(sessions),
        "a subject, severity or message that is no text": ~texts.map(
            lambda text: isinstance(text, str)
        ).all(axis=1),
        f"a severity besides {', '.join(SEVERITIES)}": ~rows["severity"].isin(SEVERITIES),
        "a subject twice in one session": rows.duplicated(["date", "subject"]),
    }
    for fault, where in faults.items():
        if where.any():
            raise ContractError(f"its breaches hold {fault} ({int(where.sum())} rows)")
    return rows[BREACH_COLUMNS].astype({"value": "float64", "threshold": "float64"})


def with_failures(alerts: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """Rows of `alerts` and one critical row for each part that could not be computed.

    Parameters
    ----------
    failures : date, part, reason of what failed
    """
    if failures.empty:
        return alerts
    rows = pd.DataFrame(
        {
            "date": failures["date"],
            "origin": "report",
            "rule": "computation_failed",
            "subject": failures["part"],
            "severity": CRITICAL,
            "message": failures["part"] + " could not be computed: " + failures["reason"],
            "value": np.nan,
            "threshold": np.nan,
        }
    )
    both = pd.concat([alerts, rows], ignore_index=True) if len(alerts) else rows
    both = both.drop_duplicates(["date", "rule", "subject"])
    types = {"date": "datetime64[s]", "subject": "str", "severity": "str"}
    return both.sort_values(["date", "rule", "subject"], ignore_index=True)[COLUMNS].astype(types)


def _named(rows: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    names = models[["id", "model_name", "is_benchmark"]].rename(columns={"id": "model_id"})
    return rows.merge(names.astype({"is_benchmark": bool}), on="model_id")
