"""`PolygonVendor`: what the platform may ask, and which request answers it.

The registry imports every vendor to read its name, so httpx and pandas are imported only by the
first request. What does not belong here: sending requests and reading answers, which the other
modules of this folder do.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from quant_platform.errors import NotFoundError, NotPublishedError
from quant_platform.settings import Environment, Settings
from quant_platform.vendors.abilities import Abilities
from quant_platform.vendors.answers import Diagnosis, Listing, MarketStatus, SessionBars, SymbolBars
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.polygon.clock import Clock
from quant_platform.vendors.polygon.settings import KEY_NAMES, SSM_PARAMETER, PolygonSettings
from quant_platform.vendors.polygon.times import today, weekdays

if TYPE_CHECKING:
    import pandas as pd

    from quant_platform.vendors.polygon.flat_files import FlatFiles
    from quant_platform.vendors.polygon.probe import Probe
    from quant_platform.vendors.polygon.transport import Client, Params

logger = logging.getLogger(__name__)

FLAT_FILE_SESSIONS = 20
"""Sessions from which on a backfill reads flat files, where there are keys for them."""

GAP_DAYS = 10
"""Days without a bar at the start of a range from which on the vendor may have cut it: longer than
any closure of the exchange."""


class PolygonVendor(Vendor):
    """The US stock market by Polygon.io / Massive.com: unadjusted bars, actions and reference data.

    Parameters
    ----------
    settings : key, base URL and limits
    folder : where the limit on requests is kept; all processes that use the key must share it
    clock : in place of the machine's time, for tests
    client_options : further arguments of `transport.Client`, for tests
    """

    name = "polygon"
    first_session = date(2003, 9, 10)
    last_session: date | None = None
    preferred_sources = ("polygon /stocks/v1/splits", "polygon /stocks/v1/dividends")
    """The newer endpoints."""
    default_universe = "top:500 price:5 types:CS,ADRC history:60"
    settings_type = PolygonSettings

    def __init__(
        self,
        settings: PolygonSettings,
        folder: Path,
        *,
        clock: Clock | None = None,
        **client_options: Any,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._clock = clock or Clock()
        self._options = client_options
        self._opening = threading.Lock()
        self._opened: tuple[int, Client] | None = None
        self._published: set[date] = set()

    @classmethod
    def is_configured(cls, environment: Environment) -> bool:
        """Whether there is a key, or the name of a parameter of AWS that holds it."""
        return environment.has(*KEY_NAMES, SSM_PARAMETER)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build the vendor the settings describe; a missing key shows at the first request."""
        from quant_platform.vendors.polygon.rate_limit import limit_folder

        return cls(PolygonSettings.read(settings.environment), limit_folder(settings.home))

    @property
    def abilities(self) -> Abilities:
        """A whole market with everything around it."""
        return Abilities(
            market=self,
            information=self,
            ranges=self,
            adjusted=self,
            rationed=self,
            files=self,
            diagnosis=self,
        )

    def __repr__(self) -> str:
        return "PolygonVendor()"

    def remaining(self) -> int | None:
        """Requests that may be sent at this moment; None on a plan without a limit."""
        return self._client.limit.remaining() if self._settings.calls_per_minute else None

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._opening:
            if self._opened is not None:
                self._opened[1].close()
            self._opened = None

    # Bars

    def stream(self, sessions: Sequence[date]) -> Iterator[SessionBars]:
        """Answers for `sessions`, in their order, fetched ahead as far as the plan allows.

        At most `connections` + 2 answers are held at a time. Closing the iterator gives up what is
        under way.

        Raises
        ------
        NotPublishedError
            On reaching a session that the vendor has not published yet.
        HistoryError
            On reaching a session older than the plan's history.
        BadAnswerError
            On reaching a session whose answer has no row that can be used.
        VendorError
            Any other reason; earlier sessions were yielded.
        """
        from quant_platform.vendors.polygon.prefetch import in_order

        filed = self._in_files(sessions)
        if filed:
            yield from self._flat_files.stream(filed, self._settings.connections)
        rest = sessions[len(filed) :]
        if rest:
            # A missing key is reported before threads start, and pandas is imported once.
            client = self._client
            yield from in_order(partial(self._session, client), rest, self._workers)

    def _in_files(self, sessions: Sequence[date]) -> Sequence[date]:
        """Sessions at the start of `sessions` that are better read from flat files.

        Many sessions, that is, of a plan that has files, and old enough for theirs to be there.
        """
        from quant_platform.vendors.polygon.flat_files import RECENT

        if len(sessions) < FLAT_FILE_SESSIONS or not self._flat_files.configured:
            return sessions[:0]
        newest = self._today() - RECENT
        return [session for session in sessions if session <= newest]

    @property
    def _flat_files(self) -> "FlatFiles":
        from quant_platform.vendors.polygon.flat_files import FlatFiles

        return FlatFiles(self._settings)

    def replaced_files(self, etags: Mapping[date, str]) -> list[date]:
        """Sessions whose flat file is not the one whose ETag is given: it was replaced since."""
        files = self._flat_files
        return [session for session, etag in etags.items() if files.etag(session) != etag]

    def bars(self, first: date, last: date) -> "pd.DataFrame":
        """Unadjusted bars from `first` to `last`, by weekday, one request each.

        The vendor has no calendar: a weekday without any row that is more than a few days back
        counts as a holiday here. Ask `stream` for sessions, where it is an error.
        """
        import pandas as pd

        from quant_platform.vendors.polygon.bars import no_bars
        from quant_platform.vendors.polygon.prefetch import in_order

        fetch = partial(self._session_or_holiday, self._client)
        answers = in_order(fetch, weekdays(first, last), self._workers)
        frames = [answer.bars for answer in answers if answer is not None]
        return pd.concat(frames, ignore_index=True) if frames else no_bars()

    def bars_of(self, symbol: str, first: date, last: date) -> SymbolBars:
        """Unadjusted bars of one symbol, to repair gaps: one request.

        What the vendor does not send because it lies before the plan's history is named in
        `missing`. A ticker that was reused gives the bars of all securities that carried it.

        Raises
        ------
        HistoryError
            The vendor refuses the whole range.
        """
        import pandas as pd

        from quant_platform.vendors.polygon.bars import range_bars
        from quant_platform.vendors.polygon.paging import all_rows

        path = f"/v2/aggs/ticker/{quote(symbol, safe='')}/range/1/day/{first}/{last}"
        parameters: Params = {"adjusted": "false", "sort": "asc", "limit": 50_000}
        try:
            rows = all_rows(self._client, path, parameters)
        except NotFoundError:
            rows = []
        bars, refused = range_bars(rows, symbol, first, last)
        start = pd.Timestamp(bars["date"].iloc[0]).date() if len(bars) else last + timedelta(days=1)
        missing = None
        if (start - first).days > GAP_DAYS:
            missing = (first, start - timedelta(days=1))
            logger.warning("polygon has no bars of %s from %s to %s", symbol, *missing)
        return SymbolBars(symbol, bars, refused, missing)

    def adjusted_closes(self, session: date, as_of: date) -> "pd.DataFrame | None":
        """Closes of `session` as the vendor adjusts them for splits up to now: symbol, price.

        To compare with one's own, never to compute with. None where a session has followed `as_of`,
        whose splits would be in them.
        """
        from quant_platform.vendors.polygon.grouped import split_adjusted_closes

        if weekdays(as_of + timedelta(days=1), self._today() - timedelta(days=1)):
            return None
        return split_adjusted_closes(self._client, session)

    def is_published(self, session: date) -> bool:
        """Whether the bars of `session` can be had now: one request, none once the answer is yes.

        Raises
        ------
        VendorError
            The vendor cannot be asked, or the plan does not reach back to `session`.
        """
        from quant_platform.vendors.polygon.grouped import NoRowsError, market_rows

        if session not in self._published:
            try:
                market_rows(self._client, session, self._clock.wall())
            except (NotPublishedError, NoRowsError):
                return False
            self._published.add(session)
        return True

    # Corporate actions

    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """All rows of splits and dividends with ex-dates `first` to `last`, repeated ones included.

        Columns: date (ex-date), symbol, action_type (split, cash_dividend, special_dividend; a
        stock dividend is a split), split_ratio (new shares for one old), cash_amount (as paid),
        currency, source (the endpoint), vendor_id, declared_on.
        """
        from quant_platform.vendors.polygon.corporate_actions import actions_between

        return actions_between(self._client, first, last)

    # Reference

    def securities(self) -> "pd.DataFrame":
        """Tickers listed today: symbol, company_name, sector, listing_date.

        The list has neither sectors nor listing dates; `details` has, one request a ticker.
        """
        from quant_platform.vendors.polygon.reference import securities_frame

        return securities_frame(self.listed(self._today()))

    def listed(self, session: date, *, delisted_since: date | None = None) -> Sequence[Listing]:
        """Every ticker listed as of `session`, 1,000 a request.

        With `delisted_since`, instead those that were delisted from that day to `session`.
        """
        from quant_platform.vendors.polygon.reference import active_listings, delisted_listings

        if delisted_since is None:
            return active_listings(self._client, session)
        return delisted_listings(self._client, session, delisted_since)

    def details(self, symbol: str, session: date) -> Listing | None:
        """What `symbol` meant in `session`; None if the vendor does not know it."""
        from quant_platform.vendors.polygon.reference import details_of

        return details_of(self._client, symbol, session)

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        """Tickers that a security adopted, with the day of each, oldest first; often incomplete."""
        from quant_platform.vendors.polygon.reference import ticker_changes_of

        return ticker_changes_of(self._client, figi)

    def exchanges(self) -> "pd.DataFrame":
        """US stock exchanges: mic, operating_mic, name, acronym, exchange_type, participant_id."""
        from quant_platform.vendors.polygon.reference import exchanges

        return exchanges(self._client)

    def market_status(self) -> MarketStatus:
        """State of the market now, its coming closures and early closes; two requests."""
        from quant_platform.vendors.polygon.reference import market_status

        return market_status(self._client)

    # News and economy

    def news(self, first: date, last: date) -> "pd.DataFrame":
        """News published on the days (of UTC) `first` to `last`, one row an article and ticker.

        Columns: news_id, published_at (UTC timestamp), symbol, publisher, url, sentiment (1
        positive, 0 neutral, -1 negative, missing where the vendor gives none).
        """
        from quant_platform.vendors.polygon.news_and_economy import news_between

        return news_between(self._client, first, last)

    def economy(self, series: str, first: date, last: date) -> "pd.DataFrame":
        """Rows of an economic series by day of observation, which is not the day of release.

        Parameters
        ----------
        series : treasury_yields, inflation, inflation_expectations or labor_market
        """
        from quant_platform.vendors.polygon.news_and_economy import economy_between

        return economy_between(self._client, series, first, last)

    # The key

    def configured(self) -> Sequence[tuple[str, str]]:
        """How the vendor is reached, in words."""
        return self._settings.described()

    def diagnose(self) -> Diagnosis:
        """Say in words what the key may do; as `probe`."""
        return self.probe().diagnosis()

    def probe(self) -> "Probe":
        """What the key may do: five or six requests.

        Raises
        ------
        VendorError
            The key is refused, or the vendor cannot be reached.
        """
        from quant_platform.vendors.polygon.probe import probe_key

        return probe_key(
            self._client,
            now=self._today(),
            # The class attribute: an instance may have a later first session by the settings.
            first_session=PolygonVendor.first_session,
            flat_files=self._settings.has_flat_files,
        )

    @property
    def _client(self) -> "Client":
        from quant_platform.vendors.polygon.transport import Client

        with self._opening:
            # After a fork the connections belong to the parent process.
            if self._opened is None or self._opened[0] != os.getpid():
                client = Client(self._settings, self._folder, clock=self._clock, **self._options)
                self._opened = (os.getpid(), client)
            return self._opened[1]

    @property
    def _workers(self) -> int:
        limit = self._settings.calls_per_minute
        return min(self._settings.connections, limit) if limit else self._settings.connections

    def _session(
        self, client: "Client", session: date, stop: threading.Event | None = None
    ) -> SessionBars:
        from quant_platform.vendors.polygon.grouped import market_bars

        return market_bars(client, session, self._clock.wall(), stop)

    def _session_or_holiday(
        self, client: "Client", session: date, stop: threading.Event
    ) -> SessionBars | None:
        from quant_platform.vendors.polygon.grouped import NoRowsError

        try:
            return self._session(client, session, stop)
        except NoRowsError:
            return None

    def _today(self) -> date:
        return today(self._clock.wall())
