"""One exchange with the vendor's server, bounded in time, in bytes and in values.

httpx limits single reads only: a header that is sent a byte at a time would never time out. So the
connections below it read and write until the deadline of the exchange and no longer. An answer is
unpacked piece by piece, and given up as soon as it is larger than any answer can be. What does not
belong here: repeating a request (`transport.py`), and reading JSON (`json_text.py`).
"""

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from quant_platform.errors import BadAnswerError

LARGEST_SENT = 32 * 2**20
"""Bytes of an answer as they are sent; a session of the whole market is 0.4 MB."""

LARGEST_BODY = 64 * 2**20
"""Bytes of an answer, unpacked; a session of the whole market is 1.3 MB."""

MOST_OBJECTS = 250_000
"""Objects and lists in an answer; the whole market's session has 12,000, a page at most 50,000."""

MOST_VALUES = 2_000_000
"""Values in an answer; a page of 50,000 bars has 450,000."""

GZIP = zlib.MAX_WBITS | 16
"""Window size by which zlib reads gzip."""


class Deadline(threading.local):
    """Until when the exchange of this thread may last, by the client's clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._end = float("inf")

    @contextmanager
    def at(self, end: float) -> Iterator[None]:
        """Let exchanges of the block last until `end`."""
        self._end = end
        try:
            yield
        finally:
            self._end = float("inf")

    def seconds(self, timeout: float | None, late: type[Exception]) -> float | None:
        """Seconds that one step may take.

        Raises
        ------
        late
            There are none left.
        """
        if self._end == float("inf"):
            return timeout
        left = self._end - self._now()
        if left <= 0.0:
            raise late("the exchange took too long")
        return left if timeout is None else min(timeout, left)


class BoundedBackend(httpcore.NetworkBackend):
    """Makes connections whose every step ends by the deadline."""

    def __init__(self, deadline: Deadline, backend: httpcore.NetworkBackend) -> None:
        self._deadline, self._backend = deadline, backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect within the time that is left."""
        seconds = self._deadline.seconds(timeout, httpcore.ConnectTimeout)
        stream = self._backend.connect_tcp(host, port, seconds, local_address, socket_options)
        return _BoundedStream(self._deadline, stream)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._backend.sleep(seconds)


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, deadline: Deadline, stream: httpcore.NetworkStream) -> None:
        self._deadline, self._stream = deadline, stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.seconds(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.seconds(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        seconds = self._deadline.seconds(timeout, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, seconds)
        return _BoundedStream(self._deadline, stream)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def bound(client: httpx.Client, deadline: Deadline) -> None:
    """Let all connections that a client will make, through a proxy or not, keep the deadline.

    httpx has no option for it; its transports are asked for their pools.
    """
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = BoundedBackend(deadline, pool._network_backend)


def unpacked(response: httpx.Response, path: str) -> Iterator[bytes]:
    """Pieces of an answer's body, unpacked.

    Raises
    ------
    BadAnswerError
        It is larger than an answer can be, or packed in another way than was asked for.
    DecodingError
        It is broken, or ends early.
    """
    if response.is_stream_consumed:  # by a transport that has it in memory
        yield response.content
        return
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("gzip", "identity"):
        raise BadAnswerError(
            f"Polygon's answer is packed as {packing[:40]!r}, which was not asked for: {path}",
            "Check POLYGON_BASE_URL, and proxies between here and there",
        )
    unpack = zlib.decompressobj(GZIP) if packing == "gzip" else None
    sent, size = 0, 0
    for raw in response.iter_raw():
        sent += len(raw)
        try:
            piece = raw if unpack is None else unpack.decompress(raw, LARGEST_BODY + 1 - size)
        except zlib.error:
            raise httpx.DecodingError("the gzip is broken", request=response.request) from None
        size += len(piece)
        if sent > LARGEST_SENT or size > LARGEST_BODY:
            raise BadAnswerError(
                f"Polygon's answer has no end: {path}", "Try again later; ask the vendor"
            )
        yield piece
    if unpack is not None and sent and not unpack.eof:
        raise httpx.DecodingError("the gzip ends early", request=response.request)


def refuse_too_many_values(body: bytes, path: str) -> None:
    """Refuse an answer of more values than an answer can have, before they are made.

    Raises
    ------
    BadAnswerError
        It has more.
    """
    if body.count(b"{") + body.count(b"[") > MOST_OBJECTS or body.count(b",") > MOST_VALUES:
        raise BadAnswerError(
            f"Polygon's answer has more rows than an answer can have ({len(body):,} bytes): {path}",
            "Try again later; if it stays so, ask the vendor",
        )
