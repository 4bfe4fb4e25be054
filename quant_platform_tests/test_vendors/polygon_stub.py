"""Stand-ins for tests of the vendor `polygon`: a clock that only sleeping moves, answers in memory,
and a socket that sends exactly the bytes it is told to."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from quant_platform.settings import Secret
from quant_platform.vendors.polygon import PolygonVendor
from quant_platform.vendors.polygon.clock import Clock, StoppedError
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform.vendors.polygon.transport import Client, Patience, Timeouts

KEY = "tOpSeCrEtKeY0123456789"
NOW = datetime(2024, 3, 15, 14, 0, tzinfo=UTC)
"""A Friday, 10:00 in New York."""

SESSION = date(2024, 1, 3)
CLOSE_MS = 1_704_315_600_000
"""16:00 on 3 January 2024 in New York: 21:00 UTC, 19,725 days and 21 hours after the epoch."""

assert CLOSE_MS == (19_725 * 24 + 21) * 3_600_000


PATH = "/v3/reference/tickers"


class FakeClock(Clock):
    """Stands still; a sleep moves it and is remembered."""

    def __init__(self, wall: datetime = NOW) -> None:
        self.seconds = 1000.0
        self.start = wall
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds - 1000.0)

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        if stop is not None and stop.is_set():
            raise StoppedError
        self.sleeps.append(seconds)
        self.seconds += seconds


class Answers:
    """Answers in the order given (the last one again and again), and the requests they got."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[httpx.Request], Any]):
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            answer = self._answers[0]
            if len(self._answers) > 1:
                self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    def query(self, number: int = -1) -> dict[str, str]:
        return dict(self.requests[number].url.params)


def good(body: Any = None, **fields: Any) -> httpx.Response:
    """200 with an object of `fields`, or with `body` as it is."""
    return httpx.Response(200, json={"status": "OK", **fields} if body is None else body)


def bad(status: int, body: Any = None, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, dict):
        return httpx.Response(status, json=body, headers=names)
    return httpx.Response(status, content=body or b"", headers=names)


def settings_of(**changes: Any) -> PolygonSettings:
    defaults: dict[str, Any] = {
        "key": Secret(KEY),
        "base_url": "https://api.polygon.io",
        "calls_per_minute": 0,
        "connections": 4,
    }
    return PolygonSettings(**(defaults | changes))


def client_of(folder: Path, answers: Answers, clock: Clock | None = None, **changes: Any) -> Client:
    return Client(
        settings_of(**changes),
        folder,
        clock=clock or FakeClock(),
        jitter=lambda: 1.0,
        transport=httpx.MockTransport(answers),
    )


def vendor_of(
    folder: Path, answers: Answers, clock: Clock | None = None, **changes: Any
) -> PolygonVendor:
    return PolygonVendor(
        settings_of(**changes),
        folder,
        clock=clock or FakeClock(),
        jitter=lambda: 1.0,
        transport=httpx.MockTransport(answers),
    )


def row(symbol: Any = "AAPL", **changes: Any) -> dict[str, Any]:
    """Row of the grouped answer for `SESSION`."""
    prices = {"o": 184.22, "h": 185.88, "l": 183.43, "c": 184.25}
    others = {"v": 58_414_460.0, "vw": 184.3226, "n": 656_956, "t": CLOSE_MS}
    return {"T": symbol} | prices | others | changes


def grouped(*rows: Any, **fields: Any) -> httpx.Response:
    counts = {"queryCount": len(rows), "resultsCount": len(rows), "adjusted": False}
    return good(**(counts | {"results": list(rows)} | fields))


@contextmanager
def socket_server(serve: Callable[[socket.socket, int], None]) -> Iterator[str]:
    """Call `serve(connection, number of the connection)` for each connection; yield the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    numbers = iter(range(1_000))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=run, args=(connection,), daemon=True).start()

    def run(connection: socket.socket) -> None:
        with connection:
            try:
                serve(connection, next(numbers))
            except OSError:
                return  # the client has gone: that is what some tests are about

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def read_request(connection: socket.socket) -> str:
    """Head of the next request; empty when the client closed the connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        got = connection.recv(65_536)
        if not got:
            return ""
        head += got
    return head.decode()


def response(body: Any, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(content) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def wire_client(folder: Path, url: str, **timeouts: float) -> Client:
    return Client(
        settings_of(base_url=url),
        folder,
        timeouts=Timeouts(**timeouts),
        patience=Patience(attempts=2, first=0.001),
    )
