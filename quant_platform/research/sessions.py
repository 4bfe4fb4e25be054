"""`sessions`: the trading days of a range, for a notebook.

What does not belong here: the calendar itself (`market/calendar.py`).
"""

from datetime import date

import pandas as pd

from quant_platform.market.calendar import Calendar, platform_calendar
from quant_platform.research.arguments import Day, iso_range
from quant_platform.settings import Settings


def sessions(start: Day, end: Day, exchange: str | None = None) -> pd.DatetimeIndex:
    """Return the exchange's sessions from `start` to `end`, both included.

    Parameters
    ----------
    exchange : market identifier code, such as XNYS; default: that of the settings, with the
        closures that they add

    Raises
    ------
    SessionError
        A date cannot be read, or the dates are reversed.
    UnknownNameError
        There is no calendar of that exchange.

    Examples
    --------
    >>> import quant_platform as qp
    >>> qp.sessions("2001-09-10", "2001-09-17").strftime("%d %b").tolist()
    ['10 Sep', '17 Sep']
    """
    first, last = (date.fromisoformat(day) for day in iso_range(start, end))
    calendar = platform_calendar(Settings.load()) if exchange is None else Calendar(exchange)
    days = [day.isoformat() for day in calendar.sessions(first, last)]
    return pd.DatetimeIndex(days, name="date").as_unit("s")
