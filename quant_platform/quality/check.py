"""What a check is: what it is given (`CheckContext`), and how the settings tune it.

A `QualityCheck` names a table, how far it looks back, and a function that returns what it finds
out: failures, and the sessions that it judged (`verdict.py`). What does not belong here: how checks
are run over blocks of sessions (`judging.py`), and how Dagster shows them (`defs/checks.py`).
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
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
from quant_platform.quality.verdict import EXAMPLES, Findings, counted, iso_dates, joined
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Listed, Members, Scope

BLOCK_ROWS = 1_200_000
"""Bars that are judged at once, those looked back on not counted."""


ERROR, WARN = "error", "warn"


Value = TypeVar("Value")


class shared_property(cached_property[Value]):  # noqa: N801 — reads like the property it is
    """A property that is worked out once, whichever thread asks first."""

    def __init__(self, function: Callable[[Any], Value]) -> None:
        super().__init__(function)
        self._unlock()
        # A fork may begin while another thread works one out.
        os.register_at_fork(after_in_child=self._unlock)

    def _unlock(self) -> None:
        # Before Python 3.12 the property that this one is has a lock, too.
        self.lock = self._one_at_a_time = threading.RLock()

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
        members: Members | Listed | None = None,
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
            halves = list(pool.map(read, parts))
        return _together(halves if self.earlier is None else [self.earlier, *halves])

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

        Thousands of a whole market hardly trade; of a fixed list, all are judged.
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
        return Panel.from_frames(bars, actions, self.window).filled()

    @shared_property
    def is_liquid(self) -> BoolArray:
        """Cells of the panel whose security's usual trading is worth a judgement."""
        liquid: BoolArray = usual_value(self.panel) >= self.liquid_dollars
        return liquid

    def ticker(self, security: str, session: Any) -> str:
        """Ticker that a security has in a session, or had last; its own name where it has none.

        A later rename does not count: what is said of a session is the same in every run.
        """
        names = self.tickers.get(security, ())
        day = pd.Timestamp(session)
        return next((name for since, name in reversed(names) if since <= day), security)

    @shared_property
    def tickers(self) -> dict[str, list[tuple[pd.Timestamp, str]]]:
        """Security → tickers up to the end of the window, each with its first session."""
        rows = bulk.query(
            self.platform.database,
            "SELECT date, symbol, security_id FROM security_symbols"
            " WHERE date <= $1::text::date AND security_id IS NOT NULL ORDER BY date",
            (self.window[-1],),
        )
        days = pd.to_datetime(rows["date"])
        names: dict[str, list[tuple[pd.Timestamp, str]]] = {}
        for security, day, name in zip(rows["security_id"], days, rows["symbol"], strict=True):
            names.setdefault(security, []).append((day, name))
        return names

    def all_judged(self, failures: pd.DataFrame) -> Findings:
        """Findings of a check that looked at every session."""
        return Findings(failures, frozenset(self.sessions))

    def judged_on(
        self, dates: Iterable[Any] | np.ndarray, failures: pd.DataFrame, reason: str
    ) -> Findings:
        """Findings of a check that looked at the sessions in `dates`; others may be among them."""
        return Findings(failures, iso_dates(dates) & frozenset(self.sessions), reason)

    def not_judged(self, reason: str) -> Findings:
        """Findings of a check that could not look at any session."""
        return Findings(joined([]), frozenset(), reason)

    def judged_cells(
        self,
        panel: Panel,
        failing: BoolArray,
        judged: BoolArray,
        reason: str,
        **figures: np.ndarray,
    ) -> Findings:
        """Findings about cells of a panel: a session is judged where one of its cells is.

        Parameters
        ----------
        panel : what was judged; the sessions of the context are its last ones
        failing, judged : (sessions, securities), cells that failed and cells that could be judged
        reason : why the other sessions were not judged
        figures : (sessions, securities) arrays that are quoted beside the ticker
        """
        days = panel.sessions[(judged | failing).any(axis=1)]
        return self.judged_on(days, self.cell_failures(panel, failing, **figures), reason)

    def cell_failures(
        self, panel: Panel, failing: BoolArray, **figures: np.ndarray
    ) -> pd.DataFrame:
        """Cells of the judged sessions that failed, as failures that quote ticker and figures."""
        start = len(panel.sessions) - len(self.sessions)
        frames = []
        for row in np.flatnonzero(failing[start:].any(axis=1)) + start:
            columns = np.flatnonzero(failing[row])
            examples = [
                " ".join(
                    [self.ticker(panel.security_ids[column], panel.sessions[row])]
                    + [f"{name} {values[row, column]:.6g}" for name, values in figures.items()]
                )
                for column in columns[:EXAMPLES]
            ]
            frames.append(counted(panel.sessions[row], examples, len(columns)))
        return joined(frames)


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Bars of several reads, whose categories need not be the same."""
    # The categories of no rows have no type that goes with others.
    parts = [part for part in parts if len(part)] or parts[:1]
    rows = pd.concat([part.drop(columns="security_id") for part in parts], ignore_index=True)
    return rows.assign(security_id=union_categoricals([part["security_id"] for part in parts]))


CheckFunction = Callable[[CheckContext, float], Findings]


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
    judge : given what to judge and the threshold, returns what it finds out
    reads : keys of further assets that it speaks of: it is judged after them
    again_after : key of an asset; the check does not wait for it and for those of `reads`, since it
        has something to say at once, and is judged again when they are stored
    of_refused : it speaks of rows in quarantine, not of those that are stored
    of_newest : it speaks of the newest session alone; what it said of an earlier one is past
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
    reads: tuple[str, ...] = ()
    again_after: str = ""
    of_refused: bool = False
    of_newest: bool = False

    @property
    def speaks_of(self) -> frozenset[str]:
        """Keys of the assets whose rows, stored or refused, its verdict follows from."""
        return frozenset(filter(None, (self.asset, self.again_after, *self.reads)))

    @property
    def waits_for(self) -> frozenset[str]:
        """Keys of the assets that it is judged after, besides the one it guards."""
        return frozenset() if self.again_after else self.speaks_of - {self.asset}

    @property
    def repeated(self) -> "QualityCheck":
        """The judgement after `again_after`: a check of that asset, with the same verdicts."""
        reads = (self.asset, *self.reads)
        return replace(self, asset=self.again_after, reads=reads, again_after="")

    @property
    def blocks(self) -> bool:
        """Whether a failure stops what comes after the asset."""
        return self.severity == ERROR


def description_of(function: Callable[..., Findings]) -> str:
    """First paragraph of a check function's docstring: what it looks for."""
    return " ".join((function.__doc__ or "").split("\n\n")[0].split())


def tuned(checks: Sequence[QualityCheck], text: str) -> list[QualityCheck]:
    """Apply the setting QUANT_PLATFORM_CHECKS: `name=severity` or `name=severity:threshold`, ….

    Raises
    ------
    SettingsError
        A name, severity or threshold is none.
    """
    by_name = {check.name: check for check in checks}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, values = entry.partition("=")
        severity, _, threshold = values.partition(":")
        if name not in by_name:
            raise SettingsError(
                f"QUANT_PLATFORM_CHECKS names {name!r}, which is no check",
                f"There are: {', '.join(sorted(by_name))}",
            )
        if severity not in (ERROR, WARN):
            raise SettingsError(
                f"QUANT_PLATFORM_CHECKS gives {name} the severity {severity!r}",
                f"It can be {ERROR} or {WARN}",
            )
        by_name[name] = replace(
            by_name[name],
            severity=severity,
            threshold=_threshold(name, threshold) if threshold else by_name[name].threshold,
        )
    return list(by_name.values())


def _threshold(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(
            f"QUANT_PLATFORM_CHECKS gives {name} the threshold {text!r}", "It must be a number"
        ) from None
