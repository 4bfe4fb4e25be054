"""What a failing answer becomes: its kind and hint, what is repeated, and how long is waited."""

import threading
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from quant_platform.errors import (
    BadAnswerError,
    BadRequestError,
    HistoryError,
    KeyMissingError,
    KeyRefusedError,
    NotFoundError,
    NotPublishedError,
    PlanError,
    RateLimitError,
    VendorDownError,
    VendorError,
)
from quant_platform.vendors.polygon.clock import StoppedError
from quant_platform.vendors.polygon.rate_limit import MARGIN
from quant_platform.vendors.polygon.transport import Client, Patience
from quant_platform_tests.test_vendors.polygon_stub import (
    NOW,
    PATH,
    Answers,
    FakeClock,
    bad,
    client_of,
    good,
    settings_of,
)

# --- what an error body means --------------------------------------------------------------------

UPGRADE = "Please upgrade your plan at https://massive.com/pricing"
TOO_MANY = (
    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to"
    " continue. https://massive.com/pricing"
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, {"status": "ERROR", "error": "bad limit"}, BadRequestError, "refuses a parameter"),
        (401, {"status": "ERROR", "error": "API Key was not provided"}, KeyMissingError, "no API"),
        (401, {"status": "ERROR", "error": "Unknown API Key"}, KeyRefusedError, "not know the API"),
        (401, None, KeyRefusedError, "refuses the API key"),
        (
            403,
            {
                "status": "NOT_AUTHORIZED",
                "message": f"You are not entitled to this data. {UPGRADE}",
            },
            PlanError,
            "does not include",
        ),
        (
            403,
            {
                "status": "NOT_AUTHORIZED",
                "message": f"Your plan doesn't include this data timeframe. {UPGRADE}",
            },
            HistoryError,
            "outside the history",
        ),
        (
            403,
            {
                "status": "NOT_AUTHORIZED",
                "message": f"Attempted to request today's data before end of day. {UPGRADE}",
            },
            NotPublishedError,
            "not published",
        ),
        (403, {"status": "NOT_AUTHORIZED"}, PlanError, "does not include"),
        (403, b"<html>Forbidden</html>", BadAnswerError, "may not be Polygon"),
        (
            404,
            {"status": "NOT_FOUND", "message": "Ticker not found."},
            NotFoundError,
            "knows nothing",
        ),
        (404, {"status": "NOT_FOUND", "message": "Data not found."}, NotFoundError, "Data not"),
        (404, b"404 page not found", BadAnswerError, "may not be Polygon"),
        (409, {"error": "conflict"}, BadRequestError, "refuses the request"),
        (413, None, VendorDownError, r"\(413\)"),
        (499, None, VendorDownError, r"\(499\)"),
        (429, {"status": "ERROR", "error": TOO_MANY}, RateLimitError, "refuses more requests"),
        (429, b"<html>slow down</html>", RateLimitError, "refuses more requests"),
        (500, {"status": "ERROR", "error": "Unknown API Key"}, VendorDownError, r"\(500\)"),
        (502, b"<html><h1>502 Bad Gateway</h1></html>", VendorDownError, r"\(502\)"),
        (503, None, VendorDownError, r"\(503\)"),
        (504, b"upstream timed out", VendorDownError, r"\(504\)"),
        (200, {"status": "ERROR", "error": "something"}, BadAnswerError, "reports an error"),
        (200, {"status": "ERROR", "error": TOO_MANY}, RateLimitError, "refuses more requests"),
        (200, {"status": "NOT_FOUND", "message": "Ticker not found."}, NotFoundError, "knows not"),
        (200, {"status": "NOT_AUTHORIZED", "message": "no"}, PlanError, "does not include"),
    ],
)
def test_each_error_has_its_own_kind_and_a_hint(
    tmp_path: Path, status: int, body: Any, kind: type[VendorError], said: str
) -> None:
    with pytest.raises(VendorError, match=said) as caught:
        client_of(tmp_path, Answers(bad(status, body))).get(PATH)
    assert type(caught.value) is kind
    assert PATH in caught.value.message
    assert caught.value.hint


def test_the_vendors_words_are_cut_to_a_line(tmp_path: Path) -> None:
    words = "first\r\nsecond\t\x1b[31mred\x00 " + "x" * 1000
    with pytest.raises(BadRequestError) as caught:
        client_of(tmp_path, Answers(bad(400, {"error": words}))).get(PATH)
    assert '"first second [31mred xxx' in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("status", ["OK", "DELAYED", None])
