"""What a vendor is: a source of raw facts in typed frames.

A vendor is one file (or folder) here with one subclass of `Vendor`; it is selected by its `name` in
the settings. It knows nothing of storage, partitions or adjustment, and it never fills, cleans or
adjusts what it was sent. It reads, validates and describes its own settings.

`Vendor` is all that a fixed list of symbols needs: a symbol then is a security. What a vendor can
do beyond that, such as a whole market, it states in `abilities` (`abilities.py`). The
values that vendors answer with are in `answers.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Self

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
    exchange : market identifier code of the exchange whose sessions it has, such as XNYS
    default_universe : rule of the universe where the settings have none; empty: all
    preferred_sources : sources of corporate actions that count before others, the best first
    settings_type : model of the vendor's own settings; None where it has none
    """

    name: ClassVar[str]
    first_session: date
    last_session: date | None
    exchange: str = "XNYS"
    default_universe: str = ""
    preferred_sources: Sequence[str] = ()
    settings_type: "ClassVar[type[SettingsModel] | None]" = None

    @classmethod
    def is_configured(cls, environment: "Environment") -> bool:
        """Whether its settings have what only it needs, such as a key; it then is the default."""
        return False

    @classmethod
    def exchange_of(cls, settings: "Settings") -> str:
        """Exchange whose sessions it has by the settings; the vendor is not built for it."""
        return cls.exchange

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
        where the vendor has them, vwap, trade_count and vendor_adjusted_close. Rows that its reader
        cannot use are among them, with a `reason` (`unread.py`); the same holds for the others.

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
