"""`ServedMarket`: the data the server serves, as tables of bars, listings and events.

Bars come from a `BarSource`, session by session, as arrays; so a market of millions of rows never
stands in memory as Python objects. All else are rows in the vendor's own words. Every edit (a late
correction, a new split) goes through a method, which forgets what was derived and counts up the
session's revision, so that the server renders it again.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import Any, Protocol

import numpy as np
import pandas as pd

from quant_platform_tests.support.polygon_server.bars import PRICES, Bars
from quant_platform_tests.support.polygon_server.frames import FrameBars
from quant_platform_tests.support.polygon_server.listings import (
    Listed,
    Row,
    events,
    listed,
    records,
)
from quant_platform_tests.support.polygon_server.sample import sample_frames
from quant_platform_tests.support.polygon_server.synthetic import synthetic_tables

Rows = pd.DataFrame | Sequence[Mapping[str, Any]]

TABLES = ("splits", "dividends", "news", "treasury_yields", "inflation", "labor_market")


class BarSource(Protocol):
    """Where raw bars come from."""

    sessions: tuple[date, ...]

    def bars(self, session: date) -> Bars:
        """Raw bars of one session; empty for a day without any."""
        ...

    def history(self, symbol: str, first: date, last: date) -> list[Row]:
        """Rows of one ticker as `Bars.row` has them, ascending."""
        ...

    def close_before(self, symbol: str, day: date) -> float | None:
        """Raw close of the last bar before `day`."""
        ...


@dataclass
class ServedMarket:
    """A market over time.

    `closed` are days without trading beyond the exchange's calendar, `early` the New York times at
    which trading ends in sessions that the calendar does not end early; `named` holds the names of
    both, where they have any.
    """

    source: BarSource
    listings: tuple[Listed, ...] = ()
    splits: tuple[Row, ...] = ()
    dividends: tuple[Row, ...] = ()
    news: tuple[Row, ...] = ()
    treasury_yields: tuple[Row, ...] = ()
    inflation: tuple[Row, ...] = ()
    labor_market: tuple[Row, ...] = ()
    closed: frozenset[date] = frozenset()
    early: Mapping[date, time] = field(default_factory=dict)
    named: Mapping[date, str] = field(default_factory=dict)
    _edits: dict[date, list[Callable[[Bars], Bars]]] = field(
        default_factory=lambda: defaultdict(list), repr=False
    )
    _derived: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def sample(cls) -> "ServedMarket":
        """Return the five real stocks of the platform's sample, 2000-03-01 to 2013-03-01."""
        return cls.from_frames(**sample_frames())

    @classmethod
    def synthetic(
        cls, symbols: int = 12_000, sessions: Sequence[date] = (), seed: int = 1
    ) -> "ServedMarket":
        """Return a generated market, every name in it says so."""
        return cls(**synthetic_tables(symbols, sessions, seed))

    @classmethod
    def from_frames(
        cls, bars: Rows, listings: Rows = (), *, closed: Iterable[date] = (), **tables: Rows
    ) -> "ServedMarket":
        """Return a market over tables, each a frame or a list of rows.

        Parameters
        ----------
        bars : date, symbol, open, high, low, close, volume and, where there are, vwap, trades, otc
        listings : symbol, and where they are known: from, to, figi, share_class_figi, cik, name,
            type, exchange, sector, list_date, delisted, otc, security (default: the FIGI, or
            the ticker and its first day). No listings at all: one a symbol, for as long as it has
            bars
        closed : days on which the market stays shut against the calendar
        tables : splits, dividends, news, treasury_yields, inflation, labor_market, in the fields of
            the API
        """
        source = FrameBars(records(bars))
        listed_events: dict[str, Any] = {name: tuple(events(rows)) for name, rows in tables.items()}
        return cls(
            source,
            tuple(listed(row) for row in records(listings)) or source.listings(),
            closed=frozenset(closed),
            **listed_events,
        )

    # --- reading -----------------------------------------------------------------------------

    @property
    def sessions(self) -> tuple[date, ...]:
        return self.source.sessions

    def bars(self, session: date) -> Bars:
        """Raw bars of `session`, corrections included."""
        bars = Bars.none(session) if session in self.closed else self.source.bars(session)
        for edit in self._edits.get(session, ()):
            bars = edit(bars)
        return bars

    def history(self, symbol: str, first: date, last: date) -> list[Row]:
        """Rows of `symbol` from `first` to `last`, whichever securities bore the ticker."""
        changed = {day for day in self._edits if first <= day <= last}
        rows = [
            row
            for row in self.source.history(symbol, first, last)
            if row["date"] not in changed | self.closed
        ]
        again = (self.bars(session).row(symbol) for session in changed)
        return sorted(rows + [row for row in again if row], key=lambda row: row["date"])

    def close_before(self, symbol: str, day: date) -> float | None:
        """Return the raw close of the last bar before `day`, later corrections left out."""
        return self.source.close_before(symbol, day)

    def revision(self, session: date) -> int:
        """How often the bars of `session` were edited."""
        return len(self._edits.get(session, ()))

    def listing(self, symbol: str, day: date) -> Listed | None:
        """Return what the reference says of `symbol` on `day`."""
        index: dict[str, list[Listed]] = self.derived(
            "by symbol", lambda: _grouped(self.listings, lambda row: row.symbol)
        )
        return next((row for row in index.get(symbol, ()) if row.holds(day)), None)

    def tickers_of(self, security: str) -> list[Listed]:
        """Return the listings of one security, oldest first."""
        index: dict[str, list[Listed]] = self.derived(
            "by security", lambda: _grouped(self.listings, lambda row: row.security)
        )
        return sorted(index.get(security, ()), key=lambda row: row.first)

    def factor(self, symbol: str, day: date, as_of: date) -> float:
        """Factor that brings a price of `day` to the shares of `as_of`."""
        listing = self.listing(symbol, day)
        splits = self._splits_of().get(listing.security if listing else symbol, ())
        return math.prod(ratio for when, ratio in splits if day < when <= as_of)

    def factors(self, day: date, as_of: date) -> dict[str, float]:
        """`factor` of every symbol for which it is not 1."""
        factors = {}
        for security, splits in self._splits_of().items():
            factor = math.prod(ratio for when, ratio in splits if day < when <= as_of)
            if factor != 1.0:
                rows = self.tickers_of(security)
                names = [row.symbol for row in rows if row.holds(day)] if rows else [security]
                factors.update(dict.fromkeys(names, factor))
        return factors

    def derived(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, made once until the next edit."""
        if key not in self._derived:
            self._derived[key] = make()
        return self._derived[key]

    def _splits_of(self) -> dict[str, list[tuple[date, float]]]:
        return self.derived("splits of", self._index_splits)

    def _index_splits(self) -> dict[str, list[tuple[date, float]]]:
        """Splits by security; of rows that share ticker and day the first one holds."""
        index: dict[str, dict[date, float]] = defaultdict(dict)
        for row in self.splits:
            when = date.fromisoformat(row["execution_date"])
            listing = self.listing(row["ticker"], when)
            security = listing.security if listing else row["ticker"]
            index[security].setdefault(when, row["split_from"] / row["split_to"])
        return {security: sorted(by_day.items()) for security, by_day in index.items()}

    # --- editing -----------------------------------------------------------------------------

    def correct(self, session: date, symbol: str, **values: float) -> None:
        """Change fields (open, high, low, close, volume, vwap, trades) of one bar from now on."""

        def edit(bars: Bars) -> Bars:
            place = bars.symbol == symbol
            if not place.any():
                raise KeyError(f"{symbol} has no bar on {session}")
            corrected: dict[str, Any] = {
                name: np.where(place, value, getattr(bars, name)) for name, value in values.items()
            }
            return replace(bars, **corrected)

        edit(self.bars(session))
        self._edit(session, edit)

    def add_bar(self, session: date, symbol: str, **values: float) -> None:
        """Bring a bar late; unnamed fields are absent."""
        row = Bars.from_rows(session, [{"symbol": symbol, **values}])
        self._edit(session, lambda bars: bars.joined(row))

    def remove_bar(self, session: date, symbol: str) -> None:
        """Take a bar away."""
        self._edit(session, lambda bars: bars.where(bars.symbol != symbol))

    def add(self, table: str, *rows: Row) -> None:
        """Append rows to one of `TABLES`."""
        self.replace(table, (*getattr(self, table), *rows))

    def replace(self, table: str, rows: Iterable[Row]) -> None:
        """Put `rows` in place of all rows of one of `TABLES`."""
        if table not in TABLES:
            raise ValueError(f"{table} is not one of {', '.join(TABLES)}")
        setattr(self, table, tuple(rows))
        self._derived.clear()

    def relist(self, listings: Iterable[Listed]) -> None:
        """Put `listings` in place of all listings."""
        self.listings = tuple(listings)
        self._derived.clear()

    def _edit(self, session: date, edit: Callable[[Bars], Bars]) -> None:
        self._edits[session].append(edit)
        self._derived.clear()


def adjusted(row: Row, factor: float) -> Row:
    """Return a bar's row with prices times and volume divided by `factor`."""
    if factor == 1.0:
        return row
    prices = {name: round(row[name] * factor, 6) for name in PRICES if name in row}
    return row | prices | {"volume": round(row["volume"] / factor, 6)}


def _grouped(
    rows: Iterable[Listed], key: Callable[[Listed], str]
) -> defaultdict[str, list[Listed]]:
    index: defaultdict[str, list[Listed]] = defaultdict(list)
    for row in rows:
        index[key(row)].append(row)
    return index
