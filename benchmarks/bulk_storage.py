"""Bulk storage beside the server's own limits, in one run on one machine.

Rows of `market_data` (generated, seeded) go into the embedded server through `replace_sessions`,
the path every asset takes, and come back through `bulk.read`. The floor of writing is the server
copying the same rows from table to table (`INSERT … SELECT`); rivals are `DataFrame.to_sql` and
`pandas.read_sql`, on a tenth of the rows.

Run: python benchmarks/bulk_storage.py [--sessions 500] [--symbols 1000]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.migrations import upgrade
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table

ROUNDS = 3
SLICE = 10
"""The rivals get one row in so many."""


def main() -> None:
    """Print rows per second of each way, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--symbols", type=int, default=1000)
    options = parser.parse_args()
    bars = generated_bars(options.sessions, options.symbols)
    with tempfile.TemporaryDirectory() as home:
        database = platform_database(Settings.load({"QUANT_PLATFORM_HOME": home}, Path(home)))
        upgrade(database)
        measure(database, bars)


def generated_bars(sessions: int, symbols: int) -> pd.DataFrame:
    """Random bars in the columns of `market_data`."""
    rng = np.random.default_rng(7)
    days = pd.bdate_range("2001-01-01", periods=sessions).as_unit("s")
    names = [f"S{number:05d}" for number in range(symbols)]
    index = pd.MultiIndex.from_product([days, names], names=["date", "symbol"])
    bars = index.to_frame(index=False)
    close = rng.uniform(5, 500, len(bars))
    bars["open_price"] = close * rng.uniform(0.99, 1.01, len(bars))
    bars["high_price"] = np.maximum(bars["open_price"], close) * 1.01
    bars["low_price"] = np.minimum(bars["open_price"], close) * 0.99
    bars["close_price"] = close
    bars["volume"] = rng.integers(1_000, 10_000_000, len(bars)).astype(float)
    bars["vendor_adjusted_close"] = close * 0.9
    bars["source"] = "generated"
    bars["vwap"], bars["trade_count"] = close, 1000.0
    bars["security_id"] = bars["symbol"]
    return bars


def measure(database: Database, bars: pd.DataFrame) -> None:
    """Time every way in and out."""
    table = read_table(database, "market_data")
    sessions = [f"{day:%Y-%m-%d}" for day in pd.DatetimeIndex(bars["date"].unique())]
    rows = len(bars)

    def write() -> None:
        replace_sessions(database, table, bars, sessions)

    def floor() -> None:
        run(
            database,
            "CREATE TABLE copied (LIKE market_data INCLUDING ALL)",
            "INSERT INTO copied SELECT * FROM market_data",
        )

    def read() -> None:
        found = bulk.read(database, table, sessions[0], sessions[-1])
        if len(found) != rows:
            raise SystemExit(f"read {len(found)} rows instead of {rows}")

    ours = best(write, before=lambda: run(database, "TRUNCATE market_data", "CHECKPOINT"))
    again = best(write)
    limit = best(floor, before=lambda: run(database, "DROP TABLE IF EXISTS copied", "CHECKPOINT"))
    reading = best(read)
    pandas_write, pandas_read = rivals(database, bars.iloc[::SLICE])
    print(f"{rows:,} rows of market_data, best of {ROUNDS}; primary key and checks in place")
    report("write: server floor, INSERT … SELECT", rows, limit)
    report("write: replace_sessions, first load", rows, ours, f"{limit / ours:.0%} of the floor")
    report("write: replace_sessions, nothing changed", rows, again)
    report("write: DataFrame.to_sql", rows // SLICE, pandas_write, "rival")
    report("read:  bulk.read, ordered, to pandas", rows, reading)
    report("read:  pandas.read_sql", rows // SLICE, pandas_read, "rival")
    print(f"ours / to_sql: {(rows / ours) / (rows / SLICE / pandas_write):.0f}×")
    print(f"ours / read_sql: {(rows / reading) / (rows / SLICE / pandas_read):.1f}×")


def rivals(database: Database, bars: pd.DataFrame) -> tuple[float, float]:
    """Seconds of pandas' own way in and out."""
    engine = database.engine

    def write() -> None:
        bars.to_sql("rival", engine, if_exists="append", index=False)

    def clear() -> None:
        run(
            database,
            "DROP TABLE IF EXISTS rival",
            "CREATE TABLE rival (LIKE market_data INCLUDING ALL)",
        )

    writing = best(write, before=clear)
    return writing, best(lambda: pd.read_sql("SELECT * FROM rival ORDER BY date, symbol", engine))


def run(database: Database, *statements: str) -> None:
    """Run statements, each in its own transaction."""
    connection = database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def best(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Seconds of the quickest of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        before()
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def report(name: str, rows: int, seconds: float, remark: str = "") -> None:
    """Print one line."""
    print(f"  {name:45} {rows / seconds / 1000:8.0f} k rows/s   {remark}")


if __name__ == "__main__":
    main()
