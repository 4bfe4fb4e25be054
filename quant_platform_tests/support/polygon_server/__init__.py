"""Polygon.io / Massive.com on loopback: a real HTTP server over any table of bars and events.

    market = ServedMarket.from_frames(bars, listings, splits=splits)
    with PolygonServer(market, plan=BASIC) as server:
        server.inject(faults.too_many(), where="/grouped/", times=2)
        ...  # a client with base URL server.url and key "test-key"
        assert server.most_in_window(60.0) <= 5

As a process of its own: `python -m quant_platform_tests.support.polygon_server --help`. What it
answers follows the vendor's documentation; the tests name the figures they were taken from.
"""

from quant_platform_tests.support.polygon_server.bars import Bars
from quant_platform_tests.support.polygon_server.listings import Listed
from quant_platform_tests.support.polygon_server.plans import (
    ADVANCED,
    BASIC,
    DEVELOPER,
    STARTER,
    Plan,
    SetClock,
)
from quant_platform_tests.support.polygon_server.process import launched
from quant_platform_tests.support.polygon_server.served_market import ServedMarket
from quant_platform_tests.support.polygon_server.server import PolygonServer

__all__ = [
    "ADVANCED",
    "BASIC",
    "DEVELOPER",
    "STARTER",
    "Bars",
    "Listed",
    "Plan",
    "PolygonServer",
    "ServedMarket",
    "SetClock",
    "launched",
]
