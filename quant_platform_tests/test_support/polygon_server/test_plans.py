"""Keys, calls per minute, history, publication: the refusals word for word, and the record."""

import itertools
import math
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from quant_platform_tests.support.polygon_server import (
    ADVANCED,
    BASIC,
    DEVELOPER,
    STARTER,
    Plan,
    PolygonServer,
    SetClock,
)
from quant_platform_tests.support.polygon_server.plans import Meter
from quant_platform_tests.test_support.polygon_server.conftest import (
    KEY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    Connect,
    grouped,
    october,
    rows,
)

UPGRADE = "Please upgrade your plan at https://massive.com/pricing"
FRIDAY = date(2020, 10, 16)
STATUS = "/v1/marketstatus/now"


def refused(answer: httpx.Response, status: int, word: str, key: str, message: str) -> None:
    body = answer.json()
    assert answer.status_code == status
    assert set(body) == {"status", "request_id", key}
    assert (body["status"], body[key]) == (word, message)


def test_both_ways_to_send_the_key(connect: Connect) -> None:
    server, client = connect()
    assert client.get(STATUS).status_code == 200
    bare = httpx.get(f"{server.url}{STATUS}")
    refused(bare, 401, "ERROR", "error", "API Key was not provided")
    wrong = httpx.get(f"{server.url}{STATUS}", headers={"Authorization": "Bearer other"})
    refused(wrong, 401, "ERROR", "error", "Unknown API Key")
    assert httpx.get(f"{server.url}{STATUS}?apiKey={KEY}").status_code == 200
    assert [request.authorised for request in server.requests] == [True, False, False, True]


def test_the_record_counts_requests(connect: Connect) -> None:
    server, client = connect()
    client.get(grouped(WEDNESDAY))
    client.get("/v3/reference/tickers/NOBODY")
    assert server.counted() == 2
    assert server.counted("/grouped/") == server.counted("/grouped/", status=200) == 1
    assert server.counted(status=404) == 1
    assert server.requests[0].query == {"adjusted": "false"}
    assert server.requests[0].path.endswith(str(WEDNESDAY))
    assert client.get("/-/requests").json() == {
        "requests": 2,
        "most_in_60_seconds": 2,
        "by_status": {"200": 1, "404": 1},
        "grouped": 1,
    }


def test_most_in_window_is_the_fullest_one(connect: Connect) -> None:
    server, client = connect()
    for _ in range(4):
        client.get(STATUS)
    for row, at in zip(list(server.requests), (0.0, 59.9, 60.0, 119.95), strict=True):
        server.requests[server.requests.index(row)] = replace(row, at=at)
    # 0.0 and 59.9; 59.9 and 60.0; 60.0 and 119.95: a window of 60 s has its end left out.
    assert server.most_in_window(60.0) == 2
    assert server.most_in_window(60.1) == 3


def test_free_plan_answers_five_a_minute(connect: Connect) -> None:
    time = itertools.chain([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 59.9, 60.0, 60.5, 61.0])
    server, client = connect(plan=BASIC, monotonic=lambda: next(time))
    statuses = [client.get(STATUS).status_code for _ in range(10)]
    # The first call leaves the window at 60.0, the second at 61.0; refused calls do not count.
    assert statuses == [200] * 5 + [429] * 2 + [200, 429, 200]
    assert server.counted(status=429) == 3


def test_429_says_how_long_only_where_the_plan_does(connect: Connect) -> None:
    server, client = connect(plan=replace(BASIC, calls=1), monotonic=lambda: 7.0)
    client.get(STATUS)
    answer = client.get(STATUS)
    message = (
        "You've exceeded the maximum requests per minute, please wait or upgrade your"
        " subscription to continue. https://massive.com/pricing"
    )
    refused(answer, 429, "ERROR", "error", message)
    assert "Retry-After" not in answer.headers
    server.plan = replace(BASIC, calls=1, retry_after=True)
    assert client.get(STATUS).headers["Retry-After"] == "60"


def test_a_wait_of_the_meter_is_never_too_short() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0])
    assert [meter.wait(BASIC) for _ in range(5)] == [0.0] * 5
    now[0] = 59.0
    assert meter.wait(BASIC) == 1.0
    now[0] = math.nextafter(60.0, 0.0)
    assert meter.wait(BASIC) > 0.0
    now[0] = 60.0
    assert meter.wait(BASIC) == 0.0


@pytest.mark.parametrize(
    ("plan", "years"), [(BASIC, 2), (STARTER, 5), (DEVELOPER, 10), (ADVANCED, None)]
)
def test_bars_older_than_the_plans_history(
    connect: Connect, clock: SetClock, plan: Plan, years: int | None
) -> None:
    _, client = connect(plan=plan)
    clock.now = datetime(2020 + (years or 30), 10, 14, 12, tzinfo=UTC)
    assert client.get(grouped(WEDNESDAY)).status_code == 200
    old = client.get(grouped(TUESDAY))
    if years is None:
        assert old.status_code == 200
        return
    message = f"Your plan doesn't include this data timeframe. {UPGRADE}"
    refused(old, 403, "NOT_AUTHORIZED", "message", message)


