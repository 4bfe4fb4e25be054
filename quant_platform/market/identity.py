"""Which security a ticker means, session by session.

A ticker is not an identity: Facebook became META on 2022-06-09, a ticker that had been a fund's
until that January, and in April 2014 GOOG passed from one share class to another overnight. An
`IdentityBook` knows what every ticker means after a session; `resolve` takes the next session's
bars and says what changed. What it is told by the reference as of that session decides:

1. At an anchor (the first session of all, and then of each month, week or day) the whole list of
   tickers as of the session is read, and what was delisted since the one before.
2. A ticker that the book does not know is looked up, if enough was traded in it. Its FIGI names a
   known security: that security was renamed. Otherwise it is a new one.
3. The security that was renamed still trades under its old ticker: that one is looked up too, since
   it must have been reused.
4. A ticker that came back after `RETURN_SESSIONS` without a bar is looked up; one that traded much
   in the session before and is gone now is followed through the vendor's list of ticker changes.

Where the evidence does not reach, a ticker gets a security of its own, so that a series may be cut
in two by mistake but never joins two securities. The rule needs no FIGI: CIK and name are evidence
as well, and bars alone make a security that rests on nothing else.

The state is nothing but the sum of what `resolve` returned for earlier sessions, plus which tickers
traded lately, so a book built from stored rows goes on exactly as one that was never closed.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.market.panel import FloatArray
from quant_platform.vendors.base import Listing

RECENT_SESSIONS = 21
"""Sessions of bars that a book looks back on."""

RETURN_SESSIONS = 5
"""Sessions without a bar after which a ticker that trades again is looked up anew."""

COMPLETE_REFERENCE = 0.8
"""A list shorter than this share of the tickers in use has holes, and retires nobody."""

FIGI, REFERENCE, BARS = "figi", "reference", "bars"

_TEXT = ("figi", "share_class_figi", "cik", "company_name", "security_type", "exchange", "sector")
_DATES = ("list_date", "delisted_on")


class Reference(Protocol):
    """What a book asks of a vendor; see `vendors.base.MarketVendor`."""

    def listed(self, session: date, *, delisted_since: date | None = None) -> Sequence[Listing]:
        """Tickers listed as of a session, or delisted in the days before it."""
        ...

    def details(self, symbol: str, session: date) -> Listing | None:
        """What a ticker meant in a session."""
        ...

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        """Tickers that a security adopted."""
        ...


@dataclass(frozen=True)
class Resolution:
    """What a session's bars mean, and what is new.

    Attributes
    ----------
    security_ids : one per bar, in their order
    securities : rows of the table `securities`: descriptions that hold from the session on
    symbols : rows of the table `security_symbols`: meanings that hold from the session on
    """

    security_ids: list[str]
    securities: pd.DataFrame
    symbols: pd.DataFrame


class IdentityBook:
    """What every ticker means after a session."""

    def __init__(self) -> None:
        self._meaning: dict[str, str] = {}
        self._ticker: dict[str, str] = {}
        self._description: dict[str, Listing] = {}
        self._by_figi: dict[str, str] = {}
        self._by_class: dict[str, str] = {}
        self._tickers = _Tickers()
        self._liquid = np.empty(0, dtype=np.intp)
        self._settled: dict[str, tuple[Listing, str, Listing]] = {}
        self._number = RECENT_SESSIONS

    @classmethod
    def from_frames(
        cls, securities: pd.DataFrame, symbols: pd.DataFrame, recent: pd.DataFrame, dollars: float
    ) -> "IdentityBook":
        """Build the book as it was after a session.

        Parameters
        ----------
        securities, symbols : all rows up to the session
        recent : symbol and dollars of the bars of the last `RECENT_SESSIONS` sessions, with date
        dollars : trading in one session from which on a ticker is followed
        """
        book = cls()
        ordered = securities.sort_values(["date", "security_id"])
        for row in ordered.to_dict("records"):
            book._describe(str(row["security_id"]), _listing({str(k): v for k, v in row.items()}))
        ordered = symbols.sort_values(["date", "symbol"])
        for symbol, security in zip(ordered["symbol"], ordered["security_id"], strict=True):
            book._set(symbol, None if pd.isna(security) else str(security))
        for _, bars in recent.groupby("date", sort=True):
            places = book._tickers.places(bars["symbol"].tolist())
            book._trade(places, bars["dollars"].to_numpy(np.float64), dollars)
        return book

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known yet."""
        return not self._description

    def resolve(
        self,
        session: date,
        symbols: Sequence[str],
        traded: FloatArray,
        reference: Reference,
        *,
        anchor: bool,
        delisted_since: date | None,
        dollars: float,
    ) -> Resolution:
        """Work out what the tickers of the next session mean.

        Parameters
        ----------
        session : the session after the one the book stands at
        symbols : tickers of its bars
        traded : close × volume of each
        reference : asked where the book does not know
        anchor : whether the whole list is read
        delisted_since : first day of the delistings that are read with it
        dollars : trading in the session from which on a ticker is looked up

        Raises
        ------
        VendorError
            The reference could not be asked; the book is then of no more use.
        """
        today = _Session(self, session, symbols, traded, reference, dollars)
        if self.is_empty:
            today.read_list(None)
        elif anchor:
            today.read_list(delisted_since)
        today.meet_strangers()
        today.follow_the_vanished()
        today.question_the_returned()
        self._trade(today.places, traded, dollars)
        return today.resolution()

    def _set(self, symbol: str, security: str | None) -> None:
        """Let `symbol` mean `security` from now on."""
        self._tickers.mean(symbol, security)
        before = self._meaning.pop(symbol, None)
        if before is not None and self._ticker.get(before) == symbol:
            del self._ticker[before]
        if security is not None:
            self._meaning[symbol] = security
            self._ticker[security] = symbol

    def _describe(self, security: str, listing: Listing) -> None:
        self._description[security] = listing
        if listing.figi:
            self._by_figi[listing.figi] = security
        if listing.share_class_figi:
            self._by_class.setdefault(listing.share_class_figi, security)

    def _trade(self, places: NDArray[np.intp], traded: FloatArray, dollars: float) -> None:
        """Note which tickers have a bar, and which of them traded much."""
        self._number += 1
        self._tickers.last_bar[places] = self._number
        self._liquid = places[traded >= dollars]

    def _sessions_away(self, symbol: str) -> int:
        """Sessions since the last bar, counting the coming one; beyond what is remembered: many."""
        (place,) = self._tickers.places([symbol])
        return self._number + 1 - int(self._tickers.last_bar[place])


