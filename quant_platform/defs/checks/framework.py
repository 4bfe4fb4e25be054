"""How a judgement becomes a Dagster asset check with a verdict per session.

A `QualityCheck` names a table, how far it looks back, and a function that returns the failures it
finds. The factories turn it into an asset check: it judges the sessions of the run (or, executed
alone, all that are stored), stores one verdict per session in `data_quality`, and reports counts
and examples in its metadata. Checks of severity error block: in the daily run nothing downstream
starts after one failed.

Checks of one asset that look at the same rows are one step (`build_checks`): the rows are read
once, a block of sessions at a time, so that memory does not grow with the length of a run.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import dagster as dg
import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from quant_platform.defs.partitions import window_sessions
from quant_platform.defs.resources import Platform
from quant_platform.errors import SettingsError
from quant_platform.market.actions import SPLIT
from quant_platform.market.facts import by_security
from quant_platform.market.panel import BAR_COLUMNS, BoolArray, Panel
from quant_platform.market.quality import usual_value
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Members, Scope
from quant_platform.storage.replace import replace_sessions

BLOCK_ROWS = 1_200_000
"""Bars that are judged at once, those looked back on not counted."""

JUDGES = 2
"""Checks of a step that are judged at the same time."""

EXAMPLES = 5
"""Failures quoted per session and in the metadata."""

ERROR, WARN = "error", "warn"

Kept = TypeVar("Kept")


class kept(cached_property[Kept]):  # noqa: N801 — reads like the property it is
    """A property that is worked out once, whichever thread asks first."""

    def __init__(self, function: Callable[[Any], Kept]) -> None:
        super().__init__(function)
        self._one_at_a_time = threading.RLock()

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        with self._one_at_a_time:
            return super().__get__(instance, owner)


@dataclass(frozen=True)
class Judged:
    """What a check is given: the sessions to judge and a way to read what is stored.

    What several checks of a step read is kept, so a `Judged` is of one block of sessions only.

    Attributes
    ----------
    platform : where rows are read
    sessions : ISO dates, ascending
    lookback : sessions that are read, the judged one included
    earlier : bars at the start of the window that were read already; None without any
    read_to : last session of these; empty without any
    """

    platform: Platform
    sessions: Sequence[str]
    lookback: int
    earlier: pd.DataFrame | None = None
    read_to: str = ""

    @property
    def window(self) -> list[str]:
        """The judged sessions and those looked back on."""
        return window_sessions(self.platform.vendor, self.sessions, self.lookback)

    def read(
        self,
        table: str,
        *,
        scope: Scope | None = None,
        columns: Sequence[str] | None = None,
        members: Members | None = None,
        ordered: bool = True,
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
            members=members,
            ordered=ordered,
        )

    @property
    def members(self) -> Members:
        """Narrows a table to the securities of the universe of the judged sessions."""
        return Members(self.sessions[0], self.sessions[-1])

    @kept
    def bars(self) -> pd.DataFrame:
        """Bars of the window, of every security, in no order; `security_id` is categorical."""
        names = ["date", "security_id", *BAR_COLUMNS.values()]
        wanted = [session for session in self.window if session > self.read_to]
        half = len(wanted) // 2
        parts = [part for part in (wanted[:half], wanted[half:]) if part]
        table = self.platform.table("market_data")

        def read(part: list[str]) -> pd.DataFrame:
            return bulk.read(
                self.platform.database,
                table,
                part[0],
                part[-1],
                columns=names,
                ordered=False,
                categories=["security_id"],
            )

        # Two connections: the server sends one half while the other is taken in.
        with ThreadPoolExecutor(len(parts), thread_name_prefix="bars") as pool:
            found = list(pool.map(read, parts))
        return _together(found if self.earlier is None else [self.earlier, *found])

    def followed_by(self, sessions: Sequence[str]) -> "Judged":
        """Return what comes after: it takes over the bars that both look at."""
        following = Judged(self.platform, sessions, self.lookback)
        shared = self.bars["date"] >= pd.Timestamp(following.window[0])
        return replace(following, earlier=self.bars[shared], read_to=self.window[-1])

    @kept
    def rows(self) -> pd.Series:
        """Bars of each session of the window, by session."""
        days = pd.DatetimeIndex(np.asarray(self.window, dtype="datetime64[s]"))
        counted_rows: pd.Series = self.bars["date"].value_counts().reindex(days, fill_value=0)
        return counted_rows

    @property
    def liquid_dollars(self) -> float:
        """Trading in a session from which on a security is worth a judgement.

        Thousands of a whole market hardly trade; of a fixed list, all are judged.
        """
        market = self.platform.vendor.abilities.market
        return 0.0 if market is None else self.platform.settings.identity_dollars

    @kept
    def panel(self) -> Panel:
        """Bars and actions of the window, by security: of those that may be liquid or had a split.

        Who never traded as much in a session does not usually do so either.
        """
        bars, actions = self.bars, by_security(self.read("corporate_actions"))
        if self.liquid_dollars > 0.0:
            codes, names = bars["security_id"].cat.codes, bars["security_id"].cat.categories
            judged = np.zeros(len(names), dtype=bool)
            judged[codes[bars["close_price"] * bars["volume"] >= self.liquid_dollars]] = True
            acted = names.get_indexer(pd.Index(actions["symbol"]))
            judged[acted[(acted >= 0) & (actions["action_type"] == SPLIT).to_numpy()]] = True
            bars = bars[judged[codes]]
            actions = actions[(acted >= 0) & judged[acted]]
        return Panel.from_frames(
            bars.rename(columns={"security_id": "symbol"}), actions, self.window
        )

    @kept
    def is_liquid(self) -> BoolArray:
        """Cells of the panel whose security's usual trading is worth a judgement."""
        liquid: BoolArray = usual_value(self.panel) >= self.liquid_dollars
        return liquid

    @kept
    def tickers(self) -> dict[str, str]:
        """Security → ticker that it had last, up to the end of the window."""
        last = bulk.query(
            self.platform.database,
            "SELECT DISTINCT ON (security_id) security_id, symbol FROM security_symbols"
            " WHERE date <= $1::text::date AND security_id IS NOT NULL"
            " ORDER BY security_id, date DESC",
            (self.window[-1],),
        )
        return dict(zip(last["security_id"], last["symbol"], strict=True))

    def member_panel(self) -> Panel:
        """Bars and actions of the window, by security, of the universe alone."""
        columns = ["date", "security_id", *BAR_COLUMNS.values()]
        bars = self.read("market_data", columns=columns, members=self.members, ordered=False)
        return Panel.from_frames(
            bars.rename(columns={"security_id": "symbol"}),
            by_security(self.read("corporate_actions", members=self.members)),
            self.window,
            news=by_security(self.read("news", members=self.members)),
        )

    def failures(self, panel: Panel, grid: BoolArray, **figures: np.ndarray) -> pd.DataFrame:
        """Cells of `grid` in the judged sessions, as failures that quote ticker and figures."""
        start = len(panel.sessions) - len(self.sessions)
        found = []
        for row in np.flatnonzero(grid[start:].any(axis=1)) + start:
            columns = np.flatnonzero(grid[row])
            words = [
                " ".join(
                    [self.tickers.get(panel.symbols[column], panel.symbols[column])]
                    + [f"{name} {values[row, column]:.6g}" for name, values in figures.items()]
                )
                for column in columns[:EXAMPLES]
            ]
            found.append(counted(panel.sessions[row], words, len(columns)))
        return pd.concat(found, ignore_index=True) if found else failures([], [])


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Bars of several reads, whose categories need not be the same."""
    # The categories of no rows have no type that goes with others.
    parts = [part for part in parts if len(part)] or parts[:1]
    rows = pd.concat([part.drop(columns="security_id") for part in parts], ignore_index=True)
    return rows.assign(security_id=union_categoricals([part["security_id"] for part in parts]))


Judge = Callable[[Judged, float], pd.DataFrame]


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
    judge : given what to judge and the threshold, returns the failures (see `failures`)
    lookback : sessions it reads, the judged one included
    threshold : limit it judges by, in the unit its description names; 0 where it has none
    """

    name: str
    asset: dg.AssetKey
    table: str
    severity: str
    description: str
    judge: Judge
    lookback: int = 1
    threshold: float = 0.0

    @property
    def blocks(self) -> bool:
        """Whether a failure stops what comes after the asset."""
        return self.severity == ERROR


