"""Answers without measure, from a real server on loopback: each is a short error of ours."""

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from quant_platform.errors import BadAnswerError, VendorDownError
from quant_platform.vendors.polygon.exchange import LARGEST_BODY, MOST_OBJECTS
from quant_platform_tests.test_vendors.polygon_stub import (
    PATH,
    read_request,
    response,
    socket_server,
    wire_client,
)

MIB = 2**20


def once(answer: bytes) -> Callable[[socket.socket, int], None]:
    """Serve one answer to each request."""

    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(answer)

    return serve


def zeros(size: int) -> bytes:
    """`size` spaces as gzip, made without the memory they take."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    parts = [packer.compress(b" " * MIB) for _ in range(size // MIB)]
    return b"".join([*parts, packer.flush()])


BOMB = zeros(4 * LARGEST_BODY)

REFUSED = {
    "a gzip that grows a thousandfold": (response(BOMB, "Content-Encoding: gzip"), "no end"),
    "gzip inside gzip": (
        response(gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
        "packed as 'gzip, gzip'",
    ),
    "another packing": (response(BOMB, "Content-Encoding: br"), "packed as 'br'"),
    "a million empty rows": (
        response(b'{"results":[' + b"{}," * 1_000_000 + b"{}]}"),
        "more rows than an answer can have",
    ),
    "lists in lists": (
        response(b'{"results":[' + b"[]," * (MOST_OBJECTS + 1) + b"[]]}"),
        "more rows than an answer can have",
    ),
    "ten million numbers": (
        response(b'{"results":[' + b"1," * 10_000_000 + b"1]}"),
        "more rows than an answer can have",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_answer_beyond_measure_is_refused(tmp_path: Path, name: str) -> None:
    """And costs no more memory than twice the largest body that is taken."""
    answer, words = REFUSED[name]
    with socket_server(once(answer)) as url:
        client = wire_client(tmp_path, url)
        tracemalloc.start()
        try:
            with pytest.raises(BadAnswerError, match=words):
                client.get(PATH)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            client.close()
    assert peak < 2.2 * LARGEST_BODY


def test_a_header_that_comes_a_byte_at_a_time_ends_by_the_deadline(tmp_path: Path) -> None:
    """httpx' own time-out is of one read, which each byte begins anew."""
    done = threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not done.wait(0.02):
            connection.sendall(b"x")

    with socket_server(serve) as url:
        client = wire_client(tmp_path, url, read=30.0, total=0.5)
        started = time.monotonic()
        with pytest.raises(VendorDownError, match=r"took more than 0\.5 s"):
            client.get(PATH)
        assert time.monotonic() - started < 20.0
        done.set()
        client.close()
