"""`SyntheticVendor`: a market that nobody traded in, all of whose truth is known.

What does not belong here: what the market is (`market.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Self

from quant_platform.errors import SettingsError
from quant_platform.settings import Settings
from quant_platform.vendors.abilities import Abilities
from quant_platform.vendors.answers import CLOSED, Listing, MarketStatus, SessionBars
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.synthetic.settings import FIRST, LAST, SyntheticSettings

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.vendors.synthetic.market import SyntheticMarket
    from quant_platform.vendors.synthetic.reference import Reference


class SyntheticVendor(Vendor):
    """A whole market of generated companies; needs no key, no network and no file."""

    name = "synthetic"
    settings_type = SyntheticSettings

    def __init__(self, settings: SyntheticSettings) -> None:
        self.settings = settings
        self.first_session, last = settings.span
        self.last_session: date | None = last

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build the vendor; its market is not made yet.

        Raises
        ------
        SettingsError
            The last session is not after the first.
        """
        own = SyntheticSettings.read(settings.environment)
        first, last = own.span
        if last <= first:
            raise SettingsError(
                f"{LAST} is {last}, and the market begins on {first}",
                f"Set it to a later day, or {FIRST} to an earlier one",
            )
        return cls(own)

    @property
    def abilities(self) -> Abilities:
        """A whole market, whose truth it tells."""
        return Abilities(market=self, truths=self)

    @cached_property
    def market(self) -> "SyntheticMarket":
        """The market of the settings, made at first use."""
        from quant_platform.vendors.synthetic.market import synthetic_market

        first, last = self.settings.span
        return synthetic_market(self.settings.securities, first, last, self.settings.seed)

    def is_published(self, session: date) -> bool:
        """Whether it is a session of the market."""
        return self.market.number(session) is not None

    def securities(self) -> "pd.DataFrame":
        """Reference data, one row a ticker."""
        import pandas as pd

        rows = self._reference.latest()
        return pd.DataFrame(
            {
                "symbol": pd.array([row.symbol for row in rows], dtype="str"),
                "company_name": pd.array([row.company_name for row in rows], dtype="str"),
                "sector": pd.array([row.sector for row in rows], dtype="str"),
                "listing_date": pd.Series([row.list_date for row in rows], dtype="datetime64[s]"),
            }
        )

    def bars(self, first: date, last: date) -> "pd.DataFrame":
        """Raw bars from `first` to `last`."""
        return self.market.bars(first, last)

    def stream(self, sessions: Sequence[date]) -> Iterator[SessionBars]:
        """Bars session by session; none is refused."""
        for session in sessions:
            bars = self.market.bars(session, session)
            yield SessionBars(session, bars, bars[:0].assign(reason=""))

    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """Splits and dividends from `first` to `last`, the false ones among them."""
        return self.market.actions(first, last)

    def listed(self, session: date, *, delisted_since: date | None = None) -> Sequence[Listing]:
        """Tickers as of a session, or what was delisted from `delisted_since` on."""
        if delisted_since is not None:
            return self._reference.delisted(delisted_since, session)
        return self._reference.listed(session)

    def details(self, symbol: str, session: date) -> Listing | None:
        """What a ticker meant in a session."""
        return self._reference.details(symbol, session)

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        """Tickers that a company adopted."""
        return self._reference.ticker_changes(figi)

    def market_status(self) -> MarketStatus:
        """Closed, and nothing announced."""
        return MarketStatus(CLOSED, None, ())

    def planted_truths(self, first: date, last: date) -> "pd.DataFrame":
        """Everything that is planted from `first` to `last`."""
        from quant_platform.vendors.synthetic.truths import planted_truths

        begun = next(day for day in self.market.sessions if day >= self.first_session)
        return planted_truths(self.market, first, last, begun)

    def planted_signals(self, first: date, last: date) -> "pd.DataFrame":
        """Signals and noise of the sessions from `first` to `last`."""
        return self.market.planted_signals(first, last)

    @cached_property
    def _reference(self) -> "Reference":
        from quant_platform.vendors.synthetic.reference import Reference

        return Reference(self.market)
