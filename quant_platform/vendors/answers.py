"""The values that vendors answer with.

What does not belong here: what a vendor is (`base.py`), and what it can do (`abilities.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from quant_platform.errors import QuantPlatformError

if TYPE_CHECKING:
    import pandas as pd


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
