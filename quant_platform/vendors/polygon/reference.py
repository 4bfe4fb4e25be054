"""Reference data: what a ticker meant as of a session, its renames, exchanges, market status.

Only the ticker is certain: any other field may be None, and older rows have many blank fields. What
does not belong here: which security a ticker means over time (`market/identity/`).
"""

import logging
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from urllib.parse import quote

import pandas as pd

from quant_platform.errors import BadAnswerError, NotFoundError
from quant_platform.vendors.answers import Listing, MarketStatus, SpecialDay
from quant_platform.vendors.polygon.cells import text, ticker
from quant_platform.vendors.polygon.paging import Row, all_rows, newest, pages, rows_of
from quant_platform.vendors.polygon.times import day, day_of_moment, moment
from quant_platform.vendors.polygon.transport import Client

logger = logging.getLogger(__name__)

TICKERS = "/v3/reference/tickers"
EXCHANGES = "/v3/reference/exchanges"

CIK_DIGITS = 10


def active_listings(client: Client, session: date) -> list[Listing]:
    """Every ticker listed as of `session`, by ticker."""
    rows = all_rows(client, TICKERS, _list_parameters(session, active="true", sort="ticker"))
    named = [row for row in rows if ticker(row.get("ticker"))]
    return [_listing(row) for row in newest(named, key=lambda row: row["ticker"])]


def delisted_listings(client: Client, session: date, since: date) -> list[Listing]:
    """Tickers delisted from `since` to `session`, latest first.

    A ticker appears twice if two securities gave it up.
    """
    parameters = _list_parameters(session, active="false", sort="delisted_utc") | {"order": "desc"}
    rows: list[Row] = []
    for page in pages(client, TICKERS, parameters):
        rows += page
        # The list goes back decades; what is older than `since` need not be fetched.
        if _ends_before(page, since):
            break
    delisted_on = {id(row): day_of_moment(row.get("delisted_utc")) for row in rows}
    wanted = [
        row
        for row in rows
        if ticker(row.get("ticker")) and since <= (delisted_on[id(row)] or date.max) <= session
    ]
    latest = newest(wanted, key=lambda row: (row["ticker"], delisted_on[id(row)]))
    return [_listing(row) for row in latest]


def details_of(client: Client, symbol: str, session: date) -> Listing | None:
    """What `symbol` meant in `session`; None if the vendor does not know it."""
    path = f"{TICKERS}/{quote(symbol, safe='')}"
    try:
        row = client.document(path, {"date": session.isoformat()}).get("results")
    except NotFoundError:
        return None
    if not isinstance(row, dict) or ticker(row.get("ticker")) != symbol:
        raise BadAnswerError(f"Polygon's answer is not about {symbol}: {path}", "Try again later")
    return _listing(row)


def ticker_changes_of(client: Client, figi: str) -> list[tuple[date, str]]:
    """Tickers a security adopted, with the day of each, oldest first."""
    path = f"/vX/reference/tickers/{quote(figi, safe='')}/events"
    try:
        results = client.document(path, {"types": "ticker_change"}).get("results")
    except NotFoundError:
        return []
    events = results.get("events") if isinstance(results, dict) else None
    rows = events if isinstance(events, list) else []
    changes = {_change(event) for event in rows if isinstance(event, dict)}
    return sorted(change for change in changes if change is not None)


def exchanges(client: Client) -> pd.DataFrame:
    """US stock exchanges: mic, operating_mic, name, acronym, exchange_type, participant_id."""
    body = client.document(EXCHANGES, {"asset_class": "stocks", "locale": "us"})
    fields = ("mic", "operating_mic", "name", "acronym", "type", "participant_id")
    rows = rows_of(body, EXCHANGES)
    table = {
        "exchange_type" if name == "type" else name: pd.Series(
            [text(row.get(name)) for row in rows], dtype="str"
        )
        for name in fields
    }
    return pd.DataFrame(table)


def market_status(client: Client) -> MarketStatus:
    """State of the market now and its coming holidays; two requests."""
    now = client.document("/v1/marketstatus/now")
    coming = client.get("/v1/marketstatus/upcoming")
    if not isinstance(coming, list):
        raise BadAnswerError("Polygon's list of coming holidays is no list")
    special_days = [_special_day(row) for row in coming if isinstance(row, dict)]
    return MarketStatus(
        market=str(now.get("market", "")),
        server_time=moment(now.get("serverTime")),
        special_days=tuple(
            sorted(
                (special for special in special_days if special), key=lambda d: (d.date, d.exchange)
            )
        ),
    )


def securities_frame(listings: Sequence[Listing]) -> pd.DataFrame:
    """Listings in the columns of `Vendor.securities`."""
    return pd.DataFrame(
        {
            "symbol": pd.Series([one.symbol for one in listings], dtype="str"),
            "company_name": pd.Series([one.company_name for one in listings], dtype="str"),
            "sector": pd.Series([one.sector for one in listings], dtype="str"),
            "listing_date": pd.Series([one.list_date for one in listings], dtype="datetime64[s]"),
        }
    )


def _list_parameters(session: date, *, active: str, sort: str) -> dict[str, str | int]:
    return {
        "market": "stocks",
        "date": session.isoformat(),
        "active": active,
        "order": "asc",
        "sort": sort,
        "limit": 1000,
    }


def _ends_before(page: list[Row], since: date) -> bool:
    """Whether a page, if it is sorted as requested, ends before `since`."""
    days = [day_of_moment(row.get("delisted_utc")) for row in page]
    readable = [day for day in days if day is not None]
    ordered = len(readable) == len(days) and readable == sorted(readable, reverse=True)
    return bool(readable) and ordered and readable[-1] < since


_FIELDS = (
    "ticker",
    "composite_figi",
    "share_class_figi",
    "cik",
    "name",
    "type",
    "primary_exchange",
    "sic_description",
    "list_date",
    "delisted_utc",
)


def _listing(row: Row) -> Listing:
    values = tuple(map(row.get, _FIELDS))
    try:
        return _read_listing(*values)
    except TypeError:  # a field that is a list or an object cannot be remembered
        return _read_listing.__wrapped__(*values)


@lru_cache(maxsize=65_536)
def _read_listing(
    symbol: object,
    figi: object,
    share_class_figi: object,
    cik: object,
    name: object,
    kind: object,
    exchange: object,
    sector: object,
    list_date: object,
    delisted: object,
) -> Listing:
    """Read one row; cached, since most rows of the list are the same each time."""
    number = text(cik)
    return Listing(
        symbol=ticker(symbol) or str(symbol),
        figi=text(figi),
        share_class_figi=text(share_class_figi),
        cik=number.zfill(CIK_DIGITS) if number else None,
        company_name=text(name),
        security_type=text(kind),
        exchange=text(exchange),
        sector=text(sector),
        list_date=day(list_date),
        delisted_on=day_of_moment(delisted),
    )


def _change(event: Row) -> tuple[date, str] | None:
    adopted, change = day(event.get("date")), event.get("ticker_change")
    name = ticker(change.get("ticker")) if isinstance(change, dict) else None
    return (adopted, name) if adopted and name else None


def _special_day(row: Row) -> SpecialDay | None:
    on, exchange, status = day(row.get("date")), text(row.get("exchange")), text(row.get("status"))
    if on is None or exchange is None or status is None:
        return None
    return SpecialDay(
        date=on,
        exchange=exchange,
        name=text(row.get("name")) or "",
        status=status,
        opens=moment(row.get("open")),
        closes=moment(row.get("close")),
    )
