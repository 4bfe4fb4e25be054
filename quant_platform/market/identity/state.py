"""`BookState`: what every ticker means after a session, and the steps that change it.

What belongs here: the state and its single steps. What decides them is in `resolver.py`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.identity.evidence import RECENT_SESSIONS
from quant_platform.market.identity.tickers import Tickers
from quant_platform.vendors.answers import Listing


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


class BookState:
    """What every ticker means after a session.

    Attributes
    ----------
    meaning : ticker → security
    ticker : security → ticker that it has
    description : security → what is known of it
    by_figi, by_class : FIGI of a security, or of its share class → security
    by_issuer : CIK, and name in one case, → securities that were ever described so
    tickers : the same meanings by number, and the session of each ticker's last bar
    liquid : numbers of the tickers of which much was traded in the last session
    settled : ticker → the listing it had in the last list, its security and description then
    number : sessions so far, those before the book was built counted as `RECENT_SESSIONS`
    """

    def __init__(self) -> None:
        self.meaning: dict[str, str] = {}
        self.ticker: dict[str, str] = {}
        self.description: dict[str, Listing] = {}
        self.by_figi: dict[str, str] = {}
        self.by_class: dict[str, str] = {}
        self.by_issuer: dict[str, set[str]] = {}
        self.tickers = Tickers()
        self.liquid = np.empty(0, dtype=np.intp)
        self.settled: dict[str, tuple[Listing, str, Listing]] = {}
        self.number = RECENT_SESSIONS

    def set_meaning(self, symbol: str, security: str | None) -> None:
        """Let `symbol` mean `security` from now on."""
        self.tickers.mean(symbol, security)
        before = self.meaning.pop(symbol, None)
        if before is not None and self.ticker.get(before) == symbol:
            del self.ticker[before]
        if security is not None:
            self.meaning[symbol] = security
            self.ticker[security] = symbol

    def describe(self, security: str, listing: Listing) -> None:
        """Replace the description of a security."""
        self.description[security] = listing
        if listing.figi:
            self.by_figi[listing.figi] = security
        if listing.share_class_figi:
            self.by_class.setdefault(listing.share_class_figi, security)
        for key in (listing.cik, (listing.company_name or "").casefold()):
            if key:
                self.by_issuer.setdefault(key, set()).add(security)

    def note_trading(
        self,
        places: NDArray[np.intp],
        traded: FloatArray,
        dollars: float,
        closes: FloatArray | None = None,
    ) -> None:
        """Note which tickers have a bar and its close, and which of them traded much."""
        self.number += 1
        self.tickers.last_bar[places] = self.number
        self.tickers.last_close[places] = np.nan if closes is None else closes
        self.liquid = places[traded >= dollars]

    def sessions_away(self, symbol: str) -> int:
        """Sessions since the last bar, counting the coming one; beyond what is remembered: many."""
        place = self.tickers.place(symbol)
        return self.number + 1 - int(self.tickers.last_bar[place])
