"""What the synthetic vendor says of its tickers, as of a session and never later.

What does not belong here: when companies come, go and change names (`schedule.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from quant_platform.vendors.answers import Listing
from quant_platform.vendors.synthetic.market import SyntheticMarket, security_id
from quant_platform.vendors.synthetic.prices import SECTORS
from quant_platform.vendors.synthetic.schedule import Company

FIRST_CIK = 9_000_000_000


@dataclass(frozen=True)
class _Spell:
    """From session number `first` to `end`, the latter left out, a company has a ticker."""

    first: int
    end: int
    company: Company
    listing: Listing


class Reference:
    """Listings of a market."""

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self._spells = [spell for each in market.companies for spell in self._of(each)]
        self._by_symbol: dict[str, list[_Spell]] = {}
        for spell in self._spells:
            self._by_symbol.setdefault(spell.listing.symbol, []).append(spell)
        self._by_figi = {security_id(each): each for each in market.companies}

    def listed(self, session: date) -> list[Listing]:
        """Every ticker that a company has as of a day; one object each, as long as it is."""
        k = self._market.last_before(session)
        return [spell.listing for spell in self._spells if spell.first <= k < spell.end]

    def delisted(self, since: date, session: date) -> list[Listing]:
        """Last tickers of the companies that were delisted from `since` to `session`."""
        found = []
        for company in self._market.companies:
            end = self._market.ended(company)
            if end is not None and since <= self._market.sessions[end] <= session:
                listing = self._by_symbol[company.names[-1][1]]
                own = next(each for each in listing if each.company.number == company.number)
                found.append(replace(own.listing, delisted_on=self._market.sessions[end]))
        return found

    def details(self, symbol: str, session: date) -> Listing | None:
        """What a ticker means as of a day."""
        k = self._market.last_before(session)
        spells = self._by_symbol.get(symbol, ())
        return next((each.listing for each in spells if each.first <= k < each.end), None)

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        """Tickers that a company adopted, with the session of each."""
        company = self._by_figi.get(figi)
        return (
            []
            if company is None
            else [
                (self._market.sessions[since], name)
                for since, name in company.names
                if since < len(self._market.sessions)
            ]
        )

    def latest(self) -> list[Listing]:
        """One listing a ticker: of the company that has it, or had it last."""
        return [spells[-1].listing for spells in self._by_symbol.values()]

    def _of(self, company: Company) -> Iterator[_Spell]:
        market = self._market
        ended = market.ended(company)
        last = len(market.sessions) if ended is None else ended
        listed_on = market.sessions[company.first]
        if company.first == 0:
            listed_on -= timedelta(days=int(market.prices.traits.age[company.number]))
        ends = [since for since, _ in company.names[1:]]
        for (since, name), end in zip(company.names, [*ends, last], strict=True):
            if since >= len(market.sessions):
                continue
            listing = Listing(
                name,
                figi=security_id(company),
                cik=f"{FIRST_CIK + company.number}",
                company_name=f"Synthetic {company.number:05} Inc.",
                security_type="CS",
                exchange="XNYS",
                sector=SECTORS[int(market.prices.traits.sector[company.number])],
                list_date=listed_on,
            )
            yield _Spell(since, min(end, last), company, listing)
