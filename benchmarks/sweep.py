"""Sweeps: pairs of averages of one series beside vectorbt, and parameters of a whole strategy.

- `crossings`: 4,851 pairs of windows over 2,500 bars with fees, beside vectorbt, which runs in a
  Python of its own given by an argument (`quant_platform_tests/oracles/make_engines.py` says how to
  install it). The row is void unless all total returns agree within 1e-6.
- `minutes`: 10,000 pairs over 200,000 bars. Manifold states 2.5 s in 342 MB on four cores.
- `strategy`: a market of random walks (generated, seeded) in an embedded database; one backtest of
  `enhanced_momentum` over 500 securities × 2,844 sessions from Postgres and from the cache, and a
  hundred sets of its parameters. There is no rival that does the same; the limits are the project's
  own. With --home the database is kept there, and taken from there the next time.

The machine may be shared, so seconds of the processor stand beside those of the clock.

Run: python benchmarks/sweep.py [--vectorbt PYTHON] [--rows crossings,minutes,strategy]
    [--sessions 2844] [--securities 500] [--home FOLDER]
"""

import argparse
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bulk_storage import run

from quant_platform.market.calendar import XNYS
from quant_platform.pipeline.provision import provision
from quant_platform.research.crossings import crossing_sweep
from quant_platform.research.store import Store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table

FEE = 0.001

FIRST, LAST = "2001-01-02", "2012-12-31"
AT_ONCE = 400
"""Sessions that are stored in one transaction."""


