"""Endpoints of reference data: tickers as of a day, their details and changes, exchanges, types."""

from collections.abc import Iterable
from datetime import date

from quant_platform_tests.support.polygon_server.answers import (
    Answer,
    Refused,
    bad_request,
    ok,
    request_id,
    ticker_not_found,
    too_old,
)
from quant_platform_tests.support.polygon_server.calls import Call, Route
from quant_platform_tests.support.polygon_server.listings import Listed, Row
from quant_platform_tests.support.polygon_server.query import Table, answer_table, unfold

TICKERS = Table(
    {
        "ticker": str,
        "type": str,
        "market": str,
        "exchange": str,
        "cik": str,
        "cusip": str,
    },
    sort="ticker.asc",
    limit=100,
    counted=True,
    sortable=(
        "ticker",
        "name",
        "market",
        "locale",
        "primary_exchange",
        "type",
        "currency_symbol",
        "currency_name",
        "base_currency_symbol",
        "base_currency_name",
        "cik",
        "composite_figi",
        "share_class_figi",
        "last_updated_utc",
        "delisted_utc",
    ),
)

EXCHANGES = (
    ("NYSE American, LLC", "XASE", "A"),
    ("Nasdaq OMX BX, Inc.", "XBOS", "B"),
    ("NYSE Arca, Inc.", "ARCX", "P"),
    ("Cboe BZX", "BATS", "Z"),
    ("New York Stock Exchange", "XNYS", "N"),
    ("Nasdaq", "XNAS", "T"),
)

TYPES = {
    "CS": "Common Stock",
    "ADRC": "American Depository Receipt Common",
    "PFD": "Preferred Stock",
    "WARRANT": "Warrant",
    "RIGHT": "Rights",
    "UNIT": "Unit",
    "FUND": "Fund",
    "ETF": "Exchange Traded Fund",
    "ETN": "Exchange Traded Note",
    "SP": "Structured Product",
}


def routes() -> list[Route]:
    return [
        Route("/v3/reference/tickers", tickers),
        Route("/v3/reference/tickers/types", ticker_types),
        Route("/v3/reference/tickers/{ticker}", overview),
        Route("/vX/reference/tickers/{identifier}/events", ticker_events),
        Route("/v3/reference/exchanges", exchanges),
        Route("/stocks/v1/exchanges", modern_exchanges),
    ]


def tickers(call: Call) -> Answer:
    params = unfold(call.params)
    # The cursor goes on with the day it began with, although midnight may have passed since.
    params.setdefault("date", call.today.isoformat())
    day = _day(call, params["date"])
    active = params.setdefault("active", "true") == "true"
    rows = call.market.derived(
        ("tickers", day, active),
        lambda: sorted(_as_of(call.market.listings, day, active), key=lambda row: row["ticker"]),
    )
    if search := params.get("search", "").lower():
        rows = [row for row in rows if search in f"{row['ticker']} {row['name']}".lower()]
    if "exchange" in params:
        rows = [row for row in rows if row.get("primary_exchange") == params["exchange"]]
        params = {name: text for name, text in params.items() if name != "exchange"}
    return answer_table(call, rows, TICKERS, params)


def overview(call: Call, ticker: str) -> Answer:
    day = _day(call, call.params.get("date", call.today.isoformat()))
    listing = call.market.listing(ticker, day)
    if listing is None:
        raise Refused(ticker_not_found())
    more = {
        "list_date": str(listing.list_date) if listing.list_date else None,
        "sic_description": listing.sector,
        "ticker_root": ticker,
        "round_lot": 100,
    }
    results = _row(listing, day) | {name: value for name, value in more.items() if value}
    return ok({"results": results, "status": "OK", "request_id": request_id()})


def ticker_events(call: Call, identifier: str) -> Answer:
    wanted = call.params.get("types", "ticker_change")
    listing = call.market.listing(identifier, call.today) or _bearer(
        call.market.listings, identifier
    )
    if listing is None:
        raise Refused(ticker_not_found())
    adopted = call.market.tickers_of(listing.security)
    latest = adopted[-1]
    events = [
        {
            "type": "ticker_change",
            "date": str(row.first),
            "ticker_change": {"ticker": row.symbol},
        }
        for row in reversed(adopted)
        if row.first <= call.today and "ticker_change" in wanted
    ]
    more = {"composite_figi": latest.figi, "cik": latest.cik}
    results = {"name": latest.name, "events": events} | {
        name: value for name, value in more.items() if value
    }
    return ok({"results": results, "status": "OK", "request_id": request_id()})


def exchanges(call: Call) -> Answer:
    return _counted(_exchange(number, *row) for number, row in enumerate(EXCHANGES, 1))


def modern_exchanges(call: Call) -> Answer:
    return _counted(
        _exchange(number, *row) | {"id": str(number)} for number, row in enumerate(EXCHANGES, 1)
    )


def ticker_types(call: Call) -> Answer:
    return _counted(
        {"code": code, "description": text, "asset_class": "stocks", "locale": "us"}
        for code, text in TYPES.items()
    )


def _as_of(listings: Iterable[Listed], day: date, active: bool) -> Iterable[Row]:
    for listing in listings:
        gone = listing.delisted is not None and listing.delisted <= day
        if listing.holds(day) if active else gone:
            yield _row(listing, day, active=active)


def _row(listing: Listed, day: date, *, active: bool = True) -> Row:
    row = {
        "ticker": listing.symbol,
        "name": listing.name,
        "market": "otc" if listing.otc else "stocks",
        "locale": "us",
        "primary_exchange": listing.exchange,
        "type": listing.type,
        "active": active,
        "currency_name": "usd",
        "cik": listing.cik,
        "composite_figi": listing.figi,
        "share_class_figi": listing.share_class_figi,
        "last_updated_utc": f"{day}T00:00:00Z",
        "delisted_utc": None if active else f"{listing.delisted}T00:00:00Z",
    }
    return {name: value for name, value in row.items() if value is not None}


def _bearer(listings: Iterable[Listed], figi: str) -> Listed | None:
    return next((row for row in listings if row.figi == figi), None)


def _exchange(number: int, name: str, mic: str, participant: str) -> Row:
    return {
        "id": number,
        "type": "exchange",
        "asset_class": "stocks",
        "locale": "us",
        "name": name,
        "mic": mic,
        "operating_mic": mic,
        "participant_id": participant,
    }


def _counted(rows: Iterable[Row]) -> Answer:
    results = list(rows)
    return ok(
        {"results": results, "status": "OK", "request_id": request_id(), "count": len(results)}
    )


def _day(call: Call, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused(bad_request(f"'date' cannot be '{text}'")) from None
    if day < call.plan.oldest(call.today):
        raise Refused(too_old())
    return day