class _Tickers:
    """Tickers by number, so that a session's 12,000 are hashed once and the rest is arrays.

    Attributes
    ----------
    names : the tickers in the order of their numbers
    meaning : security of each; None for nobody
    last_bar : number of the session of its last bar; 0: longer ago than is remembered
    """

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self.names: list[str] = []
        self.meaning = np.full(1024, None, dtype=object)
        self.last_bar = np.zeros(1024, dtype=np.int64)

    def places(self, symbols: Sequence[str]) -> NDArray[np.intp]:
        """Number of each ticker; new ones get one."""
        found = list(map(self._place.get, symbols))
        if None in found:
            for at, symbol in enumerate(symbols):
                if found[at] is None:
                    found[at] = self._place.setdefault(symbol, len(self._place))
            self.names = list(self._place)
            self._grow()
        return np.asarray(found, dtype=np.intp)

    def mean(self, symbol: str, security: str | None) -> None:
        """Let a ticker mean a security."""
        (place,) = self.places([symbol])
        self.meaning[place] = security

    def _grow(self) -> None:
        missing = 2 * len(self._place) - len(self.meaning)
        if missing > len(self._place):
            self.meaning = np.concatenate([self.meaning, np.full(missing, None, dtype=object)])
            self.last_bar = np.concatenate([self.last_bar, np.zeros(missing, dtype=np.int64)])


