"""Exchanges from frozen answer files, one JSON file a name, so that no library is needed.

The files list closures and early closes, a line a year, as `exchange_calendars` gives them.
`quant_platform_tests/oracles/make_exchanges.py` makes them, and a test holds them against the
library. What belongs here: reading them.
"""

import json
from collections.abc import Mapping
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from quant_platform.market.exchanges.base import Exchange

FOLDER = Path(__file__).parent

FIRST_DAY = date(2000, 1, 1)
"""First day that a user may ask for; the files list the closures of the year before as well."""


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Names of the exchanges that have a file."""
    return frozenset(path.stem for path in FOLDER.glob("*.json"))


def exchange(name: str) -> Exchange:
    """Read the facts of one exchange of `names()`."""
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    first, last = (date.fromisoformat(day) for day in facts["listed"])
    early = {
        day: time.fromisoformat(close)
        for close, years in facts["early_closes"].items()
        for day in _days(years)
    }
    return Exchange(
        name=name,
        title=facts["title"],
        zone=ZoneInfo(facts["zone"]),
        listed=(first, last),
        first=FIRST_DAY,
        last=last,
        closures=tuple(_days(facts["closures"])),
        usual_closes=tuple(
            (date.fromisoformat(day), time.fromisoformat(close))
            for day, close in facts["usual_closes"].items()
        ),
        early_closes=dict(sorted(early.items())),
    )


def _days(years: Mapping[str, str]) -> list[date]:
    """Days of lines such as `"2004": "01-01 04-09"`, ascending."""
    return [
        date.fromisoformat(f"{year}-{day}") for year, days in years.items() for day in days.split()
    ]
