"""One request: where the key goes, what is repeated and how long that takes, what an error says."""

import gzip
import logging
import socket
import threading
import time
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
    SettingsError,
    VendorDownError,
    VendorError,
)
from quant_platform.settings import Secret
from quant_platform.vendors.polygon.address import Address
from quant_platform.vendors.polygon.clock import Clock, StoppedError
from quant_platform.vendors.polygon.rate_limit import MARGIN
from quant_platform.vendors.polygon.transport import Client, Patience
from quant_platform_tests.test_vendors.polygon_stub import (
    KEY,
    NOW,
    PATH,
    Answers,
    FakeClock,
    bad,
    client_of,
    good,
    read_request,
    response,
    settings_of,
    socket_server,
    wire_client,
)

# --- the key -------------------------------------------------------------------------------------


def test_the_key_is_in_the_header_alone(tmp_path: Path) -> None:
    answers = Answers(good())
    client_of(tmp_path, answers).get(PATH, {"limit": 1})
    (request,) = answers.requests
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Accept-Encoding"] == "gzip"
    assert str(request.url) == "https://api.polygon.io/v3/reference/tickers?limit=1"
    rest = [value for name, value in request.headers.items() if name != "authorization"]
    assert not any(KEY in value for value in rest)


@pytest.mark.parametrize("key", [None, Secret(""), Secret("  ")])
def test_no_key(tmp_path: Path, key: Secret | None) -> None:
    with pytest.raises(KeyMissingError, match="POLYGON_API_KEY"):
        client_of(tmp_path, Answers(good()), key=key)


@pytest.mark.parametrize("key", ["a\nX-Other: b", "schlüssel", "two words", "tab\there", "nul\0"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        client_of(tmp_path, Answers(good()), key=Secret(key))
    assert key not in str(caught.value)


def test_a_key_may_have_blanks_around_it(tmp_path: Path) -> None:
    answers = Answers(good())
    client_of(tmp_path, answers, key=Secret(f" {KEY}\n")).get(PATH)
    assert answers.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_no_log_shows_the_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        echo = {"status": "ERROR", "error": f"the key {KEY} is broken"}
        connection.sendall(response(echo, status="500 Oh"))
        read_request(connection)
        connection.sendall(response({"status": "OK"}))

    with socket_server(serve) as url:
        client = Client(settings_of(base_url=url), tmp_path, clock=FakeClock())
        client.get(PATH)
        client.close()
    assert "next attempt in" in caplog.text
    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert KEY not in caplog.text


def test_nothing_that_is_printed_shows_the_key(tmp_path: Path) -> None:
    client = client_of(tmp_path, Answers(good()))
    assert repr(client) == "Client('https://api.polygon.io')"
    for value in (client, client._http.headers, client.limit, client._key, vars(client)):
        assert KEY not in f"{value!r} {value!s}"


@pytest.mark.parametrize(
    "answer",
    [
        bad(401, {"error": f"Unknown API Key {KEY}"}),
        bad(400, {"error": f"apiKey={KEY}%20"}),
        bad(404, {"status": "NOT_FOUND", "message": KEY * 100}),
        httpx.ConnectError(f"cannot send Bearer {KEY}"),
        good(status="ERROR", error=KEY),
    ],
)
def test_no_error_shows_the_key(tmp_path: Path, answer: Any) -> None:
    with pytest.raises(VendorError) as caught:
        client_of(tmp_path, Answers(answer)).get(PATH)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 500


# --- the address ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.polygon.io",
        "ftp://api.polygon.io",
        "https://",
        f"https://user:{KEY}@api.polygon.io",
        f"https://{KEY}@api.polygon.io",
        f"https://api.polygon.io?apiKey={KEY}",
        f"https://api.polygon.io/#{KEY}",
        f"https://api.polygon.io:{KEY}",
        "https://api.pölygon.io",
        "http://[::1",
    ],
)
def test_a_base_url_that_is_no_plain_address_is_refused_without_being_shown(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(SettingsError, match="POLYGON_BASE_URL cannot be used") as caught:
        # A copy is not validated: the client looks for itself.
        Client(settings_of().model_copy(update={"base_url": url}), tmp_path)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("base", "link", "path"),
    [
        ("https://api.polygon.io", "https://api.massive.com/v3/x?cursor=abc", "/v3/x?cursor=abc"),
        ("https://api.massive.com", "https://api.polygon.io/v3/x", "/v3/x"),
        ("https://api.polygon.io", "https://api.massive.com:443/v3/x?cursor=a", "/v3/x?cursor=a"),
        ("https://api.polygon.io", "https://API.polygon.io/v3/x?cursor=a", "/v3/x?cursor=a"),
        ("https://api.polygon.io", "/v3/x?cursor=a", "/v3/x?cursor=a"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v3/x?cursor=a", "/v3/x?cursor=a"),
        ("http://127.0.0.1:8000", "https://api.polygon.io/v3/x?cursor=a", "/v3/x?cursor=a"),
        ("https://proxy.example/market/", "https://proxy.example/market/v3/x?c=1", "/v3/x?c=1"),
        ("https://proxy.example/market/", "https://api.massive.com/v3/x?c=1", "/v3/x?c=1"),
        ("https://api.polygon.io", f"https://api.polygon.io/x?apiKey={KEY}&c=1", "/x?c=1"),
        ("https://api.polygon.io", f"https://api.polygon.io/x?apikey={KEY}", "/x"),
    ],
)
def test_a_link_is_followed_on_the_base_url(base: str, link: str, path: str) -> None:
    assert Address(base).path_of(link) == path


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v3/x?cursor=a",
        "http://api.polygon.io/v3/x",  # in the clear
        "https://api.polygon.io:8443/v3/x",
        "https://api.polygon.io.evil.example/v3/x",
        "https://api.polygon.io@evil.example/v3/x",
        "https://user:pass@api.polygon.io/v3/x",
        "//evil.example/v3/x",
        "https:///v3/x",
        "https://api.polygon.io",
        "file:///etc/passwd",
        "https://api.polygon.io:99999999/v3/x",
        "/v3/x\r\nX-Other: 1",
        "/v3 x",
        "v3/x",
        "",
        7,
        ["/v3/x"],
    ],
)
def test_a_link_to_another_place_is_not_followed(link: object) -> None:
    with pytest.raises(BadAnswerError, match="not on its own host"):
        Address("https://api.polygon.io").path_of(link)