class _Session:
    """One call of `resolve`: what the day brings, and what it changes in the book."""

    def __init__(
        self,
        book: IdentityBook,
        session: date,
        symbols: Sequence[str],
        traded: FloatArray,
        reference: Reference,
        dollars: float,
    ) -> None:
        self.book, self.day, self.reference = book, session, reference
        self.symbols = symbols
        self.places = book._tickers.places(symbols)
        self.traded = _Traded(book, self.places, traded)
        self.dollars = dollars
        self.described: dict[str, Listing] = {}
        self.meanings: dict[str, tuple[str | None, str]] = {}

    def read_list(self, since: date | None) -> None:
        """Compare the whole list of tickers with the book."""
        book = self.book
        listings = {listing.symbol: listing for listing in self.reference.listed(self.day)}
        in_use = len(book._meaning)
        for symbol in sorted(listings):
            self._listed(listings[symbol], listings)
        if since is not None:
            for listing in self.reference.listed(self.day, delisted_since=since):
                self._delisted(listing, listings)
        if len(listings) < COMPLETE_REFERENCE * in_use:
            return
        for symbol in sorted(book._meaning.keys() - listings.keys()):
            if symbol not in self.traded and book._sessions_away(symbol) > RECENT_SESSIONS:
                self._mean(symbol, None, "retired")

    def _listed(self, listing: Listing, listings: dict[str, Listing]) -> None:
        book, symbol = self.book, listing.symbol
        current = book._meaning.get(symbol)
        if current is not None and self._is_settled(listing, current):
            return
        security = self._identify(listing, current)
        elsewhere = None if security is None else book._ticker.get(security)
        if security is not None and security != current and elsewhere in listings:
            other = listings[elsewhere]
            if other.figi == listing.figi:
                # Two listed tickers claim one FIGI: it stays with the ticker that has it.
                security = current
                listing = replace(listing, figi=None, share_class_figi=None)
                if current is None:
                    self._mean(symbol, self._new_security(listing), "conflict")
                return
        if security is None:
            security = self._new_security(listing)
        else:
            self._update(security, listing)
        if security != current:
            self._adopt(symbol, security, "listed" if current is None else "reused")
        book._settled[symbol] = (listing, security, book._description[security])

    def _is_settled(self, listing: Listing, current: str) -> bool:
        """Whether the list said the same the last time, and nothing changed since.

        Nearly every row of a list is of this kind, and then there is nothing to work out.
        """
        book = self.book
        if listing.figi and book._by_figi.get(listing.figi) != current:
            return False
        before = book._settled.get(listing.symbol)
        return (
            before is not None
            and before[0] is listing
            and before[1] == current
            and before[2] is book._description[current]
        )

    def _delisted(self, listing: Listing, listings: dict[str, Listing]) -> None:
        """Note a delisting; the ticker means nobody any more unless somebody has it by now."""
        book, symbol = self.book, listing.symbol
        current = book._meaning.get(symbol)
        security = book._by_figi.get(listing.figi or "") or current
        if security is None:
            return
        if listing.figi is None and not _agree(book._description[security], listing):
            return
        self._update(security, listing)
        if current == security and symbol not in listings and symbol not in self.traded:
            self._mean(symbol, None, "retired")

    def meet_strangers(self) -> None:
        """Give a meaning to every ticker that has none."""
        unknown = self.book._tickers.meaning[self.places] == None  # noqa: E711 — an array
        for symbol in [self.symbols[at] for at in np.flatnonzero(unknown).tolist()]:
            if symbol in self.book._meaning:
                continue
            listing = self._look_up(symbol)
            security = None if listing is None else self._identify(listing, None)
            if security is None:
                self._adopt(symbol, self._new_security(listing or Listing(symbol)), "new")
            else:
                self._update(security, listing)
                self._adopt(symbol, security, "renamed")

    def follow_the_vanished(self) -> None:
        """Look for securities that traded much yesterday under a ticker that has no bar today."""
        book = self.book
        for symbol in sorted(book._tickers.names[at] for at in self.traded.without(book._liquid)):
            security = book._meaning.get(symbol)
            figi = None if security is None else book._description[security].figi
            if security is None or figi is None or symbol in self.meanings:
                continue
            for day, adopted in self.reference.ticker_changes(figi):
                if day <= self.day and (self.day - day).days <= RETURN_SESSIONS:
                    self._follow(security, figi, adopted)

    def _follow(self, security: str, figi: str, adopted: str) -> None:
        """Believe a ticker change if the ticker trades and the reference confirms it."""
        if adopted not in self.traded or self.book._meaning.get(adopted) == security:
            return
        listing = self.reference.details(adopted, self.day)
        if listing is not None and listing.figi == figi:
            self._update(security, listing)
            self._adopt(adopted, security, "renamed")

    def question_the_returned(self) -> None:
        """Ask again who a ticker is that comes back after a pause."""
        book = self.book
        away = book._tickers.last_bar[self.places] < book._number + 1 - RETURN_SESSIONS
        for symbol in [self.symbols[at] for at in np.flatnonzero(away).tolist()]:
            if symbol in self.meanings:
                continue
            current = book._meaning[symbol]
            listing = self._look_up(symbol)
            if listing is None:
                continue
            security = self._identify(listing, current)
            if security is None:
                self._adopt(symbol, self._new_security(listing), "reused")
            else:
                self._update(security, listing)
                if security != current:
                    self._adopt(symbol, security, "reused")

    def resolution(self) -> Resolution:
        """Collect what the session changed."""
        return Resolution(
            self.book._tickers.meaning[self.places].tolist(),
            securities_frame(self.day, self.described),
            symbols_frame(self.day, self.meanings),
        )

    def _look_up(self, symbol: str) -> Listing | None:
        if self.traded.dollars(symbol) < self.dollars:
            return None
        return self.reference.details(symbol, self.day)

    def _identify(self, listing: Listing, current: str | None) -> str | None:
        """Return the known security that a listing speaks of; None if it is a new one."""
        book = self.book
        if listing.figi and listing.figi in book._by_figi:
            return book._by_figi[listing.figi]
        if current is not None and _agree(book._description[current], listing):
            return current
        if not listing.figi and listing.share_class_figi in book._by_class:
            return book._by_class[listing.share_class_figi or ""]
        return None

    def _adopt(self, symbol: str, security: str, reason: str) -> None:
        """Let `symbol` mean `security`, and settle what becomes of the ticker it had before."""
        book = self.book
        old = book._ticker.get(security)
        self._mean(symbol, security, reason)
        if old is None or old == symbol:
            return
        if old not in self.traded:
            self._mean(old, None, "renamed")
            return
        listing = self.reference.details(old, self.day)
        other = None if listing is None else self._identify(listing, None)
        if listing is None or other == security:
            # Nobody can say who trades there: a security of its own joins nothing.
            self._mean(old, self._new_security(Listing(old)), "conflict")
        elif other is None:
            self._mean(old, self._new_security(listing), "reused")
        else:
            self._update(other, listing)
            self._adopt(old, other, "reused")

    def _mean(self, symbol: str, security: str | None, reason: str) -> None:
        self.book._set(symbol, security)
        self.meanings[symbol] = (security, reason)

    def _new_security(self, listing: Listing) -> str:
        security = listing.figi or f"{listing.symbol}@{self.day}"
        self._note(security, listing)
        return security

    def _update(self, security: str, listing: Listing | None) -> None:
        """Add what a listing says to a description; silence takes nothing away."""
        if listing is None:
            return
        known = self.book._description[security]
        said = {
            name: value
            for name in (*_TEXT, *_DATES)
            if (value := getattr(listing, name)) is not None and value != getattr(known, name)
        }
        if said:
            self._note(security, replace(known, **said))

    def _note(self, security: str, listing: Listing) -> None:
        # The ticker is not part of a description.
        listing = replace(listing, symbol="")
        self.book._describe(security, listing)
        self.described[security] = listing


