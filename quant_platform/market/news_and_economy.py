"""From which session on news and economic figures are known.

1. An article counts in the first session whose close comes after its publication: what appears
   after a close is known in the next session.
2. A vendor dates a figure of the economy by the day or month that it describes, not by its release.
   It counts from the first session on or after the day given by a publication lag. The lag of a
   series is that of its latest figure, so that a row is known as a whole.
3. Vendors give figures as they stand today: what was revised since is not as it was known then.
   `recorded_at` tells what the platform itself knew, and when.

What belongs here: which session a fact belongs to. What does not: how a vendor is asked for it
(`vendors/polygon/news_and_economy.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from quant_platform.errors import UnknownNameError
from quant_platform.kernels.arrays import SessionArray
from quant_platform.market.calendar import Calendar

NEWS_COLUMNS = ("news_id", "symbol", "published_at", "publisher", "url", "sentiment")
"""Columns that a vendor's news brings."""

TREASURY_LAG = timedelta(days=1)
"""The Federal Reserve's release H.15 shows the yields of a day on the next business day."""

CPI_LAG = timedelta(days=60)
"""Consumer prices, from the month's first day (Bureau of Labor Statistics): about the middle of the
month after; January's, with new seasonal factors, as late as 26 February (2015), day 56."""

PCE_LAG = timedelta(days=65)
"""Personal income and outlays, from the month's first day (Bureau of Economic Analysis): the end of
the month after, or the first day of the next one, day 62."""

EMPLOYMENT_LAG = timedelta(days=40)
"""The employment situation, from the month's first day (Bureau of Labor Statistics): the first
Friday of the month after, or the second one after a holiday, as late as 10 January, day 40."""

JOB_OPENINGS_LAG = timedelta(days=80)
"""Job openings (JOLTS), from the month's first day (Bureau of Labor Statistics): five to six weeks
after the month's end; January's as late as 17 March (2016), day 76."""

LONGEST_MONTH = timedelta(days=31)


@dataclass(frozen=True)
class Series:
    """Figures of the economy that a vendor gives in one row.

    Attributes
    ----------
    figures : columns, of the vendor's answer and of the table alike
    lag : time from the observation until all of them are known; of a monthly series from the
        month's first day. A release that a closed government held back was later than that.
    monthly : whether a row describes a month, on whatever day of it the vendor dates it
    """

    figures: tuple[str, ...]
    lag: timedelta
    monthly: bool


_MATURITIES = (
    *("1_month", "3_month", "6_month"),
    *("1_year", "2_year", "3_year", "5_year", "7_year", "10_year", "20_year", "30_year"),
)

SERIES: Mapping[str, Series] = {
    "treasury_yields": Series(
        tuple(f"yield_{maturity}" for maturity in _MATURITIES), TREASURY_LAG, monthly=False
    ),
    "inflation": Series(
        ("cpi", "cpi_core", "cpi_year_over_year", "pce", "pce_core", "pce_spending"),
        max(CPI_LAG, PCE_LAG),
        monthly=True,
    ),
    "labor_market": Series(
        (
            "unemployment_rate",
            "labor_force_participation_rate",
            "avg_hourly_earnings",
            "job_openings",
        ),
        max(EMPLOYMENT_LAG, JOB_OPENINGS_LAG),
        monthly=True,
    ),
}
"""Series of the economy, each with a table of its name."""


def session_of(
    published_at: pd.Series | pd.DatetimeIndex,
    sessions: Sequence[object] | SessionArray,
    calendar: Calendar,
) -> SessionArray:
    """Return the session in which an article counts: the first whose close comes after it.

    Parameters
    ----------
    published_at : moments, in any time zone
    sessions : consecutive sessions; what was published before the first one's close counts there
    calendar : calendar of their exchange

    Returns
    -------
    datetime64[D] array, NaT for what was published at or after the last close

    Examples
    --------
    Ten in the evening of Friday, 19:59:59 and 20:00 UTC of Monday, whose close was at 20:00:

    >>> clock = ["2024-06-07 22:00:00Z", "2024-06-10 19:59:59Z", "2024-06-10 20:00:00Z"]
    >>> week = ["2024-06-07", "2024-06-10"]
    >>> session_of(pd.DatetimeIndex(clock), week, Calendar("XNYS")).astype(str).tolist()
    ['2024-06-10', '2024-06-10', 'NaT']
    """
    days = _days(sessions)
    moments = pd.DatetimeIndex(published_at).tz_convert("UTC").tz_localize(None).to_numpy()
    rows = np.searchsorted(calendar.closes(days.tolist()), moments, side="right")
    return _taken(days, rows)


