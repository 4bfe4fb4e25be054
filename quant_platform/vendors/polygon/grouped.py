"""The whole market in one session: one request, and what an answer without rows means.

A session that is not over is not requested. A session without rows counts as not yet published for
some days. After that it is a fault: either the exchange was closed, or the vendor has lost the
session. What does not belong here: how rows become a frame (`bars.py`), and which sessions are
requested in how many threads (`vendor.py`).
"""

import threading
from datetime import date, datetime
from typing import Any

import pandas as pd

from quant_platform.errors import (
    BadAnswerError,
    HistoryError,
    NotFoundError,
    NotPublishedError,
)
from quant_platform.vendors.answers import SessionBars
from quant_platform.vendors.polygon.bars import OrderlyRows, read_grouped, session_bars
from quant_platform.vendors.polygon.paging import refuse_other_adjustment
from quant_platform.vendors.polygon.probe import GROUPED, GROUPED_PARAMETERS
from quant_platform.vendors.polygon.times import is_over, today
from quant_platform.vendors.polygon.transport import Client

LATE_DAYS = 5
"""Days for which a session without rows may still be on its way; later it is a fault."""


class NoRowsError(BadAnswerError):
    """The answer for a day is in order and has no row."""


def market_bars(
    client: Client, session: date, now: datetime, stop: threading.Event | None = None
) -> SessionBars:
    """Ask for the bars of a session.

    Raises
    ------
    BadAnswerError
        No row can be used; as `market_rows` otherwise.
    """
    bars, refused = session_bars(market_rows(client, session, now, stop), session)
    if bars.empty:
        reasons = ", ".join(sorted(set(refused["reason"])))
        raise BadAnswerError(
            f"Polygon's answer for {session} has no row that can be used:"
            f" {len(refused)} rows, {reasons}",
            "Try again later; if it stays so, ask the vendor",
        )
    return SessionBars(session, bars, refused)


def market_rows(
    client: Client, session: date, now: datetime, stop: threading.Event | None = None
) -> Any:
    """Ask for the rows of a session; at least one is returned.

    Raises
    ------
    NotPublishedError
        The session is not over, or not there yet.
    HistoryError
        The plan does not reach back to it.
    NoRowsError
        It is old enough to be there, and has no row.
    VendorError
        The answer cannot be had or used.
    """
    if not is_over(session, now):
        # Plans with intraday data would answer with half a day.
        raise NotPublishedError(
            f"The session {session} is not over", "It is asked for after 20:15 New York time"
        )
    recent = (today(now) - session).days <= LATE_DAYS
    try:
        path = GROUPED.format(session=session)
        body = client.document(path, GROUPED_PARAMETERS, stop, read_grouped)
    except NotFoundError:
        body = {}
    except HistoryError as error:
        # End-of-day plans refuse the latest session with the same text as one that is too old.
        if recent:
            raise NotPublishedError(error.message, "It is asked for again later") from None
        raise
    rows = _whole(body, session, adjusted=False)
    if not len(rows) and recent:
        raise NotPublishedError(
            f"Polygon has no rows of {session} yet", "It is asked for again later"
        )
    if not len(rows):
        raise NoRowsError(
            f"Polygon has a session of zero rows: {session}",
            "Either the exchange was closed that day and the calendar does not know it; then"
            " name it in QUANT_PLATFORM_CLOSURES. Or the vendor has lost the session",
        )
    return rows


def split_adjusted_closes(client: Client, session: date) -> pd.DataFrame:
    """Ask for closes of a session as the vendor adjusts them for splits up to now."""
    path = GROUPED.format(session=session)
    body = client.document(path, {"adjusted": "true"}, None, read_grouped)
    bars, _ = session_bars(_whole(body, session, adjusted=True), session)
    return bars[["symbol", "close_price"]].rename(columns={"close_price": "price"})


def _whole(body: dict[str, Any], session: date, *, adjusted: bool) -> Any:
    """`results` of the grouped answer; none where it is missing."""
    refuse_other_adjustment(body, adjusted, f"{session}")
    results, count = body.get("results"), body.get("resultsCount")
    if not isinstance(results, list | OrderlyRows | None):
        raise BadAnswerError(f"Polygon's `results` is no list: {session}", "Try again later")
    rows = [] if results is None else results
    if isinstance(count, int) and len(rows) < count:
        raise BadAnswerError(
            f"Polygon announces {count} rows of {session} and sends {len(rows)}",
            "Try again later",
        )
    return rows
