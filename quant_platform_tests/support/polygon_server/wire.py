"""HTTP/1.1 over loopback: connections, keep-alive, gzip, and answers sent as their `Delivery` says.

One event loop in a thread of its own. It knows nothing of the market: a function makes the answer.
"""

import asyncio
import gzip
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from quant_platform_tests.support.polygon_server.answers import Answer, Request, request_id

SMALLEST_PACKED = 512
"""Bodies below this many bytes travel as they are."""

START_SECONDS = 10


class HttpServer:
    """Serves `handle` on `host`:`port` until it is stopped; port 0 means any free one."""

    def __init__(
        self,
        handle: Callable[[Request], Answer],
        clock: Callable[[], datetime],
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._place = (host, port)
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="polygon-server", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._faults: list[Exception] = []

    def start(self) -> int:
        """Start to listen; return the port."""
        self._thread.start()
        self._ready.wait(START_SECONDS)
        if self._failure:
            raise self._failure
        return self._port

    def stop(self) -> None:
        """Close all connections and the thread; raise what `handle` raised, if it ever did."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        if self._faults:
            raise self._faults[0]

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except OSError as failure:
            self._failure = failure
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, *self._place, backlog=256)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
            # What was sent must reach the client before the connection ends.
            writer.close()
            await writer.wait_closed()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # The client has gone, or sends what is no HTTP: the connection ends.
        except asyncio.CancelledError:
            pass  # The server stops.
        except Exception as fault:
            self._faults.append(fault)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request, send its answer; return whether the connection goes on."""
        request = _request(await reader.readuntil(b"\r\n\r\n"), self._clock())
        await reader.readexactly(int(request.headers.get("content-length", 0)))
        answer = self._handle(request)
        goes_on = request.headers.get("connection", "").lower() != "close"
        return await _send(writer, request, answer, goes_on=goes_on) and goes_on


def _request(head: bytes, now: datetime) -> Request:
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    parts = urlsplit(target)
    headers = {
        name.strip().lower(): value.strip()
        for name, separator, value in (line.partition(":") for line in lines[1:])
        if separator
    }
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path), params, headers, time.monotonic(), now)


async def _send(
    writer: asyncio.StreamWriter, request: Request, answer: Answer, *, goes_on: bool
) -> bool:
    """Send `answer` as its delivery says; return whether all of it was sent."""
    how = answer.delivery
    if how.wait:
        await asyncio.sleep(how.wait)
    if not how.headers:
        return False
    body, packed = _body(request, answer)
    headers = {
        "Server": "nginx",
        "Content-Type": answer.content_type,
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id(),
        "Connection": "keep-alive" if goes_on else "close",
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": "gzip"} if packed else {}),
        **answer.headers,
    }
    first = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"{first}{lines}\r\n".encode("latin-1"))
    if request.method != "HEAD":
        await _send_body(writer, body[: int(len(body) * how.share)], how.chunk, how.pause)
    return how.share >= 1.0


async def _send_body(writer: asyncio.StreamWriter, body: bytes, chunk: int, pause: float) -> None:
    size = chunk or max(1, len(body))
    for start in range(0, len(body), size):
        writer.write(body[start : start + size])
        await writer.drain()
        if pause:
            await asyncio.sleep(pause)
    await writer.drain()


def _body(request: Request, answer: Answer) -> tuple[bytes, bool]:
    """Body as it travels, and whether it is packed here."""
    may_pack = "gzip" in request.headers.get("accept-encoding", "")
    if answer.packed is not None and may_pack:
        return answer.packed, True
    content = answer.content
    is_text = answer.content_type.startswith(("application/json", "text/"))
    worth = len(content) >= SMALLEST_PACKED and "Content-Encoding" not in answer.headers
    if may_pack and is_text and worth:
        return gzip.compress(content, 1), True
    return content, False
