"""A whole market from the vendor's answers into Postgres: sessions of 12,000 rows.

A generated market is served over loopback by a process of its own, without a rate limit, and
`quant-platform backfill` reads it into an empty embedded database: bars with identities, history
and checks. Beside it stands the server's floor: the same rows copied from table to table (`INSERT …
SELECT`, with the same key and rules). Then one more session is timed by itself, from the bytes of
the answer to committed and checked rows.

Run: python benchmarks/market_ingest.py [--sessions 504] [--symbols 12000]
"""

import argparse
import os
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
from demo import BIN, timed

from quant_platform.market.calendar import XNYS
from quant_platform.market.facts import complete
from quant_platform.market.identity import RECENT_SESSIONS, IdentityBook, arrow_text
from quant_platform.pipeline.platform import Platform
from quant_platform.quality.judging import judge_blocks
from quant_platform.quality.market import FACTS_CHECKS
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.replace import TableRows, replace_tables
from quant_platform.vendors.polygon.bars import read_grouped, session_bars
from quant_platform.vendors.vendor_registry import vendor_of
from quant_platform_tests.support.polygon_server import launched

ROWS_PER_SECOND, MEGABYTES, SESSION_SECONDS = 100_000, 1536, 0.7
"""The limits that the project set itself."""

ASSETS = 'key:"market_data"'
KEY = "test-key"


def main() -> None:
    """Print rows per second, memory, the floor, and the seconds of one session."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=504)
    parser.add_argument("--symbols", type=int, default=12_000)
    options = parser.parse_args()
    size = ("--symbols", str(options.symbols), "--sessions", str(options.sessions))
    with launched(*size, "--prepare") as url, tempfile.TemporaryDirectory() as folder:
        environment = {
            "QUANT_PLATFORM_HOME": str(Path(folder) / "home"),
            "QUANT_PLATFORM_VENDOR": "polygon",
            "QUANT_PLATFORM_SENSORS": "stopped",
            "POLYGON_BASE_URL": url,
            "POLYGON_API_KEY": KEY,
            "POLYGON_CALLS_PER_MINUTE": "0",
            # Over loopback no answer is waited for: more threads than cores would only take turns.
            "POLYGON_CONNECTIONS": str(os.cpu_count() or 2),
        }
        first = newest(options.sessions)[0].isoformat()
        # Making the database is no part of reading a market.
        timed([str(BIN / "quant-platform"), "db", "upgrade"], {**os.environ, **environment})
        command = [str(BIN / "quant-platform"), "backfill", "--start", first, "--select", ASSETS]
        seconds, own, server = timed(command, {**os.environ, **environment})
        settings = Settings.load(environment, Path(folder))
        platform = Platform(settings, vendor_of(settings))
        rows = int(bulk.query(platform.database, "SELECT count(*) AS n FROM market_data")["n"][0])
        floor = floor_seconds(platform.database)
        speed = rows / seconds
        print(f"{rows:,} rows of {options.sessions} sessions, whole command {seconds:.1f} s")
        print(f"ingestion  {speed:9,.0f} rows/s   (limit {ROWS_PER_SECOND:,})")
        print(f"floor      {rows / floor:9,.0f} rows/s   {speed * floor / rows:.0%} of it reached")
        print(f"memory     {own:9,.0f} MB, server {server:.0f} MB   (limit {MEGABYTES:,} MB)")
        alone = one_session(platform, url)
        print(f"one session from bytes to checked rows {alone:.2f} s   (limit {SESSION_SECONDS} s)")


def newest(count: int) -> tuple[date, ...]:
    """Return the sessions that the server generates: the last `count` that closed."""
    last = XNYS.last_closed(datetime.now(UTC), XNYS.first)
    assert last is not None  # noqa: S101 — sessions have closed since 2000
    return XNYS.sessions(XNYS.first, last)[-count:]


def floor_seconds(database: Database) -> float:
    """Seconds in which the server copies all rows into a table of the same shape."""
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE floor (LIKE market_data INCLUDING ALL)")
            started = time.perf_counter()
            cursor.execute("INSERT INTO floor SELECT * FROM market_data")
        return time.perf_counter() - started
    finally:
        with connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE floor")
        connection.close()


def one_session(platform: Platform, url: str) -> float:
    """Seconds for the newest session, taken out of the database first."""
    database = platform.database
    newest = str(bulk.query(database, "SELECT max(date)::text AS d FROM market_data")["d"][0])
    path = f"{url}/v2/aggs/grouped/locale/us/market/stocks/{newest}?adjusted=false"
    body = httpx.get(path, headers={"Authorization": f"Bearer {KEY}"}, timeout=60).content
    day = date.fromisoformat(newest)
    tables = ("market_data", "securities", "security_symbols")
    empty = [bulk.read(database, platform.table(name), newest, newest)[:0] for name in tables]
    replace_tables(
        database,
        [TableRows(platform.table(n), f) for n, f in zip(tables, empty, strict=True)],
        [newest],
    )
    book = _book(platform, newest)
    started = time.perf_counter()
    answer = read_grouped(body)
    assert isinstance(answer, dict)  # noqa: S101 — the server's answer is one
    bars, refused = session_bars(answer["results"], day)
    traded = (bars["close_price"] * bars["volume"]).to_numpy()
    market = platform.vendor.abilities.market
    assert market is not None  # noqa: S101 — the vendor of this benchmark
    found = book.resolve(
        day,
        arrow_text(bars["symbol"]),
        traded,
        market,
        anchor=False,
        delisted_since=None,
        dollars=platform.settings.identity_dollars,
    )
    named = complete(bars, found.security_ids)
    parts = [
        TableRows(platform.table("market_data"), named, quarantine=True, refused=refused),
        TableRows(platform.table("securities"), found.securities),
        TableRows(platform.table("security_symbols"), found.symbols),
    ]
    replace_tables(database, parts, [newest])
    judge_blocks(platform, FACTS_CHECKS, [newest])
    return time.perf_counter() - started


def _book(platform: Platform, newest: str) -> IdentityBook:
    database = platform.database
    securities, symbols = (
        bulk.read(database, platform.table(name), bulk.BEGINNING, newest)
        for name in ("securities", "security_symbols")
    )
    recent = bulk.query(
        database,
        "SELECT date, symbol, close_price * volume AS dollars FROM market_data"
        " WHERE date >= (SELECT min(date) FROM (SELECT DISTINCT date FROM market_data"
        " ORDER BY date DESC LIMIT $1::text::integer) AS days)",
        (str(RECENT_SESSIONS),),
    )
    return IdentityBook.from_frames(securities, symbols, recent, platform.settings.identity_dollars)


if __name__ == "__main__":
    main()
