"""What a vendor may be able to do beyond `Vendor`: one small protocol for each ability.

A vendor states its abilities in `Vendor.abilities`, where callers look them up:

>>> from quant_platform.vendors.sample import SampleVendor
>>> SampleVendor().abilities.market is None
True

mypy checks each statement against its protocol, and `contract.py` checks it again when a vendor is
loaded, so no caller guesses from a vendor's methods. A new ability is a protocol here, a
field of `Abilities` and an entry of `PROTOCOLS`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.vendors.answers import (
        Diagnosis,
        Listing,
        MarketStatus,
        SessionBars,
        SymbolBars,
    )


class MarketVendor(Protocol):
    """Has a whole market: sessions one by one, reference data as of a session.

    Its tickers are renamed and reused; the platform works out which security one meant.
    """

    def stream(self, sessions: Sequence[date]) -> Iterator["SessionBars"]:
        """Answers for `sessions`, in their order, fetched ahead as far as the plan allows.

        Raises
        ------
        NotPublishedError
            On reaching a session that the vendor has not published yet.
        VendorError
            The answer for a session cannot be had or used; earlier ones were yielded.
        """
        ...

    def listed(self, session: date, *, delisted_since: date | None = None) -> "Sequence[Listing]":
        """Every ticker listed as of `session`.

        With `delisted_since`, instead those that were delisted from that day to `session`.
        """
        ...

    def details(self, symbol: str, session: date) -> "Listing | None":
        """What `symbol` meant in `session`; None if the vendor does not know it."""
        ...

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        """Tickers that a security adopted, with the day of each, oldest first; often incomplete."""
        ...

    def market_status(self) -> "MarketStatus":
        """State of the market now, and what the vendor announces of the days to come."""
        ...


class InformationVendor(Protocol):
    """Has news and figures of the economy; a `PlanError` says that the plan leaves them out."""

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


class RangeVendor(Protocol):
    """Has the bars of one security over a range, to repair gaps with."""

    def bars_of(self, symbol: str, first: date, last: date) -> "SymbolBars":
        """Raw bars of `symbol` from `first` to `last`."""
        ...


class AdjustingVendor(Protocol):
    """Gives closes by its own adjustment, to compare ours with."""

    def adjusted_closes(self, session: date, as_of: date) -> "pd.DataFrame | None":
        """Closes of `session`, adjusted for splits up to `as_of`: symbol, price.

        None where the vendor cannot tell them as of that day.
        """
        ...


class RationedVendor(Protocol):
    """Limits the requests per minute."""

    def remaining(self) -> int | None:
        """Requests that may be sent at this moment; None on a plan without a limit."""
        ...


class FileVendor(Protocol):
    """Reads sessions from files that it may replace afterwards."""

    def replaced_files(self, etags: Mapping[date, str]) -> Sequence[date]:
        """Sessions whose file is not the one whose ETag is given: it was replaced since."""
        ...


class DiagnosedVendor(Protocol):
    """Says how it is configured and what may be had from it, for `quant-platform doctor`."""

    def configured(self) -> Sequence[tuple[str, str]]:
        """What is configured, as pairs of name and value; no secret is among them."""
        ...

    def diagnose(self) -> "Diagnosis":
        """Ask the vendor what may be had.

        Raises
        ------
        VendorError
            The key is refused, or the vendor cannot be reached.
        """
        ...


class PlantedVendor(Protocol):
    """Knows the truth of its market, since it made it."""

    def planted_truths(self, first: date, last: date) -> "pd.DataFrame":
        """Everything that is planted in the sessions from `first` to `last`.

        Columns: those of the table `planted_truths`, but for its clock.
        """
        ...

    def planted_signals(self, first: date, last: date) -> "pd.DataFrame":
        """Signals and noise as known after each session's close, a row for each bar.

        Columns: date, security_id, symbol, and one for each signal in `planted_truths`.
        """
        ...


@dataclass(frozen=True)
class Abilities:
    """The object that serves each ability, usually the vendor itself; None: not available.

    Attributes
    ----------
    market : the whole market, session by session
    information : news and figures of the economy
    ranges : bars of one security over a range
    adjusted : closes as the vendor adjusts them
    rationed : how many requests are left
    files : which files were replaced
    diagnosis : what is configured and what may be had
    truths : what is planted in the market
    """

    market: MarketVendor | None = None
    information: InformationVendor | None = None
    ranges: RangeVendor | None = None
    adjusted: AdjustingVendor | None = None
    rationed: RationedVendor | None = None
    files: FileVendor | None = None
    diagnosis: DiagnosedVendor | None = None
    truths: PlantedVendor | None = None

    def served(self) -> dict[str, object]:
        """The object that serves each stated ability, by the ability's name."""
        return {name: server for name, server in vars(self).items() if server is not None}


PROTOCOLS: Mapping[str, type] = {
    "market": MarketVendor,
    "information": InformationVendor,
    "ranges": RangeVendor,
    "adjusted": AdjustingVendor,
    "rationed": RationedVendor,
    "files": FileVendor,
    "diagnosis": DiagnosedVendor,
    "truths": PlantedVendor,
}
"""Protocol of each field of `Abilities`."""
