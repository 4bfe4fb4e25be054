"""What the guard in front of the UI lets pass, and what a page of another origin cannot do.

The application behind it only says that it was reached.
"""

import asyncio
from typing import Any

import httpx
import pytest

from quant_platform.cli.guard import Guard, Message, Receive, Send

OWN = "http://localhost:3000"
MUTATION = {"query": "mutation { launchRun }"}


async def reached(scope: Message, receive: Receive, send: Send) -> None:
    """Answer 200, with a policy of its own as Dagster's pages have."""
    headers = [(b"content-type", b"text/plain"), (b"content-security-policy", b"script-src 'self'")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def ask(method: str, path: str, *, names: tuple[str, ...] = (), **options: Any) -> Any:
    transport = httpx.ASGITransport(app=Guard(reached, names))
    async with httpx.AsyncClient(transport=transport, base_url=OWN) as client:
        return await client.request(method, path, **options)


def status(method: str, path: str, **options: Any) -> int:
    answer = asyncio.run(ask(method, path, **options))
    code: int = answer.status_code
    return code


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/", {}),
        ("GET", "/runs/1?tab=x", {"headers": {"Host": "127.0.0.1:8080"}}),
        ("GET", "/server_info", {"headers": {"Host": "LocalHost"}}),
        ("GET", "/", {"headers": {"Host": "[::1]:3000"}}),
        ("GET", "/graphql", {"headers": {"Accept": "text/html,*/*"}}),
        ("POST", "/graphql", {"json": MUTATION}),
        ("POST", "/graphql", {"json": MUTATION, "headers": {"Origin": OWN}}),
        (
            "POST",
            "/graphql",
            {"content": "{}", "headers": {"Content-Type": "application/json; charset=utf-8"}},
        ),
        ("POST", "/report_asset_materialization/a", {"json": {}}),
        (
            "POST",
            "/graphql",
            {
                "names": ("quant.example.org",),
                "json": MUTATION,
                "headers": {
                    "Host": "quant.example.org",
                    "Origin": "https://quant.example.org",
                },
            },
        ),
    ],
)
def test_the_ui_and_programs_pass(method: str, path: str, options: dict[str, Any]) -> None:
    assert status(method, path, **options) == 200


@pytest.mark.parametrize(
    ("code", "method", "path", "options"),
    [
        # An image: the browser sends a GET without an Origin.
        (405, "GET", "/graphql?query=mutation{x}", {"headers": {"Accept": "image/avif,*/*"}}),
        (405, "GET", "/prefix/graphql/?query=mutation{x}", {}),
        (405, "HEAD", "/graphql?query=mutation{x}", {}),
        # A form: simple content types, sent without asking first.
        (415, "POST", "/graphql?query=mutation{x}", {}),
        (415, "POST", "/graphql", {"data": MUTATION}),
        (415, "POST", "/graphql", {"content": "{}", "headers": {"Content-Type": "text/plain"}}),
        (
            415,
            "POST",
            "/graphql",
            {"content": "{}", "headers": {"Content-Type": "text/plain; application/json"}},
        ),
        (
            415,
            "POST",
            "/graphql",
            {"content": "mutation{x}", "headers": {"Content-Type": "application/graphql"}},
        ),
        (415, "POST", "/report_asset_materialization/a?description=x", {}),
        # A page of another origin, of another port of this machine, without an origin of its own.
        (403, "POST", "/graphql", {"json": {}, "headers": {"Origin": "https://evil.example"}}),
        (403, "POST", "/graphql", {"json": {}, "headers": {"Origin": "http://localhost:8000"}}),
        (403, "POST", "/graphql", {"json": {}, "headers": {"Origin": "null"}}),
        (403, "POST", "/graphql", {"json": {}, "headers": {"Origin": ""}}),
        (403, "GET", "/graphql", {"headers": {"Origin": "file://"}}),
        # A foreign name that points here.
        (403, "GET", "/", {"headers": {"Host": "evil.example:3000"}}),
        (403, "GET", "/", {"headers": {"Host": "localhost.evil.example"}}),
        (403, "GET", "/", {"headers": {"Host": ""}}),
        (403, "GET", "/", {"headers": {"Host": "127.0.0.1@evil.example"}}),
        (403, "GET", "/", {"headers": [("Host", "localhost"), ("Host", "evil.example")]}),
        (405, "DELETE", "/graphql", {}),
        (405, "OPTIONS", "/graphql", {"headers": {"Origin": OWN}}),
    ],
)
def test_what_another_page_could_send_is_refused(
    code: int, method: str, path: str, options: dict[str, Any]
) -> None:
    assert status(method, path, **options) == code


async def _socket(headers: list[tuple[bytes, bytes]]) -> list[str]:
    """Types of the messages that a WebSocket is answered with."""
    sent: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await Guard(app)({"type": "websocket", "path": "/graphql", "headers": headers}, receive, send)
    return sent


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        (None, "websocket.accept"),
        (b"http://localhost:3000", "websocket.accept"),
        (b"https://evil.example", "websocket.close"),
    ],
)
def test_a_websocket_is_of_the_same_origin(origin: bytes | None, answer: str) -> None:
    headers = [(b"host", b"localhost:3000"), *([(b"origin", origin)] if origin else [])]
    assert asyncio.run(_socket(headers)) == [answer]


def test_no_page_shows_it_in_a_frame() -> None:
    answer = asyncio.run(ask("GET", "/"))
    assert answer.headers["X-Frame-Options"] == "DENY"
    # Dagster's own policy stays.
    policy = "script-src 'self'; frame-ancestors 'none'"
    assert answer.headers.get_list("Content-Security-Policy") == [policy]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_refusal_says_what_to_do() -> None:
    answer = asyncio.run(ask("GET", "/", headers={"Host": "quant.example.org"}))
    message = answer.json()["errors"][0]["message"]
    assert "'quant.example.org' is none of this server's names" in message
    assert "QUANT_PLATFORM_UI_HOSTS" in message
