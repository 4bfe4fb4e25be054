"""One request: where the key goes, which addresses are followed, what happens on the wire."""

import gzip
import logging
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from quant_platform.errors import (
    BadAnswerError,
    KeyMissingError,
    SettingsError,
    VendorDownError,
    VendorError,
)
from quant_platform.settings import Secret
from quant_platform.vendors.polygon.address import Address
from quant_platform.vendors.polygon.clock import Clock, StoppedError
from quant_platform.vendors.polygon.transport import Client
from quant_platform_tests.test_vendors.polygon_stub import (
    KEY,
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
