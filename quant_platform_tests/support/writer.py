"""A process of its own that replaces sessions of `market_data`, and can stop in the middle.

Arguments: database URL, close price, and where to stop (`-` to run through). It prints `ready`
before it begins, `paused` where it stops and `done` at the end; a line on its input lets it go on.
"""

import sys

import pandas as pd

from quant_platform.storage import replace
from quant_platform.storage.database import Database
from quant_platform.storage.schema import read_table
from quant_platform_tests.support.tables import SESSIONS, bars

SYMBOLS = 400


def frame(close: float) -> pd.DataFrame:
    return bars(*((day, f"S{n:03d}", close) for day in SESSIONS for n in range(SYMBOLS)))


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    if word != "done":
        sys.stdin.readline()


def stop_before(name: str) -> None:
    """Make `replace`'s function `name` wait before it does its work."""
    function = getattr(replace, name)

    def paused(*args: object, **options: object) -> object:
        say("paused")
        return function(*args, **options)

    setattr(replace, name, paused)


def main() -> None:
    url, close, where = sys.argv[1:]
    if where == "commit":
        # Inserting what is new is the last thing before the commit.
        stop_after("_insert_new")
    elif where != "-":
        stop_before(where)
    database = Database(url)
    table = read_table(database, "market_data")
    rows = frame(float(close))
    say("ready")
    replace.replace_sessions(database, table, rows, SESSIONS)
    say("done")


def stop_after(name: str) -> None:
    function = getattr(replace, name)

    def paused(*args: object, **options: object) -> object:
        result = function(*args, **options)
        say("paused")
        return result

    setattr(replace, name, paused)


if __name__ == "__main__":
    main()
