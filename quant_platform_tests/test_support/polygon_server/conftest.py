"""A market of three hand-made sessions in October 2020, and clients of a server over it."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from quant_platform_tests.support.polygon_server import PolygonServer, ServedMarket, SetClock

KEY = "test-key"
NOW = datetime(2020, 10, 16, 14, 0, tzinfo=UTC)
"""A Friday, 10:00 in New York."""

TUESDAY, WEDNESDAY, THURSDAY = date(2020, 10, 13), date(2020, 10, 14), date(2020, 10, 15)

TLS = ssl.create_default_context()
"""One for all clients, none of which needs it: httpx would make one each, in 0.1 s."""

Connect = Callable[..., tuple[PolygonServer, httpx.Client]]


def bar(day: date, symbol: str, close: float, volume: float = 1000.0, **more: Any) -> dict:
    prices = {"open": close - 1, "high": close + 1, "low": close - 2, "close": close}
    values = {"volume": volume, "vwap": close - 0.5, "trades": 10}
    return {"date": day, "symbol": symbol, **prices, **values, **more}


def october() -> ServedMarket:
    """ACME splits 2 for 1 on Thursday; OLD becomes NEW on Wednesday; KIMpL has no vwap."""
    bars = [
        bar(TUESDAY, "ACME", 100.0),
        bar(WEDNESDAY, "ACME", 104.0),
        bar(THURSDAY, "ACME", 53.0, volume=2500.0),
        bar(TUESDAY, "OLD", 10.0),
        bar(WEDNESDAY, "NEW", 11.0),
        bar(THURSDAY, "NEW", 12.0),
        *(bar(day, "KIMpL", 26.0, vwap=None, trades=None) for day in (TUESDAY, WEDNESDAY)),
        bar(WEDNESDAY, "OTCX", 1.5, otc=True),
        bar(WEDNESDAY, "STRAY", 5.0),
    ]
    listings = [
        {
            "symbol": "ACME",
            "from": date(1990, 1, 2),
            "figi": "BBG000ACME01",
            "share_class_figi": "BBG001ACME01",
            "cik": "0000000007",
            "name": "Acme Corp.",
            "list_date": date(1990, 1, 2),
            "sector": "ANVILS",
        },
        {"symbol": "OLD", "from": date(2010, 1, 4), "to": TUESDAY, "figi": "BBG000RENAM1"},
        {"symbol": "NEW", "from": WEDNESDAY, "figi": "BBG000RENAM1", "name": "New Name Inc."},
        {
            "symbol": "KIMpL",
            "from": date(2015, 6, 1),
            "to": WEDNESDAY,
            "delisted": THURSDAY,
            "type": "PFD",
            "exchange": None,
        },
        {"symbol": "OTCX", "from": date(2019, 1, 2), "otc": True},
    ]
    split = {"ticker": "ACME", "execution_date": THURSDAY, "split_from": 1, "split_to": 2}
    return ServedMarket.from_frames(bars, listings, splits=[split | {"id": "S1"}])


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def connect(clock: SetClock) -> Iterator[Connect]:
    """Start a server over a market (default: `october`); return it and a client with its key."""
    with ExitStack() as stack:

        def start(market: ServedMarket | None = None, **options: Any) -> tuple[PolygonServer, Any]:
            options = {"clock": clock} | options
            server = stack.enter_context(PolygonServer(market or october(), KEY, **options))
            headers = {"Authorization": f"Bearer {KEY}"}
            client = httpx.Client(base_url=server.url, headers=headers, timeout=5.0, verify=TLS)
            return server, stack.enter_context(client)

        yield start


@pytest.fixture
def server_and_client(connect: Connect) -> tuple[PolygonServer, httpx.Client]:
    return connect()


@pytest.fixture
def client(server_and_client: tuple[PolygonServer, httpx.Client]) -> httpx.Client:
    return server_and_client[1]


def grouped(day: date, **params: Any) -> str:
    """Path of a session's grouped bars, raw unless asked otherwise."""
    text = str(httpx.QueryParams({"adjusted": "false", **params}))
    return f"/v2/aggs/grouped/locale/us/market/stocks/{day}?{text}"


def pages(client: httpx.Client, url: str) -> list[dict]:
    """Follow `next_url` to the end; return the bodies."""
    bodies = []
    while url:
        bodies.append(client.get(url).raise_for_status().json())
        url = bodies[-1].get("next_url", "")
    return bodies


def rows(client: httpx.Client, url: str) -> list[dict]:
    return [row for body in pages(client, url) for row in body["results"]]