class _Traded:
    """What each ticker traded in a session, and whether it did."""

    def __init__(self, book: IdentityBook, places: NDArray[np.intp], traded: FloatArray) -> None:
        self._tickers = book._tickers
        self._row = np.full(len(book._tickers.meaning), -1, dtype=np.intp)
        self._row[places] = np.arange(len(places))
        self._traded = traded

    def __contains__(self, symbol: str) -> bool:
        return self._at(symbol) >= 0

    def dollars(self, symbol: str) -> float:
        """Close × volume of a ticker that has a bar."""
        return float(self._traded[self._at(symbol)])

    def without(self, places: NDArray[np.intp]) -> list[int]:
        """Return those of the tickers at `places` that have no bar."""
        missing: list[int] = places[self._row[places] < 0].tolist()
        return missing

    def _at(self, symbol: str) -> int:
        (place,) = self._tickers.places([symbol])
        # A ticker first heard of after this session began has no bar in it.
        return int(self._row[place]) if place < len(self._row) else -1


def anchor_since(session: date, before: date | None, cadence: str) -> date | None:
    """First day of the span that an anchor covers; None where `session` is no anchor.

    Parameters
    ----------
    session : a session
    before : the exchange's session before it
    cadence : monthly, weekly or daily: the first session of each is an anchor
    """
    if before is None or cadence == "daily":
        return before or session
    if cadence == "weekly":
        same = session.isocalendar()[:2] == before.isocalendar()[:2]
        return None if same else before - timedelta(days=before.weekday())
    same = (session.year, session.month) == (before.year, before.month)
    return None if same else before.replace(day=1)


