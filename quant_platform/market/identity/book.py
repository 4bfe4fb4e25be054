"""`IdentityBook`: what every ticker means after a session, and the step to the next one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from quant_platform.market.identity.evidence import RECENT_SESSIONS
from quant_platform.market.identity.rows import (
    arrow_text,
    listing_of,
    securities_frame,
    symbols_frame,
)
from quant_platform.market.identity.session import Session
from quant_platform.market.identity.tickers import Tickers
from quant_platform.market.panel import FloatArray
from quant_platform.vendors.base import Listing


class Reference(Protocol):
    """What a book asks of a vendor; see `vendors.abilities.MarketVendor`."""

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

    security_ids: pa.Array
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
        self._tickers = Tickers()
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
            book._describe(str(row["security_id"]), listing_of({str(k): v for k, v in row.items()}))
        ordered = symbols.sort_values(["date", "symbol"])
        for symbol, security in zip(ordered["symbol"], ordered["security_id"], strict=True):
            book._set(symbol, None if pd.isna(security) else str(security))
        for _, bars in recent.groupby("date", sort=True):
            places = book._tickers.places(arrow_text(bars["symbol"]))
            book._trade(places, bars["dollars"].to_numpy(np.float64), dollars)
        return book

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known yet."""
        return not self._description

    def resolve(
        self,
        session: date,
        symbols: pa.Array,
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
        today = Session(self, session, symbols, traded, reference, dollars)
        if self.is_empty:
            today.read_list(None)
        elif anchor:
            today.read_list(delisted_since)
        today.meet_strangers()
        today.follow_the_vanished()
        today.question_the_returned()
        self._trade(today.places, traded, dollars)
        return Resolution(
            self._tickers.securities(today.places),
            securities_frame(session, today.described),
            symbols_frame(session, today.meanings),
        )

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
        place = self._tickers.place(symbol)
        return self._number + 1 - int(self._tickers.last_bar[place])
