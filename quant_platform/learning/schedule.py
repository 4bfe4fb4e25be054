"""When a forecaster is trained: sessions that the calendar names, wherever an array begins.

A schedule is a period of the calendar (`month`, `quarter`, `year`), whose first session is a
training cut, or a number n of sessions: then every n-th session of the exchange's calendar is one.
What does not belong here: what is trained (`walk_forward.py`).
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, SessionArray
from quant_platform.market.calendar import LONGEST_PERIOD, Calendar

PERIODS = ("month", "quarter", "year")

SHORTEST, LONGEST = 5, 2_520
"""Fewest and most sessions between two cuts."""


def training_cuts(calendar: Calendar, sessions: SessionArray, retrain: str | int) -> BoolArray:
    """Which of consecutive sessions are training cuts.

    Parameters
    ----------
    sessions : consecutive, ascending
    retrain : a period, or a number of sessions

    Examples
    --------
    >>> days = np.array(["2011-12-30", "2012-01-03", "2012-01-04"], dtype="datetime64[D]")
    >>> training_cuts(Calendar(), days, "year").tolist()
    [False, True, False]
    """
    check_schedule(retrain)
    if isinstance(retrain, str):
        return calendar.begins(sessions, retrain)
    numbers = session_numbers(calendar, sessions)
    cuts: BoolArray = numbers % retrain == 0
    return cuts


def session_numbers(calendar: Calendar, sessions: SessionArray) -> NDArray[np.int64]:
    """Place of consecutive sessions among all sessions of the exchange's calendar, from 0 on."""
    if not len(sessions):
        return np.empty(0, dtype=np.int64)
    first = sessions[0].item()
    before = len(calendar.sessions(date.min, first)) - 1
    return before + np.arange(len(sessions))


def longest_gap(retrain: str | int) -> int:
    """Most sessions from one cut to the next."""
    return LONGEST_PERIOD[retrain] if isinstance(retrain, str) else retrain


def check_schedule(retrain: object) -> None:
    """Refuse what is no schedule.

    Raises
    ------
    SettingsError
        It is none.
    """
    whole = isinstance(retrain, int) and not isinstance(retrain, bool)
    if retrain in PERIODS or (whole and SHORTEST <= int(str(retrain)) <= LONGEST):
        return
    raise SettingsError(
        f"A forecaster is to be trained every {retrain!r}",
        f"Allowed: {', '.join(PERIODS)}, or a number of sessions from {SHORTEST} to {LONGEST:,}",
    )