def failures(dates: Sequence[Any] | np.ndarray | pd.Index, examples: Sequence[str]) -> pd.DataFrame:
    """One row per failure: the session it belongs to, what failed, and for how many it stands."""
    return pd.DataFrame(
        {
            "date": np.asarray(dates, dtype="datetime64[s]"),
            "example": pd.array(list(examples), dtype="str"),
            "count": np.ones(len(examples), dtype=np.int64),
        }
    )


def counted(session: Any, examples: Sequence[str], count: int) -> pd.DataFrame:
    """Failures of one session of which only some are quoted; the last one stands for the rest."""
    frame = failures([session] * len(examples), examples)
    rest = np.zeros(len(frame), dtype=np.int64)
    rest[-1:] = count - len(examples)
    return frame.assign(count=frame["count"] + rest)


def tuned(checks: Sequence[QualityCheck], text: str) -> list[QualityCheck]:
    """Apply the setting QUANT_PLATFORM_CHECKS: `name=severity` or `name=severity:threshold`, ….

    Raises
    ------
    SettingsError
        A name, severity or threshold is none.
    """
    known = {check.name: check for check in checks}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, _, said = word.partition("=")
        severity, _, threshold = said.partition(":")
        if name not in known:
            raise SettingsError(
                f"QUANT_PLATFORM_CHECKS names {name!r}, which is no check",
                f"There are: {', '.join(sorted(known))}",
            )
        if severity not in (ERROR, WARN):
            raise SettingsError(
                f"QUANT_PLATFORM_CHECKS gives {name} the severity {severity!r}",
                f"It can be {ERROR} or {WARN}",
            )
        known[name] = replace(
            known[name],
            severity=severity,
            threshold=_threshold(name, threshold) if threshold else known[name].threshold,
        )
    return list(known.values())


