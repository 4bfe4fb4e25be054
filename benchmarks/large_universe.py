"""The thousand of the largest momentum among 8,000 securities, every month for ten years.

A generated market (seeded: random walks, quarterly dividends of a third of the securities, some
splits, all of them members of the universe in each session) is stored in an embedded Postgres by
the platform's own bulk path. Then `store.backtest` runs in new processes: from Postgres alone, from
Postgres while the cache is filled, and from the cache. A row is void unless all give the same
returns, bit for bit, and the members that NumPy chooses of the generated prices by itself. The
seconds of the server's processes are on the clock, and not among those of the processor; memory is
the process' own.

Stated for the same work, on other machines: Zipline 276 s, Moonshot 44 s. Reach: 3 s from the
cache, 30 s from Postgres, 4 GB.

Run: python benchmarks/large_universe.py [--full] [--securities 2000] [--sessions 2516]
    [--home FOLDER]

Without --full, a quarter of the securities, which takes about 2.5 GB of the disk; with it about 10.
With --home the market is kept there, and taken from there the next time.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.pipeline.provision import provision
from quant_platform.settings import Settings
from quant_platform.storage.bulk import query
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.frames import arrow_schema
from quant_platform.storage.replace import TableRows, replace_tables
from quant_platform.storage.schema import read_table

FIRST, LAST = "2009-01-02", "2018-12-31"
FULL, QUARTER = 8000, 2000
"""Securities of the whole measurement, and of one that takes little of a disk."""

AT_ONCE = 63
"""Sessions that are stored in one transaction: a quarter, whose last one pays the dividends."""

SECTORS = ("Energy", "Financials", "Health Care", "Industrials", "Technology", "Utilities")
YIELD = 0.005
"""Cash of a dividend per close."""

CAPITAL = 1e8
"""Enough for whole shares of the dearest of a thousand."""

MEASURED = "measured"
"""First argument of the processes that run the backtest."""


def momentum(panel: Panel, n: int = 1000) -> FloatArray:
    """Hold the n members of the largest momentum from twelve months to one month ago."""
    return panel.top(panel["momentum_252"] - panel["momentum_20"], n=n, every="month")


def main() -> None:
    """Store the market, and print a line for each way of reading it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="8,000 securities: 10 GB of the disk")
    parser.add_argument("--securities", type=int)
    parser.add_argument("--sessions", type=int, default=2516)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    securities = options.securities or (FULL if options.full else QUARTER)
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder)
        database = platform_database(Settings.load({"QUANT_PLATFORM_HOME": str(home)}, home))
        provision(database)
        days = XNYS.sessions(date.fromisoformat(FIRST), date.fromisoformat(LAST))
        days = days[-options.sessions :]
        fill(database, days, securities)
        chosen = expected(days, securities)
        print(f"{securities:,} securities × {len(days):,} sessions", flush=True)
        answers = [
            measured("Postgres, no cache (reach 30 s)", home, 0, chosen),
            measured("Postgres, cache filled", home, 64, chosen),
            *(measured("cache (reach 3 s)", home, 64, chosen) for _ in range(3)),
        ]
        database.close()
    if len(set(answers)) > 1:
        sys.exit("VOID: the returns differ")


def market(
    days: Sequence[date], securities: int
) -> Iterator[tuple[Sequence[date], dict[str, FloatArray]]]:
    """Yield sessions with their arrays of raw bars and actions, quarter after quarter."""
    rng = np.random.default_rng(8000)
    level = rng.uniform(5.0, 300.0, securities)
    pays = rng.random(securities) < 1 / 3
    for start in range(0, len(days), AT_ONCE):
        part = days[start : start + AT_ONCE]
        shape = (len(part), securities)
        close = level * np.exp(np.cumsum(rng.normal(2e-4, 0.02, shape), axis=0))
        split = np.ones(shape)
        split[-1, (rng.random(securities) < 0.005) & (close[-1] > 40.0)] = 2.0
        close /= split
        opened = close * np.exp(rng.normal(0.0, 0.004, shape))
        dividend = np.zeros(shape)
        dividend[-1, pays] = YIELD * close[-1, pays]
        level = close[-1]
        yield (
            part,
            {
                "open_price": opened,
                "high_price": np.maximum(opened, close) * 1.004,
                "low_price": np.minimum(opened, close) * 0.996,
                "close_price": close,
                "volume": np.round(rng.lognormal(13.0, 1.0, shape)),
                "split": split,
                "dividend": dividend,
            },
        )


