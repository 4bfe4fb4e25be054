"""The monitor of the models in use: its rows session by session, and the accounts that it halts.

1. A promotion (`model_states`) begins a test that lasts until the model's next state. A release of
   the account begins it anew.
2. `monitor_chunks` makes the rows of `model_monitor` from the models' returns since inception, so
   that they are the same however a backfill is cut.
3. With QUANT_PLATFORM_MONITOR=halt a broken promise halts the account before the next session. The
   portfolios then depend on the test, and the test on the portfolios: `Guard` simulates a block,
   tests its returns, and where a promise broke within it, simulates it again with the account
   halted from there on. Up to that session nothing changes, so this ends.

What does not belong here: the maths (`evaluation/monitor.py`), and who is promoted
(`model_states.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd

from quant_platform.evaluation.monitor import (
    BETS,
    BOUND,
    LEVEL,
    SCALE_SESSIONS,
    Watch,
    scaled_returns,
    watch,
)
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.model_states import IN_USE, states_of
from quant_platform.storage.models import model_ids
from quant_platform.storage.releases import releases_of
from quant_platform.storage.stored import Stored

ACCOUNT = "simulated"
"""Account whose returns are watched."""

ALERT, HALT = "alert", "halt"
"""What a broken promise leads to: an alert alone, or a halt as well."""

COLUMNS = {
    "date": "datetime64[s]",
    "model_id": "int64",
    "state": "str",
    "promoted_on": "datetime64[s]",
    "sessions": "int64",
    **dict.fromkeys(("mean", "lower", "upper", "promised", "e_value"), "float64"),
    "crossed": "bool",
}
"""Columns of `model_monitor`, and their types."""

SESSIONS_AT_ONCE = 1000
"""Sessions whose rows are stored together."""

_HISTORY = """
SELECT date, daily_return, halted FROM portfolios
WHERE model_id::text = $1 AND date <= $2::text::date ORDER BY 1
"""

Done = TypeVar("Done")

NO_DAYS: SessionArray = np.zeros(0, dtype="datetime64[D]")


class Spell(NamedTuple):
    """A promotion, for as long as the model's state lasts.

    Attributes
    ----------
    first, end : first session, and the first one after it; None: it lasts
    """

    state: str
    first: date
    end: date | None
    promised: float


@dataclass(frozen=True, eq=False)
class History:
    """A model's sessions, (T,) arrays from its first one on.

    Attributes
    ----------
    days : sessions
    returns : NaN where there is none
    halted : whether the account was halted after the session
    released : sessions, of these or others, before which the account was released
    """

    days: SessionArray
    returns: FloatArray
    halted: BoolArray
    released: SessionArray = field(default_factory=NO_DAYS.copy)

    @classmethod
    def of(cls, rows: pd.DataFrame, released: SessionArray = NO_DAYS) -> Self:
        """Take rows of `portfolios` of one model, in any order; of one session the last counts."""
        rows = rows.drop_duplicates("date", keep="last").sort_values("date")
        return cls(
            rows["date"].to_numpy().astype("datetime64[D]"),
            rows["daily_return"].to_numpy(dtype=np.float64),
            rows["halted"].to_numpy(dtype=bool),
            released,
        )

    @property
    def is_released(self) -> BoolArray:
        """(T,) sessions that begin with a release."""
        return np.isin(self.days, self.released)

    def scaled(self) -> FloatArray:
        """Scaled returns of the sessions in which the account traded, as known before each."""
        was_halted = np.concatenate(([False], self.halted[:-1]))[: len(self.days)]
        return scaled_returns(self.returns, ~was_halted | self.is_released)

    def watched(self, spells: Sequence[Spell]) -> Iterator[tuple[Spell, slice, Watch]]:
        """Yield the test of each spell, with its places among the sessions."""
        scaled, released = self.scaled(), self.is_released
        for spell in spells:
            first = int(np.searchsorted(self.days, np.datetime64(spell.first, "D")))
            last = len(self.days)
            if spell.end is not None:
                last = int(np.searchsorted(self.days, np.datetime64(spell.end, "D")))
            if first < last:
                part = slice(first, last)
                yield spell, part, watch(scaled[part], spell.promised, released[part])

    def halts(self, spells: Sequence[Spell], following: SessionArray) -> SessionArray:
        """Sessions before whose open the tests halt the account.

        Parameters
        ----------
        following : sessions that may come after the last one, of which the first ones, up to a
            release, are halted if the last one's promise is broken
        """
        found: list[SessionArray] = []
        released = self.is_released
        for spell, part, test in self.watched(spells):
            after = test.crossed[:-1] & ~released[part][1:]
            found.append(self.days[part][1:][after])
            if test.crossed[-1] and part.stop == len(self.days):
                coming = following[following > self.days[-1]]
                if spell.end is not None:
                    coming = coming[coming < np.datetime64(spell.end, "D")]
                releases = np.flatnonzero(np.isin(coming, self.released))
                found.append(coming[: releases[0]] if len(releases) else coming)
        return np.unique(np.concatenate(found)) if found else NO_DAYS


class Guard:
    """Halts the accounts of models whose promise is broken, while portfolios are simulated.

    Parameters
    ----------
    platform : settings and database
    ids : of the models and books, by name
    """

    def __init__(self, platform: Platform, ids: Mapping[str, int]) -> None:
        self._database, self._ids = platform.database, ids
        halts = platform.settings.monitor == HALT
        self._spells = spells_of(platform.database) if halts else {}
        self._done: dict[str, list[pd.DataFrame]] = {}

    def of_block(self, sessions: Sequence[str]) -> "GuardedBlock":
        """Return the guard of a block (ISO dates), which follows what is stored or simulated."""
        releases = releases_of(self._database, ACCOUNT) if self._spells else {}
        return GuardedBlock(self, sessions, releases)

    def spells(self, name: str) -> Sequence[Spell]:
        """Promotions of a model or book; none where nothing is halted."""
        return self._spells.get(self._ids[name], ())

    def before(self, name: str, first: str) -> pd.DataFrame:
        """Rows of a model before a session; those of this run may not be stored yet."""
        last = f"{pd.Timestamp(first) - pd.Timedelta(days=1):%Y-%m-%d}"
        stored = bulk.query(self._database, _HISTORY, (str(self._ids[name]), last))
        simulated = [each[each["date"] < pd.Timestamp(first)] for each in self._done.get(name, [])]
        rows = [each for each in (stored, *simulated) if len(each)]
        return pd.concat(rows, ignore_index=True) if rows else stored

    def note(self, name: str, rows: pd.DataFrame) -> None:
        """Take down what was simulated of a block."""
        self._done.setdefault(name, []).append(rows)


class GuardedBlock:
    """A block whose accounts are halted where their promise is broken."""

    def __init__(
        self, guard: Guard, sessions: Sequence[str], releases: Mapping[str, Sequence[date]]
    ) -> None:
        self._guard, self._first, self._releases = guard, sessions[0], releases
        self._block = np.array(sessions, dtype="datetime64[D]")

    def __call__(
        self,
        name: str,
        simulate: Callable[[SessionArray | None], Done],
        rows_of: Callable[[Done], pd.DataFrame] = attrgetter("portfolios"),
    ) -> Done:
        """Simulate a model or book.

        Parameters
        ----------
        simulate : is given the sessions before which the account is halted
        rows_of : gives the rows of `portfolios` of what was simulated
        """
        spells = self._guard.spells(name)
        if not spells:
            return simulate(None)
        released = days_of(self._releases.get(name, ()))
        before = self._guard.before(name, self._first)
        halts = self._of_block(History.of(before, released).halts(spells, self._block))
        while True:
            done = simulate(halts)
            rows = rows_of(done)[["date", "daily_return", "halted"]]
            both = pd.concat([before, rows], ignore_index=True) if len(before) else rows
            found = self._of_block(History.of(both, released).halts(spells, NO_DAYS))
            if np.array_equal(found, halts):
                self._guard.note(name, rows)
                return done
            halts = found

    def _of_block(self, days: SessionArray) -> SessionArray:
        chosen: SessionArray = days[days >= self._block[0]]
        return chosen


def history_of(database: Database, model_id: int, last: str) -> History:
    """Sessions of a model up to one (ISO date), with the releases of its account."""
    rows = bulk.query(database, _HISTORY, (str(model_id), last))
    names = bulk.query(
        database, "SELECT model_name FROM models WHERE id::text = $1", (str(model_id),)
    )
    days = releases_of(database, ACCOUNT).get(str(names["model_name"].iloc[0]), [])
    return History.of(rows, days_of(days))


def days_of(days: Sequence[date] | None) -> SessionArray:
    """Return days as an array; an empty one without any."""
    return np.array(days or (), dtype="datetime64[D]")


def spells_of(database: Database) -> dict[int, list[Spell]]:
    """Promotions of each model, by its id, oldest first; those that no session is left of, too."""
    found: dict[int, list[Spell]] = {}
    for model_id, rows in states_of(database).groupby("model_id", sort=True):
        days = [day.date() for day in rows["date"]]
        ends: list[date | None] = [*days[1:], None]
        spells = [
            Spell(state, first, end, float(promised))
            for state, first, end, promised in zip(
                rows["state"], days, ends, rows["promised"], strict=True
            )
            if state in IN_USE
        ]
        if spells:
            found[int(str(model_id))] = spells
    return found


def monitor_recipe() -> str:
    """What rows of the monitor are computed by, beside returns and promotions."""
    return f"level {LEVEL:g} bound {BOUND:g} scale {SCALE_SESSIONS} bets {BETS[0]:g} {len(BETS)}"


def monitor_chunks(
    platform: Platform, sessions: Sequence[str], portfolios: Stored
) -> Iterator[Chunk]:
    """Rows of `model_monitor`: the test of each model in use, after each session.

    Parameters
    ----------
    sessions : ISO dates, ascending
    portfolios : date, model_id, daily_return and halted of every session from the first on
    """
    for start in range(0, len(sessions), SESSIONS_AT_ONCE):
        block = sessions[start : start + SESSIONS_AT_ONCE]
        read_at, spells = server_time(platform), spells_of(platform.database)
        frames = []
        if spells:
            names = {number: name for name, number in model_ids(platform.database).items()}
            released = releases_of(platform.database, ACCOUNT)
            history = portfolios.read(None, block[-1])
            for model_id, rows in history.groupby("model_id", sort=True):
                number = int(str(model_id))
                known = History.of(rows, days_of(released.get(names[number])))
                frames.append(monitor_rows(number, known, spells.get(number, ()), block))
        found = [frame for frame in frames if len(frame)]
        rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS))
        rows = rows.astype(COLUMNS).sort_values(["date", "model_id"], ignore_index=True)
        yield Chunk(block, {"model_monitor": rows}, read_at=read_at)


def monitor_rows(
    model_id: int, history: History, spells: Sequence[Spell], sessions: Sequence[str]
) -> pd.DataFrame:
    """Rows of one model, of those of the sessions in which it is in use."""
    wanted = np.array(sessions, dtype="datetime64[D]")
    frames = [pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)]
    for spell, part, test in history.watched(spells):
        chosen = np.isin(history.days[part], wanted)
        frame = pd.DataFrame(
            {
                "date": history.days[part][chosen].astype("datetime64[s]"),
                "model_id": model_id,
                "state": spell.state,
                "promoted_on": np.datetime64(spell.first, "s"),
                "sessions": test.sessions[chosen],
                "mean": test.mean[chosen],
                "lower": test.lower[chosen],
                "upper": test.upper[chosen],
                "promised": spell.promised,
                "e_value": test.e_value[chosen],
                "crossed": test.crossed[chosen],
            }
        )
        if len(frame):
            frames.append(frame.astype(COLUMNS))
    return pd.concat(frames[1:], ignore_index=True) if len(frames) > 1 else frames[0]
