"""Features and panels for notebooks: as stored, or computed in memory where they are not.

Both ways give the same bits. What does not belong here: formulas (`features/`), what a user writes
(`arguments.py`), and what a strategy is given in a backtest (`backtest.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.feature_registry import select
from quant_platform.market.calendar import Calendar
from quant_platform.market.facts import with_tickers
from quant_platform.market.grid import Rows, days_of
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.research.reader import TableReader
from quant_platform.storage.bulk import Members

KEY = ("date", "symbol", "security_id")


@dataclass(frozen=True)
class FeatureData:
    """What is read of the sessions of a range.

    Attributes
    ----------
    reader : of tables as they were known at one moment
    calendar : sessions of the exchange
    first, last : first and last day, ISO dates
    """

    reader: TableReader
    calendar: Calendar
    first: str
    last: str

    @cached_property
    def _stored(self) -> Sequence[date]:
        """Sessions from the first bar to the last one."""
        return self.calendar.sessions(*self.reader.first_and_last_bar())

    @cached_property
    def _sessions(self) -> Sequence[date]:
        """Sessions of the range as far as there are bars.

        Raises
        ------
        SessionError
            There are none, or the universe lacks one of them.
        """
        sessions = self.calendar.range(self.first, self.last, self._stored)
        self.reader.refuse_gaps("trading_universe", [day.isoformat() for day in sessions])
        return sessions

    @property
    def _span(self) -> tuple[str, str]:
        return self.first, self.last

    def universe(self, *columns: str) -> Rows:
        """Members of each session."""
        return self.reader.columns("trading_universe", self._span, [*KEY, *columns])

    def rows(self, names: Sequence[str]) -> Rows:
        """Rows of date, symbol, security_id and the features, of the members of each session."""
        wanted = [each.name for each in select(names)]
        if self.reader.has_columns("features", wanted):
            rows = self.reader.columns("features", self._span, [*KEY, *wanted])
            if np.isin(days_of(self.universe()), days_of(rows)).all():
                return rows
        return self._computed(wanted)

    def frame(self, names: Sequence[str], securities: Sequence[str] | None) -> pd.DataFrame:
        """Features by date and symbol, of all members or of some securities."""
        rows = self.rows(names)
        frame = rows if isinstance(rows, pd.DataFrame) else self.reader.decoded(rows)
        if securities is not None:
            frame = frame[frame["security_id"].isin(securities)]
        wanted = [each.name for each in select(names)]
        frame = frame.astype({"date": "datetime64[s]"}).sort_values(["date", "symbol"])
        return frame.set_index(["date", "symbol"])[wanted]

    def panel(self, names: Sequence[str]) -> Panel:
        """Bars, actions, universe and features of the securities that were members in the range."""
        members = Members(*self._span)
        bars = self.reader.columns(
            "market_data", self._span, [*KEY, *BAR_COLUMNS.values()], members=members
        )
        panel = Panel.from_frames(
            bars,
            self.reader.rows("corporate_actions", self._span, members=members),
            self._sessions,
            universe=self.universe("sector"),
            features=self.rows(names) if names else None,
            calendar=self.calendar,
        )
        return replace(panel, symbols=self._tickers(panel))

    def _computed(self, names: Sequence[str]) -> pd.DataFrame:
        """Features computed of bars, as `features` would have them."""
        first = self._stored.index(self._sessions[0])
        before = self._stored[max(first - required_lookback(names) + 1, 0) : first]
        window = [*before, *self._sessions]
        self.reader.refuse_gaps("market_data", [day.isoformat() for day in window])
        span = (window[0].isoformat(), self._span[1])
        members = Members(*self._span)
        bars = self.reader.columns(
            "market_data", span, [*KEY, *BAR_COLUMNS.values()], members=members
        )
        actions = self.reader.rows("corporate_actions", span, members=members)
        news = None
        if any("articles" in each.inputs for each in select(names)):
            articles = self.reader.rows("news", span, (*KEY, "sentiment"), members=members)
            # Without a single article, the market is taken for one whose news nobody collects.
            news = articles if len(articles) else None
        panel = Panel.from_frames(bars, actions, window, news=news, calendar=self.calendar)
        features = compute_features(panel, last=len(self._sessions), names=names)
        universe = self.universe()
        frame = universe if isinstance(universe, pd.DataFrame) else self.reader.decoded(universe)
        return with_tickers(features, frame)

    def _tickers(self, panel: Panel) -> tuple[str, ...]:
        """Ticker that each security had last; its id where another one's is the same."""
        rows = self.universe()
        frame = rows if isinstance(rows, pd.DataFrame) else self.reader.decoded(rows)
        last = frame.drop_duplicates("security_id", keep="last").set_index("security_id")["symbol"]
        last = last[~last.duplicated(keep=False)]
        return tuple(str(last.get(each, each)) for each in panel.security_ids)
