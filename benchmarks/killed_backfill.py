"""A backfill that is killed (kill -9) again and again, beside one that is left alone.

The same command is started over a generated market, killed at a random moment, and started again,
as often as asked for; then it is left to end. The tables of facts must equal those of the
undisturbed run, byte for byte (but for the clock), nothing may be in a history, and no session may
be requested again beyond those under way at a kill.

Run: python benchmarks/killed_backfill.py [--kills 50] [--seed 1]
"""

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from contextlib import closing
from datetime import date
from pathlib import Path

from demo import BIN

from quant_platform.market.calendar import XNYS
from quant_platform.settings import Settings
from quant_platform.storage.database import Database, platform_database
from quant_platform_tests.support.polygon_server import (
    ADVANCED,
    PolygonServer,
    ServedMarket,
    faults,
)

SYMBOLS, SESSIONS, CONNECTIONS = 200, 120, 4
DELAY_SECONDS = 0.1
"""What an answer is held back, so that a kill finds requests under way."""

LIMIT_SECONDS = 600
TABLES = (
    "market_data",
    "securities",
    "security_symbols",
    "corporate_actions",
    "trading_universe",
)
GROUPED = "/v2/aggs/grouped/"


def main() -> None:
    """Kill, restart, compare; exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not survives(options.kills, options.seed):
        raise SystemExit(1)


def survives(kills: int, seed: int) -> bool:
    """Whether the killed backfill ends as the undisturbed one; prints what was counted."""
    sessions = XNYS.sessions(date(2025, 1, 2), date(2025, 12, 31))[:SESSIONS]
    with (
        PolygonServer(
            ServedMarket.synthetic(SYMBOLS, sessions, seed=seed), plan=ADVANCED
        ) as server,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        server.inject(faults.late(DELAY_SECONDS), GROUPED, times=faults.FOREVER)
        first, last = sessions[0].isoformat(), sessions[-1].isoformat()
        alone = Backfill(server, Path(folder) / "alone", first, last)
        started = time.monotonic()
        alone.start().wait(LIMIT_SECONDS)
        whole = time.monotonic() - started
        expected, before = alone.content(), server.counted(GROUPED)
        killed = Backfill(server, Path(folder) / "killed", first, last)
        moments = random.Random(seed)  # noqa: S311 — moments of a kill
        done = 0
        while done < kills:
            process = killed.start()
            try:
                process.wait(moments.uniform(0.2, 1.0) * whole)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait(LIMIT_SECONDS)
                done += 1
            else:
                killed.begin_again(moments)
        code = killed.start().wait(LIMIT_SECONDS)
        found, requests = killed.content(), server.counted(GROUPED) - before
        wasted = requests - SESSIONS - killed.taken_back
        allowed = kills * (CONNECTIONS + 2)
        print(f"{kills} kills; undisturbed run {whole:.1f} s")
        for name in TABLES:
            same = "the same" if found[name] == expected[name] else "DIFFERENT"
            print(f"{name:20} {same}")
        print(f"requests beyond one a session: {wasted} (at most {allowed} were under way)")
        return code == 0 and found == expected and wasted <= allowed


class Backfill:
    """The command over a home of its own."""

    def __init__(self, server: PolygonServer, home: Path, first: str, last: str) -> None:
        self.taken_back = 0
        self._environment = {
            "QUANT_PLATFORM_HOME": str(home),
            "QUANT_PLATFORM_VENDOR": "polygon",
            "QUANT_PLATFORM_UNIVERSE": "all",
            "POLYGON_BASE_URL": server.url,
            "POLYGON_API_KEY": "test-key",
            "POLYGON_CALLS_PER_MINUTE": "0",
            "POLYGON_CONNECTIONS": str(CONNECTIONS),
        }
        self._command = [str(BIN / "quant-platform"), "backfill", "--start", first, "--end", last]
        self._command += ["--select", "group:market"]
        self._home = home

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        return subprocess.Popen(
            self._command,
            env={**os.environ, **self._environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def begin_again(self, moments: random.Random) -> None:
        """After a run that ended: take back some of the newest sessions, to have work to kill."""
        sessions = moments.randrange(SESSIONS // 4, SESSIONS)
        newest = "(SELECT date FROM ingestions ORDER BY date DESC LIMIT %s)"
        with closing(self._database().connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT min(date) FROM {newest} AS taken", (sessions,))  # noqa: S608 — our own names
            ((since,),) = cursor.fetchall()
            for name in (*TABLES, "ingestions", "computations"):
                cursor.execute(f"DELETE FROM {name} WHERE date >= %s", (since,))  # noqa: S608 — our own names
            connection.commit()
        self.taken_back += sessions

    def content(self) -> dict[str, str]:
        """Hash of every table's rows without the clock; histories must be empty."""
        hashes = {}
        with closing(self._database().connect()) as connection, connection.cursor() as cursor:
            for name in TABLES:
                cursor.execute(
                    "SELECT md5(string_agg(row, E'\\n' ORDER BY row)) FROM"  # noqa: S608 — our own names
                    f" (SELECT (to_jsonb(t) - 'recorded_at')::text AS row FROM {name} AS t) AS r"
                )
                ((found,),) = cursor.fetchall()
                cursor.execute(f"SELECT count(*) FROM {name}_history")  # noqa: S608 — our own names
                ((superseded,),) = cursor.fetchall()
                hashes[name] = f"{found} {superseded}"
        return hashes

    def _database(self) -> Database:
        return platform_database(Settings.load(self._environment, self._home.parent))


if __name__ == "__main__":
    main()