def fill(database: Database, days: Sequence[date], securities: int) -> None:
    """Store the market where it is not stored yet."""
    tables = [read_table(database, name) for name in ("market_data", "trading_universe")]
    actions = read_table(database, "corporate_actions")
    if len(query(database, "SELECT 1 FROM market_data LIMIT 1")):
        return
    names = pa.array([f"S{number:05d}" for number in range(securities)])
    begun = time.perf_counter()
    for part, arrays in market(days, securities):
        cells = len(part) * securities
        codes = pa.array(np.tile(np.arange(securities, dtype=np.int32), len(part)))
        symbols = names.take(codes)
        known = {
            "date": pa.array(np.repeat(np.array(part, dtype="datetime64[D]"), securities)),
            "symbol": symbols,
            "security_id": symbols,
            "source": pa.array(["generated"]).take(pa.array(np.zeros(cells, dtype=np.int32))),
            "sector": pa.array(SECTORS).take(pa.array(codes.to_numpy() % len(SECTORS))),
            "listing_date": pa.array(np.full(cells, np.datetime64(FIRST, "D"))),
            "dollar_volume": pa.array((arrays["close_price"] * arrays["volume"]).ravel()),
            "dollar_volume_rank": pa.array(codes.to_numpy() + 1),
            **{name: pa.array(values.ravel()) for name, values in arrays.items()},
        }
        rows = [
            TableRows(
                table,
                pa.table(
                    [
                        known.get(field.name, pa.nulls(cells)).cast(field.type)
                        for field in arrow_schema(table)
                    ],
                    schema=arrow_schema(table),
                ),
            )
            for table in tables
        ]
        events = happened(part[-1], arrays, names, arrow_schema(actions))
        sessions = [day.isoformat() for day in part]
        replace_tables(database, [*rows, TableRows(actions, events)], sessions)
    vacuum(database)
    print(f"stored in {time.perf_counter() - begun:.0f} s", flush=True)


def happened(
    day: date, arrays: dict[str, FloatArray], names: pa.Array, schema: pa.Schema
) -> pa.Table:
    """Corporate actions of the last session of some."""
    kinds = (
        ("split", "split_ratio", np.flatnonzero(arrays["split"][-1] != 1.0), arrays["split"][-1]),
        (
            "cash_dividend",
            "cash_amount",
            np.flatnonzero(arrays["dividend"][-1] != 0.0),
            arrays["dividend"][-1],
        ),
    )
    rows = [
        {
            "date": day,
            "symbol": names[int(at)].as_py(),
            "security_id": names[int(at)].as_py(),
            "action_type": kind,
            "source": "generated",
            column: float(values[at]),
        }
        for kind, column, places, values in kinds
        for at in places
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def vacuum(database: Database) -> None:
    """Bring the tables into the state that they have some time after they were written."""
    connection = database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE market_data, trading_universe, corporate_actions")
    connection.close()


def expected(days: Sequence[date], securities: int) -> str:
    """Return who is held in the last session, by NumPy alone, of prices adjusted for splits."""
    closes, splits = zip(
        *((arrays["close_price"], arrays["split"]) for _, arrays in market(days, securities)),
        strict=True,
    )
    adjusted = np.vstack(closes) * np.cumprod(np.vstack(splits), axis=0)
    months = np.array(days, dtype="datetime64[M]")
    at = int(np.flatnonzero(months == months[-1])[0])
    score = adjusted[at] / adjusted[at - 252] - adjusted[at] / adjusted[at - 20]
    best = np.argsort(-score, kind="stable")[: min(1000, securities)]
    return ",".join(f"S{number:05d}" for number in np.sort(best))


def measured(name: str, home: Path, gigabytes: int, chosen: str) -> str:
    """Run the backtest in a new process, print its line, and return the digest of its returns."""
    command = [sys.executable, __file__, MEASURED, str(home), str(gigabytes)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, processor, memory, digest, holds = done.stdout.splitlines()[-1].split()
    void = "" if holds == chosen else "   VOID: other members are held"
    print(
        f"  {name:34}{float(wall):7.2f} s, processor {float(processor):7.2f} s,"
        f" {float(memory):.2f} GB{void}",
        flush=True,
    )
    return digest


def run(home: Path, gigabytes: int) -> None:
    """Run one backtest; print seconds, memory, a digest of its returns, and who is held last."""
    from hashlib import sha256

    from quant_platform.research.store import open_store

    values = {"QUANT_PLATFORM_HOME": str(home), "QUANT_PLATFORM_CACHE_GIGABYTES": str(gigabytes)}
    store = open_store(Settings.load(values, home))
    begun, before = time.perf_counter(), time.process_time()
    result = store.backtest(momentum, FIRST, LAST, capital=CAPITAL, benchmark="symbol:S00000")
    figures = result.metrics
    wall, used = time.perf_counter() - begun, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    returns = result.returns.to_numpy()
    digest = sha256(returns.tobytes() + repr(len(figures)).encode()).hexdigest()
    weights = result.weights.iloc[-1]
    print(wall, used, peak, digest, ",".join(weights.index[weights.to_numpy() > 0.0]))


if __name__ == "__main__":
    if sys.argv[1:2] == [MEASURED]:
        run(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