def test_good_answers(tmp_path: Path, status: str | None) -> None:
    body = {"results": [1]} | ({"status": status} if status else {})
    assert client_of(tmp_path, Answers(good(body))).get(PATH) == body


def test_an_array_is_an_answer_too(tmp_path: Path) -> None:
    client = client_of(tmp_path, Answers(good([{"date": "2024-07-04"}])))
    assert client.get("/v1/marketstatus/upcoming") == [{"date": "2024-07-04"}]
    with pytest.raises(BadAnswerError, match="no JSON object"):
        client.document("/v1/marketstatus/upcoming")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<!doctype html><html>Welcome</html>"),
        httpx.Response(200, content=b"\n  <html>"),
    ],
)
def test_a_web_page_means_a_wrong_base_url(tmp_path: Path, answer: httpx.Response) -> None:
    answers = Answers(answer)
    with pytest.raises(BadAnswerError, match="POLYGON_BASE_URL is probably wrong"):
        client_of(tmp_path, answers).get(PATH)
    assert len(answers.requests) == 1


# --- repeating -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        bad(500),
        bad(502, b"<html>"),
        bad(503, {"status": "ERROR", "error": "maintenance"}),
        bad(413),
        bad(499),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("timed out"),
        httpx.RemoteProtocolError("peer closed connection"),
        httpx.Response(200, content=b'{"status":"OK","resul'),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"[" * 100_000),
    ],
)
def test_what_may_pass_is_repeated_with_growing_pauses(tmp_path: Path, trouble: Any) -> None:
    clock = FakeClock()
    answers = Answers(trouble, trouble, trouble, good(results=[]))
    assert client_of(tmp_path, answers, clock).get(PATH) == {"status": "OK", "results": []}
    # Jitter is 1 here: the full pauses of 1, 2 and 4 s.
    assert clock.sleeps == [1.0, 2.0, 4.0]


def test_pauses_are_spread(tmp_path: Path) -> None:
    pauses = set()
    for share in (0.0, 0.5, 1.0):
        clock = FakeClock()
        client = Client(
            settings_of(),
            tmp_path,
            clock=clock,
            jitter=partial(float, share),
            transport=httpx.MockTransport(Answers(bad(500), good())),
        )
        client.get(PATH)
        pauses.update(clock.sleeps)
    assert pauses == {0.5, 0.75, 1.0}


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        (bad(500), VendorDownError, r"a fault of its own \(500\).*tried 6 times"),
        (
            httpx.ConnectError("[Errno 111] Connection refused"),
            VendorDownError,
            "cannot be reached.*ConnectError: .*Connection refused.*tried 6 times",
        ),
        (
            httpx.Response(200, content=b'{"a'),
            BadAnswerError,
            r"ends early or is no JSON \(3 bytes\).*tried 6 times",
        ),
    ],
)
def test_a_vendor_that_stays_down_is_given_up(
    tmp_path: Path, trouble: Any, kind: type[VendorError], said: str
) -> None:
    clock, answers = FakeClock(), Answers(trouble)
    with pytest.raises(kind, match=said):
        client_of(tmp_path, answers, clock).get(PATH)
    assert len(answers.requests) == 6
    assert clock.sleeps == [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_will_not_pass_is_not_repeated(tmp_path: Path, status: int) -> None:
    clock, answers = FakeClock(), Answers(bad(status, {"status": "ERROR"}))
    with pytest.raises(VendorError):
        client_of(tmp_path, answers, clock).get(PATH)
    assert len(answers.requests) == 1
    assert clock.sleeps == []


def _http_date(**later: float) -> str:
    return (NOW + timedelta(**later)).strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, 60.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": _http_date(seconds=90)}, 90.0),
        ({"Retry-After": _http_date(seconds=-90)}, 0.0),
        # By the server's own clock, which is an hour ahead of this machine's.
        (
            {
                "Retry-After": _http_date(hours=1, seconds=12),
                "Date": _http_date(hours=1),
            },
            12.0,
        ),
        ({"Retry-After": "soon"}, 60.0),
        ({"Retry-After": "-3"}, 60.0),
        ({"Retry-After": "nan"}, 60.0),
        ({"Retry-After": "Fri, 31 Dec 100000000000000000000 23:59:59 GMT"}, 60.0),
    ],
)
def test_a_429_waits_as_long_as_it_says_or_the_whole_window(
    tmp_path: Path, headers: dict[str, str], pause: float
) -> None:
    clock = FakeClock()
    answers = Answers(httpx.Response(429, headers=headers, json={"error": TOO_MANY}), good())
    client_of(tmp_path, answers, clock).get(PATH)
    # Plus a second at most, so that processes do not come back in step.
    assert clock.sleeps == [pytest.approx(pause + 1.0)]


