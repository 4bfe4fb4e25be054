"""An ASGI wrapper that lets only the UI's own pages, and programs, change anything.

Dagster's webserver executes mutations by GET, by POST of any content type and for any host: any web
page that is open in the same browser could launch, stop and delete runs. Here

1. the `Host` must be one of the server's names, so that a foreign name that was made to point here
   (DNS rebinding) is refused;
2. an `Origin`, which browsers add to what could change something, must be that host;
3. GraphQL, and all else but reading, is a POST of `application/json`, which a page of another
   origin cannot send without being asked first, and no answer ever allows it to;
4. no page may show the UI in a frame.

Who the user is does not belong here: that is for a proxy with a login in front of it.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""What every server of this machine may be called, on any port: a tunnel may change the port."""

READING = frozenset({"GET", "HEAD"})
JSON = "application/json"

NO_FRAMES = "frame-ancestors 'none'"
HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


class Guard:
    """The wrapped application.

    Parameters
    ----------
    app : an ASGI application
    names : further host names, without a port, under which the server may be asked
    """

    def __init__(self, app: App, names: Iterable[str] = ()) -> None:
        self.app = app
        self.names = LOCAL_NAMES | {name.lower() for name in names}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand over what may pass; answer everything else with 403, 405 or 415 and the reason."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, _without_frames(send))
        elif scope["type"] == "websocket":
            # Closed before it was accepted: the client sees a 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _answer(send, *refusal)

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """Status and reason of what may not pass."""
        headers = _headers(scope)
        hosts, origins = headers.get("host", []), headers.get("origin", [])
        if len(hosts) != 1 or _name(hosts[0]) not in self.names:
            called = ", ".join(hosts) or "no host"
            return 403, (
                f"{called!r} is none of this server's names."
                " To allow it, add it to QUANT_PLATFORM_UI_HOSTS and start the server again."
            )
        if len(origins) > 1 or any(_host_of(origin) != hosts[0].lower() for origin in origins):
            return 403, f"A page of {', '.join(origins)!r} may not use this server."
        if scope["type"] == "websocket":
            return None
        method = scope["method"]
        if method not in READING | {"POST"}:
            return 405, f"{method} is not used here."
        if method == "POST":
            types = headers.get("content-type", [])
            if len(types) != 1 or types[0].partition(";")[0].strip().lower() != JSON:
                return 415, f"Send it as {JSON}."
        elif scope["path"].rstrip("/").endswith("/graphql") and not _wants_page(headers):
            return 405, f"Send the query as a POST of {JSON}."
        return None


def _headers(scope: Message) -> dict[str, list[str]]:
    """Values of each header, by its name in lower case."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def _name(host: str) -> str:
    """Name in a Host header, without the port."""
    name, colon, port = host.lower().rpartition(":")
    # A port is digits; what else follows a colon is part of an address of IPv6.
    return name if colon and port.isdigit() else host.lower()


def _host_of(origin: str) -> str:
    """Host and port of an Origin as a Host header of that page's server would have them."""
    scheme, separator, host = origin.lower().partition("://")
    return host if separator and scheme in ("http", "https") else ""


def _wants_page(headers: dict[str, list[str]]) -> bool:
    """Whether a browser asks for the page with the GraphQL editor; no query is executed then."""
    return any("text/html" in value for value in headers.get("accept", []))


def _without_frames(send: Send) -> Send:
    """Add to each answer what a browser must not do with it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            policies = [value for name, value in headers if name.lower() == CSP]
            kept = [pair for pair in headers if pair[0].lower() not in _OURS]
            policy = b"; ".join([*policies, NO_FRAMES.encode()])
            message = {**message, "headers": [*kept, *HEADERS, (CSP, policy)]}
        await send(message)

    return sending


CSP = b"content-security-policy"
_OURS = {CSP, *(name for name, _ in HEADERS)}


async def _answer(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"errors": [{"message": reason}]}).encode()
    headers = [(b"content-type", JSON.encode()), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
