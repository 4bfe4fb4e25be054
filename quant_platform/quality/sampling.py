"""Which sessions are judged by checks that compute a session again, and their history in batches.

1. One session of each calendar quarter is sampled. Which one follows from the calendar alone: the
   quarter's name, hashed, points at one of its sessions, so that over the years any day of a month
   comes up. How a run was cut, and when it ran, makes no difference.
2. The samples of a run are read in batches: the rows that several samples look back on are read
   once. A batch has a limit, so that memory does not grow with the length of a run.
3. Every sample is then computed on rows cut at its session (`cut`).

What does not belong here: what is computed and compared (`computed.py`).
"""

import zlib
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import pandas as pd

from quant_platform.market.calendar import Calendar
from quant_platform.quality.check import BLOCK_ROWS, CheckContext
from quant_platform.storage import bulk

NOT_SAMPLED = "of each quarter, only one session that has rows is computed again"
"""Why a session was not judged."""

MONTHS = 3
"""Months of which one session is sampled: 53 sessions in the 13 years of the sample market.

A sample costs as much as computing its session did, look-back included. More of them would tell
little more: a backfill computes many sessions by the same code, and what a daily run computes
cannot have looked ahead, since nothing later is stored.
"""

SPARED_ROWS = 20_000
"""Rows between two samples, needed by neither, for which they are read apart."""


def sampled(calendar: Calendar, sessions: Sequence[str]) -> list[str]:
    """Those of `sessions` (ascending ISO dates) that the calendar samples."""
    first, last = date.fromisoformat(sessions[0]), date.fromisoformat(sessions[-1])
    quarters: dict[str, list[str]] = {}
    # The calendar has whole years.
    for day in calendar.sessions(_start(first), _end(last)):
        name = f"{day.year}Q{(day.month - 1) // MONTHS + 1}"
        quarters.setdefault(name, []).append(day.isoformat())
    chosen = {days[zlib.crc32(name.encode()) % len(days)] for name, days in quarters.items()}
    return [session for session in sessions if session in chosen]


def batches(context: CheckContext, lookback: int) -> Iterator[CheckContext]:
    """Samples among the sessions of a context, in batches that are read at once.

    A batch has one sample at least. With further ones, all sessions from the first that is looked
    back on to the last sample hold at most `BLOCK_ROWS` rows of members.

    Parameters
    ----------
    context : the sessions to judge
    lookback : sessions that a sample is computed from, its own included
    """
    platform = context.platform
    samples = sampled(platform.calendar, context.sessions)
    if not samples:
        return
    members = bulk.query(
        platform.database,
        "SELECT count(*) AS members FROM trading_universe WHERE date = $1::text::date",
        (samples[-1],),
    )["members"].iloc[0]
    rows = max(int(members), 1)
    size = BLOCK_ROWS // rows - (lookback - 1)
    places = {session: at for at, session in enumerate(platform.window(samples, 1))}
    batch = samples[:1]
    for sample in samples[1:]:
        unneeded = places[sample] - places[batch[-1]] - lookback
        if places[sample] - places[batch[0]] >= size or unneeded * rows > SPARED_ROWS:
            yield CheckContext(platform, batch, lookback)
            batch = []
        batch.append(sample)
    yield CheckContext(platform, batch, lookback)


def cut(frame: pd.DataFrame, window: Sequence[str]) -> pd.DataFrame:
    """Rows of the sessions from the first of `window` to its last, of rows ordered by date."""
    days = frame["date"].to_numpy()
    start = np.searchsorted(days, np.datetime64(window[0], "s"), side="left")
    end = np.searchsorted(days, np.datetime64(window[-1], "s"), side="right")
    return frame.iloc[start:end]


def _start(day: date) -> date:
    return day.replace(month=(day.month - 1) // MONTHS * MONTHS + 1, day=1)


def _end(day: date) -> date:
    """Last day of the quarter."""
    following = (_start(day) + pd.DateOffset(months=MONTHS)).date()
    end: date = following - pd.Timedelta(days=1).to_pytimedelta()
    return end
