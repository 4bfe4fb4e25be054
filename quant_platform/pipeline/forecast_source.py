"""`StoredSource`: what a forecaster learns from, read from the tables of features and bars.

What does not belong here: learning (`learning/`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import SessionArray
from quant_platform.learning.assembly import YearlyRows, assembled, tickers_of
from quant_platform.learning.samples import FeatureRows
from quant_platform.market.calendar import Calendar
from quant_platform.market.panel import Panel
from quant_platform.storage.stored import Stored


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
    _rows: YearlyRows = field(init=False, repr=False)

    def __post_init__(self) -> None:
        first, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        self.sessions = np.array(self.calendar.sessions(first, last), dtype="datetime64[D]")
        self._rows = YearlyRows(self.sessions, self._read)

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
        return self._rows.between(first, last)

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
        return tickers_of(rows, self.sessions, self.universe.read(*days))

    def _read(self, first: int, last: int) -> FeatureRows:
        span = str(self.sessions[first]), str(self.sessions[last])
        parts = [(stored.read(*span), names) for stored, names in self.features.values()]
        return assembled(parts, self.sessions)
