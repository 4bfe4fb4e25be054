"""Each fault as a client meets it, and the script that says when."""

import gzip
import json
import math
import time
import zlib
from collections.abc import Callable

import httpx
import pytest

from quant_platform_tests.support.polygon_server import PolygonServer, faults
from quant_platform_tests.support.polygon_server.answers import Answer, Request
from quant_platform_tests.test_support.polygon_server.conftest import (
    TUESDAY,
    WEDNESDAY,
    grouped,
    october,
)

Pair = tuple[PolygonServer, httpx.Client]
GROUPED = grouped(WEDNESDAY)
TICKERS = "/v3/reference/tickers?date=2020-10-13&limit=3"


def test_too_many_with_and_without_retry_after(server_and_client: Pair) -> None:
    server, client = server_and_client
    server.inject(faults.too_many(), "/grouped/", times=2)
    server.inject(faults.too_many(retry_after=12), "/grouped/", times=1, skip=2)
    answers = [client.get(GROUPED) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == [None, None, "12", None]
    assert [request.status for request in server.requests] == [429, 429, 429, 200]


def test_a_fault_meets_only_whom_it_is_meant_for(server_and_client: Pair) -> None:
    server, client = server_and_client
    injected = server.inject(
        faults.error(503), where=lambda request: request.params.get("limit") == "3", times=math.inf
    )
    assert client.get(GROUPED).status_code == 200
    assert client.get(TICKERS).status_code == 503
    assert client.get(TICKERS).status_code == 503
    assert (injected.met, injected.applied) == (2, 2)
    server.faults.clear()
    assert client.get(TICKERS).status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_with_json_html_or_nothing(server_and_client: Pair, status: int) -> None:
    server, client = server_and_client
    server.inject(faults.error(status))
    server.inject(faults.html(status), skip=1)
    server.inject(faults.empty_body(status), skip=2)
    first, second, third = (client.get(GROUPED) for _ in range(3))
    assert {answer.status_code for answer in (first, second, third)} == {status}
    assert first.json()["status"] == "ERROR"
    assert second.headers["Content-Type"] == "text/html"
    assert third.content == b""


def test_html_with_status_200(server_and_client: Pair) -> None:
    server, client = server_and_client
    server.inject(faults.html(200))
    answer = client.get(GROUPED)
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")


@pytest.mark.parametrize(
    "fault",
    [faults.truncated(), faults.dropped(), faults.dropped(after_headers=True)],
    ids=["truncated", "dropped", "dropped after headers"],
)
def test_connections_that_end_too_early(server_and_client: Pair, fault: faults.Fault) -> None:
    server, client = server_and_client
    server.inject(fault)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(GROUPED)
    assert client.get(GROUPED).status_code == 200
    assert server.counted("/grouped/") == 2


def test_a_truncated_body_begins_right(server_and_client: Pair) -> None:
    server, client = server_and_client
    whole = client.get(GROUPED, headers={"Accept-Encoding": "identity"}).content
    server.inject(faults.truncated(share=0.25))
    received = b""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.stream("GET", GROUPED, headers={"Accept-Encoding": "identity"}) as answer,
    ):
        for part in answer.iter_raw():
            received += part
    assert int(answer.headers["Content-Length"]) == len(whole)
    assert received == whole[: len(whole) // 4]


def test_broken_gzip(server_and_client: Pair) -> None:
    server, client = server_and_client
    server.inject(faults.broken_gzip())
    with client.stream("GET", GROUPED) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(raw) == int(answer.headers["Content-Length"])
    assert zlib.decompressobj(wbits=31).decompress(raw).startswith(b'{"queryCount":4')
    with pytest.raises(EOFError):
        gzip.decompress(raw)


def test_late_and_slow_answers_outlast_a_short_timeout(server_and_client: Pair) -> None:
    server, client = server_and_client
    server.inject(faults.late(30.0))
    with pytest.raises(httpx.ReadTimeout):
        client.get(GROUPED, timeout=0.1)
    server.inject(faults.slow(0.2, chunks=4))
    began = time.monotonic()
    assert client.get(GROUPED).json()["count"] == 4
    # Between four pieces lie three pauses; what comes after the last piece nobody waits for.
    assert time.monotonic() - began >= 0.2 * 3 / 4


def body_after(pair: Pair, fault: faults.Fault, path: str = GROUPED) -> dict:
    server, client = pair
    server.inject(fault)
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.json()


def test_rows_that_are_wrong(server_and_client: Pair) -> None:
    right = server_and_client[1].get(GROUPED).json()["results"]

    def results(fault: faults.Fault) -> list[dict]:
        body = body_after(server_and_client, fault)
        assert body["resultsCount"] == body["count"] == len(body["results"])
        return body["results"]

    assert results(faults.duplicate_rows(2)) == right + right[:2]
    assert results(faults.half_the_rows()) == [right[0], right[2]]
    # 2020-10-13 16:00 in New York.
    assert {row["t"] for row in results(faults.wrong_date(TUESDAY))} == {1602619200000}
    assert [row["c"] for row in results(faults.huge_prices(1))][:2] == [1e11, right[1]["c"]]
    assert [row["T"] for row in results(faults.garbled_tickers(1))] == [
        "",
        *(row["T"] for row in right[1:]),
    ]
    assert "vw" not in results(faults.without("vw", "n", number=1))[0]


def test_bodies_that_say_something_else(server_and_client: Pair) -> None:
    empty = body_after(server_and_client, faults.no_rows())
    assert (empty["resultsCount"], "results" in empty) == (0, False)
    assert body_after(server_and_client, faults.error_in_body())["status"] == "ERROR"
    assert body_after(server_and_client, faults.delayed())["status"] == "DELAYED"
    changed = faults.rewritten(lambda body: body | {"resultsCount": "many"})
    assert body_after(server_and_client, changed)["resultsCount"] == "many"


@pytest.mark.parametrize("fault", [faults.not_published, faults.not_in_plan])
def test_refusals_on_demand(server_and_client: Pair, fault: Callable[[], faults.Fault]) -> None:
    server, client = server_and_client
    server.inject(fault())
    answer = client.get(GROUPED)
    assert (answer.status_code, answer.json()["status"]) == (403, "NOT_AUTHORIZED")


def test_a_repeated_cursor_leads_to_the_same_page(server_and_client: Pair) -> None:
    server, client = server_and_client
    server.inject(faults.repeated_cursor(), "/tickers", times=math.inf)
    bodies = [client.get(TICKERS).json()]
    for _ in range(3):
        bodies.append(client.get(bodies[-1]["next_url"]).json())
    assert len({body["next_url"] for body in bodies}) == 1
    assert len({json.dumps(body["results"]) for body in bodies}) == 1


def test_endless_pages_have_ever_new_cursors(server_and_client: Pair) -> None:
    server, client = server_and_client
    server.inject(faults.endless_pages(), "/tickers", times=math.inf)
    bodies = [client.get(TICKERS).json()]
    for _ in range(4):
        bodies.append(client.get(bodies[-1]["next_url"]).json())
    assert len({body["next_url"] for body in bodies}) == 5
    assert all(len(body["results"]) == 3 for body in bodies)


def test_next_url_to_a_foreign_host(server_and_client: Pair) -> None:
    body = body_after(server_and_client, faults.foreign_host("https://evil.example"), TICKERS)
    assert body["next_url"].startswith("https://evil.example/v3/reference/tickers?cursor=")


def test_faults_join_in_their_order(server_and_client: Pair) -> None:
    server, _ = server_and_client
    server.inject(faults.half_the_rows())
    assert len(body_after(server_and_client, faults.duplicate_rows(1))["results"]) == 3


def broken(request: Request, answer: Answer) -> Answer:
    raise AttributeError("no_such_thing")


def test_a_fault_of_the_server_itself_is_raised_at_its_end() -> None:
    server = PolygonServer(october())
    url = server.start()
    server.inject(broken)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)
    with pytest.raises(AttributeError, match="no_such_thing"):
        server.stop()