def main() -> None:
    """Print seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=2844)
    parser.add_argument("--securities", type=int, default=500)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--vectorbt")
    parser.add_argument("--rows", default="crossings,minutes,strategy")
    options = parser.parse_args()
    rows = options.rows.split(",")
    if "crossings" in rows:
        crossings(options.vectorbt)
    if "minutes" in rows:
        minutes()
    if "strategy" in rows:
        strategy(options)


def crossings(python: str | None) -> None:
    """4,851 pairs over 2,500 bars, beside vectorbt."""
    fast, slow = zip(*((a, b) for a in range(2, 101) for b in range(a + 1, 101)), strict=True)
    prices = walk(2500)
    # At the close that decides, as vectorbt trades.
    options: dict[str, Any] = {"commission_bp": FEE * 1e4, "delay": 0}
    print(f"crossings: {len(fast):,} pairs over {len(prices):,} bars")
    mine = crossing_sweep(prices, fast, slow, **options)
    for _ in range(3):
        timed("ours (reach 0.1 s)", lambda: crossing_sweep(prices, fast, slow, **options))
    if python is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "given.npz", Path(folder) / "answer.npz"
        np.savez(given, prices=prices, fast=fast, slow=slow, fee=FEE)
        script = Path(__file__).with_name("_vectorbt_crossings.py")
        subprocess.run([python, str(script), str(given), str(answer)], check=True)
        theirs = np.load(answer)
    agree = np.allclose(mine["total_return"], theirs["result"], rtol=0.0, atol=1e-6)
    for name in ("first", "later"):
        wall, processor = theirs[name]
        print(f"  {f'vectorbt, {name} call':42} {wall:8.2f} s, processor {processor:8.2f} s")
    print("  values agree" if agree else "  VOID: values differ")


def minutes() -> None:
    """10,000 pairs over 200,000 bars."""
    rng = np.random.default_rng(7)
    fast = rng.integers(2, 500, 10_000)
    slow = fast + rng.integers(1, 2000, 10_000)
    prices = walk(200_000, 0.001)
    print("minutes: 10,000 pairs over 200,000 bars (reach 5 s, 400 MB)")
    crossing_sweep(prices[:1000], fast[:1], slow[:1])
    timed("ours", lambda: crossing_sweep(prices, fast, slow))


def walk(bars: int, deviation: float = 0.01) -> np.ndarray:
    """Return a random walk, the same each time."""
    rng = np.random.default_rng(11)
    return np.asarray(100.0 * np.exp(np.cumsum(rng.normal(0.0001, deviation, bars))))


def strategy(options: argparse.Namespace) -> None:
    """One backtest and a hundred, over a market that is stored first."""
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder)
        settings = Settings.load({"QUANT_PLATFORM_HOME": str(home)}, home)
        database = platform_database(settings)
        provision(database)
        days = [str(day) for day in sessions(options.sessions)]
        if not counted(database):
            fill(database, days, options.securities)
        measure(Store(database, settings), days)
        database.close()


def sessions(count: int) -> list[Any]:
    """Return so many sessions of the exchange."""
    return list(XNYS.sessions(*map(date.fromisoformat, (FIRST, LAST))))[:count]


def counted(database: Database) -> int:
    """Return how many sessions there are."""
    connection = database.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT date) FROM trading_universe")
        return int(cursor.fetchall()[0][0])


def fill(database: Database, days: list[str], securities: int) -> None:
    """Store random walks, with all of them in the universe."""
    rng = np.random.default_rng(7)
    names = np.array([f"S{number:05d}" for number in range(securities)])
    close = np.full(securities, 50.0)
    for start in range(0, len(days), AT_ONCE):
        part = days[start : start + AT_ONCE]
        walk = np.exp(np.cumsum(rng.normal(0.0003, 0.018, (len(part), securities)), axis=0))
        closes = close * walk
        close = closes[-1]
        store_bars(database, part, names, closes, rng)
    run(database, "VACUUM ANALYZE market_data", "VACUUM ANALYZE trading_universe")


def store_bars(
    database: Database,
    days: list[str],
    names: np.ndarray,
    closes: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Store bars and members of a few sessions."""
    size = closes.size
    close = closes.reshape(-1)
    opens = close * rng.uniform(0.99, 1.01, size)
    dates = np.repeat(np.array(days, dtype="datetime64[s]"), len(names))
    symbols = pd.array(np.tile(names, len(days)), dtype="str")
    key = {"date": dates, "symbol": symbols, "security_id": symbols}
    bars = pd.DataFrame(
        {
            **key,
            "open_price": opens,
            "high_price": np.maximum(opens, close) * 1.004,
            "low_price": np.minimum(opens, close) * 0.996,
            "close_price": close,
            "volume": np.round(rng.lognormal(13.0, 0.6, size)),
            "vendor_adjusted_close": np.nan,
            "source": "generated",
            "vwap": np.nan,
            "trade_count": np.nan,
        }
    )
    members = pd.DataFrame(
        {
            **key,
            "listing_date": np.datetime64(FIRST, "s"),
            "dollar_volume": close * 1e6,
            "dollar_volume_rank": np.tile(np.arange(1, len(names) + 1), len(days)),
        }
    )
    for table, rows in (("market_data", bars), ("trading_universe", members)):
        definition = read_table(database, table)
        absent = {
            each.name: None for each in definition.data_columns if each.name not in rows.columns
        }
        replace_sessions(database, definition, rows.assign(**absent), days)


def measure(store: Store, days: list[str]) -> None:
    """Time one backtest and a hundred."""
    first, last = days[0], days[-1]

    def one() -> object:
        return store.backtest("enhanced_momentum", first, last).metrics

    print(f"{len(days):,} sessions")
    timed("one backtest, read from Postgres", one)
    timed("one backtest, from the cache (reach 1 s)", one)
    grid = {
        "stop_atr": [1.0, 1.5, 2.0, 2.5, 3.0],
        "min_volume_ratio": [1.0, 1.1, 1.2, 1.3],
        "max_holding": [20, 30, 40, 50, 60],
    }
    timed(
        "100 sets of parameters (reach 10 s)",
        lambda: store.sweep("enhanced_momentum", grid, first, last, progress=False, resume=False),
    )


def timed(name: str, call: Callable[[], object]) -> None:
    """Print seconds of the clock and of the processor, and the most memory so far."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {name:42} {wall:8.2f} s, processor {processor:8.2f} s, {memory:7.0f} MB", flush=True)


if __name__ == "__main__":
    main()
