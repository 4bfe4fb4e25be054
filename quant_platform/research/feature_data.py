"""Features and panels for notebooks: as stored, or computed in memory where they are not.

Both ways give the same bits, whatever the features read. `feature_panel` is also what a backtest
computes features of. What does not belong here: formulas and what is made of their inputs
(`features/`), and what a user writes (`arguments.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.extras import Extras
from quant_platform.features.feature_registry import select
from quant_platform.features.inputs import (
    ECONOMY,
    OWN_DATA,
    UNIVERSE_INPUTS,
    bar_columns,
    extras_of,
    inputs_of,
    own_inputs,
    series_names,
    sessions_held,
)
from quant_platform.market.calendar import Calendar
from quant_platform.market.facts import with_tickers
from quant_platform.market.grid import Rows, days_of
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.research.reader import TableReader
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.time_limit import UNLIMITED, TimeLimit

KEY = ("date", "symbol", "security_id")

_COLLECTED = "SELECT EXISTS (SELECT 1 FROM computations WHERE asset = 'news') AS news"


def bars_read(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of bars that `feature_panel` needs for these features."""
    return (*KEY, *bar_columns(inputs_of(select(names))))


def members_read(names: Sequence[str], first: str, last: str) -> Members:
    """Return whose bars and actions `feature_panel` needs: of some, everybody who ever was one."""
    across = any(each.of.across for each in select(names))
    return Members(BEGINNING if across else first, last)


def feature_panel(
    reader: TableReader,
    calendar: Calendar,
    bars: Rows,
    actions: Rows,
    sessions: Sequence[str],
    names: Sequence[str],
    members: Members,
) -> tuple[Panel, Extras]:
    """Return what features are computed of, and read what they need beside bars and actions.

    Parameters
    ----------
    bars, actions : rows of `sessions` and of `members`
    sessions : consecutive ISO dates, the look-back of the features among them

    Raises
    ------
    SessionError
        The universe lacks a session that a feature looks back on.
    """
    inputs, span = inputs_of(select(names)), (sessions[0], sessions[-1])
    news = None
    if "articles" in inputs:
        articles = reader.rows("news", span, (*KEY, "sentiment"), members=members)
        # Without a single article, the market may be one whose news nobody collects.
        if len(articles) or bool(reader.query(_COLLECTED)["news"].iloc[0]):
            news = articles
    panel = Panel.from_frames(bars, actions, sessions, news=news, calendar=calendar)
    universe = pd.DataFrame(columns=[*KEY, "sector"])
    if inputs & {*UNIVERSE_INPUTS}:
        reader.refuse_gaps("trading_universe", sessions)
        universe = reader.rows("trading_universe", span, (*KEY, "sector"))
    days = days_held(calendar, sessions, sessions_held(inputs))
    known = {}
    if series_names(inputs):
        known = {table: reader.rows(table, (days[0], days[-1])) for table in ECONOMY}
    if own := own_inputs(inputs):
        datasets = {"dataset": tuple({each.dataset for each in own})}
        known[OWN_DATA] = reader.rows(OWN_DATA, (days[0], days[-1]), among=datasets)
    extras = extras_of(panel, inputs, universe=universe, known=known, days=days, query=reader.query)
    return panel, extras


def days_held(calendar: Calendar, sessions: Sequence[str], held: int) -> list[str]:
    """Sessions, with the ones before them in which what holds may have become known."""
    return [*calendar.window(calendar.first, sessions[:1], held)[:-1], *sessions]


@dataclass(frozen=True)
class FeatureData:
    """What is read of the sessions of a range.

    Attributes
    ----------
    reader : of tables as they were known at one moment
    calendar : sessions of the exchange
    first, last : first and last day, ISO dates
    limit : how long each call of a feature may take that somebody added
    """

    reader: TableReader
    calendar: Calendar
    first: str
    last: str
    limit: TimeLimit = UNLIMITED

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

    def rows(self, names: Sequence[str]) -> list[Rows]:
        """Rows of date, symbol, security_id and the features, of the members of each session.

        Of each set that is stored in the range, the stored ones, read as they are kept; all others
        are computed at once.
        """
        chosen, parts, left = select(names), list[Rows](), list[str]()
        for of in dict.fromkeys(each.of for each in chosen):
            wanted = [each.name for each in chosen if each.of == of]
            stored = self._stored_rows(of.table, wanted)
            if stored is None:
                left += wanted
            else:
                parts.append(stored)
        return [*parts, self._computed(left)] if left or not parts else parts

    def _stored_rows(self, table: str, wanted: Sequence[str]) -> Rows | None:
        """Stored rows of a set; None where a feature or a session is not stored."""
        if not self.reader.has_columns(table, wanted):
            return None
        rows = self.reader.columns(table, self._span, [*KEY, *wanted])
        return rows if np.isin(days_of(self.universe()), days_of(rows)).all() else None

    def frame(self, names: Sequence[str], securities: Sequence[str] | None) -> pd.DataFrame:
        """Features by date and symbol, of all members or of some securities."""
        wanted = [each.name for each in select(names)]
        frames = list(self._frames(names, securities))
        joined = frames[0] if len(frames) == 1 else pd.concat(frames, axis=1).sort_index()
        return joined[wanted]

    def _frames(
        self, names: Sequence[str], securities: Sequence[str] | None
    ) -> Iterator[pd.DataFrame]:
        for rows in self.rows(names):
            frame = rows if isinstance(rows, pd.DataFrame) else self.reader.decoded(rows)
            if securities is not None:
                frame = frame[frame["security_id"].isin(securities)]
            frame = frame.astype({"date": "datetime64[s]"}).sort_values(["date", "symbol"])
            yield frame.drop(columns="security_id").set_index(["date", "symbol"])

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
            features=self.rows(names) if names else (),
            calendar=self.calendar,
        )
        return replace(panel, symbols=self._tickers(panel))

    def _computed(self, names: Sequence[str]) -> pd.DataFrame:
        """Features computed of bars, as the tables of their sets would have them."""
        first = self._stored.index(self._sessions[0])
        before = self._stored[max(first - required_lookback(names) + 1, 0) : first]
        window = [day.isoformat() for day in (*before, *self._sessions)]
        self.reader.refuse_gaps("market_data", window)
        span, members = (window[0], window[-1]), members_read(names, *self._span)
        panel, extras = feature_panel(
            self.reader,
            self.calendar,
            self.reader.columns("market_data", span, bars_read(names), members=members),
            self.reader.rows("corporate_actions", span, members=members),
            window,
            names,
            members,
        )
        features = compute_features(
            panel, last=len(self._sessions), names=names, extras=extras, limit=self.limit
        )
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
