"""The vendor `polygon`: the whole US stock market from Polygon.io, Massive.com since October 2025.

One request goes through these modules: `vendor.py` (what to ask; a session: `grouped.py`) →
`paging.py` (page after page) → `transport.py` (one request, repeated where that helps) →
`rate_limit.py` (when it may go out) and `address.py` (where to). Its answer comes back through
`faults.py` (error bodies) and one of `bars.py`, `corporate_actions.py`, `reference.py` and
`news_and_economy.py` (rows to typed values); `cells.py` reads single values, `times.py` tells which
session a time means. `prefetch.py` fetches ahead, `probe.py` tests what a key may do, and
`flat_files.py` reads whole sessions from files instead. `settings.py` has how to reach the vendor,
`key.py` where the key comes from.

What does not belong here: what other vendors could use as well (`vendors/answers.py`), and which
security a ticker means (`market/identity/`).

Importing this costs nothing: httpx and pandas are loaded by the first request.
"""

from quant_platform.vendors.polygon.vendor import PolygonVendor

__all__ = ["PolygonVendor"]
