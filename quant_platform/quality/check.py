"""What a check is: what it is given, what it returns, and how the settings tune it.

A `QualityCheck` names a table, how far it looks back, and a function that returns the failures it
finds. What does not belong here: how checks are run over blocks of sessions (`judging.py`), and how
Dagster shows them (`defs/checks.py`).
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray
from quant_platform.market.corporate_actions import SPLIT
from quant_platform.market.liquidity import usual_value
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Members, Scope

BLOCK_ROWS = 1_200_000
"""Bars that are judged at once, those looked back on not counted."""


EXAMPLES = 5
"""Failures quoted per session and in the metadata."""


ERROR, WARN = "error", "warn"


Value = TypeVar("Value")


class shared_property(cached_property[Value]):  # noqa: N801 — reads like the property it is
    """A property that is worked out once, whichever thread asks first."""

    def __init__(self, function: Callable[[Any], Value]) -> None:
        super().__init__(function)
        self._one_at_a_time = threading.RLock()

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        with self._one_at_a_time:
            return super().__get__(instance, owner)


@dataclass(frozen=True)
class CheckContext:
    """What a check is given: the sessions to judge and a way to read what is stored.

    What several checks of a step read is kept, so a context is of one block of sessions only.

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
        return self.platform.window(self.sessions, self.lookback)

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

    @shared_property
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

    def followed_by(self, sessions: Sequence[str]) -> "CheckContext":
        """Return what comes after: it takes over the bars that both look at."""
        following = CheckContext(self.platform, sessions, self.lookback)
        shared = self.bars["date"] >= pd.Timestamp(following.window[0])
        return replace(following, earlier=self.bars[shared], read_to=self.window[-1])

    @shared_property
    def rows(self) -> pd.Series:
        """Bars of each session of the window, by session."""
        days = pd.DatetimeIndex(np.asarray(self.window, dtype="datetime64[s]"))
        counted_rows: pd.Series = self.bars["date"].value_counts().reindex(days, fill_value=0)
        return counted_rows

    @property
    def liquid_dollars(self) -> float:
        """Trading in a session from which on a security is worth a judgement.

        Thousands of a whole market hardly trade; of a fixed list, all are context.
        """
        market = self.platform.vendor.abilities.market
        return 0.0 if market is None else self.platform.settings.identity_dollars

    @shared_property
    def panel(self) -> Panel:
        """Bars and actions of the window, by security: of those that may be liquid or had a split.

        Who never traded as much in a session does not usually do so either.
        """
        bars, actions = self.bars, self.read("corporate_actions")
        if self.liquid_dollars > 0.0:
            codes, names = bars["security_id"].cat.codes, bars["security_id"].cat.categories
            judged = np.zeros(len(names), dtype=bool)
            judged[codes[bars["close_price"] * bars["volume"] >= self.liquid_dollars]] = True
            acted = names.get_indexer(pd.Index(actions["security_id"]))
            judged[acted[(acted >= 0) & (actions["action_type"] == SPLIT).to_numpy()]] = True
            bars = bars[judged[codes]]
            actions = actions[(acted >= 0) & judged[acted]]
        return Panel.from_frames(bars, actions, self.window)

    @shared_property
    def is_liquid(self) -> BoolArray:
        """Cells of the panel whose security's usual trading is worth a judgement."""
        liquid: BoolArray = usual_value(self.panel) >= self.liquid_dollars
        return liquid

    @shared_property
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
            bars,
            self.read("corporate_actions", members=self.members),
            self.window,
            news=self.read("news", members=self.members),
        )

    def failures(self, panel: Panel, grid: BoolArray, **figures: np.ndarray) -> pd.DataFrame:
        """Cells of `grid` in the judged sessions, as failures that quote ticker and figures."""
        start = len(panel.sessions) - len(self.sessions)
        found = []
        for row in np.flatnonzero(grid[start:].any(axis=1)) + start:
            columns = np.flatnonzero(grid[row])
            words = [
                " ".join(
                    [self.tickers.get(panel.security_ids[column], panel.security_ids[column])]
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


CheckFunction = Callable[[CheckContext, float], pd.DataFrame]


@dataclass(frozen=True)
class QualityCheck:
    """One judgement.

    Attributes
    ----------
    name : unique
    asset : key of the asset it guards, its parts joined by /
    table : table it judges
    severity : ERROR stops the daily run, WARN does not
    description : what it looks for, shown in the UI
    judge : given what to judge and the threshold, returns the failures (see `failures`)
    lookback : sessions it reads, the judged one included
    threshold : limit it judges by, in the unit its description names; 0 where it has none
    """

    name: str
    asset: str
    table: str
    severity: str
    description: str
    judge: CheckFunction
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
