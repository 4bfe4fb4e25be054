"""Endpoints of daily bars: grouped, range, previous close, open and close.

`t` follows each endpoint's own convention: 16:00 New York for grouped daily and the previous close,
midnight New York for a range.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from quant_platform_tests.support.polygon_server.answers import (
    Answer,
    Refused,
    bad_request,
    data_not_found,
    not_in_plan,
    ok,
    request_id,
    too_early,
    too_old,
)
from quant_platform_tests.support.polygon_server.bars import aggregate, close_ms, midnight_ms
from quant_platform_tests.support.polygon_server.calls import Call, Route
from quant_platform_tests.support.polygon_server.grouped import GroupedAnswers, empty
from quant_platform_tests.support.polygon_server.listings import Row
from quant_platform_tests.support.polygon_server.plans import NEW_YORK
from quant_platform_tests.support.polygon_server.query import fold, limit_of, unfold
from quant_platform_tests.support.polygon_server.served_market import adjusted

LONGEST_GAP = timedelta(days=30)
"""How far back the previous close is looked for."""


@dataclass(frozen=True)
class Aggregates:
    """The endpoints of bars; they share the kept answers of grouped daily."""

    grouped_answers: GroupedAnswers

    def routes(self) -> list[Route]:
        ticker = "/v2/aggs/ticker/{ticker}"
        return [
            Route("/v2/aggs/grouped/locale/us/market/stocks/{date}", self.grouped, "grouped"),
            Route(ticker + "/range/{multiplier}/{timespan}/{start}/{end}", range_of_bars),
            Route(ticker + "/prev", previous_close),
            Route("/v1/open-close/{ticker}/{date}", open_close),
        ]

    def grouped(self, call: Call, date: str) -> Answer:
        session = _day(date)
        _allow(call, session)
        split = call.flag("adjusted", True)
        if not call.published(session):
            return empty(call.plan, adjusted=split)
        return self.grouped_answers.answer(
            session,
            call.plan,
            as_of=call.today if split else None,
            otc=call.flag("include_otc", False),
        )


def range_of_bars(
    call: Call, ticker: str, multiplier: str, timespan: str, start: str, end: str
) -> Answer:
    if (multiplier, timespan) != ("1", "day"):
        raise Refused(not_in_plan())
    first, last = _day(start), _day(end)
    if first > last:
        raise Refused(bad_request("'to' must not be before 'from'"))
    params = unfold(call.params)
    split = (
        call.flag("adjusted", True) if "adjusted" not in params else (params["adjusted"] == "true")
    )
    rows = _history(call, ticker, _clipped(call, first, last), last, split=split)
    if params.get("sort", "asc") == "desc":
        rows.reverse()
    limit = limit_of(params, 5000, 50_000)
    if not rows:
        return empty(call.plan, adjusted=split, ticker=ticker)
    body = _envelope(call, ticker, split, rows[:limit])
    if len(rows) > limit:
        # The vendor pages a range by putting the next bar's time into the path.
        ends = (
            (rows[limit]["t"], end)
            if params.get("sort", "asc") == "asc"
            else (
                start,
                rows[limit]["t"],
            )
        )
        path = f"/v2/aggs/ticker/{ticker}/range/1/day/{ends[0]}/{ends[1]}"
        body["next_url"] = call.next_url(path, fold(params))
    return ok(body)


def previous_close(call: Call, ticker: str) -> Answer:
    split = call.flag("adjusted", True)
    rows = _history(call, ticker, call.today - LONGEST_GAP, call.today, split=split, named=True)
    if not rows:
        return empty(call.plan, adjusted=split, ticker=ticker)
    return ok(_envelope(call, ticker, split, rows[-1:]))


def open_close(call: Call, ticker: str, date: str) -> Answer:
    session = _day(date)
    _allow(call, session)
    row = call.market.bars(session).row(ticker) if call.published(session) else None
    if row is None:
        raise Refused(data_not_found())
    if call.flag("adjusted", True):
        row = adjusted(row, call.market.factor(ticker, session, call.today))
    prices = {name: row[name] for name in ("open", "high", "low", "close", "volume")}
    return ok({"status": call.plan.status, "from": date, "symbol": ticker, **prices})


def _history(
    call: Call, ticker: str, first: date, last: date, *, split: bool, named: bool = False
) -> list[Row]:
    """Published bars of a ticker as the API words them, oldest first."""
    rows = []
    for row in call.market.history(ticker, first, last):
        session = row["date"]
        if call.published(session):
            factor = call.market.factor(ticker, session, call.today) if split else 1.0
            t = close_ms(session) if named else midnight_ms(session)
            rows.append(aggregate(adjusted(row, factor), t, named=named))
    return rows


def _envelope(call: Call, ticker: str, split: bool, rows: list[Row]) -> Row:
    return {
        "ticker": ticker,
        "queryCount": len(rows),
        "resultsCount": len(rows),
        "adjusted": split,
        "results": rows,
        "status": call.plan.status,
        "request_id": request_id(),
        "count": len(rows),
    }


def _allow(call: Call, session: date) -> None:
    """Refuse a session older than the plan's history, or not published yet."""
    if session < call.plan.oldest(call.today):
        raise Refused(too_old())
    withheld = session in call.withheld
    if withheld or (call.plan.end_of_day and not call.published(session)):
        raise Refused(too_early())


def _clipped(call: Call, first: date, last: date) -> date:
    """First day of a range that the plan covers."""
    oldest = call.plan.oldest(call.today)
    if first < oldest and (last < oldest or not call.plan.clips_history):
        raise Refused(too_old())
    if call.plan.end_of_day and not call.published(first):
        raise Refused(too_early())
    return max(first, oldest)


def _day(text: str) -> date:
    """Read a day, or a time in ms as the day in New York."""
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, NEW_YORK).date()
        return date.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise Refused(bad_request(f"Could not parse the time parameter: '{text}'")) from None