def news_rows(
    articles: pd.DataFrame, sessions: Sequence[object] | SessionArray, calendar: Calendar
) -> pd.DataFrame:
    """Rows of `news` in consecutive sessions, but for the security.

    Parameters
    ----------
    articles : a vendor's news, one row an article and ticker, with `NEWS_COLUMNS`; what counts in
        other sessions is left out
    sessions : the sessions wanted
    calendar : calendar of their exchange

    Returns
    -------
    DataFrame with date (the session) and `NEWS_COLUMNS`, ordered by date, news_id and symbol; an
    article sent twice is one row
    """
    days = _days(sessions)
    counted = session_of(articles["published_at"], _with_session_before(days, calendar), calendar)
    rows = articles[list(NEWS_COLUMNS)].astype({"sentiment": np.float64})
    rows.insert(0, "date", counted.astype("datetime64[s]"))
    rows = rows[np.isin(counted, days)].drop_duplicates()
    return rows.sort_values(["date", "news_id", "symbol"], ignore_index=True)


def published_after(articles: pd.DataFrame, session: date, calendar: Calendar) -> pd.DataFrame:
    """Return the articles that came too late for `session`, and count in a later one."""
    return articles[np.isnat(session_of(articles["published_at"], [session], calendar))]


def known_from(observed_on: ArrayLike, series: str) -> SessionArray:
    """Return the day from which the figures of a day or month are known, as datetime64[D].

    Examples
    --------
    The unemployment and the job openings of January 2024, 80 days from its first:

    >>> str(known_from("2024-01-01", "labor_market"))
    '2024-03-21'

    Raises
    ------
    UnknownNameError : there is no such series
    """
    kind = _series(series)
    days = np.asarray(observed_on, dtype="datetime64[D]")
    if kind.monthly:
        days = days.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(days + np.timedelta64(kind.lag.days, "D"))


def observed_between(
    series: str, sessions: Sequence[object] | SessionArray, calendar: Calendar
) -> tuple[date, date] | None:
    """First and last day whose figures become known in some sessions; None without such days.

    A monthly series has none in most sessions, so that its vendor need not be asked.
    """
    days, kind = _days(sessions), _series(series)
    before = np.datetime64(calendar.previous(days[0].item()), "D")
    earliest = before - np.timedelta64(kind.lag + LONGEST_MONTH, "D")
    observed = np.arange(earliest, days[-1] + 1)
    becoming: list[date] = observed[~np.isnat(_known_in(observed, series, days, calendar))].tolist()
    return (becoming[0], becoming[-1]) if becoming else None


def economy_rows(
    figures: pd.DataFrame,
    series: str,
    sessions: Sequence[object] | SessionArray,
    calendar: Calendar,
) -> pd.DataFrame:
    """Rows of the table of a series in consecutive sessions.

    Parameters
    ----------
    figures : a vendor's rows: date (of the observation) and the figures, any of them absent; rows
        that become known in other sessions are left out
    sessions : the sessions wanted
    calendar : calendar of their exchange

    Returns
    -------
    DataFrame with date (the session), observed_on and the figures, ordered by date
    """
    observed = figures["date"].to_numpy().astype("datetime64[D]")
    first_sessions = _known_in(observed, series, _days(sessions), calendar)
    columns = list(_series(series).figures)
    rows = figures.reindex(columns=columns).astype(np.float64)
    rows.insert(0, "date", first_sessions.astype("datetime64[s]"))
    rows.insert(1, "observed_on", observed.astype("datetime64[s]"))
    rows = rows[~np.isnat(first_sessions)].drop_duplicates()
    return rows.sort_values(["date", "observed_on"], ignore_index=True)


def _known_in(
    observed_on: SessionArray, series: str, days: SessionArray, calendar: Calendar
) -> SessionArray:
    """Return the session of `days` in which figures become known, NaT where in none of them."""
    sessions = _with_session_before(days, calendar)
    # Known by the session before the first one: not new in any of them.
    rows = np.searchsorted(sessions, known_from(observed_on, series))
    return _taken(sessions, np.where(rows == 0, len(sessions), rows))


def _taken(days: SessionArray, rows: np.ndarray) -> SessionArray:
    """Return the days of these rows, NaT for the row after the last one."""
    return np.asarray(np.append(days, np.datetime64("NaT", "D"))[rows])


def _days(sessions: Sequence[object] | SessionArray) -> SessionArray:
    return np.asarray(sessions, dtype="datetime64[D]")


def _with_session_before(days: SessionArray, calendar: Calendar) -> SessionArray:
    return np.insert(days, 0, np.datetime64(calendar.previous(days[0].item()), "D"))


def _series(name: str) -> Series:
    if name not in SERIES:
        raise UnknownNameError(
            f"There is no series {name!r} of the economy", f"There are: {', '.join(SERIES)}"
        )
    return SERIES[name]
