"""What a vendor is: a source of raw facts in typed frames.

A vendor is one file (or folder) here with one subclass of `Vendor`; it is selected by its `name` in
the settings. It knows nothing of storage, partitions or adjustment, and it never fills, cleans or
adjusts what it was sent. It reads, validates and describes its own settings.

`Vendor` is all that a fixed list of symbols needs: a symbol then is a security. What a vendor can
do beyond that, such as a whole market, it states in `abilities` (`abilities.py`). Here stand
`Vendor` and the values that vendors answer with.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from quant_platform.errors import QuantPlatformError
from quant_platform.vendors.abilities import Abilities

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.settings import Environment, Settings, SettingsModel


class Vendor(ABC):
    """A source of daily bars, corporate actions and reference data.

    Attributes
    ----------
    name : what the settings call it
    first_session : first session it has
    last_session : last session it will ever have, None for a market that goes on
    default_universe : rule of who is tradable where the settings have none; empty: everybody
    preferred_sources : sources of corporate actions that count before others, the best first
    settings_type : model of the vendor's own settings; None where it has none
    """

    name: ClassVar[str]
    first_session: date
    last_session: date | None
    default_universe: str = ""
    preferred_sources: Sequence[str] = ()
    settings_type: "ClassVar[type[SettingsModel] | None]" = None

    @classmethod
    def is_configured(cls, environment: "Environment") -> bool:
        """Whether its settings have what only it needs, such as a key; it then is the default."""
        return False

    @classmethod
    def from_settings(cls, settings: "Settings") -> Self:
        """Build the vendor the settings describe; its own are read from their environment.

        Raises
        ------
        SettingsError
            One of its settings cannot be read.
        """
        return cls()

    @property
    def abilities(self) -> Abilities:
        """What it can do beyond the methods below."""
        return Abilities()

    @abstractmethod
    def is_published(self, session: date) -> bool:
        """Whether the bars of `session` can be had now; a cheap question."""

    @abstractmethod
    def securities(self) -> "pd.DataFrame":
        """Reference data, one row a symbol: symbol, company_name, sector, listing_date.

        `listing_date` is the first session with a bar.
        """

    @abstractmethod
    def bars(self, first: date, last: date) -> "pd.DataFrame":
        """Raw daily bars from `first` to `last`.

        Columns: date, symbol, open_price, high_price, low_price, close_price, volume, source; and,
        where the vendor has them, vwap, trade_count and vendor_adjusted_close.

        Raises
        ------
        VendorError
            The vendor's answer cannot be used.
        """

    @abstractmethod
    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """Splits and dividends, ex-dates `first` to `last`.

        Columns: date, symbol, action_type, split_ratio, cash_amount, source.
        """


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
class SymbolBars:
    """Bars of one symbol over a range of days.

    Attributes
    ----------
    symbol : ticker
    bars : as `Vendor.bars` returns them
    refused : rows that are no bar of that range, as they came, with a column `reason`
    missing : first and last day at the start of the range for which the vendor sent nothing though
        it may have cut the range to the plan's history; None where there is no such gap
    """

    symbol: str
    bars: "pd.DataFrame"
    refused: "pd.DataFrame"
    missing: tuple[date, date] | None


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


@dataclass(frozen=True)
class Finding:
    """One thing that may or may not be had from a vendor.

    Attributes
    ----------
    what : the thing
    granted : yes, no, or how much of it
    reason : the vendor's reason for refusing it; may be empty
    """

    what: str
    granted: str
    reason: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What may be had from a vendor.

    Attributes
    ----------
    findings : in the order in which they are shown
    failure : why the vendor cannot be used; None if it can
    """

    findings: tuple[Finding, ...]
    failure: QuantPlatformError | None = None
