"""`compare_runs`: the first session, order and figure in which two runs differ, and why.

A run makes a row of signals (an order) after a session, a fill in the next one, a position and an
account from it. So the tables are compared in that order, each by its keys, and the earliest
session of all is the first. The reasons are what the two runs were made of: source, code, data,
parameters, assumptions. What does not belong here: running anything (`reproduction.py`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from quant_platform.research.comparison import Difference, first_difference
from quant_platform.research.reproduction import Reproduction
from quant_platform.research.result import Backtest
from quant_platform.research.run_card import RunCard
from quant_platform.storage.ledger import outcome_digest
from quant_platform.storage.trials import METRIC_COLUMNS, Outcome, TrialRun

KEYS: Mapping[str, Sequence[str]] = {
    "signals": ("date", "security_id"),
    "fills": ("date", "security_id", "number"),
    "positions": ("date", "security_id"),
    "portfolios": ("date",),
}
"""Tables in the order in which one follows from the other, and what identifies a row."""

CALLED = {"signals": "order", "fills": "fill", "positions": "position", "portfolios": "account"}

ASSUMPTIONS = ("costs", "limits", "delistings")


@dataclass(frozen=True, eq=False)
class Side:
    """One of two runs.

    Attributes
    ----------
    name : as it is called
    run : what it was made of; None: nobody knows
    outcome : returns and figures
    tables : rows of `KEYS`
    tickers : security → ticker
    notes : what is to be said of it
    """

    name: str
    run: TrialRun | None
    outcome: Outcome
    tables: Mapping[str, pd.DataFrame]
    tickers: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @classmethod
    def of_result(cls, result: Backtest, name: str = "", notes: Sequence[str] = ()) -> "Side":
        """Take a result of a backtest."""
        tables = {table: getattr(result, table) for table in KEYS}
        run = result.run
        called = name or (result.name if run is None else f"trial {run.trial.id[:12]}")
        return cls(called, run, result.outcome, tables, result.tickers, tuple(notes))

    @classmethod
    def of_reproduction(cls, again: Reproduction) -> "Side":
        """Take a run of the ledger that was run again: with what it was made of then."""
        notes = list(again.notes)
        notes += [f"run again it differs from the ledger: {each}" for each in again.differences[:1]]
        side = cls.of_result(again.result, f"run {again.record.number}", notes)
        return cls(side.name, again.record.run, side.outcome, side.tables, side.tickers, side.notes)

    @classmethod
    def of_card(cls, card: RunCard) -> "Side":
        """Take a run card."""
        tables = {table: card.tables[table] for table in KEYS}
        return cls(f"card {card.run.digest[:12]}", card.run, card.outcome, tables, card.tickers)


@dataclass(frozen=True, eq=False)
class RunComparison:
    """How two runs differ.

    Attributes
    ----------
    a, b : their names
    table : of the first difference: signals, fills, positions or portfolios; empty: none
    first : the first difference
    firsts : of each table that differs, its first difference
    reasons : what the runs were made of that is not the same: (kind, what), such as
        ("parameters", "stop_atr: 2.0 and 3.0")
    figures : figures that differ: columns a and b
    sessions : sessions that both have
    notes : what is to be said of either
    """

    a: str
    b: str
    table: str
    first: Difference | None
    firsts: Mapping[str, Difference]
    reasons: tuple[tuple[str, str], ...]
    figures: pd.DataFrame
    sessions: int
    notes: tuple[str, ...]
    _tickers: Mapping[str, str]

    @property
    def same(self) -> bool:
        """Whether orders, fills, positions and accounts of the sessions of both are the same."""
        return self.first is None

    def __str__(self) -> str:
        lines = [f"{self.a} and {self.b}, {self.sessions:,} sessions of both"]
        if self.first is None:
            lines.append("Orders, fills, positions and accounts are the same")
        else:
            lines.append(f"They differ first in {self._told(self.table, self.first)}")
            lines += [
                f"  then {self._told(table, each)}"
                for table, each in self.firsts.items()
                if table != self.table
            ]
        why = "Why:" if self.reasons else "Made of the same code, data, parameters and assumptions"
        lines += [why, *(f"  {kind}: {what}" for kind, what in self.reasons)]
        if not self.figures.empty:
            lines.append("Figures:")
            lines += [
                f"  {name}: {row['a']:.6g} and {row['b']:.6g}"
                for name, row in self.figures.iterrows()
            ]
        return "\n".join([*lines, *(f"Note: {each}" for each in self.notes)])

    __repr__ = __str__

    def _told(self, table: str, found: Difference) -> str:
        security = found.row.get("security_id")
        of = "" if security is None else f" of {self._tickers.get(security, security)}"
        day = f"{pd.Timestamp(found.row['date']):%Y-%m-%d}"
        what = f"{found.column}: " if found.column else ""
        return f"{day}, {CALLED[table]}{of}, {what}{found.expected!s} and {found.found!s}"

    def record(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {
            "a": self.a,
            "b": self.b,
            "same": self.same,
            "sessions": self.sessions,
            "first": None if self.first is None else self._record(self.table, self.first),
            "firsts": [self._record(table, each) for table, each in self.firsts.items()],
            "reasons": [{"kind": kind, "what": what} for kind, what in self.reasons],
            "figures": {
                str(name): {side: _plain(row[side]) for side in ("a", "b")}
                for name, row in self.figures.iterrows()
            },
            "notes": list(self.notes),
        }

    def _record(self, table: str, found: Difference) -> dict[str, Any]:
        row = {name: _plain(value) for name, value in found.row.items()}
        security = found.row.get("security_id")
        if security is not None:
            row["ticker"] = self._tickers.get(security, security)
        return {
            "table": table,
            **row,
            "column": found.column or None,
            "a": _plain(found.expected),
            "b": _plain(found.found),
        }


def compare_runs(a: Side, b: Side) -> RunComparison:
    """Compare two runs over the sessions that both have."""
    days = [pd.DatetimeIndex(side.tables["portfolios"]["date"]) for side in (a, b)]
    both = days[0].intersection(days[1])
    firsts: dict[str, Difference] = {}
    for table, keys in KEYS.items():
        left, right = (side.tables[table][side.tables[table]["date"].isin(both)] for side in (a, b))
        found = first_difference(left, right, keys)
        if found is not None:
            firsts[table] = found
    # Of several tables in one session the one that the others follow from, as `KEYS` has them.
    table = min(firsts, key=lambda name: pd.Timestamp(firsts[name].row["date"]), default="")
    reasons = [] if a.run is None or b.run is None else list(_reasons(a.run, b.run))
    notes = [f"{side.name}: {each}" for side in (a, b) for each in side.notes]
    if a.run is None or b.run is None:
        notes.append("what one of them was made of is not known")
    if len(both) < max(map(len, days)):
        notes.append(
            f"{a.name} has {len(days[0]):,} sessions, {b.name} has {len(days[1]):,}: their figures"
            " are of other sessions"
        )
    if not len(both):
        notes.append("they have no session in common")
    return RunComparison(
        a.name,
        b.name,
        table,
        firsts.get(table),
        firsts,
        tuple(reasons),
        _figures(a.outcome, b.outcome),
        len(both),
        tuple(notes),
        {**b.tickers, **a.tickers},
    )


def _reasons(a: TrialRun, b: TrialRun) -> list[tuple[str, str]]:
    left, right = a.trial, b.trial
    found: list[tuple[str, str]] = []

    def compare(kind: str, name: str, one: object, other: object) -> None:
        if one != other:
            found.append((kind, f"{name}: {_told(one)} and {_told(other)}".removeprefix(": ")))

    compare("strategy", "", left.strategy, right.strategy)
    compare("code", "version of the strategy", left.strategy_version, right.strategy_version)
    compare("code", "source of the strategy", left.source_digest, right.source_digest)
    compare("code", "version of the platform", a.code_version, b.code_version)
    compare("data", "version", a.data_version, b.data_version)
    compare("data", "rule of the universe", left.universe, right.universe)
    for kind, names in (("parameters", ("parameters",)), ("assumption", ASSUMPTIONS)):
        for name in names:
            one, other = (json.loads(getattr(each, name)) for each in (left, right))
            for key in dict.fromkeys([*one, *other]):
                title = key if kind == "parameters" else f"{name}, {key}"
                compare(kind, title, one.get(key), other.get(key))
    for name in ("capital", "risk_free", "benchmark"):
        compare("assumption", name, getattr(left, name), getattr(right, name))
    window = [f"{each.first_session} to {each.last_session}" for each in (a, b)]
    compare("sessions", "", *window)
    return found


def _told(value: object) -> str:
    return "none" if value is None else str(value)


def _figures(a: Outcome, b: Outcome) -> pd.DataFrame:
    if outcome_digest(a) == outcome_digest(b):
        return pd.DataFrame(columns=["a", "b"])
    rows = {name: (a.metrics[name], b.metrics[name]) for name in METRIC_COLUMNS}
    unequal = {
        name: pair
        for name, pair in rows.items()
        if pair[0] != pair[1] and not all(map(math.isnan, pair))
    }
    return pd.DataFrame.from_dict(unequal, orient="index", columns=["a", "b"])


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; text where it has none."""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)