def fixed_identities(
    reference: pd.DataFrame, sessions: Sequence[date], known: Container[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `securities` and `security_symbols` where a symbol is a security.

    A row belongs to the session of the listing or, where history begins later, to the first one.

    Parameters
    ----------
    reference : what `Vendor.securities` returns
    sessions : ascending
    known : securities that have a row of an earlier session
    """
    described: dict[date, dict[str, Listing]] = {}
    for row in reference.to_dict("records"):
        symbol, listed = str(row["symbol"]), pd.Timestamp(row["listing_date"]).date()
        day = next((session for session in sessions if session >= listed), None)
        if day is None or symbol in known:
            continue
        described.setdefault(day, {})[symbol] = Listing(
            "", company_name=row["company_name"], sector=row["sector"], list_date=listed
        )
    days = sorted(described)
    securities = [securities_frame(day, described[day]) for day in days]
    symbols = [
        symbols_frame(day, {symbol: (symbol, "listed") for symbol in described[day]})
        for day in days
    ]
    empty = date(1970, 1, 1)
    return (
        pd.concat(securities or [securities_frame(empty, {})], ignore_index=True),
        pd.concat(symbols or [symbols_frame(empty, {})], ignore_index=True),
    )


def securities_frame(session: date, described: dict[str, Listing]) -> pd.DataFrame:
    """Rows of the table `securities`."""
    ids = sorted(described)
    rows = [described[security] for security in ids]
    columns: dict[str, object] = {"date": _days([session] * len(ids)), "security_id": _texts(ids)}
    columns |= {name: _texts([getattr(row, name) for row in rows]) for name in _TEXT}
    columns |= {name: _days([getattr(row, name) for row in rows]) for name in _DATES}
    columns["evidence"] = _texts([_evidence(row) for row in rows])
    return pd.DataFrame(columns)


def symbols_frame(session: date, meanings: dict[str, tuple[str | None, str]]) -> pd.DataFrame:
    """Rows of the table `security_symbols`."""
    symbols = sorted(meanings)
    return pd.DataFrame(
        {
            "date": _days([session] * len(symbols)),
            "symbol": _texts(symbols),
            "security_id": _texts([meanings[symbol][0] for symbol in symbols]),
            "reason": _texts([meanings[symbol][1] for symbol in symbols]),
        }
    )


def _evidence(listing: Listing) -> str:
    if listing.figi:
        return FIGI
    known = (listing.cik, listing.company_name, listing.security_type, listing.share_class_figi)
    return REFERENCE if any(known) else BARS


def _agree(known: Listing, said: Listing) -> bool:
    """Whether a listing can be of the security described: nothing it says speaks against it."""
    if known.share_class_figi and known.share_class_figi == said.share_class_figi:
        return True
    same_issuer = bool(known.cik) and known.cik == said.cik
    same_name = _same_name(known, said)
    if known.figi and said.figi and known.figi != said.figi:
        # A FIGI is corrected now and then; issuer and name then stay.
        return same_issuer and same_name
    if known.cik and said.cik:
        return same_issuer
    return same_name or not known.company_name or not said.company_name


def _same_name(known: Listing, said: Listing) -> bool:
    one, other = known.company_name, said.company_name
    return bool(one and other) and (one or "").casefold() == (other or "").casefold()


def _listing(row: dict[str, Any]) -> Listing:
    """Read a description out of a stored row."""
    said: dict[str, Any] = {}
    for field in fields(Listing):
        value = row.get(field.name)
        if field.name != "symbol" and value is not None and not pd.isna(value):
            is_day = field.name in _DATES
            said[field.name] = pd.Timestamp(str(value)).date() if is_day else str(value)
    return Listing("", **said)


def _texts(values: Sequence[str | None]) -> object:
    return pd.array(list(values), dtype="str")


def _days(values: Sequence[date | None]) -> object:
    return pd.Series(np.asarray(values, dtype="datetime64[s]"))
