"""What a vendor is: a source of raw facts in typed frames.

A vendor is one file in this folder with one class that fulfils `Vendor`; it is selected by its
`name` in the settings. It knows nothing of storage, partitions or adjustment, and it never fills,
cleans or adjusts what it was sent.
"""

from datetime import date
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
        """Raw daily bars from `first` to `last`, in the columns of `market_data` without the clock.

        Raises
        ------
        VendorError
            The vendor's answer cannot be used.
        """
        ...

    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """Splits and dividends, ex-dates `first` to `last`, in columns of `corporate_actions`."""
        ...
