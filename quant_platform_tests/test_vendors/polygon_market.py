"""A vendor's answers for a market of weekdays."""

from datetime import date

import httpx

from quant_platform.vendors.polygon.times import bounds
from quant_platform_tests.test_vendors.polygon_stub import (
    bad,
    grouped,
    row,
)

TOO_OLD = bad(403, {"message": "Your plan doesn't include this data timeframe. Please upgrade"})
TOO_EARLY = bad(403, {"message": "Attempted to request today's data before end of day."})

YESTERDAY = date(2024, 3, 14)


def session_of(request: httpx.Request) -> date:
    return date.fromisoformat(request.url.path.rpartition("/")[2])


def market(request: httpx.Request) -> httpx.Response:
    """One row for any session."""
    return grouped(row(t=bounds(session_of(request))[0] + 16 * 3_600_000))
