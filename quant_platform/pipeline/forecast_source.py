"""`StoredSource`: what a forecaster learns from, read from the tables of features and bars.

Long stretches are read by calendar year and kept while windows overlap; short ones are read as they
are. Rows come out the same either way. What does not belong here: learning (`learning/`).
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import SessionArray
from quant_platform.learning.assembly import KEY, assembled
from quant_platform.learning.samples import FeatureRows
from quant_platform.market.calendar import Calendar
from quant_platform.market.panel import Panel
from quant_platform.storage.stored import Stored

SHORT = 63
"""Sessions up to which nothing is kept."""

KEPT_YEARS = 8
"""Years of rows that are kept, so that a window that slides by a year reads one year."""


@dataclass(eq=False)
class StoredSource:
    """A `Source` of stored rows.

    Attributes
    ----------
    features : rows of each feature set, with the features that are read of it
    bars, actions, universe : of the same sessions
    calendar : of the exchange
    first, last : first and last session, ISO dates
    """

    features: Mapping[FeatureSet, tuple[Stored, Sequence[str]]]
    bars: Stored
    actions: Stored
    universe: Stored
    calendar: Calendar
    first: str
    last: str
    sessions: SessionArray = field(init=False)
    _kept: OrderedDict[int, FeatureRows] = field(default_factory=OrderedDict, repr=False)

    def __post_init__(self) -> None:
        first, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        self.sessions = np.array(self.calendar.sessions(first, last), dtype="datetime64[D]")

    @property
    def names(self) -> tuple[str, ...]:
        """Features in their order."""
        return tuple(name for _, names in self.features.values() for name in names)

    def place(self, session: str) -> int:
        """Return the position of a session; negative before the first one."""
        day = np.datetime64(session, "D")
        return int(np.searchsorted(self.sessions, day)) if day >= self.sessions[0] else -1

    def rows(self, first: int, last: int) -> FeatureRows:
        """Return features of the members of the sessions from position `first` to `last`."""
        years = self.sessions[first : last + 1].astype("datetime64[Y]").astype(int)
        wanted = range(int(years[0]), int(years[-1]) + 1)
        if last - first < SHORT and not all(year in self._kept for year in wanted):
            return self._read(first, last)
        parts = [self._year(year).between(first, last) for year in wanted]
        if len(parts) == 1:
            return parts[0]
        return FeatureRows(
            np.concatenate([part.positions for part in parts]),
            np.concatenate([part.security_ids for part in parts]),
            np.concatenate([part.matrix for part in parts]),
            self.names,
        )

    def panel(self, first: int, last: int) -> Panel:
        """Return bars, actions and members of the same sessions."""
        days = [str(day) for day in self.sessions[first : last + 1]]
        span = days[0], days[-1]
        return Panel.from_frames(
            self.bars.read(*span),
            self.actions.read(*span),
            days,
            universe=self.universe.read(*span),
            calendar=self.calendar,
        )

    def symbols(self, rows: FeatureRows) -> NDArray[np.object_]:
        """Return the ticker of each row, as the universe of its session has it."""
        if not len(rows.positions):
            return np.empty(0, dtype=object)
        days = [str(self.sessions[at]) for at in (rows.positions[0], rows.positions[-1])]
        members = self.universe.read(*days)
        keys = pd.MultiIndex.from_frame(members[list(KEY)])
        tickers = pd.Series(members["symbol"].to_numpy(dtype=object), index=keys)
        dates = pd.DatetimeIndex(self.sessions[rows.positions].astype("datetime64[s]"))
        wanted = pd.MultiIndex.from_arrays([dates, rows.security_ids], names=KEY)
        return tickers.reindex(wanted).to_numpy(dtype=object)

    def _year(self, year: int) -> FeatureRows:
        """Rows of a calendar year, as far as the source goes."""
        if year not in self._kept:
            within = np.flatnonzero(self.sessions.astype("datetime64[Y]").astype(int) == year)
            self._kept[year] = self._read(int(within[0]), int(within[-1]))
        self._kept.move_to_end(year)
        while len(self._kept) > KEPT_YEARS:
            self._kept.popitem(last=False)
        return self._kept[year]

    def _read(self, first: int, last: int) -> FeatureRows:
        span = str(self.sessions[first]), str(self.sessions[last])
        parts = [(stored.read(*span), names) for stored, names in self.features.values()]
        return assembled(parts, self.sessions)
