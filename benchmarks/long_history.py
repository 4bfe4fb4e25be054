"""Eleven years of 500 members and three models: seconds and memory of every stage, and of a rerun.

A generated market (`_vendors/generated.py`) goes through the whole pipeline by the real command
`quant-platform backfill`, over an empty embedded database in a temporary folder. By default each
stage is a command, in a process of its own, so that its memory is its own; with --whole everything
is one command, as a user starts it; with --after-bars the bars are one, and everything that follows
from them is another. Then the finished range is asked for again. Memory is the largest resident set
of the command; the server's processes are shown beside it. Each command starts anew, which takes
some seconds.

There is no rival that does the same; the limits are those the project set itself.

Run: python benchmarks/long_history.py [--sessions 2844] [--symbols 500] [--whole | --after-bars]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from _vendors.generated import SESSIONS, SYMBOLS, generated_sessions
from demo import timed

VENDORS = Path(__file__).resolve().parent / "_vendors"

COMMAND = (
    "import quant_platform.vendors as vendors; vendors.__path__.append({folder!r})"
    "; from quant_platform.cli.main import main; main()"
)
"""The command line, which finds vendors in one more folder: all that is taken of the platform."""

STAGES = ("market", "information", "features", "signals", "evaluation", "reports")
WHOLE = "whole"
AFTER_BARS = "after bars"

SELECT = {WHOLE: "*", "bars": 'key:"market_data"', AFTER_BARS: "*"}
"""What a command computes; a stage is a group of assets."""

THREE = "buy_and_hold; enhanced_momentum; mean_reversion"
BENCHMARK = "buy_and_hold"
"""The models, and the one of them that the others are judged against."""

LIMITS = {AFTER_BARS: "1200 MB, 120 s", "again": "1200 MB, 10 s"}
"""Those of a stage are of its memory: 1200 MB."""

ROWS = """
SELECT (SELECT count(*) FROM market_data) AS bars, (SELECT count(*) FROM features) AS features,
       (SELECT count(*) FROM signals) AS signals, (SELECT count(*) FROM portfolios) AS portfolios
"""
EQUITY = """
SELECT model_name, round(equity::numeric, 2) AS equity, fills FROM portfolios
JOIN (SELECT model_id, sum(trade_count) AS fills FROM portfolios GROUP BY 1) AS t USING (model_id)
JOIN models ON models.id = model_id
WHERE date = (SELECT max(date) FROM portfolios) ORDER BY 1
"""


def main() -> None:
    """Print a line a stage, then what was computed, so that two versions can be compared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=2844)
    parser.add_argument("--symbols", type=int, default=500)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--whole", action="store_true", help="everything in one command")
    how.add_argument("--after-bars", action="store_true", help="the bars, then everything else")
    options = parser.parse_args()
    print(f"{options.sessions:,} sessions, {options.symbols} symbols", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "QUANT_PLATFORM_HOME": str(Path(folder) / "home"),
            "QUANT_PLATFORM_VENDOR": "generated",
            "QUANT_PLATFORM_SENSORS": "stopped",
            "QUANT_PLATFORM_MODELS": THREE,
            "QUANT_PLATFORM_BENCHMARK": BENCHMARK,
            SESSIONS: str(options.sessions),
            SYMBOLS: str(options.symbols),
        }
        for name in ("DATABASE_URL", "DAGSTER_DATABASE_URL", "QUANT_PLATFORM_START"):
            environment.pop(name, None)
        # The platform's tables are no part of any stage; Dagster makes its own in the first one.
        timed(command("db", "upgrade"), environment)
        start = generated_sessions(options.sessions)[0].isoformat()
        backfill = command("backfill", "--start", start)
        stages = (WHOLE,) if options.whole else STAGES
        for stage in ("bars", AFTER_BARS) if options.after_bars else stages:
            select = SELECT.get(stage, f"group:{stage}")
            measured(stage, [*backfill, "--select", select], environment)
        measured("again", backfill, environment)
        print(printed(ROWS, environment) + printed(EQUITY, environment), end="")


def measured(name: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Run a command and print its line; processor time is its own and that of the server."""
    before = processor_seconds()
    seconds, own, server = timed(arguments, environment)
    busy, limit = processor_seconds() - before, LIMITS.get(name, "1200 MB")
    print(
        f"{name:12} {seconds:7.1f} s, {busy:7.1f} s of a core"
        f"   {own:5.0f} MB, server {server:4.0f} MB   (limit {limit})",
        flush=True,
    )


def processor_seconds() -> float:
    """Return the processor time of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def command(*arguments: str) -> list[str]:
    """Return the command line with these arguments."""
    return [sys.executable, "-c", COMMAND.format(folder=str(VENDORS)), *arguments]


def printed(sql: str, environment: dict[str, str]) -> str:
    """Return the rows of a statement, as the command line prints them."""
    done = subprocess.run(
        command("sql", sql, "--csv"), env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
