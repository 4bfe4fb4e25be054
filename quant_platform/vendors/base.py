"""What a vendor is: a source of raw facts in typed frames.

A vendor is one file (or folder) here with one class that fulfils `Vendor`; it is selected by its
`name` in the settings. It knows nothing of storage, partitions or adjustment, and it never fills,
cleans or adjusts what it was sent.

`Vendor` is all that a fixed list of symbols needs: a symbol then is a security. A vendor of a whole
market, whose tickers are renamed and reused, fulfils `MarketVendor` too, and the platform works out
which security a ticker meant in each session (`market/identity`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import pandas as pd


@runtime_checkable
class Vendor(Protocol):
    """A source of daily bars, corporate actions and reference data.

    Attributes
    ----------
    name : what the settings call it
    first_session : first session it has
    last_session : last session it will ever have, None for a market that goes on
    """

    name: str
    first_session: date
    last_session: date | None

    def is_published(self, session: date) -> bool:
        """Whether the bars of `session` can be had now; a cheap question."""
        ...

    def securities(self) -> "pd.DataFrame":
        """Reference data, one row a symbol: symbol, company_name, sector, listing_date.

        `listing_date` is the first session with a bar.
        """
        ...

    def bars(self, first: date, last: date) -> "pd.DataFrame":
        """Raw daily bars from `first` to `last`.

        Columns: date, symbol, open_price, high_price, low_price, close_price, volume, source; and,
        where the vendor has them, vwap, trade_count and vendor_adjusted_close.

        Raises
        ------
        VendorError
            The vendor's answer cannot be used.
        """
        ...

    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """Splits and dividends, ex-dates `first` to `last`.

        Columns: date, symbol, action_type, split_ratio, cash_amount, source.
        """
        ...


@dataclass(frozen=True)
class SessionBars:
    """The vendor's answer for one session.

    Attributes
    ----------
    session : the session
    bars : as `Vendor.bars` returns them, of this session alone
    refused : rows that are no bar of this session (another date, no ticker), as they came, with a
        column `reason`; they go to quarantine
    etag : version of the file the rows came from; empty for a plain answer
    """

    session: date
    bars: "pd.DataFrame"
    refused: "pd.DataFrame"
    etag: str = ""


@dataclass(frozen=True)
class Listing:
    """What the vendor's reference says of a ticker as of a session; None where it says nothing.

    Attributes
    ----------
    symbol : ticker
    figi : composite FIGI
    share_class_figi : share class FIGI
    cik : the issuer's number at the SEC, ten digits
    company_name : issuer, or the security's own name
    security_type : the vendor's code, such as CS (common stock) or ETF
    exchange : MIC of the primary exchange
    sector : line of business
    list_date : first day of trading
    delisted_on : day it stopped trading
    """

    symbol: str
    figi: str | None = None
    share_class_figi: str | None = None
    cik: str | None = None
    company_name: str | None = None
    security_type: str | None = None
    exchange: str | None = None
    sector: str | None = None
    list_date: date | None = None
    delisted_on: date | None = None


CLOSED, EARLY_CLOSE = "closed", "early-close"
"""What becomes of a special day."""

TRADING = ("open", "extended-hours")
"""States of a market that is trading."""


@dataclass(frozen=True)
class SpecialDay:
    """A coming day on which an exchange is closed or closes early.

    Attributes
    ----------
    exchange : the vendor's name for it, such as NYSE
    name : of the holiday; may be empty
    status : closed or early-close
    opens, closes : moments of that day; None where the vendor does not say
    """

    date: date
    exchange: str
    name: str
    status: str
    opens: datetime | None = None
    closes: datetime | None = None


@dataclass(frozen=True)
class MarketStatus:
    """The market now, and the exchanges' special days to come.

    Attributes
    ----------
    market : open, closed or extended-hours
    server_time : the vendor's clock; None where it does not say
    special_days : ascending; the next ones only, and none that has come
    """

    market: str
    server_time: datetime | None
    special_days: tuple[SpecialDay, ...]

    @property
    def is_trading(self) -> bool:
        """Whether trading goes on now, before and after hours included."""
        return self.market in TRADING

    def closures(self, exchange: str = "NYSE") -> tuple[SpecialDay, ...]:
        """Coming days on which `exchange` stays closed."""
        return self._days(exchange, CLOSED)

    def early_closes(self, exchange: str = "NYSE") -> tuple[SpecialDay, ...]:
        """Coming days on which `exchange` closes early."""
        return self._days(exchange, EARLY_CLOSE)

    def _days(self, exchange: str, status: str) -> tuple[SpecialDay, ...]:
        return tuple(
            special
            for special in self.special_days
            if special.exchange == exchange and special.status == status
        )


@runtime_checkable
class MarketVendor(Vendor, Protocol):
    """A vendor of a whole market: sessions one by one, reference data as of a session."""

    def stream(self, sessions: Sequence[date]) -> Iterator[SessionBars]:
        """Answers for `sessions`, in their order, fetched ahead as far as the plan allows.

        Raises
        ------
        NotPublishedError
            On reaching a session that the vendor has not published yet.
        VendorError
            The answer for a session cannot be had or used; earlier ones were yielded.
        """
        ...

    def listed(self, session: date, *, delisted_since: date | None = None) -> Sequence[Listing]:
        """Every ticker listed as of `session`.

        With `delisted_since`, instead those that were delisted from that day to `session`.
        """
        ...

    def details(self, symbol: str, session: date) -> Listing | None:
        """What `symbol` meant in `session`; None if the vendor does not know it."""
        ...

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        """Tickers that a security adopted, with the day of each, oldest first; often incomplete."""
        ...

    def market_status(self) -> MarketStatus:
        """State of the market now, and what the vendor announces of the days to come."""
        ...

    def news(self, first: date, last: date) -> "pd.DataFrame":
        """News published from `first` to `last`: one row an article and ticker.

        Columns: news_id, published_at (UTC timestamp), symbol, publisher, url, sentiment (1
        positive, 0 neutral, -1 negative, missing where the vendor gives none).
        """
        ...

    def economy(self, series: str, first: date, last: date) -> "pd.DataFrame":
        """Rows of treasury_yields, inflation or labor_market by day of observation.

        Columns: date and the vendor's own figures, missing where absent.
        """
        ...


@runtime_checkable
class InformationVendor(Protocol):
    """The part of `MarketVendor` that is asked here."""

    def news(self, first: date, last: date) -> "pd.DataFrame":
        """News published from `first` to `last`."""
        ...

    def economy(self, series: str, first: date, last: date) -> "pd.DataFrame":
        """Rows of a series by day of observation."""
        ...


def has_information(vendor: object) -> bool:
    """Whether a vendor has news and figures of the economy."""
    return isinstance(vendor, InformationVendor)
