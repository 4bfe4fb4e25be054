"""Which securities are tradable in a session, and how much they trade.

A `UniverseRule` decides by what was known after the close: the securities that had a ticker in the
session, their reference data, and the bars of the last sessions. Nothing here looks at a later
session, so a universe of the past has no survivorship bias. What does not belong here: what a
ticker means (`identity/`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import FILL_LIMIT, USUAL_SESSIONS
from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.medians import trailing_median
from quant_platform.market.grid import pivot

PRESENT = 0.9
"""Share of the sessions of a minimum history in which a security must have a bar."""

EVERYBODY = "all"

_WORD = re.compile(r"(top|price|types|history):(\S+)")
_SYMBOL = re.compile(r"[A-Za-z0-9.\-/^+=]+")
_EXAMPLE = "For instance: AAPL,MSFT or: top:500 price:5 types:CS,ADRC history:60 or: all"


@dataclass(frozen=True)
class UniverseRule:
    """What makes a security a member.

    Attributes
    ----------
    symbols : tickers; empty for any
    top : number of members, those with the most trading; None for no limit
    price : least close, in currency
    types : the vendor's codes of security types; empty for any
    history : sessions of trading before a security can be a member
    """

    symbols: frozenset[str] = frozenset()
    top: int | None = None
    price: float = 0.0
    types: frozenset[str] = frozenset()
    history: int = 0

    @classmethod
    def parse(cls, text: str) -> "UniverseRule":
        """Read a rule: `all`, a list of tickers, or words like `top:500 price:5 types:CS,ADRC`.

        Raises
        ------
        SettingsError
            The text is neither.
        """
        parts = text.split()
        if parts == [EVERYBODY]:
            return cls()
        matches = [_WORD.fullmatch(part) for part in parts]
        if parts and all(matches):
            options = {match[1]: match[2] for match in matches if match is not None}
            if len(options) == len(parts):
                return cls(
                    top=_whole(options, "top", 1),
                    price=_number(options, "price"),
                    types=frozenset(filter(None, options.get("types", "").split(","))),
                    history=_whole(options, "history", 0) or 0,
                )
        symbols = [part.strip() for part in text.split(",")]
        if all(_SYMBOL.fullmatch(symbol) for symbol in symbols):
            return cls(symbols=frozenset(symbols))
        raise SettingsError(f"QUANT_PLATFORM_UNIVERSE is {text!r}", _EXAMPLE)

    @property
    def lookback(self) -> int:
        """Sessions of bars that a membership depends on, its own included."""
        return max(USUAL_SESSIONS, self.history)


def _whole(options: dict[str, str], name: str, least: int) -> int | None:
    if name not in options:
        return None
    if not options[name].isdigit() or int(options[name]) < least:
        raise SettingsError(
            f"{name}:{options[name]} in QUANT_PLATFORM_UNIVERSE is no number", _EXAMPLE
        )
    return int(options[name])


def _number(options: dict[str, str], name: str) -> float:
    try:
        number = float(options.get(name, "0"))
    except ValueError:
        number = -1.0
    if not 0.0 <= number < np.inf:
        raise SettingsError(
            f"{name}:{options[name]} in QUANT_PLATFORM_UNIVERSE is no price", _EXAMPLE
        )
    return number


class Directory:
    """Which securities have a ticker, with their reference data, session by session.

    Parameters
    ----------
    securities, symbols : rows of the tables of that name, from the first session ever on
    """

    def __init__(self, securities: pd.DataFrame, symbols: pd.DataFrame) -> None:
        self.ids = np.unique(securities["security_id"].to_numpy(dtype=object).astype(str))
        self.ticker = np.full(len(self.ids), None, dtype=object)
        self.row = np.full(len(self.ids), -1, dtype=np.intp)
        self.since = np.full(len(self.ids), np.datetime64("NaT"), dtype="datetime64[D]")
        self._holder: dict[str, int] = {}
        self._securities = securities.sort_values("date", kind="stable", ignore_index=True)
        self._symbols = symbols.sort_values("date", kind="stable", ignore_index=True)
        self._places = [
            np.searchsorted(self.ids, self._securities["security_id"].to_numpy(dtype=str)),
            self._meant(),
        ]
        self._days = [
            frame["date"].to_numpy().astype("datetime64[D]")
            for frame in (self._securities, self._symbols)
        ]
        self._reached = [0, 0]
        self.types = self._securities["security_type"].to_numpy(dtype=object)

    def walk_to(self, session: np.datetime64) -> None:
        """Take in everything that holds from `session` or an earlier day on."""
        start, end = self._advance(0, session)
        places = self._places[0][start:end]
        fresh = np.isnat(self.since[places])
        self.row[places] = np.arange(start, end)
        # Backwards: of several descriptions that are taken in at once, the first counts.
        self.since[places[fresh][::-1]] = self._days[0][start:end][fresh][::-1]
        start, end = self._advance(1, session)
        symbols = self._symbols["symbol"].iloc[start:end].tolist()
        for symbol, place in zip(symbols, self._places[1][start:end].tolist(), strict=True):
            before = self._holder.pop(symbol, -1)
            if before >= 0 and self.ticker[before] == symbol:
                self.ticker[before] = None
            if place >= 0:
                self.ticker[place] = symbol
                self._holder[symbol] = place

    def describe(self, entries: Sequence["Entry"]) -> pd.DataFrame:
        """Columns of `trading_universe` that describe the securities of some sessions."""
        rows = self._securities.iloc[np.concatenate([entry.row for entry in entries])]
        since = np.concatenate([entry.since for entry in entries])
        listed = rows["list_date"].to_numpy().astype("datetime64[D]")
        tickers = np.concatenate([entry.ticker for entry in entries])
        ids = self.ids[np.concatenate([entry.places for entry in entries])]
        return pd.DataFrame(
            {
                "symbol": pd.array(tickers.tolist(), dtype="str"),
                "company_name": rows["company_name"].array,
                "sector": rows["sector"].array,
                "listing_date": np.where(np.isnat(listed), since, listed).astype("datetime64[s]"),
                "security_type": rows["security_type"].array,
                "security_id": pd.array(ids.tolist(), dtype="str"),
            }
        )

    def entry(self, places: NDArray[np.intp]) -> "Entry":
        """What holds of the securities at `places` in the session walked to."""
        return Entry(places, self.row[places], self.since[places], self.ticker[places])

    def _meant(self) -> NDArray[np.intp]:
        """Place of the security of each meaning, -1 for none."""
        security_ids = self._symbols["security_id"]
        places: NDArray[np.intp] = pd.Index(self.ids).get_indexer(pd.Index(security_ids.fillna("")))
        return places

    def _advance(self, which: int, session: np.datetime64) -> tuple[int, int]:
        start = self._reached[which]
        end = int(np.searchsorted(self._days[which], session, side="right"))
        self._reached[which] = max(end, start)
        return start, self._reached[which]


@dataclass(frozen=True)
class Entry:
    """Securities of one session: place in the directory, row, first session, and ticker."""

    places: NDArray[np.intp]
    row: NDArray[np.intp]
    since: NDArray[np.datetime64]
    ticker: NDArray[np.object_]


def universe_members(
    rule: UniverseRule,
    directory: Directory,
    bars: pd.DataFrame,
    sessions: Sequence[str],
    last: int,
) -> pd.DataFrame:
    """Members of the last `last` sessions with their dollar-volume rank.

    Parameters
    ----------
    rule : which securities are members
    directory : standing at or before the first wanted session; it is walked to the last one
    bars : date, security_id, close_price and volume of `sessions`
    sessions : consecutive sessions, from `rule.lookback` - 1 before the first wanted one

    Returns
    -------
    Rows of `trading_universe`; ties in rank go by security.
    """
    days = np.asarray(sessions, dtype="datetime64[D]")
    ids = directory.ids.tolist()
    close = pivot(bars, "close_price", days, ids)
    dollars = close * pivot(bars, "volume", days, ids)
    first = len(days) - last
    medians = usual_dollars(dollars, first)
    eligible = _eligible(rule, close, dollars, first)
    entries, values = [], []
    for number, day in enumerate(days[first:]):
        directory.walk_to(day)
        member = eligible[number] & (directory.ticker != None)  # noqa: E711 — an array of objects
        member &= _of_kind(rule, directory)
        places = np.flatnonzero(member)
        places = places[np.argsort(-medians[number, places], kind="stable")[: rule.top]]
        entries.append(directory.entry(places))
        values.append(medians[number, places])
    sizes = [len(entry.places) for entry in entries]
    frame = directory.describe(entries)
    frame.insert(0, "date", np.repeat(days[first:], sizes).astype("datetime64[s]"))
    frame["dollar_volume"] = np.concatenate(values)
    ranks = [np.arange(1, size + 1, dtype=np.int32) for size in sizes]
    frame["dollar_volume_rank"] = np.concatenate(ranks)
    return frame.sort_values(["date", "symbol"], ignore_index=True)


def usual_dollars(dollars: FloatArray, first: int) -> FloatArray:
    """Median of the numbers in the last `USUAL_SESSIONS` rows; 0 where there is none.

    For the rows from `first` on.
    """
    return np.nan_to_num(trailing_median(dollars, USUAL_SESSIONS)[0][first:], nan=0.0)


def _eligible(rule: UniverseRule, close: FloatArray, dollars: FloatArray, first: int) -> BoolArray:
    """Which securities pass the rule's conditions on bars, in each of the rows from `first` on."""
    wanted = close[first:]
    eligible = np.ones(wanted.shape, dtype=bool)
    if rule.price > 0.0:
        last = close.copy()
        for _ in range(FILL_LIMIT):
            gap = np.isnan(last[1:]) & ~np.isnan(last[:-1])
            last[1:][gap] = last[:-1][gap]
        eligible &= last[first:] >= rule.price
    if rule.history > 0:
        bars = np.vstack((np.zeros((1, close.shape[1])), np.cumsum(~np.isnan(close), axis=0)))
        ends = np.arange(first, len(close)) + 1
        counts = bars[ends] - bars[np.maximum(ends - rule.history, 0)]
        eligible &= counts >= np.ceil(PRESENT * rule.history)
    if rule.top is not None:
        eligible &= usual_dollars(dollars, first) > 0.0
    return eligible


def _of_kind(rule: UniverseRule, directory: Directory) -> BoolArray:
    """Which securities pass the rule's conditions on ticker and type, in the current session."""
    kind: BoolArray = directory.row >= 0
    if rule.types:
        wanted = np.isin(directory.types[directory.row].astype(str), sorted(rule.types))
        kind = kind & wanted
    if rule.symbols:
        kind = kind & np.isin(directory.ticker.astype(str), sorted(rule.symbols))
    return kind
