"""Two processes on the free plan: never above 5 requests in 60 seconds, never idle for nothing.

A server on loopback counts 5 requests a minute as the vendor does and refuses the rest. Two
`quant-platform backfill` of databases of their own share the key. When the k-th request came is
compared with the earliest moment it was allowed: 60 seconds after the (k-5)-th.

Run: python benchmarks/free_plan.py [--minutes 5]
"""

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from demo import BIN

from quant_platform.market.calendar import XNYS
from quant_platform_tests.support.polygon_server import BASIC, PolygonServer, ServedMarket

CALLS, WINDOW_SECONDS, PROCESSES = 5, 60.0, 2
TOO_MANY = 429


def main() -> None:
    """Print the most requests in a window, refusals, and the seconds lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    options = parser.parse_args()
    sessions = XNYS.sessions(date(2025, 9, 2), date(2026, 10, 30))
    plan = replace(BASIC, history_years=None)
    with (
        PolygonServer(ServedMarket.synthetic(50, sessions), plan=plan) as server,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        processes = [backfill(server.url, Path(folder), str(n)) for n in range(PROCESSES)]
        while not server.requests:
            time.sleep(0.1)
        time.sleep(60.0 * options.minutes)
        for process in processes:
            process.terminate()
            process.wait(60)
        times = sorted(row.at for row in server.requests)
        most = server.most_in_window(WINDOW_SECONDS)
        refused = server.counted(status=TOO_MANY)
    print(f"requests of {PROCESSES} processes in {options.minutes:.0f} minutes: {len(times)}")
    print(f"most in any {WINDOW_SECONDS:.0f} s: {most} (limit {CALLS}), refused: {refused}")
    late = [at - before - WINDOW_SECONDS for before, at in zip(times, times[CALLS:], strict=False)]
    if late:
        lost = sum(late) / len(late)
        print(f"later than allowed: {lost:.2f} s on average, {max(late):.2f} s at most")
        print(f"of the allowed pace: {WINDOW_SECONDS / (WINDOW_SECONDS + lost):.1%}")
    if most > CALLS or refused:
        raise SystemExit(1)


def backfill(url: str, folder: Path, name: str) -> "subprocess.Popen[bytes]":
    """Start a backfill into a database of its own; the limit is shared through the user's home."""
    environment = {
        "HOME": str(folder),
        "QUANT_PLATFORM_HOME": str(folder / name),
        "QUANT_PLATFORM_VENDOR": "polygon",
        "POLYGON_BASE_URL": url,
        "POLYGON_API_KEY": "test-key",
        "POLYGON_CALLS_PER_MINUTE": str(CALLS),
    }
    command = [str(BIN / "quant-platform"), "backfill", "--start", "2025-09-02"]
    return subprocess.Popen(
        [*command, "--end", "2026-10-30", "--select", 'key:"market_data"'],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main()
