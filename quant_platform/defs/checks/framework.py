"""How a judgement becomes a Dagster asset check with a verdict per session.

A `QualityCheck` names a table, how far it looks back, and a function that returns the failures it
finds. The factory turns it into an asset check: it judges the sessions of the run (or, executed
alone, all that are stored), stores one verdict per session in `data_quality`, and reports counts
and examples in its metadata. Checks of severity error block: in the daily run nothing downstream
starts after one failed.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from quant_platform.defs.partitions import window_sessions
from quant_platform.defs.resources import Platform
from quant_platform.market.panel import BoolArray, Panel
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Scope
from quant_platform.storage.replace import replace_sessions

EXAMPLES = 5
"""Failures quoted per session and in the metadata."""

ERROR, WARN = "error", "warn"


@dataclass(frozen=True)
class Judged:
    """What a check is given: the sessions to judge and a way to read what is stored."""

    platform: Platform
    sessions: Sequence[str]
    lookback: int

    @property
    def window(self) -> list[str]:
        """The judged sessions and those looked back on."""
        return window_sessions(self.platform.vendor, self.sessions, self.lookback)

    def read(
        self, table: str, *, scope: Scope | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Rows of `table` in the window."""
        window = self.window
        return bulk.read(
            self.platform.database,
            self.platform.table(table),
            window[0],
            window[-1],
            scope=scope,
            columns=columns,
        )

    def panel(self) -> Panel:
        """Bars and actions of the window."""
        return Panel.from_frames(
            self.read("market_data"), self.read("corporate_actions"), self.window
        )

    def failures(self, panel: Panel, grid: BoolArray, **figures: np.ndarray) -> pd.DataFrame:
        """Cells of `grid` in the judged sessions, as failures that quote symbol and figures."""
        start = len(panel.sessions) - len(self.sessions)
        rows, columns = np.nonzero(grid[start:])
        words = [
            " ".join(
                [panel.symbols[column]]
                + [f"{name} {values[start + row, column]:.6g}" for name, values in figures.items()]
            )
            for row, column in zip(rows, columns, strict=True)
        ]
        return failures(panel.sessions[start:][rows], words)


Judge = Callable[[Judged], pd.DataFrame]


@dataclass(frozen=True)
class QualityCheck:
    """One judgement.

    Attributes
    ----------
    name : unique
    asset : key of the asset it guards
    table : table it judges
    severity : ERROR stops the daily run, WARN does not
    description : what it looks for, shown in the UI
    judge : returns the failures as rows of date and example (see `failures`)
    lookback : sessions it reads, the judged one included
    """

    name: str
    asset: dg.AssetKey
    table: str
    severity: str
    description: str
    judge: Judge
    lookback: int = 1


def failures(dates: Sequence[Any] | np.ndarray, examples: Sequence[str]) -> pd.DataFrame:
    """One row per failure: the session it belongs to, and what failed."""
    return pd.DataFrame(
        {"date": np.asarray(dates, dtype="datetime64[s]"), "example": list(examples)}
    )


def build_check(check: QualityCheck) -> dg.AssetChecksDefinition:
    """Turn a judgement into an asset check."""

    @dg.asset_check(
        asset=check.asset,
        name=check.name,
        description=check.description,
        blocking=check.severity == ERROR,
    )
    def asset_check(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        sessions = _sessions(context, platform, check.table)
        if not sessions:
            return dg.AssetCheckResult(passed=True, description="Nothing is stored yet")
        found = check.judge(Judged(platform, sessions, check.lookback))
        store_verdicts(platform, check, sessions, found)
        return _result(check, sessions, found)

    return asset_check


def store_verdicts(
    platform: Platform, check: QualityCheck, sessions: Sequence[str], found: pd.DataFrame
) -> None:
    """Replace the verdicts of the judged sessions in `data_quality`."""
    examples = found.groupby("date")["example"].agg(list).to_dict()
    days = [pd.Timestamp(session) for session in sessions]
    verdicts = pd.DataFrame(
        {
            "date": pd.Series(days, dtype="datetime64[s]"),
            "check_name": check.name,
            "table_name": check.table,
            "passed": [day not in examples for day in days],
            "severity": check.severity,
            "failures": [len(examples.get(day, ())) for day in days],
            "details": [
                json.dumps({"examples": examples[day][:EXAMPLES]}) if day in examples else "{}"
                for day in days
            ],
        }
    )
    replace_sessions(
        platform.database,
        platform.table("data_quality"),
        verdicts,
        sessions,
        scope={"check_name": check.name},
    )


def _result(
    check: QualityCheck, sessions: Sequence[str], found: pd.DataFrame
) -> dg.AssetCheckResult:
    failed = int(found["date"].nunique())
    quoted = [f"{row.date:%Y-%m-%d}: {row.example}" for row in found.tail(EXAMPLES).itertuples()]
    return dg.AssetCheckResult(
        passed=found.empty,
        severity=(
            dg.AssetCheckSeverity.ERROR if check.severity == ERROR else dg.AssetCheckSeverity.WARN
        ),
        description=(
            f"{len(sessions)} sessions judged, all passed"
            if found.empty
            else f"{failed} of {len(sessions)} sessions failed, last {quoted[-1]}"
        ),
        metadata={
            "sessions judged": len(sessions),
            "sessions failed": failed,
            "failures": len(found),
            **({"latest failures": dg.MetadataValue.json(quoted)} if quoted else {}),
        },
    )


def _sessions(context: dg.AssetCheckExecutionContext, platform: Platform, table: str) -> list[str]:
    """Sessions of the run; executed on its own, all from the first stored session to the last."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    stored = bulk.query(
        platform.database,
        f"SELECT min(date)::text AS first, max(date)::text AS last FROM {bulk.quoted(table)}",  # noqa: S608 — quoted name
    ).iloc[0]
    if pd.isna(stored["first"]):
        return []
    known = window_sessions(platform.vendor, [str(stored["last"])], 1_000_000)
    return [session for session in known if session >= str(stored["first"])]
