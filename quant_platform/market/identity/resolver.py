"""`Resolver`: what one session's bars change in the state of identities.

What does not belong here: when two descriptions agree (`evidence.py`), the state's single steps
(`state.py`).
"""

from dataclasses import replace
from datetime import date

import pyarrow as pa

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.identity.evidence import (
    COMPLETE_REFERENCE,
    RECENT_SESSIONS,
    RETURN_SESSIONS,
    UNEXPLAINED_NIGHT,
    agree,
    same_name,
)
from quant_platform.market.identity.rows import DATES, TEXTS
from quant_platform.market.identity.state import BookState, Reference
from quant_platform.market.identity.tickers import Traded
from quant_platform.vendors.answers import Listing


class Resolver:
    """One call of `resolve`: what the day brings, and what it changes in the state."""

    def __init__(
        self,
        state: BookState,
        session: date,
        symbols: pa.Array,
        traded: FloatArray,
        reference: Reference,
        dollars: float,
        opens: FloatArray | None = None,
    ) -> None:
        self.state, self.day, self.reference = state, session, reference
        self.places = state.tickers.places(symbols)
        self.traded = Traded(state.tickers, self.places, traded, opens)
        self.dollars = dollars
        self.described: dict[str, Listing] = {}
        self.meanings: dict[str, tuple[str | None, str]] = {}

    def read_list(self, since: date | None) -> None:
        """Compare the whole list of tickers with the state."""
        state = self.state
        listings = {listing.symbol: listing for listing in self.reference.listed(self.day)}
        in_use = len(state.meaning)
        for symbol in sorted(listings.keys() - state.meaning.keys()) if in_use else ():
            listing = listings[symbol]
            if symbol in self.traded and listing.figi not in state.by_figi:
                self._welcome(symbol, listing, self._moved_to(symbol, listing, listings))
        for symbol in sorted(listings):
            self._listed(listings[symbol], listings)
        if since is not None:
            for listing in self.reference.listed(self.day, delisted_since=since):
                self._delisted(listing, listings)
        if len(listings) < COMPLETE_REFERENCE * in_use:
            return
        for symbol in sorted(state.meaning.keys() - listings.keys()):
            if symbol not in self.traded and state.sessions_away(symbol) > RECENT_SESSIONS:
                self._mean(symbol, None, "retired")

    def _listed(self, listing: Listing, listings: dict[str, Listing]) -> None:
        state, symbol = self.state, listing.symbol
        current = state.meaning.get(symbol)
        if current is not None and self._is_settled(listing, current):
            return
        security = self._identify(listing, current)
        elsewhere = None if security is None else state.ticker.get(security)
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
        state.settled[symbol] = (listing, security, state.description[security])

    def _is_settled(self, listing: Listing, current: str) -> bool:
        """Whether the list was the same the last time, and nothing changed since.

        Nearly every row of a list is of this kind, and then there is nothing to work out.
        """
        state = self.state
        if listing.figi and state.by_figi.get(listing.figi) != current:
            return False
        before = state.settled.get(listing.symbol)
        return (
            before is not None
            and before[0] is listing
            and before[1] == current
            and before[2] is state.description[current]
        )

    def _delisted(self, listing: Listing, listings: dict[str, Listing]) -> None:
        """Note a delisting; the ticker then means no security, unless another has it already."""
        state, symbol = self.state, listing.symbol
        current = state.meaning.get(symbol)
        security = state.by_figi.get(listing.figi or "") or current
        if security is None:
            return
        if listing.figi is None and not agree(state.description[security], listing):
            return
        self._update(security, listing)
        if current == security and symbol not in listings and symbol not in self.traded:
            self._mean(symbol, None, "retired")

    def look_up_new(self) -> None:
        """Give a meaning to every ticker that has none."""
        tickers = self.state.tickers
        unassigned = self.places[tickers.mean_none(self.places)]
        for symbol in [tickers.names[at] for at in unassigned.tolist()]:
            if symbol in self.state.meaning:
                continue
            listing = self._look_up(symbol)
            security = None if listing is None else self._identify(listing, None)
            if security is None and listing is not None:
                security = self._moved_to(symbol, listing, {})
            self._welcome(symbol, listing or Listing(symbol), security)

    def _welcome(self, symbol: str, listing: Listing, security: str | None) -> None:
        """Let a ticker without a meaning mean a known security, or else a new one."""
        if security is None:
            self._adopt(symbol, self._new_security(listing), "new")
        else:
            self._update(security, listing)
            self._adopt(symbol, security, "renamed")

    def _moved_to(self, symbol: str, stranger: Listing, listings: dict[str, Listing]) -> str | None:
        """Return the security that goes on as a stranger, its old ticker being another's now.

        Without FIGIs a ticker that passed to another share class of its issuer looks as it did, and
        the first class like a stranger. So the tickers of the stranger's issuer are looked up, if
        they have its name or an unusual night. Where names do not tell, such a night ends a series.
        """
        for security in sorted(self._related(stranger)):
            ticker, stored = self.state.ticker.get(security), self.state.description[security]
            if ticker is None or ticker in self.meanings or ticker not in self.traded:
                continue
            unusual = abs(self.traded.night(ticker)) > UNEXPLAINED_NIGHT
            if not unusual and not same_name(stored, stranger):
                continue
            now = listings.get(ticker) or self.reference.details(ticker, self.day)
            if now is not None and now.figi and now.figi == stored.figi:
                continue
            stays = now is not None and same_name(stored, now)
            if now is not None and not stays and same_name(stored, stranger):
                return security
            if now is not None and not agree(stored, now):
                return security if agree(stored, stranger) else None
            if unusual and (same_name(stored, stranger) or not stays):
                self._mean(ticker, self._new_security(now or Listing(ticker)), "conflict")
        return None

    def _related(self, stranger: Listing) -> set[str]:
        """Securities of a stranger's issuer; one with a FIGI is related to those without alone."""
        state = self.state
        key = stranger.cik or (stranger.company_name or "").casefold()
        return {
            security
            for security in state.by_issuer.get(key, ())
            if not (stranger.figi and state.description[security].figi)
        }

    def follow_vanished(self) -> None:
        """Look for securities that traded much yesterday under a ticker that has no bar today."""
        state = self.state
        for symbol in sorted(state.tickers.names[at] for at in self.traded.without(state.liquid)):
            security = state.meaning.get(symbol)
            figi = None if security is None else state.description[security].figi
            if security is None or figi is None or symbol in self.meanings:
                continue
            for day, adopted in self.reference.ticker_changes(figi):
                if day <= self.day and (self.day - day).days <= RETURN_SESSIONS:
                    self._follow(security, figi, adopted)

    def _follow(self, security: str, figi: str, adopted: str) -> None:
        """Accept a ticker change if the ticker trades and the reference confirms it."""
        if adopted not in self.traded or self.state.meaning.get(adopted) == security:
            return
        listing = self.reference.details(adopted, self.day)
        if listing is not None and listing.figi == figi:
            self._update(security, listing)
            self._adopt(adopted, security, "renamed")

    def look_up_returned(self) -> None:
        """Look up again a ticker that comes back after a pause."""
        state, tickers = self.state, self.state.tickers
        away = tickers.last_bar[self.places] < state.number + 1 - RETURN_SESSIONS
        for symbol in [tickers.names[at] for at in self.places[away].tolist()]:
            if symbol in self.meanings:
                continue
            current = state.meaning[symbol]
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

    def _look_up(self, symbol: str) -> Listing | None:
        if self.traded.dollars(symbol) < self.dollars:
            return None
        return self.reference.details(symbol, self.day)

    def _identify(self, listing: Listing, current: str | None) -> str | None:
        """Return the stored security that a listing describes; None if it is a new one."""
        state = self.state
        if listing.figi and listing.figi in state.by_figi:
            return state.by_figi[listing.figi]
        if current is not None and agree(state.description[current], listing):
            return current
        if not listing.figi and listing.share_class_figi in state.by_class:
            return state.by_class[listing.share_class_figi or ""]
        return None

    def _adopt(self, symbol: str, security: str, reason: str) -> None:
        """Let `symbol` mean `security`, and settle what becomes of the ticker it had before."""
        state = self.state
        old = state.ticker.get(security)
        self._mean(symbol, security, reason)
        if old is None or old == symbol:
            return
        if old not in self.traded:
            self._mean(old, None, "renamed")
            return
        listing = self.reference.details(old, self.day)
        other = None if listing is None else self._identify(listing, None)
        if listing is None or other == security:
            # It is unknown which security trades there: a new one joins no two series by mistake.
            self._mean(old, self._new_security(Listing(old)), "conflict")
        elif other is None:
            self._mean(old, self._new_security(listing), "reused")
        else:
            self._update(other, listing)
            self._adopt(old, other, "reused")

    def _mean(self, symbol: str, security: str | None, reason: str) -> None:
        self.state.set_meaning(symbol, security)
        self.meanings[symbol] = (security, reason)

    def _new_security(self, listing: Listing) -> str:
        security = listing.figi or f"{listing.symbol}@{self.day}"
        self._note(security, listing)
        return security

    def _update(self, security: str, listing: Listing | None) -> None:
        """Update a description by a listing; an absent field changes nothing."""
        if listing is None:
            return
        stored = self.state.description[security]
        changes = {
            name: value
            for name in (*TEXTS, *DATES)
            if (value := getattr(listing, name)) is not None and value != getattr(stored, name)
        }
        if changes:
            self._note(security, replace(stored, **changes))

    def _note(self, security: str, listing: Listing) -> None:
        # The ticker is not part of a description.
        listing = replace(listing, symbol="")
        self.state.describe(security, listing)
        self.described[security] = listing
