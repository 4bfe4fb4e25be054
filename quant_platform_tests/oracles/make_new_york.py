"""Make the answer file of New York before 2000 from `pandas_market_calendars` 5.5.0 (MIT).

    pip install pandas-market-calendars==5.5.0
    python -m quant_platform_tests.oracles.make_new_york

That library has the exchange's holidays of each time, the Wednesdays without trading of 1968, and
the hours of its short days; `exchange_calendars`, from which the other files are made, begins the
regular holidays in 1970. The years from 2000 on are rules in code (`exchanges/xnys.py`).
"""

import json
from datetime import date
from importlib import import_module

import pandas as pd

from quant_platform.market.exchanges.answer_files import FOLDER
from quant_platform_tests.oracles.make_exchanges import by_year

FIRST, LAST = "1959-01-01", "1999-12-31"
"""From a year before the first day that can be asked for, so that a look-back from it is right."""

LATER = date(1974, 1, 2)
"""From here on the library's trading usually ends at four, before it at half past three."""


def main() -> None:
    library = import_module("pandas_market_calendars")
    schedule = library.get_calendar("NYSE").schedule(FIRST, LAST)
    local = schedule["market_close"].dt.tz_convert("America/New_York")
    closes = {day.date(): moment.time() for day, moment in local.items()}
    sessions = list(closes)
    usual = {day: "15:30" if day < LATER else "16:00" for day in sessions}
    early = [day for day in sessions if f"{closes[day]:%H:%M}" < usual[day]]
    weekdays = {day.date() for day in pd.bdate_range(FIRST, LAST)}
    facts = {
        "title": "the New York Stock Exchange",
        "source": f"pandas_market_calendars {library.__version__} (MIT)",
        "zone": "America/New_York",
        "listed": [FIRST, LAST],
        "usual_closes": {sessions[0].isoformat(): "15:30", LATER.isoformat(): "16:00"},
        "early_closes": {
            f"{close:%H:%M}": by_year(day for day in early if closes[day] == close)
            for close in sorted({closes[day] for day in early})
        },
        "closures": by_year(sorted(weekdays.difference(sessions))),
    }
    (FOLDER / "XNYS.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
