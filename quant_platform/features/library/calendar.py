"""The set `calendar`: where a session stands in its week and month, and between holidays.

Every security has the same values. What lies ahead is taken from the schedule as it stood: one-off
closures of New York since 2000 (`market.exchanges.xnys`) were not on it and are not counted as
known; those of other exchanges and years cannot be told from holidays. A holiday is a weekday
without trading. What does not belong here: opening hours, and figures of the economy (`macro.py`).
"""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import feature
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.market.calendar import Calendar
from quant_platform.market.exchanges import xnys

CALENDAR = FeatureSet(
    "calendar", "Where a session stands in its week and month, and between holidays.", "float4"
)

TURN_SESSIONS = 3
"""First sessions of a month that belong to its turn, with the last one of the month before."""

# A set's values exist where a bar is; nothing else of the market enters.
of_session = partial(feature, lookback=1, inputs=("close",), of=CALENDAR)


class Schedule(NamedTuple):
    """Days of a calendar, ascending.

    Attributes
    ----------
    sessions : as they took place
    planned : as they were planned
    closed : weekdays without trading
    holidays : those of them that were planned
    """

    sessions: SessionArray
    planned: SessionArray
    closed: SessionArray
    holidays: SessionArray


@cache
def schedule(calendar: Calendar) -> Schedule:
    """Return the days of a calendar."""
    first, last = calendar.exchange.listed
    sessions = np.asarray(calendar.sessions(first, last), dtype="datetime64[D]")
    closed = np.asarray(calendar.closed_days(first, last), dtype="datetime64[D]")
    one_off = np.asarray(
        xnys.SPECIAL_CLOSURES if calendar.name == xnys.NAME else (), dtype="datetime64[D]"
    )
    return Schedule(sessions, np.union1d(sessions, one_off), closed, np.setdiff1d(closed, one_off))


def days_of(context: FeatureContext) -> Schedule:
    """Return the schedule of the panel's exchange, without closures that came unannounced."""
    return schedule(Calendar(context.panel.calendar.name))


def after(days: SessionArray, moments: SessionArray) -> NDArray[np.intp]:
    """Return how many of `days` there are up to each moment, it included."""
    return np.asarray(np.searchsorted(days, moments, side="right"))


def before(days: SessionArray, moments: SessionArray) -> NDArray[np.intp]:
    """Return how many of `days` there are before each moment."""
    return np.asarray(np.searchsorted(days, moments))


def spread(context: FeatureContext, values: NDArray[Any]) -> FloatArray:
    """Return a value per session as one of every security."""
    column = np.asarray(values, dtype=np.float64)[:, None]
    return np.broadcast_to(column, context.close.shape)


def month_of(context: FeatureContext) -> SessionArray:
    """Return the month of each session, as datetime64[M]."""
    return context.panel.sessions.astype("datetime64[M]")


def sessions_into(context: FeatureContext) -> NDArray[np.intp]:
    """Return the number of each session in its month."""
    sessions = days_of(context).sessions
    begun = month_of(context).astype("datetime64[D]")
    return after(sessions, context.panel.sessions) - before(sessions, begun)


def sessions_left(context: FeatureContext) -> NDArray[np.intp]:
    """Return the planned sessions of the month after each session."""
    planned = days_of(context).planned
    ended = (month_of(context) + 1).astype("datetime64[D]")
    return before(planned, ended) - after(planned, context.panel.sessions)


@of_session()
def day_of_week(context: FeatureContext) -> FloatArray:
    """Day of the week, 1 (Monday) to 5 (Friday)."""
    # Day 0 of datetime64 is a Thursday.
    return spread(context, (context.panel.sessions.astype(np.int64) + 3) % 7 + 1)


@of_session()
def month(context: FeatureContext) -> FloatArray:
    """Month of the year, 1 to 12."""
    return spread(context, month_of(context).astype(np.int64) % 12 + 1)


@of_session()
def session_of_month(context: FeatureContext) -> FloatArray:
    """Number of the session in its month, from 1."""
    return spread(context, sessions_into(context))


@of_session()
def sessions_to_month_end(context: FeatureContext) -> FloatArray:
    """Sessions planned after this one in its month, 0 on the last."""
    return spread(context, sessions_left(context))


@of_session()
def turn_of_month(context: FeatureContext) -> FloatArray:
    """1 in the last session of a month and the first three of the next, otherwise 0.

    Source: Lakonishok and Smidt (1988), "Are seasonal anomalies real? A ninety-year perspective".
    """
    return spread(
        context, (sessions_left(context) == 0) | (sessions_into(context) <= TURN_SESSIONS)
    )


@of_session()
def days_since_session(context: FeatureContext) -> FloatArray:
    """Calendar days since the session before: 1 in mid-week, 3 after a weekend.

    Source: French (1980), "Stock returns and the weekend effect".
    """
    sessions, days = days_of(context).sessions, context.panel.sessions
    last = sessions[before(sessions, days) - 1]
    return spread(context, (days - last).astype(np.int64))


@of_session()
def sessions_to_holiday(context: FeatureContext) -> FloatArray:
    """Sessions planned after this one before the next holiday, 0 on its eve.

    Source: Ariel (1990), "High stock returns before holidays".
    """
    days, planned, holidays = context.panel.sessions, *days_of(context)[1::2]
    following = holidays[np.minimum(after(holidays, days), len(holidays) - 1)]
    return spread(context, before(planned, following) - after(planned, days))


@of_session()
def sessions_since_holiday(context: FeatureContext) -> FloatArray:
    """Sessions since the one after the last weekday without trading, 0 on the day after it."""
    found, days = days_of(context), context.panel.sessions
    last = found.closed[before(found.closed, days) - 1]
    return spread(context, before(found.sessions, days) - after(found.sessions, last))
