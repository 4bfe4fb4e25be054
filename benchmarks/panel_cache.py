"""Bars of a market to arrays: from Postgres, from the cache, and beside both the limits.

Rows of `market_data` (generated, seeded) are read by `columnar.read_columns`, cold and from the
cache, and made a `Panel`; by `bulk.read` to pandas; by `pandas.read_sql` on a tenth of the rows;
and the floor, the same columns from one Arrow file into arrays, which no database could beat. The
arrays of all ways are equal.

qlib 0.9.7 took 12.3 s for 14 rolling features of 800 × 3,200, from files of its own, of which
reading is a part, on a machine of this kind (one process, no cache); quoted, not run here.

Run: python benchmarks/panel_cache.py [--sessions 3200] [--symbols 800]
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from bulk_storage import best, generated_bars, run

from quant_platform.features.compute import compute_features
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.cache import ColumnCache
from quant_platform.storage.columnar import Columns, connections, read_columns
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.migrations import upgrade
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table

NAMES = ["date", "symbol", "security_id", *BAR_COLUMNS.values()]

FEATURES = (
    *("sma_20", "sma_50", "ema_12", "ema_26", "rsi_14", "atr_14", "momentum_5", "momentum_20"),
    *("realized_volatility_20", "volume_ratio_20", "return_1", "return_5", "bollinger_upper"),
    "bollinger_lower",
)
"""Fourteen of rolling windows, as the rival's."""

AT_ONCE = 400
"""Sessions that are stored in one transaction."""

SLICE = 10
"""The rival gets one session in so many."""


def main() -> None:
    """Print seconds and rows per second of each way, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=3200)
    parser.add_argument("--symbols", type=int, default=800)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        database = platform_database(Settings.load({"QUANT_PLATFORM_HOME": home}, Path(home)))
        upgrade(database)
        fill(database, options.sessions, options.symbols)
        measure(database, ColumnCache(Path(home) / "cache", 2**33), Path(home))
        database.close()


def fill(database: Database, sessions: int, symbols: int) -> None:
    """Store the bars."""
    table, bars = read_table(database, "market_data"), generated_bars(sessions, symbols)
    days = bars["date"].unique()
    for start in range(0, len(days), AT_ONCE):
        part = days[start : start + AT_ONCE]
        rows = bars[bars["date"].isin(part)]
        replace_sessions(database, table, rows, [f"{day:%Y-%m-%d}" for day in part])
    run(database, "VACUUM ANALYZE market_data")


def measure(database: Database, cache: ColumnCache, folder: Path) -> None:
    """Time every way to a panel."""
    table = read_table(database, "market_data")
    wanted = Columns(table, NAMES, date(2001, 1, 1), date(2031, 1, 1))
    rows = read_columns(database, wanted)
    count, days = rows.num_rows, np.unique(rows.column("date").to_numpy())
    first, last = str(days[0]), str(days[-1])
    sessions = days.astype("datetime64[D]")
    file = folder / "floor.arrow"
    write_file(rows, file)

    def panel(data: pd.DataFrame | pa.Table) -> Panel:
        return Panel.from_frames(data, None, sessions)

    def cold() -> pa.Table:
        return read_columns(database, wanted)

    def by_pandas() -> pd.DataFrame:
        statement = f"SELECT {', '.join(NAMES)} FROM market_data WHERE date <= '{part}' ORDER BY date, symbol"  # noqa: S608, E501 — our own names
        return pd.read_sql(statement, database.engine, parse_dates=["date"])

    part = str(days[max(len(days) // SLICE, 1) - 1])
    of_part = int((rows.column("date").to_numpy() <= np.datetime64(part)).sum())
    read_columns(database, wanted, cache)
    ways: dict[str, tuple[int, Callable[[], Panel]]] = {
        "floor: one Arrow file": (count, lambda: floor(file, sessions)),
        "cached": (count, lambda: panel(read_columns(database, wanted, cache))),
        f"Postgres, {connections()} connections": (count, lambda: panel(cold())),
        "Postgres, bulk.read to pandas": (
            count,
            lambda: panel(bulk.read(database, table, first, last, columns=NAMES)),
        ),
        "pandas.read_sql": (of_part, lambda: panel(by_pandas())),
    }
    expected = panel(rows)
    print(f"{count:,} rows, {len(days)} sessions × {len(expected.security_ids)} securities")
    seconds = {}
    for name, (size, way) in ways.items():
        compare(way(), expected, size == count)
        seconds[name] = best(way)
        print(f"  {name:34} {seconds[name]:7.3f} s {size / seconds[name] / 1000:9.0f} k rows/s")
    reading = best(cold)
    print(
        f"  reading alone, Postgres          {reading:7.3f} s {count / reading / 1e3:9.0f} k rows/s"
    )
    computing = best(lambda: compute_features(expected, names=FEATURES))
    print(f"  14 features of the panel           {computing:7.3f} s (qlib, stated: 12.3 s in all)")
    print(f"  cached / floor: {seconds['cached'] / seconds['floor: one Arrow file']:.1f}×")
    print(f"  memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def write_file(rows: pa.Table, path: Path) -> None:
    """Write the columns as one batch."""
    whole = rows.unify_dictionaries().combine_chunks()
    with pa.ipc.new_file(path, whole.schema) as writer:
        writer.write_table(whole)


def floor(path: Path, sessions: np.ndarray) -> Panel:
    """Reshape the columns of a file whose rows are complete and in order."""
    data = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    securities = tuple(data.column("security_id").chunk(0).dictionary.to_pylist())
    shape = (len(sessions), len(securities))
    arrays: dict[str, Any] = {
        name: np.array(data.column(column).chunk(0).to_numpy()).reshape(shape)
        for name, column in BAR_COLUMNS.items()
    }
    return Panel(sessions, securities, **arrays)


def compare(panel: Panel, expected: Panel, whole: bool) -> None:
    """Refuse figures of ways that do not give the same arrays."""
    for name in BAR_COLUMNS:
        ours, theirs = panel[name], expected[name]
        if not whole:
            kept = ~np.isnan(ours[:, :1]).ravel()
            ours, theirs = ours[kept], theirs[kept]
        np.testing.assert_array_equal(ours, theirs)


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"in all {time.perf_counter() - started:.0f} s")
