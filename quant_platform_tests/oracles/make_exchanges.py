"""Make the answer files of `quant_platform/market/exchanges/` from `exchange_calendars`.

    python -m quant_platform_tests.oracles.make_exchanges

Run it again for a newer version of the library: a file's lines are years, so that the difference
shows what the exchange has announced. XNYS has `make_new_york.py`, and rules in code. Breaks at
noon, late openings and trading on weekends are left out: the platform has no use for them.
"""

import json
from collections.abc import Iterable
from datetime import date, time
from functools import lru_cache
from itertools import groupby
from typing import Any

import exchange_calendars
import pandas as pd

from quant_platform.market.exchanges.answer_files import FOLDER

TITLES = {
    "XASX": "the Australian Securities Exchange",
    "XBOM": "the Bombay Stock Exchange",
    "XETR": "Xetra",
    "XHKG": "the Hong Kong Stock Exchange",
    "XLON": "the London Stock Exchange",
    "XPAR": "Euronext Paris",
    "XSWX": "the Swiss Exchange",
    "XTKS": "the Tokyo Stock Exchange",
    "XTSE": "the Toronto Stock Exchange",
}

FIRST, LAST = pd.Timestamp("1999-01-01"), pd.Timestamp("2040-12-31")
"""From a year before the first day that can be asked for, so that a look-back from it is right."""


@lru_cache(maxsize=2)
def calendar_of(name: str) -> exchange_calendars.ExchangeCalendar:
    """Calendar of the library over the years that it knows and the files hold."""
    kind = type(exchange_calendars.get_calendar(name))
    first, last = max(kind.bound_min() or FIRST, FIRST), min(kind.bound_max() or LAST, LAST)
    return exchange_calendars.get_calendar(name, start=first, end=last)


def facts(name: str) -> dict[str, Any]:
    """Contents of the file of one exchange."""
    calendar = calendar_of(name)
    last = min(type(calendar).bound_max() or LAST, LAST)
    sessions = [day.date() for day in calendar.sessions]
    weekdays = {day.date() for day in pd.bdate_range(FIRST, last)}
    local = calendar.closes.dt.tz_convert(calendar.tz)
    closes = {day.date(): moment.time() for day, moment in local.items()}
    early = [day.date() for day in calendar.early_closes]
    times = sorted({closes[day] for day in early})
    return {
        "title": TITLES[name],
        "source": f"exchange_calendars {exchange_calendars.__version__} (Apache-2.0)",
        "zone": str(calendar.tz),
        "listed": [f"{FIRST:%Y-%m-%d}", f"{last:%Y-%m-%d}"],
        "usual_closes": _changes((day, closes[day]) for day in sessions if day not in set(early)),
        "early_closes": {
            f"{close:%H:%M}": by_year(day for day in early if closes[day] == close)
            for close in times
        },
        "closures": by_year(sorted(weekdays.difference(sessions))),
    }


def text_of(name: str) -> str:
    """Text of the file of one exchange."""
    return json.dumps(facts(name), indent=1) + "\n"


def _changes(closes: Iterable[tuple[date, time]]) -> dict[str, str]:
    runs = groupby(closes, key=lambda pair: pair[1])
    return {next(days)[0].isoformat(): f"{close:%H:%M}" for close, days in runs}


def by_year(days: Iterable[date]) -> dict[str, str]:
    """Days as lines: year → month and day of each."""
    return {
        str(year): " ".join(f"{day:%m-%d}" for day in group)
        for year, group in groupby(days, key=lambda day: day.year)
    }


def main() -> None:
    for name in TITLES:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