def test_ticker_reference_has_the_plans_history_too(connect: Connect) -> None:
    _, client = connect(plan=BASIC)
    assert client.get("/v3/reference/tickers?date=2018-10-16").status_code == 200
    assert client.get("/v3/reference/tickers?date=2018-10-15").status_code == 403
    assert client.get("/v3/reference/splits?execution_date.lt=2018-01-01").status_code == 200


def test_an_early_start_of_a_range_is_refused_or_clipped(connect: Connect) -> None:
    clock = SetClock(datetime(2022, 10, 14, 18, tzinfo=UTC))
    server, client = connect(plan=replace(BASIC, calls=None), clock=clock)
    path = "/v2/aggs/ticker/ACME/range/1/day/2020-10-13/2020-10-15?adjusted=false"
    assert client.get(path).status_code == 403
    server.plan = replace(server.plan, clips_history=True)
    assert [row["c"] for row in client.get(path).json()["results"]] == [104.0, 53.0]


def test_end_of_day_plan_shows_a_session_from_midnight_in_new_york(
    connect: Connect, clock: SetClock
) -> None:
    server, client = connect(plan=BASIC)
    clock.now = datetime(2020, 10, 15, 23, 0, tzinfo=UTC)  # 19:00 in New York
    message = f"Attempted to request today's data before end of day. {UPGRADE}"
    refused(client.get(grouped(THURSDAY)), 403, "NOT_AUTHORIZED", "message", message)
    clock.advance(hours=5)
    body = client.get(grouped(THURSDAY)).json()
    assert (body["status"], body["resultsCount"]) == ("DELAYED", 2)
    assert server.counted(status=403) == 1


def test_other_plans_have_no_rows_until_the_close(connect: Connect, clock: SetClock) -> None:
    _, client = connect(plan=STARTER)
    clock.now = datetime(2020, 10, 15, 20, 14, tzinfo=UTC)
    assert "results" not in client.get(grouped(THURSDAY)).json()
    clock.advance(minutes=1)  # 16:15 in New York
    assert client.get(grouped(THURSDAY)).json()["resultsCount"] == 2


def test_a_withheld_session_is_refused_until_it_is_published(connect: Connect) -> None:
    server, client = connect()
    server.withhold(WEDNESDAY)
    assert "end of day" in client.get(grouped(WEDNESDAY)).json()["message"]
    assert client.get("/v1/open-close/ACME/2020-10-14").status_code == 403
    path = "/v2/aggs/ticker/ACME/range/1/day/2020-10-13/2020-10-15?adjusted=false"
    assert [row["c"] for row in client.get(path).json()["results"]] == [100.0, 53.0]
    server.publish(WEDNESDAY)
    assert client.get(grouped(WEDNESDAY)).status_code == 200


@pytest.mark.parametrize(
    ("path", "lacks"),
    [
        (grouped(WEDNESDAY), "grouped"),
        ("/v2/reference/news", "news"),
        ("/fed/v1/treasury-yields", "economy"),
    ],
)
def test_what_is_not_in_the_plan(connect: Connect, path: str, lacks: str) -> None:
    without: dict[str, Any] = {lacks: False}
    _, client = connect(plan=replace(ADVANCED, **without))
    message = f"You are not entitled to this data. {UPGRADE}"
    refused(client.get(path), 403, "NOT_AUTHORIZED", "message", message)
    assert client.get(STATUS).status_code == 200


def test_minute_bars_are_in_no_plan(connect: Connect) -> None:
    _, client = connect()
    path = "/v2/aggs/ticker/ACME/range/1/minute/2020-10-13/2020-10-14"
    assert client.get(path).status_code == 403


def test_an_account_may_answer_empty_lists(connect: Connect) -> None:
    _, client = connect(plan=replace(ADVANCED, empty_results=True))
    assert client.get(grouped(date(2020, 10, 10))).json()["results"] == []


def test_a_closed_day_beyond_the_calendar_has_no_bars(connect: Connect) -> None:
    market = october()
    market.closed = frozenset({WEDNESDAY})
    _, client = connect(market)
    assert client.get(grouped(WEDNESDAY)).json()["resultsCount"] == 0
    assert len(client.get("/v2/aggs/ticker/ACME/range/1/day/2020-10-13/2020-10-15")
               .json()["results"]) == 2  # fmt: skip


def test_two_servers_do_not_share_anything(connect: Connect) -> None:
    (first, one), (second, _) = connect(), connect()
    one.get(STATUS)
    assert (first.counted(), second.counted()) == (1, 0)
    assert first.url != second.url


def test_it_stops_and_frees_its_port() -> None:
    with PolygonServer(october(), KEY) as server:
        port = int(server.url.rpartition(":")[2])
    with PolygonServer(october(), KEY, port=port) as again:
        assert again.url == server.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(again.url)


def test_a_taken_port_is_an_error() -> None:
    with PolygonServer(october(), KEY) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            PolygonServer(october(), KEY, port=port).start()


def test_pages_of_one_session_are_one_request_each(connect: Connect) -> None:
    server, client = connect()
    assert len(rows(client, "/v3/reference/tickers?limit=1&date=2020-10-13")) == 4
    assert server.counted("/tickers") == 4