def test_both_hosts_are_one_service() -> None:
    services = {
        Address(f"https://{host}").service for host in ("api.polygon.io", "api.massive.com")
    }
    assert services == {"polygon"}
    assert Address("http://127.0.0.1:8000/x").service == "127.0.0.1:8000"


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    answers = Answers(bad(302, Location="https://evil.example/"))
    with pytest.raises(BadAnswerError, match="sends us elsewhere"):
        client_of(tmp_path, answers).get(PATH)
    assert len(answers.requests) == 1


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


# --- on the wire ---------------------------------------------------------------------------------


def test_connections_are_kept_and_gzip_is_read(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"status":"OK","results":[1,2,3]}', mtime=0)
    connections: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        connections.append(number)
        while "Accept-Encoding: gzip" in read_request(connection):
            connection.sendall(
                response(packed, "Content-Encoding: gzip", "Content-Type: application/json")
            )

    with socket_server(serve) as url:
        client = wire_client(tmp_path, url)
        for _ in range(3):
            assert client.get(PATH) == {"status": "OK", "results": [1, 2, 3]}
        client.close()
    assert connections == [0]


BODY = b'{"status":"OK","results":[]}'


@pytest.mark.parametrize(
    "broken",
    [
        response(BODY, length=500),  # cut off
        response(
            gzip.compress(BODY, mtime=0)[:-12], "Content-Encoding: gzip"
        ),  # whole, but its gzip is not
        response(b"\x1f\x8bjunk", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + BODY[:16] + b"\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY[:10],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
)
def test_a_broken_answer_is_asked_for_again(tmp_path: Path, broken: bytes) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(broken if number == 0 else response(BODY))

    with socket_server(serve) as url:
        client = wire_client(tmp_path, url)
        assert client.get(PATH) == {"status": "OK", "results": []}
        client.close()


def test_a_silent_server_is_left(tmp_path: Path) -> None:
    done = threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        done.wait(60)

    with socket_server(serve) as url:
        client = wire_client(tmp_path, url, read=0.1)
        with pytest.raises(VendorDownError, match=r"ReadTimeout.*tried 2 times"):
            client.get(PATH)
        done.set()
        client.close()


def test_a_body_that_drips_for_ever_is_left(tmp_path: Path) -> None:
    done = threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(response(b"", length=10**9))
        while not done.wait(0.02):
            connection.sendall(b" ")

    with socket_server(serve) as url:
        client = wire_client(tmp_path, url, read=30.0, total=0.3)
        started = time.monotonic()
        with pytest.raises(VendorDownError, match=r"took more than 0\.3 s"):
            client.get(PATH)
        assert time.monotonic() - started < 20.0
        done.set()
        client.close()


def test_a_body_without_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant_platform.vendors.polygon.exchange.LARGEST_BODY", 1_000_000)

    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(response(b"", length=10**12))
        while True:
            connection.sendall(b" " * 65_536)

    with socket_server(serve) as url:
        client = wire_client(tmp_path, url)
        with pytest.raises(BadAnswerError, match="has no end"):
            client.get(PATH)
        client.close()


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = wire_client(tmp_path, f"http://127.0.0.1:{port}")
    with pytest.raises(VendorDownError, match=r"cannot be reached.*ConnectError"):
        client.get(PATH)


def test_the_machines_clock() -> None:
    clock = Clock()
    before = clock.now()
    clock.sleep(0.0)
    stop = threading.Event()
    clock.sleep(0.0, stop)
    stop.set()
    with pytest.raises(StoppedError):
        clock.sleep(600.0, stop)
    assert 0.0 < before <= clock.now()
    assert clock.wall().utcoffset() == timedelta(0)
