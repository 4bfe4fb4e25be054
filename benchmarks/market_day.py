"""The daily update of a whole market: from the vendor's answer to the finished report.

A generated market of 12,000 symbols is served over loopback by a process of its own. A database is
filled with all of it but the newest session, then that session is updated by the command a user
types, corrections of the sessions before it included. There is no rival that does the same; the
limit is the one the project set itself.

Run: python benchmarks/market_day.py [--symbols 12000] [--sessions 90]
"""

import argparse
import os
import tempfile
from pathlib import Path

from demo import BIN, show, timed
from market_ingest import KEY, newest

from quant_platform_tests.support.polygon_server import launched

LIMIT = "20 s"
CORRECTIONS = 3
"""Sessions before the new one that the sensor asks for again."""


def main() -> None:
    """Print the seconds of the filling and of one day."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=12_000)
    parser.add_argument("--sessions", type=int, default=90)
    options = parser.parse_args()
    size = ("--symbols", str(options.symbols), "--sessions", str(options.sessions))
    sessions = [day.isoformat() for day in newest(options.sessions)]
    with launched(*size, "--prepare") as url, tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        environment = {
            **os.environ,
            "QUANT_PLATFORM_HOME": str(home),
            "QUANT_PLATFORM_VENDOR": "polygon",
            "QUANT_PLATFORM_SENSORS": "stopped",
            "POLYGON_BASE_URL": url,
            "POLYGON_API_KEY": KEY,
            "POLYGON_CALLS_PER_MINUTE": "0",
        }
        backfill = [str(BIN / "quant-platform"), "backfill"]
        filling = [*backfill, "--start", sessions[0], "--end", sessions[-2]]
        show(f"{len(sessions) - 1} sessions, all assets", *timed(filling, environment), "none")
        environment["DAGSTER_HOME"] = str(home / "dagster")
        tags = (
            f'{{"dagster/asset_partition_range_start": "{sessions[-1 - CORRECTIONS]}",'
            f' "dagster/asset_partition_range_end": "{sessions[-1]}"}}'
        )
        daily = [str(BIN / "dagster"), "job", "execute", "-m", "quant_platform.definitions"]
        daily += ["-j", "daily_update", "--tags", tags]
        show("daily update with corrections", *timed(daily, environment), LIMIT)
        one = [*backfill, "--start", sessions[-1], "--end", sessions[-1], "--refetch"]
        show("one session", *timed(one, environment), LIMIT)


if __name__ == "__main__":
    main()