def test_a_server_fault_may_say_how_long_it_lasts(tmp_path: Path) -> None:
    clock = FakeClock()
    answers = Answers(httpx.Response(503, headers={"Retry-After": "20"}), good())
    client_of(tmp_path, answers, clock).get(PATH)
    assert clock.sleeps == [21.0]


def test_a_wait_that_is_too_long_is_not_begun(tmp_path: Path) -> None:
    clock = FakeClock()
    answers = Answers(httpx.Response(429, headers={"Retry-After": "3600"}, json={}))
    with pytest.raises(RateLimitError, match="to wait 3601 s more is too long"):
        client_of(tmp_path, answers, clock).get(PATH)
    assert clock.sleeps == []
    assert len(answers.requests) == 1


def test_a_wait_without_end_is_not_begun(tmp_path: Path) -> None:
    answers = Answers(httpx.Response(429, headers={"Retry-After": "9" * 400}, json={}))
    with pytest.raises(RateLimitError, match="s more is too long"):
        client_of(tmp_path, answers, FakeClock()).get(PATH)


def test_too_many_requests_for_ever_is_given_up(tmp_path: Path) -> None:
    clock, answers = FakeClock(), Answers(bad(429, {"error": TOO_MANY}))
    with pytest.raises(RateLimitError, match="tried 5 times"):
        client_of(tmp_path, answers, clock).get(PATH)
    assert sum(clock.sleeps) <= 300.0


def test_a_429_holds_up_every_process(tmp_path: Path) -> None:
    clock = FakeClock()
    refused = client_of(
        tmp_path,
        Answers(httpx.Response(429, headers={"Retry-After": "400"})),
        clock,
        calls_per_minute=5,
    )
    with pytest.raises(RateLimitError):
        refused.get(PATH)
    patient = Client(
        settings_of(calls_per_minute=5),
        tmp_path,
        clock=clock,
        patience=Patience(attempts=2),
        jitter=lambda: 0.0,
        transport=httpx.MockTransport(Answers(bad(429), good())),
    )
    other = client_of(tmp_path, Answers(good()), clock, calls_per_minute=5)
    seen: list[int] = []
    real = clock.sleep

    def sleep(seconds: float, stop: threading.Event | None = None) -> None:
        seen.append(other.limit.remaining())
        real(seconds, stop)

    clock.sleep = sleep  # type: ignore[method-assign]
    patient.get(PATH)
    assert seen == [0]  # while the first one waits, nobody may send
    assert clock.sleeps == [60.0]


def test_requests_wait_for_the_limit(tmp_path: Path) -> None:
    clock, answers = FakeClock(), Answers(good())
    client = client_of(tmp_path, answers, clock, calls_per_minute=2)
    for _ in range(5):
        client.get(PATH)
    assert clock.sleeps == [pytest.approx(60 * (1 + MARGIN))] * 2


def test_a_repeated_request_counts_again(tmp_path: Path) -> None:
    clock, answers = FakeClock(), Answers(bad(500), good())
    client_of(tmp_path, answers, clock, calls_per_minute=1).get(PATH)
    assert sum(clock.sleeps) == pytest.approx(60 * (1 + MARGIN))


@pytest.mark.parametrize(
    ("trouble", "counted"),
    [
        (httpx.ConnectError("refused"), 0),
        (httpx.ConnectTimeout("timed out"), 0),
        (httpx.PoolTimeout("none free"), 0),
        (httpx.ReadTimeout("timed out"), 1),
        (httpx.WriteError("broken pipe"), 1),
        (httpx.RemoteProtocolError("peer closed connection"), 1),
    ],
)
def test_a_request_that_was_never_sent_does_not_count(
    tmp_path: Path, trouble: httpx.HTTPError, counted: int
) -> None:
    client = client_of(tmp_path, Answers(trouble, good()), calls_per_minute=5)
    client.get(PATH)
    assert client.limit.remaining() == 5 - 1 - counted


def test_a_request_nobody_wants_is_given_up(tmp_path: Path) -> None:
    stop = threading.Event()

    def trouble(request: httpx.Request) -> httpx.Response:
        stop.set()
        return bad(500)

    answers = Answers(trouble)
    with pytest.raises(StoppedError):
        client_of(tmp_path, answers).get(PATH, stop=stop)
    assert len(answers.requests) == 1
