"""Endpoints of the market's status: now, and the holidays and early closes to come.

Sessions and early closes are those of the platform's calendar, with the market's own closures and
early closes. The list of what is to come begins tomorrow, as the vendor's documentation has it:
"forward-looking only".
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from quant_platform.market.calendar import XNYS
from quant_platform_tests.support.polygon_server.answers import Answer, ok
from quant_platform_tests.support.polygon_server.calls import Call, Route
from quant_platform_tests.support.polygon_server.listings import Row
from quant_platform_tests.support.polygon_server.plans import NEW_YORK
from quant_platform_tests.support.polygon_server.served_market import ServedMarket

EARLY, OPEN, CLOSE, EARLY_CLOSE, LATE = time(4), time(9, 30), time(16), time(13), time(20)

ONE_DAY = timedelta(days=1)

AHEAD = timedelta(days=365)
"""How far the upcoming holidays reach."""

MLK_DAY_OR_NEW_YEAR = 10
"""January's holidays: New Year's Day falls before the tenth, Martin Luther King's after it."""

NAMES = {
    2: "Washington's Birthday",
    3: "Good Friday",
    4: "Good Friday",
    5: "Memorial Day",
    6: "Juneteenth",
    7: "Independence Day",
    9: "Labor Day",
    11: "Thanksgiving",
    12: "Christmas",
}
"""By month."""


def routes() -> list[Route]:
    return [Route("/v1/marketstatus/now", now), Route("/v1/marketstatus/upcoming", upcoming)]


def now(call: Call) -> Answer:
    clock, trading = call.now.time(), trades_on(call.market, call.today)
    usual = EARLY_CLOSE if XNYS.early_closes(call.today, call.today) else CLOSE
    close = call.market.early.get(call.today, usual)
    early = trading and EARLY <= clock < OPEN
    late = trading and close <= clock < LATE
    regular = trading and OPEN <= clock < close
    market = "open" if regular else "extended-hours" if early or late else "closed"
    return ok(
        {
            "afterHours": late,
            "currencies": {"crypto": "open", "fx": "open"},
            "earlyHours": early,
            "exchanges": {"nasdaq": market, "nyse": market, "otc": market},
            "indicesGroups": {"s_and_p": market, "dow_jones": market, "nasdaq": market},
            "market": market,
            "serverTime": call.now.isoformat(timespec="seconds"),
        }
    )


def upcoming(call: Call) -> Answer:
    rows = [
        {"exchange": exchange, **row}
        for row in _special_days(call.market, call.today + ONE_DAY, call.today + AHEAD)
        for exchange in ("NYSE", "NASDAQ")
    ]
    return ok(rows)


def trades_on(market: ServedMarket, day: date) -> bool:
    return XNYS.is_session(day) and day not in market.closed


def _special_days(market: ServedMarket, first: date, last: date) -> Iterator[Row]:
    shut = {day: _name(day) for day in XNYS.closed_days(first, last)}
    shut |= {day: market.named.get(day, "Market closed") for day in market.closed}
    early = {day: (EARLY_CLOSE, _name(day)) for day in XNYS.early_closes(first, last)}
    early |= {day: (at, market.named.get(day, "")) for day, at in market.early.items()}
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day in shut:
            yield {"date": str(day), "name": shut[day], "status": "closed"}
        elif day in early:
            close, name = early[day]
            yield {
                "date": str(day),
                "name": name,
                "status": "early-close",
                "open": _utc(day, OPEN),
                "close": _utc(day, close),
            }


def _name(day: date) -> str:
    if day.month == 1:
        return "New Years Day" if day.day < MLK_DAY_OR_NEW_YEAR else "Martin Luther King, Jr. Day"
    return NAMES.get(day.month, "Special closure")


def _utc(day: date, at: time) -> str:
    moment = datetime.combine(day, at, NEW_YORK).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