def _threshold(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(
            f"QUANT_PLATFORM_CHECKS gives {name} the threshold {text!r}", "It must be a number"
        ) from None


def build_check(check: QualityCheck) -> dg.AssetChecksDefinition:
    """Turn a judgement into an asset check of its own, of all sessions at once."""

    @dg.asset_check(
        asset=check.asset, name=check.name, description=check.description, blocking=check.blocks
    )
    def asset_check(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        sessions = _sessions(context, platform, check.table)
        found = failures([], [])
        if sessions:
            found = check.judge(Judged(platform, sessions, check.lookback), check.threshold)
            store_verdicts(platform, {check: found}, sessions)
        return _result(check, sessions, found)

    return asset_check


def build_checks(asset: dg.AssetKey, checks: Sequence[QualityCheck]) -> dg.AssetChecksDefinition:
    """Turn judgements of one asset's rows into asset checks of a single step."""
    by_name = {check.name: check for check in checks}

    @dg.multi_asset_check(
        name=f"{asset.to_python_identifier()}_checks",
        specs=[
            dg.AssetCheckSpec(
                check.name, asset=asset, description=check.description, blocking=check.blocks
            )
            for check in checks
        ],
        can_subset=True,
    )
    def asset_checks(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        chosen = [by_name[name] for name in by_name if name in selected]
        sessions = _sessions(context, platform, chosen[0].table)
        found = judge_blocks(platform, chosen, sessions) if sessions else {}
        # Dagster ends the step at the first blocking failure, so these come last.
        for check in sorted(chosen, key=lambda check: (check.blocks, check.name)):
            yield _result(check, sessions, found.get(check.name, failures([], [])))

    return asset_checks


def judge_blocks(
    platform: Platform, checks: Sequence[QualityCheck], sessions: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Judge block by block and store the verdicts; return the failures by check."""
    found: dict[str, list[pd.DataFrame]] = {check.name: [] for check in checks}
    lookback = max(check.lookback for check in checks)
    for judged in _blocks(platform, checks[0].table, sessions, lookback):
        # While one waits for the server, another computes.
        with ThreadPoolExecutor(JUDGES, thread_name_prefix="judge") as pool:
            found_by = pool.map(partial(_judge, judged), checks)
            verdicts = dict(zip(checks, found_by, strict=True))
        for check, frame in verdicts.items():
            found[check.name].append(frame)
        store_verdicts(platform, verdicts, judged.sessions)
    return {
        name: pd.concat(frames, ignore_index=True) if frames else failures([], [])
        for name, frames in found.items()
    }


def _blocks(
    platform: Platform, table: str, sessions: Sequence[str], lookback: int
) -> Iterator[Judged]:
    """Blocks of sessions; while one is judged, the bars of the next are read."""
    size = _block_sessions(platform, table, sessions)
    blocks = [sessions[start : start + size] for start in range(0, len(sessions), size)]
    judged = Judged(platform, blocks[0], lookback)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as reader:
        for block in blocks[1:]:
            following = judged.followed_by(block)
            reader.submit(getattr, following, "bars")
            yield judged
            judged = following
        yield judged


def _judge(judged: Judged, check: QualityCheck) -> pd.DataFrame:
    return check.judge(judged, check.threshold)


def _block_sessions(platform: Platform, table: str, sessions: Sequence[str]) -> int:
    """How many sessions have about `BLOCK_ROWS` rows, going by the newest."""
    rows = bulk.query(
        platform.database,
        f"SELECT count(*) AS rows FROM {bulk.quoted(table)} WHERE date = $1::text::date",  # noqa: S608 — quoted name
        (sessions[-1],),
    )["rows"].iloc[0]
    return max(BLOCK_ROWS // max(int(rows), 1), 1)


def store_verdicts(
    platform: Platform, verdicts: Mapping[QualityCheck, pd.DataFrame], sessions: Sequence[str]
) -> None:
    """Replace the verdicts of the judged sessions in `data_quality`."""
    rows = [_verdicts(check, sessions, found) for check, found in verdicts.items()]
    replace_sessions(
        platform.database,
        platform.table("data_quality"),
        pd.concat(rows, ignore_index=True),
        sessions,
        scope={"check_name": tuple(sorted(check.name for check in verdicts))},
    )


def _verdicts(check: QualityCheck, sessions: Sequence[str], found: pd.DataFrame) -> pd.DataFrame:
    """One row of `data_quality` per session."""
    examples: dict[pd.Timestamp, list[str]] = {}
    counts: dict[pd.Timestamp, int] = {}
    for day, example, count in zip(found["date"], found["example"], found["count"], strict=True):
        examples.setdefault(day, []).append(example)
        counts[day] = counts.get(day, 0) + count
    days = [pd.Timestamp(session) for session in sessions]
    return pd.DataFrame(
        {
            "date": pd.Series(days, dtype="datetime64[s]"),
            "check_name": check.name,
            "table_name": check.table,
            "passed": [day not in examples for day in days],
            "severity": check.severity,
            "failures": [int(counts.get(day, 0)) for day in days],
            "details": [
                json.dumps({"examples": examples[day][:EXAMPLES]}) if day in examples else "{}"
                for day in days
            ],
        }
    )


def _result(
    check: QualityCheck, sessions: Sequence[str], found: pd.DataFrame
) -> dg.AssetCheckResult:
    if not sessions:
        return dg.AssetCheckResult(
            passed=True, check_name=check.name, description="Nothing is stored yet"
        )
    failed = int(found["date"].nunique())
    quoted = [f"{row.date:%Y-%m-%d}: {row.example}" for row in found.tail(EXAMPLES).itertuples()]
    return dg.AssetCheckResult(
        passed=found.empty,
        check_name=check.name,
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
            "failures": int(found["count"].sum()),
            **({"threshold": check.threshold} if check.threshold else {}),
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
